/** What users hold of a store that is synced. */
import type { SyncEvents } from "./sync-events.ts"
import type { SyncStatus } from "./sync-status.ts"

export interface SyncCallOptions {
  /** Stops waiting: rejects with the signal's reason. What has begun goes on. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Syncing of one store with its remotes; runs by itself.
 *
 * A program that waits for one of its promises is kept alive; otherwise nothing of it keeps a process alive.
 */
export interface SyncHandle {
  /**
   * Exchanges everything with every remote, at once, also while it is paused or waits after an error. Resolves when what was written before the
   * call was offered to all, and what they had is here. Rejects with the first error, in the order of the remotes, once all were tried; what failed
   * is tried again as usual.
   */
  sync(options?: SyncCallOptions): Promise<void>
  /** The same, sending only. A remote that was never reached is pulled from first. */
  push(options?: SyncCallOptions): Promise<void>
  /** The same, fetching only. */
  pull(options?: SyncCallOptions): Promise<void>
  /** Stops what runs by itself, until `resume`. What is written meanwhile stays pending. */
  pause(): void
  /** Goes on; also tries at once whatever waits after an error, as if it had never failed. Call it after a new login. */
  resume(): void
  /**
   * Ends syncing for good: pushes once more if the remote can be reached, for at most the option `stopMillis`, then frees everything. Idempotent; never
   * rejects. `close()` of the store calls it.
   */
  stop(): Promise<void>
  /** How things stand, without asking anybody. */
  status(): SyncStatus
  /**
   * Resolves with the first status that `predicate` holds for, the present one included. Rejects with what it throws, with the signal's reason, or with
   * `SyncStopped`.
   */
  waitFor(predicate: (status: SyncStatus) => boolean, options?: SyncCallOptions): Promise<SyncStatus>
  /** Calls `listener` at once with the status, and once for every change. Answers the function that ends it. */
  subscribe(listener: (status: SyncStatus) => void): () => void
  /** Calls `listener` whenever `event` happens. Answers the function that ends it. */
  on<Event extends keyof SyncEvents>(event: Event, listener: (detail: SyncEvents[Event]) => void): () => void
  /** The status and its changes, the latest each time; ends when syncing is stopped. */
  [Symbol.asyncIterator](): AsyncGenerator<SyncStatus, void, undefined>
  /** As `stop`. */
  [Symbol.asyncDispose](): Promise<void>
}
