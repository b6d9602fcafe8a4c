/**
 * Who writes frames into a log and folds what is in it. The log knows positions, ids and outcomes; an author knows operations.
 *
 * One call runs at a time. A build may be done again after a lost race, on newer views (rule S2).
 */
import type { ByteWriter } from "../format/bytes.ts"
import type { FrameHead, FrameReader } from "../format/frame.ts"
import type { Awaitable } from "../ports/log-storage.ts"

/** One call of a user that waits in the log's queue. */
export interface QueuedWrite {
  /** Encoded bytes and operations that it brings, as far as they are known before the build; for the size of groups. */
  readonly bytes: number
  readonly operations: number
  /** Ends the call with an error. */
  fail(error: unknown): void
}

export interface Author<W extends QueuedWrite> {
  /** Loads what the build of these writes will look at. */
  prepare(group: readonly W[]): Awaitable<void>
  /**
   * Writes one frame with as many of these writes as fit, from the first on, into `out`; answers how many were taken. A write that
   * fails alone (a version that does not match) counts as taken and adds nothing. With no operation at all `out` stays empty; none taken
   * means that `prepare` has to load more.
   */
  build(group: readonly W[], out: ByteWriter, head: FrameHead): number
  /** Folds the frame of the last build, which is now stored; called at most once a build. */
  foldBuilt(): void
  /** Ends the calls that the last build took: its frame is stored and folded, or it had no operations and the views were current. */
  settle(group: readonly W[], taken: number): void
  /** Folds a frame that came from the storage. */
  fold(frame: FrameReader): void
  /** The log was replaced under this handle, say by an older copy: forget the writer, and fold what comes into new views. */
  foldAnew(): void
  /** All of the new log is folded: its views take the place of the old ones, which were shown until now. */
  endFoldAnew(): void
  /** Nothing is queued or under way. */
  idle(): void
}
