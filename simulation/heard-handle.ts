/**
 * Heard handle: a store's syncing as programs have it, which runs by itself beside the cycles that a run calls. Some of its listeners throw or reject
 * (F30); the one between them must not notice.
 */
import type { SyncOptions } from "../kernel/sync/engine/sync-options.ts"
import type { SyncHandle } from "../kernel/sync/engine/sync-handle.ts"
import type { SyncStatus } from "../kernel/sync/engine/sync-status.ts"
import type { Remote } from "../kernel/ports/remote.ts"
import type { Judge } from "./observer.ts"
import { UserFailure } from "./strategies.ts"

/** Starts syncing. It is loaded only where it is used, since all that a history or a planted bug needs is cycles. */
export type StartSync = typeof import("../kernel/sync/engine/supervisor.ts").startSync

/** Loads it. */
export const loadSync = async (): Promise<StartSync> => (await import("../kernel/sync/engine/supervisor.ts")).startSync

/** Options of a handle that has no live channel, and rests for long. */
export const quietOptions = (remotes: readonly Remote[]): SyncOptions<Remote> => ({
  remotes,
  mode: "write-behind",
  required: [],
  deadlineMillis: 10_000,
  interval: 30_000,
  live: false,
  maxQueueBytes: undefined,
  onFull: "reject",
  throttle: undefined,
  compress: "never",
  token: undefined,
  signal: undefined,
  stopMillis: 0,
  label: undefined,
})

export class HeardHandle {
  readonly handle: SyncHandle
  /** All that the listener before those that throw was told, and the one behind them. */
  readonly #before: SyncStatus[] = []
  readonly #behind: SyncStatus[] = []

  constructor(handle: SyncHandle) {
    this.handle = handle
    handle.subscribe((status) => void this.#before.push(status))
    handle.subscribe(fail)
    handle.subscribe(async (status) => {
      await Promise.resolve()
      fail(status)
    })
    handle.on("paused", fail)
    handle.subscribe((status) => void this.#behind.push(status))
  }

  /** Whoever stands behind those that throw is told of the same as whoever stands before them. */
  check(judge: Judge, process: string): void {
    const before = this.#before.map(textOf), behind = this.#behind.map(textOf)
    if (before.join() !== behind.join()) {
      judge.violation("a listener was not told", `${process}: of ${before.length}, heard ${behind.length}`)
    }
  }
}

const textOf = ({ localHead, state, pendingOperations }: SyncStatus): string => `${localHead} ${state} ${pendingOperations}`

function fail({ localHead, state }: SyncStatus): void {
  if ((localHead + state.length) % 2 === 0) throw new UserFailure()
}
