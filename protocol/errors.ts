/**
 * Errors on the wire: the closed list of codes of version 1, and the values that servers throw and decoders report.
 *
 * How they are written down is in `error-answer.ts`; what they become at a client, too. `SPEC.md`, section 9.
 */
import type { RetryAdvice } from "../kernel/errors.ts"

/** Every code of version 1. A refused operation has a `RefusalCode` instead, which is no error of a request. */
export type WireErrorCode =
  | "invalid_request"
  | "body_damaged"
  | "version_mismatch"
  | "unsupported_feature"
  | "unauthenticated"
  | "forbidden"
  | "store_not_found"
  | "request_timeout"
  | "body_too_large"
  | "batch_too_large"
  | "unsupported_encoding"
  | "unsupported_version"
  | "rate_limited"
  | "internal"
  | "overloaded"
  | "draining"
  | "quota_exceeded"

/** HTTP status of each code, and when the same request may be sent again unless an error says otherwise. */
export const WIRE_ERRORS: Readonly<Record<WireErrorCode, { readonly status: number; readonly retry: RetryAdvice }>> = {
  invalid_request: { status: 400, retry: "never" },
  body_damaged: { status: 400, retry: "later" },
  version_mismatch: { status: 400, retry: "never" },
  unsupported_feature: { status: 400, retry: "never" },
  unauthenticated: { status: 401, retry: "after_action" },
  forbidden: { status: 403, retry: "after_action" },
  store_not_found: { status: 404, retry: "after_action" },
  request_timeout: { status: 408, retry: "later" },
  body_too_large: { status: 413, retry: "after_action" },
  batch_too_large: { status: 413, retry: "after_action" },
  unsupported_encoding: { status: 415, retry: "after_action" },
  unsupported_version: { status: 426, retry: "never" },
  rate_limited: { status: 429, retry: "later" },
  internal: { status: 500, retry: "later" },
  overloaded: { status: 503, retry: "later" },
  draining: { status: 503, retry: "later" },
  quota_exceeded: { status: 507, retry: "later" },
}

/** What an error says beside its code and message. */
export interface WireErrorOptions {
  /** Default: that of the code. */
  readonly retry?: RetryAdvice | undefined
  /** A floor for the next attempt; 0 to an hour. */
  readonly retryAfterMillis?: number | undefined
  /** Data for programs; never of another principal, never a payload. At most a few hundred bytes. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** Id of the request that failed. */
  readonly requestId?: string | undefined
  readonly cause?: unknown
}

/** A request that failed as a whole. It changed nothing, but for `internal`, `request_timeout` and `overloaded`, of which that is not known. */
export class WireError extends Error {
  /** A {@link WireErrorCode}, or one of a later version where it came from outside. */
  readonly code: string
  readonly status: number
  readonly retry: RetryAdvice
  readonly retryAfterMillis: number | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined
  readonly requestId: string | undefined

  constructor(code: string, message: string, options: WireErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const known = Object.hasOwn(WIRE_ERRORS, code) ? WIRE_ERRORS[code as WireErrorCode] : undefined
    this.code = code
    this.status = known?.status ?? 500
    this.retry = options.retry ?? known?.retry ?? "later"
    this.retryAfterMillis = options.retryAfterMillis
    this.details = options.details
    this.requestId = options.requestId
  }

  override get name(): string {
    return "WireError"
  }
}

/** The error of a code, to be thrown by a server. */
export const wireError = (code: WireErrorCode, message: string, options?: WireErrorOptions): WireError =>
  new WireError(code, message, options)

/**
 * Bytes that are not those that were sent, or never were a message. A server answers it as `body_damaged`, so that the request is sent again;
 * to a client it is as if no answer had come.
 */
export class DamagedMessage extends WireError {
  constructor(reason: string) {
    super("body_damaged", reason)
  }

  override get name(): string {
    return "DamagedMessage"
  }
}

/**
 * Bytes that arrived as they were sent and are no message of this protocol, or a field with a value that it may not have. A server answers it
 * as `invalid_request`, a client takes it for a violation of the protocol.
 */
export class MalformedMessage extends WireError {
  /** The field that is wrong, such as `basis[0][1]`; "body" where it is the whole. */
  readonly field: string
  constructor(field: string, reason: string, options?: ErrorOptions) {
    super("invalid_request", `${field} ${reason}`, { cause: options?.cause })
    this.field = field
  }

  override get name(): string {
    return "MalformedMessage"
  }
}
