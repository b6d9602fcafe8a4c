/**
 * Cycle: pushes to one remote and pulls from it, one request after another; what the engine schedules.
 */
import type { Cursor, Handshake, Remote } from "../ports/remote.ts"
import type { UpstreamLoss } from "./upstream-loss.ts"

export interface PushResult {
  readonly requests: number
  /** Operations that were sent and taken. */
  readonly operations: number
  /** Bytes of parts that were sent and taken. */
  readonly bytes: number
  /** Operations left out because a later one of the same push covers them, and their bytes of keys and values. */
  readonly coalesced: number
  readonly coalescedBytes: number
  /** Operations that the remote refused. */
  readonly refused: number
  /**
   * Why it ended: nothing is lacking any more; the remote does not have what the push builds on, so a pull has to come first; this principal
   * may not bring what is left.
   */
  readonly stoppedBy: "done" | "pull_first" | "forbidden"
}

/** What all pushes of a cycle came to, those included that failed in the end. The fields are those of {@link PushResult}. */
export type PushTotals = Pick<PushResult, "operations" | "coalesced" | "coalescedBytes" | "refused">

export interface PullResult {
  readonly requests: number
  readonly parts: number
  readonly bytes: number
  /** The remote's log did not contain the cursor: pulling began anew. */
  readonly restarts: number
}

/** What a cycle knows at once, without asking anybody. */
export interface CycleStatus {
  /** Operations of this log that the remote is not known to have. */
  readonly pendingOperations: number
  /** Bytes of their keys and values, as they would be sent. */
  readonly pendingBytes: number
  /** What is lacking there and may not be brought from here; undefined where that is nothing, or not known. */
  readonly upstreamLoss: UpstreamLoss | undefined
  readonly cursor: Cursor
  /** The first pull of this remote has reached its head. */
  readonly caughtUp: boolean
  /** Head of the remote's log as last heard. */
  readonly remoteHead: number
  /** The remote's clock less this one, as last measured; 0 while that is less than a minute. */
  readonly clockOffsetMillis: number
  readonly handshake: Handshake | undefined
  readonly totals: PushTotals
}

/** One remote of one open store. Calls are not to overlap. */
export interface SyncCycle {
  readonly remote: Remote
  /** Asks the remote for its limits and rights, unless it has answered since `forget`. */
  connect(signal: AbortSignal): Promise<Handshake>
  /** Sends what the remote lacks. Rejects with what the remote's call rejects with; what was taken by then stays taken. */
  push(signal: AbortSignal): Promise<PushResult>
  /** Takes what is new at the remote, up to its head. */
  pull(signal: AbortSignal): Promise<PullResult>
  /** What was learnt by answers counts no more; the next call begins with a handshake. */
  forget(): void
  status(): CycleStatus
  /** Is there anything to push? Reads no frame. */
  readonly hasPending: boolean
}
