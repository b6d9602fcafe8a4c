/**
 * Exchange: carries encoded requests to the other end of the protocol and brings back encoded answers. What the bytes mean is known by the
 * remote above it (`wire-remote.ts`); how they travel, who asks, what is retried within one call and what is cut off is known here.
 *
 *     engine ── Remote ── wire-remote.ts ── Exchange ── http-exchange.ts ── fetch
 *                                                  └── a handler in the same process
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { CallOptions, Cursor } from "../../kernel/ports/remote.ts"

/** The routes that answer a request with one body. */
export type CallRoute = "handshake" | "push" | "pull" | "wait"

/** What a handshake settled, as far as carrying depends on it. */
export interface ExchangeTerms {
  /** Features in use, of those that were offered. */
  readonly features: readonly string[]
  /** Bytes of a request's body as it travels. */
  readonly bodyBytesMax: number
  /** Bytes of a request's body when its encoding is undone. */
  readonly inflatedBytesMax: number
}

/** Requests with which hints are asked for; who carries them chooses the one that gets through. */
export interface HintRequests {
  /** Body of the request for a stream of events. */
  readonly watch: Bytes
  /**
   * Body of a request that is answered when the head is another than `cursor`, or after `waitMillis`.
   * Position 0 with 16 zero bytes asks for the head at once, unless the log is empty.
   */
  wait(cursor: Cursor, waitMillis: number): Bytes
  /** Head that the answer to such a request names. Throws `ProtocolViolation` or what the answer says went wrong. */
  readHead(answer: Bytes): Cursor
}

export interface Exchange {
  /** Names the other end in messages, in status and in the log: a URL without credentials, say. At most 1,024 bytes. */
  readonly name: string
  /** Features that a handshake over it offers. */
  readonly features: readonly string[]
  /** Encodings that answers to the next request may have; they are undone before a call resolves. Changes from call to call. */
  readonly accept: readonly string[]
  /** Takes what the latest handshake settled. Until then nothing is encoded. */
  agree(terms: ExchangeTerms): void
  /**
   * Sends one request and resolves with the body of its answer: complete, of our media type, at most as large as the exchange allows.
   *
   * Rejects with `RemoteUnreachable` where no such answer came, with `Unauthenticated`, `RemoteError` or another error of `kernel/errors.ts` where
   * the other end said so by its status, and with the signal's reason once that aborts. After a rejection it is unknown whether the request took
   * effect. An answer of type "error" that came with the status of a success is resolved with, as any other.
   */
  call(route: CallRoute, body: Bytes, options: CallOptions): Promise<Bytes>
  /**
   * Calls `onHead` with every head that is heard, until the other end says that it is done (resolves), the connection breaks or keeps silent for
   * too long (rejects as `call` does) or the signal aborts (rejects with its reason). Errors of `onHead` are not caught: they end it.
   */
  watch(requests: HintRequests, onHead: (head: Cursor) => void, options: CallOptions): Promise<void>
  /** Ends what is under way, which rejects with `RemoteUnreachable`, and frees what it holds. Idempotent; later calls reject at once. */
  close(): Promise<void>
}
