/**
 * What the kernel asks of the other side of a sync: four verbs over plain values. `protocol/` speaks them over HTTP; a log of one's own is a
 * remote as well (`kernel/sync/remote-log.ts`).
 *
 * Every verb may be called again at any time with the same effect: a push takes effect once however often it arrives (rules S1, S13), the
 * others change nothing. An answer that does not come says nothing of what happened.
 *
 * Failures are errors of `kernel/errors.ts`; `retryable` says whether the same call may succeed later. Anything else that is thrown is taken
 * for a defect of the remote.
 */
import type { Bytes, Position } from "./log-storage.ts"

/** A frame of some log, by its position and id; position 0 with 16 zero bytes is before the first. */
export interface Cursor {
  readonly position: Position
  /** 16 bytes. */
  readonly id: Bytes
}

/** Part of a frame: its type, and its content as it stands in frames (`docs/format.md`, section 2). */
export interface Part {
  readonly type: number
  readonly content: Bytes
}

/** How far a log has a writer: all numbers up to `seq` but those in `withheld`. */
export interface WriterPair {
  /** 16 bytes. */
  readonly writer: Bytes
  readonly seq: number
  /** Ascending; numbers up to `seq` that were refused and never came. */
  readonly withheld: readonly number[]
}

/** Largest sizes that a remote takes or gives. */
export interface RemoteLimits {
  /** Bytes of parts in one push or page; one frame is always allowed. */
  readonly partsBytesMax: number
  /** Operations that one push lists. */
  readonly operationsMax: number
  /** Parts of one push or page. */
  readonly partsMax: number
}

/** What a principal may do with a store. */
export interface Rights {
  readonly read: boolean
  /** Push operations of writers that this principal pushed first. */
  readonly write: boolean
  /** Push operations of others. */
  readonly relay: boolean
  readonly admin: boolean
}

export interface Handshake {
  /** Last frame of the remote's log. */
  readonly head: Cursor
  /** Milliseconds since 1970-01-01 by the remote's clock. */
  readonly serverTimeMillis: number
  readonly limits: RemoteLimits
  readonly rights: Rights
  /** What `ok` to a push says: on the device, or handed to something that may lose it. */
  readonly durability: "durable" | "buffered"
  /** `watch` works. */
  readonly live: boolean
}

export interface PushRequest {
  /** Frames of the remote's log that this push builds on: the cursor, and the last one that answered `ok` (rule S14). */
  readonly basis: readonly Cursor[]
  /** Those writers of the blocks that wrote into the pusher's own log, 16 bytes each. */
  readonly own: readonly Bytes[]
  readonly parts: readonly Part[]
}

/** Codes with which a single operation is refused; every other failure is about the request and changes nothing. */
export type RefusalCode = "clock_ahead" | "writer_not_owned" | "op_invalid" | "op_too_large"

export interface Refusal {
  /** 16 bytes. */
  readonly writer: Bytes
  readonly seq: number
  readonly code: RefusalCode
  /** For people, at most 200 bytes. */
  readonly message: string
}

export type PushAnswer =
  /** It is in the log: the pairs of the writers that it named, and the log's last frame. */
  | {
    readonly kind: "ok"
    readonly pairs: readonly WriterPair[]
    readonly last: Cursor
    readonly durability: "durable" | "buffered"
    readonly serverTimeMillis: number
  }
  /** Nothing was stored (rule S19). */
  | { readonly kind: "refused"; readonly refused: readonly Refusal[]; readonly serverTimeMillis: number }
  /** It builds on what the log does not have; nothing was stored. A pull tells what to do. */
  | { readonly kind: "unknown" }
  /** These writers may not be brought by this principal; nothing was stored (rule S35). */
  | { readonly kind: "forbidden"; readonly writers: readonly Bytes[] }

export interface PullRequest {
  readonly cursor: Cursor
  /** Own writers and how far this log has them: their blocks come back as ranges alone. */
  readonly have: readonly { readonly writer: Bytes; readonly seq: number }[]
  /** Bytes of parts; at least one frame comes, if there is one. */
  readonly partsBytesMax: number
}

/** A range whose block was left out of a page, since the puller has it. */
export interface PassedRange {
  readonly writer: Bytes
  readonly seq: number
}

export type PullAnswer =
  /** The frames behind the cursor, whole, their parts in order. */
  | {
    readonly kind: "page"
    readonly parts: readonly Part[]
    readonly ranges: readonly PassedRange[]
    readonly next: Cursor
    /** `next` was the last frame. */
    readonly upToDate: boolean
    readonly head: Position
    readonly serverTimeMillis: number
  }
  /** The log does not contain the cursor: go on from `at`. Nothing is to be deleted. */
  | { readonly kind: "restart"; readonly at: Cursor; readonly serverTimeMillis: number }

/** The other side of a sync. */
export interface Remote {
  /** Names it in the log, in status and in messages: a URL without credentials, say. At most 1,024 bytes. */
  readonly name: string
  handshake(options: CallOptions): Promise<Handshake>
  push(request: PushRequest, options: CallOptions): Promise<PushAnswer>
  pull(request: PullRequest, options: CallOptions): Promise<PullAnswer>
  /**
   * Calls `onHead` with the remote's head now and when it moves, until the signal aborts. Resolves when the remote ends it, as it does from
   * time to time; rejects when it breaks. Only a hint: what is lost, doubled or forged costs latency alone.
   */
  watch(onHead: (head: Cursor) => void, options: CallOptions): Promise<void>
  /** Frees what it holds. Idempotent. */
  close(): Promise<void>
}

export interface CallOptions {
  readonly signal: AbortSignal
}
