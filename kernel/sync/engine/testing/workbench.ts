/** A handle over doubles, in time that a test owns. */
import type { Remote } from "../../../ports/remote.ts"
import { RecordingLogger } from "../../../testing/recording-logger.ts"
import { startSync } from "../supervisor.ts"
import type { SyncHandle } from "../sync-handle.ts"
import { parseSyncOptions, type RemoteSyncOptions } from "../sync-options.ts"
import type { RemoteStatus, SyncStatus } from "../sync-status.ts"
import { DoubleRemote } from "./double-remote.ts"
import { type DoubleCycle, DoubleStore } from "./double-store.ts"
import { settle, SimulatedTime } from "./simulated-time.ts"

export interface Workbench {
  readonly time: SimulatedTime
  readonly store: DoubleStore
  readonly remotes: readonly DoubleRemote[]
  /** The first one. */
  readonly remote: DoubleRemote
  readonly cycle: DoubleCycle
  readonly handle: SyncHandle
  readonly logger: RecordingLogger
  /** What the handle says of the first remote. */
  readonly remoteStatus: () => RemoteStatus
  /** Every state in its order, each once. */
  readonly states: string[]
}

export interface WorkbenchOptions extends Partial<RemoteSyncOptions> {
  readonly seed?: number
  readonly remoteNames?: readonly string[]
  /** Called before syncing begins. */
  readonly prepare?: (remotes: readonly DoubleRemote[], store: DoubleStore) => void
  readonly release?: () => Promise<void>
}

export function makeWorkbench(
  { seed = 1, remoteNames = ["https://remote.example"], prepare, release, ...given }: WorkbenchOptions = {},
): Workbench {
  const time = new SimulatedTime(seed), store = new DoubleStore(), logger = new RecordingLogger()
  const remotes = remoteNames.map((name) => new DoubleRemote(time, name))
  prepare?.(remotes, store)
  const options = parseSyncOptions({ remote: remotes, ...given })
  const handle = startSync(
    { store, platform: time, logger, makeCycle: store.makeCycle, release },
    { ...options, remotes: options.remotes as readonly Remote[] },
  )
  const states: string[] = []
  handle.subscribe(({ state }: SyncStatus) => {
    if (states.at(-1) !== state) states.push(state)
  })
  const [remote] = remotes, [cycle] = store.cycles
  if (remote === undefined || cycle === undefined) throw new Error("a workbench has at least one remote")
  return { time, store, remotes, remote, cycle, handle, logger, states, remoteStatus: () => handle.status().remotes[0]! }
}

/** One that is connected, live where it can be, and has nothing to do; its remotes have forgotten what they were asked. */
export async function rested(options?: WorkbenchOptions): Promise<Workbench> {
  const bench = makeWorkbench(options)
  await bench.time.run(1)
  for (const remote of bench.remotes) {
    remote.tell()
    remote.asked.length = 0
  }
  await bench.time.run(1)
  return bench
}

/** How a promise ended so far. */
export async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  const seen = promise.then(() => "resolved", (error) => String(Object(error)._tag ?? error))
  return await Promise.race([seen, settle().then(() => "open")])
}
