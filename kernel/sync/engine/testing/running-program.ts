/**
 * A program with a sync that runs, in real time and over a remote in memory; prints what it saw and comes to its end without stopping anything.
 *
 *   live      connected, with an open watch             sync      waits for sync() of a remote that takes its time
 *   offline   nothing answers; waits to try again       waitFor   offline at first; waits until it is synced
 *   paused
 */
import process from "node:process"
import { RemoteUnreachable } from "../../../errors.ts"
import { silentLogger } from "../../../ports/logger.ts"
import { webPlatform } from "../../../ports/platform.ts"
import { startSync } from "../supervisor.ts"
import { parseSyncOptions } from "../sync-options.ts"
import { cursorAt, DoubleRemote } from "./double-remote.ts"
import { DoubleStore } from "./double-store.ts"
import { SimulatedTime } from "./simulated-time.ts"

/** Answers late, by a timer that keeps no process alive: only the engine does, if anything. */
class SlowRemote extends DoubleRemote {
  lost = 0

  override async pull(...[request, options]: Parameters<DoubleRemote["pull"]>): ReturnType<DoubleRemote["pull"]> {
    await new Promise<void>((resolve) => {
      const timer: unknown = setTimeout(resolve, 50)
      const { unref }: { unref?: () => void } = Object(timer)
      unref?.call(timer)
    })
    if (this.lost-- > 0) throw new RemoteUnreachable({ remote: this.name, call: "pull", reason: "lost" })
    return await super.pull(request, options)
  }
}

const [mode] = process.argv.slice(2)
const remote = new SlowRemote(new SimulatedTime()), store = new DoubleStore()
if (mode === "offline") remote.lost = Infinity
if (mode === "waitFor") remote.lost = 1
const { remotes, ...options } = parseSyncOptions({ remote })
const handle = startSync({ store, platform: webPlatform, logger: silentLogger, makeCycle: store.makeCycle }, {
  ...options,
  remotes: [remote],
})
console.log(`begins: ${remotes.length}`)
if (mode === "sync") {
  await handle.sync()
  console.log(`synced: ${handle.status().isSynced}`)
} else if (mode === "waitFor") {
  await handle.waitFor(({ isSynced }) => isSynced)
  console.log(`synced: ${handle.status().isSynced}`)
} else {
  // Held by a timer of the program until the engine is at rest; from then on nobody holds it.
  await new Promise((resolve) => setTimeout(resolve, 200))
  if (mode === "live") remote.tell(cursorAt(0))
  if (mode === "paused") handle.pause()
  store.write()
  console.log(`state: ${handle.status().state}`)
}
