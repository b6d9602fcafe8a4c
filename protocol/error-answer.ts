/**
 * The answer that says that a request failed, and what it becomes at a client. `SPEC.md`, section 9.
 *
 *   type "error", code, message, retry, retryAfterMillis?, details?, requestId?
 */
import {
  type PersistError,
  ProtocolViolation,
  RemoteError,
  RemoteUnreachable,
  type RetryAdvice,
  Unauthenticated,
  UnsupportedVersion,
} from "../kernel/errors.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { printable } from "../kernel/text.ts"
import { decodeEnvelope, encodeEnvelope, type FieldValues } from "./envelope.ts"
import { DamagedMessage, MalformedMessage, WIRE_ERRORS, WireError } from "./errors.ts"
import { asText, fitText, malformed, memberOf } from "./fields.ts"
import { ERROR_MESSAGE_BYTES_MAX, NAME_BYTES_MAX, REQUEST_ID_BYTES_MAX, RETRY_AFTER_MILLIS_MAX } from "./limits.ts"
import { PROTOCOL_VERSION } from "./version.ts"

const ADVICE: readonly RetryAdvice[] = ["never", "now", "later", "after_action"]

/**
 * The bytes of an error; its message is cut to 1,000 bytes. `requestId` is that of the request where the error names none; `call` that of the
 * request, where it could be read.
 */
export const encodeErrorAnswer = (error: WireError, requestId?: string, call?: Bytes): Bytes =>
  encodeEnvelope(
    {
      type: "error",
      code: error.code,
      message: fitText(error.message, ERROR_MESSAGE_BYTES_MAX),
      retry: error.retry,
      retryAfterMillis: error.retryAfterMillis,
      details: error.details,
      requestId: error.requestId ?? requestId,
    },
    [],
    call,
  )

/** Reads an answer of type "error". Throws `MalformedMessage` for anything else. */
export function decodeErrorAnswer(body: Bytes): WireError {
  const { fields } = decodeEnvelope(body)
  if (memberOf(fields, "type") !== "error") malformed("type", "is not error")
  return readError(fields)
}

/**
 * The error in the fields of an answer of type "error". An unknown code is kept as it is, unknown advice is "later", a time above an hour is
 * one; what else is wrong with the optional fields makes them absent: an error with a flaw is still an error.
 */
export function readError(fields: FieldValues): WireError {
  const code = asText(memberOf(fields, "code"), "code", NAME_BYTES_MAX)
  if (!/^[a-z][a-z0-9_]*$/.test(code)) malformed("code", "is no name")
  const message = asText(memberOf(fields, "message"), "message", ERROR_MESSAGE_BYTES_MAX, true)
  const advice = memberOf(fields, "retry"), after = memberOf(fields, "retryAfterMillis")
  const details = memberOf(fields, "details"), requestId = memberOf(fields, "requestId")
  return new WireError(code, message, {
    retry: ADVICE.find((known) => known === advice) ?? "later",
    retryAfterMillis: typeof after === "number" && after >= 0 ? Math.min(Math.ceil(after), RETRY_AFTER_MILLIS_MAX) : undefined,
    details: typeof details === "object" && details !== null && !Array.isArray(details) ? details as FieldValues : undefined,
    requestId: typeof requestId === "string" && requestId.length <= REQUEST_ID_BYTES_MAX ? requestId : undefined,
  })
}

/** What an error that a remote answered means to those who called it, or that its answer was no message. */
export function errorOfAnswer(error: WireError, remote: string, call: string): PersistError {
  const reason = printable(error.message)
  if (error instanceof DamagedMessage) return new RemoteUnreachable({ remote, call, reason }, { cause: error })
  if (error instanceof MalformedMessage) return new ProtocolViolation({ remote, call, reason }, { cause: error })
  if (error.code === "unauthenticated") return new Unauthenticated({ remote, call, reason }, { cause: error })
  if (error.code === "unsupported_version") {
    const { min, max } = error.details ?? {}
    if (typeof min === "number" && typeof max === "number") {
      return new UnsupportedVersion({ remote, min, max, ours: PROTOCOL_VERSION }, { cause: error })
    }
  }
  const { code, retry, retryAfterMillis, requestId } = error
  return new RemoteError({ remote, call, remoteCode: code, reason, retry, retryAfterMillis, requestId: printableId(requestId) }, {
    cause: error,
  })
}

/**
 * What an answer without a body of this protocol is, by its status alone: proxies and gateways answer so. Those that say who asks or how much
 * mean what they mean in this protocol; all others say only that the remote was not reached.
 */
export function errorOfStatus(status: number, remote: string, call: string, retryAfterMillis?: number): PersistError {
  const reason = `an answer with status ${status} and no message of this protocol`
  const [code, known] = Object.entries(WIRE_ERRORS).find(([code, { status: own }]) => own === status && MEANT.has(code)) ?? []
  if (code === undefined || known === undefined) return new RemoteUnreachable({ remote, call, reason })
  if (code === "unauthenticated") return new Unauthenticated({ remote, call, reason })
  return new RemoteError({ remote, call, remoteCode: code, reason, retry: known.retry, retryAfterMillis })
}
const MEANT: ReadonlySet<string> = new Set(["unauthenticated", "forbidden", "body_too_large", "rate_limited", "overloaded"])

const printableId = (id: string | undefined): string | undefined => id === undefined ? undefined : printable(id)
