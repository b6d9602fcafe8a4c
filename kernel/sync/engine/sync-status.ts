/**
 * What syncing says about itself: plain frozen data, taken at one moment.
 *
 *   idle              reached, nothing to do; polls          paused           until resume(); calls go through
 *   live              the same, and told of what is new      offline          no answer; tried again at nextAttemptAt
 *   connecting        asks who is there                      error            an answer that says no; lastError tells which, nextAttemptAt when again
 *   syncing           sends or fetches                       needs-auth       the token is not taken
 *   stopped           for ever                               update-required  no version of the protocol in common
 */
import type { UpstreamLoss } from "../upstream-loss.ts"

export type SyncState =
  | "idle"
  | "connecting"
  | "syncing"
  | "live"
  | "paused"
  | "offline"
  | "needs-auth"
  | "update-required"
  | "error"
  | "stopped"

/** What is asked of a remote. */
export type RemoteCall = "connect" | "push" | "pull" | "watch"

/** What went wrong last and has not gone well since. */
export interface SyncFailure {
  /** Of an error of this package; "unknown" for anything else that was thrown. */
  readonly code: string
  /** The remote's own, where `code` is "remote_error": `quota_exceeded`, say. See `docs/errors.md`; from outside: cut and escaped. */
  readonly remoteCode?: string
  /** For people; of an unknown error its kind alone. */
  readonly message: string
  /** It is tried again without limit. Otherwise it was tried twice, and waits for somebody: a call, a new network, or an hour. */
  readonly retryable: boolean
  /** Milliseconds since 1970-01-01. */
  readonly at: number
  readonly remote: string
  readonly call: RemoteCall
}

/** How far the present push or pull is. */
export interface SyncProgress {
  readonly call: "push" | "pull"
  /** Operations of a push, frames of the remote for a pull. */
  readonly done: number
  /** As far as is known: it grows when there is more. */
  readonly total: number
}

/** Since the handle was made. */
export interface SyncCounters {
  /** Of every kind, answered or not. */
  readonly requests: number
  /** Operations that were sent and taken. */
  readonly sentOperations: number
  /** Bytes of parts that were sent and taken. */
  readonly sentBytes: number
  /** Bytes of parts that came. */
  readonly receivedBytes: number
  /** Operations that were not sent, since a later one of the same push covers them, and the bytes of their keys and values. */
  readonly coalesced: number
  readonly coalescedBytes: number
}

/** What is said of one remote, and of all together. Times are milliseconds since 1970-01-01. */
export interface SyncMeasures {
  readonly state: SyncState
  /** It answered when it was asked last. Of all: each did. */
  readonly online: boolean
  /** Operations of this store that the remote is not known to have, and their bytes as they would be sent. Of all: where most are lacking. */
  readonly pendingOperations: number
  readonly pendingBytes: number
  /**
   * What this store holds, the remote lacks, and this principal may not bring there, as far as pushes have shown since the last handshake; undefined
   * where that is nothing. It names what its authors may still bring as well: who they are, and whether they come back, is not known here. Of all:
   * where most is lacking.
   */
  readonly upstreamLoss: UpstreamLoss | undefined
  /** When a push or pull last went well. Of all: the latest. */
  readonly lastPushAt: number | undefined
  readonly lastPullAt: number | undefined
  /** Of all: of the remote that gives the state its name, else of any. */
  readonly lastError: SyncFailure | undefined
  /** What failed is tried again by then. Of all: the first. */
  readonly nextAttemptAt: number | undefined
  /** Head of the remote's log as last heard. Of all: the greatest. */
  readonly remoteHead: number
  /** It was reached, and neither side lacks anything as far as is known. Of all: everywhere. */
  readonly isSynced: boolean
  readonly progress: SyncProgress | undefined
  readonly counters: SyncCounters
  /** The remote's clock less this one, as last measured; 0 while that is less than a minute. Of all: the greatest, whatever its sign. */
  readonly clockOffsetMillis: number
}

export interface RemoteStatus extends SyncMeasures {
  readonly remote: string
  /** What its `ok` to a push says; undefined before it was reached. */
  readonly durability: "durable" | "buffered" | undefined
  /** Operations that it refused since the handle was made; see the store's dead letters. */
  readonly refusedOperations: number
  /** It does not let this principal bring all that is lacking; that is left out until the next handshake: in an hour, or after `resume()`. */
  readonly isForbidden: boolean
}

/** The whole store: of several states of remotes the one that comes first in {@link STATES_BY_WEIGHT}. */
export interface SyncStatus extends SyncMeasures {
  readonly store: string
  readonly label: string | undefined
  /** Position of the last frame of this store. */
  readonly localHead: number
  /** Writes that a remote does not take and that nobody has answered: `store.deadLetters` lists them, and tells of new ones. */
  readonly deadLetters: number
  /** Records of which several versions were written apart, and somebody has to decide: see `conflicts()` of a collection. */
  readonly conflicts: number
  /** In the order of the option `remote`. */
  readonly remotes: readonly RemoteStatus[]
}

/** Of several remotes, the state that counts: what asks for somebody, then what waits, then what works, then what rests. */
export const STATES_BY_WEIGHT: readonly SyncState[] = [
  "needs-auth",
  "update-required",
  "error",
  "offline",
  "connecting",
  "syncing",
  "paused",
  "idle",
  "live",
  "stopped",
]
