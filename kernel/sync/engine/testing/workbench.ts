/** A handle over doubles, in time that a test owns. */
import type { Remote } from "../../../ports/remote.ts"
import { RecordingLogger } from "../../../testing/recording-logger.ts"
import { startSync } from "../supervisor.ts"
import type { SyncHandle } from "../sync-handle.ts"
import { type EnableSyncOptions, parseSyncOptions } from "../sync-options.ts"
import type { RemoteStatus, SyncStatus } from "../sync-status.ts"
import { DoubleRemote } from "./double-remote.ts"
import { type DoubleCycle, DoubleStore } from "./double-store.ts"
import { SimulatedTime } from "./simulated-time.ts"

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

export interface WorkbenchOptions extends Partial<EnableSyncOptions> {
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
