/**
 * One device of a sync race: writes its records into a store of its own and syncs that with the servers, now with this one, now with that one,
 * now with all of them at once.
 *
 *   ready ─ go ─▶ [ enableSync ─ writes … ─ sync ─ stop ] … ─ finish ─▶ a last write for each server alone ─▶ done ─ settle ─▶ sync ─▶ settled
 *
 * "finish" comes when every killed server is back: so each of them takes pushes, however short the race was.
 * A server that is gone costs a turn and is told; a broken rule ends the process.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { createStore, enableSync, PersistError, type Store, type SyncHandle } from "@cuitty/persist"
import { Random } from "../processes/random.ts"
import { toParent } from "../processes/child.ts"
import type { Command, DeviceMessage, DeviceOrder } from "./messages.ts"
import { checkMoment, STORE, summarize, type write } from "./work.ts"

const THINKING_MILLIS_MAX = 4
const INTERVAL_MILLIS = 100
const RETRY_MILLIS = 50
/** A turn ends in sync, or after this time without. */
const SYNC_MILLIS_MAX = 10_000

class Device {
  readonly #order: DeviceOrder
  readonly #random: Random

  constructor(order: DeviceOrder) {
    this.#order = order
    this.#random = new Random(order.seed, order.device)
  }

  /** Makes all writes but the last ones (`finish`), by `writeOne`, in turns with the servers. */
  async race(store: Store, writeOne: typeof write, tell: (message: DeviceMessage) => void): Promise<void> {
    const { device, devices, remotes, turn: turnWrites } = this.#order, random = this.#random, writes = this.#writesInTurns
    for (let written = 0, turn = device; written < writes; turn++) {
      const remote = turn % remotes.length
      const handle = await this.#connect(store, random.oneIn(4) ? remotes : [remotes[remote]!])
      const until = Math.min(written + 1 + random.below(2 * turnWrites), writes)
      while (written < until) {
        await writeOne(store, random, device, ++written)
        tell({ what: "wrote", writes: written })
        if (random.oneIn(3)) await sleep(random.below(THINKING_MILLIS_MAX))
        if (random.oneIn(8)) await checkMoment(store, devices)
      }
      tell({ what: "turned", remote, failure: await syncOnce(handle) })
      await handle.stop()
    }
  }

  /** Makes the last writes, each for one server alone, until that has taken it. */
  async finish(store: Store, writeOne: typeof write, tell: (message: DeviceMessage) => void): Promise<void> {
    const { device, remotes, writes } = this.#order
    for (let written = this.#writesInTurns; written < writes;) {
      await writeOne(store, this.#random, device, ++written)
      tell({ what: "wrote", writes: written })
      await this.#syncWith(store, [remotes[written % remotes.length]!])
    }
    await this.#syncWith(store, remotes)
  }

  /** Syncs with each server alone, until that succeeds. */
  async settle(store: Store): Promise<void> {
    for (const remote of this.#order.remotes) await this.#syncWith(store, [remote])
    await checkMoment(store, this.#order.devices)
  }

  get #writesInTurns(): number {
    const { writes, remotes } = this.#order
    return Math.max(0, writes - remotes.length)
  }

  async #syncWith(store: Store, remotes: readonly string[]): Promise<void> {
    const handle = await this.#connect(store, remotes)
    while (await syncOnce(handle) !== undefined) await sleep(RETRY_MILLIS)
    await handle.stop()
  }

  #connect(store: Store, remotes: readonly string[]): Promise<SyncHandle> {
    return enableSync(store, { remote: remotes, token: this.#order.token, interval: INTERVAL_MILLIS, live: this.#random.oneIn(2) })
  }
}

/** Syncs once; answers the code of what kept it from that, which a later turn may find gone. */
async function syncOnce(handle: SyncHandle): Promise<string | undefined> {
  try {
    await handle.sync({ signal: AbortSignal.timeout(SYNC_MILLIS_MAX) })
    return undefined
  } catch (error) {
    if (error instanceof PersistError && error.retryable) return error.code
    if (error instanceof DOMException && error.name === "TimeoutError") return "timeout"
    throw error
  }
}

/** What the parent has said: a line may come before anybody waits for it. */
class Commands {
  readonly #said = new Set<string>()
  #onLine = (): void => {}

  hear(line: string): void {
    this.#said.add(line)
    this.#onLine()
  }

  /** Resolves when it was said. One caller at a time. */
  heard(command: Command): Promise<void> {
    return new Promise((resolve) => {
      this.#onLine = () => this.#said.has(command) && resolve()
      this.#onLine()
    })
  }
}

/** Runs the device that the argument asks for, from the line "go" on its standard input to its end. */
export async function runAsDevice(writeOne: typeof write): Promise<void> {
  const order: DeviceOrder = JSON.parse(process.argv[2]!)
  const commands = new Commands()
  const tell = toParent<DeviceMessage>((line) => commands.hear(line))
  const device = new Device(order)
  const store = await createStore(STORE, { adapter: "sqlite", path: order.path })
  tell({ what: "ready", pid: process.pid })
  await commands.heard("go")
  await device.race(store, writeOne, tell)
  await commands.heard("finish")
  await device.finish(store, writeOne, tell)
  tell({ what: "done" })
  await commands.heard("settle")
  await device.settle(store)
  tell({ what: "settled", summary: await summarize(store, order.devices) })
  await store.close()
  process.exit(0)
}
