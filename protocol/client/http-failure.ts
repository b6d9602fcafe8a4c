/**
 * HTTP failure: what it means that an answer is not what was asked for. Decided by the error in the body where there is one of this protocol,
 * else by the status, else it is as if nobody had answered.
 *
 *     answer                                                  becomes
 *     none: connection, name, certificate, cut off, too late  RemoteUnreachable
 *     a redirect                                              RemoteUnreachable; it is not followed
 *     our media type, status of an error                      the error it names (`error-answer.ts`)
 *     the same, damaged or another request's                  RemoteUnreachable
 *     another media type, status of an error                  what the status means where proxies mean it too, else RemoteUnreachable
 *     another media type, status of a success                 RemoteUnreachable: a login page, another service
 *     too large, encoded in a way that was not offered        ProtocolViolation
 */
import { type PersistError, ProtocolViolation, RemoteUnreachable } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { printable } from "../../kernel/text.ts"
import { decodeErrorAnswer, errorOfAnswer, errorOfStatus } from "../error-answer.ts"
import { WireError } from "../errors.ts"
import { isOtherAnswer, OTHER_ANSWER } from "./own-answer.ts"

/** Who was asked for what: what every error says. */
export interface Asked {
  readonly remote: string
  readonly call: string
  /** The call that the answer names, where the request was a message; errors do not say it. */
  readonly id?: Bytes | undefined
}

const unreachable = ({ remote, call }: Asked, reason: string, options?: ErrorOptions): RemoteUnreachable =>
  new RemoteUnreachable({ remote, call, reason }, options)

/** The media type alone, in lower case; "" where there is none. */
export const mediaTypeOf = (response: Response): string => (response.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase()

/**
 * Does the answer lead elsewhere? Also in the disguise in which browsers show it, and one that a `fetch` has followed although it was told not to.
 */
export const isRedirect = (response: Response): boolean =>
  response.type === "opaqueredirect" || response.redirected || (response.status >= 300 && response.status < 400)

/** The error of an answer that leads elsewhere; shows no more of the place than its origin. */
export const redirectFailure = (response: Response, asked: Asked): RemoteUnreachable => {
  const place = response.headers.get("location")
  let origin = ""
  try {
    const { protocol, host } = new URL(place ?? "", asked.remote)
    if (place !== null) origin = ` to ${printable(`${protocol}//${host}`, 200)}`
  } catch {
    // It names no place that could be shown.
  }
  return unreachable(asked, `it redirects${origin}, and redirects are not followed: give the URL that is meant`)
}

/** The error that the body of an answer names, which came with the status of an error; the header says when to try again where the body does not. */
export const answeredFailure = (body: Bytes, asked: Asked, retryAfterMillis: number | undefined): PersistError => {
  const { remote, call, id } = asked
  let error: WireError
  try {
    error = decodeErrorAnswer(body)
    if (error.retryAfterMillis === undefined && retryAfterMillis !== undefined) {
      const { code, message, retry, details, requestId } = error
      error = new WireError(code, message, { retry, details, requestId, retryAfterMillis })
    }
  } catch (failure) {
    if (!(failure instanceof WireError)) throw failure
    error = failure // the body is damaged, or no such message
  }
  const isOther = id !== undefined && isOtherAnswer(body, id, error)
  return isOther ? unreachable(asked, OTHER_ANSWER, { cause: error }) : errorOfAnswer(error, remote, call)
}

/** The error of an answer without a body of this protocol. */
export const foreignFailure = (response: Response, asked: Asked, retryAfterMillis: number | undefined): PersistError => {
  if (!response.ok) return errorOfStatus(response.status, asked.remote, asked.call, retryAfterMillis)
  const mediaType = mediaTypeOf(response) === "" ? "no media type" : `the media type ${printable(mediaTypeOf(response), 100)}`
  return unreachable(
    asked,
    `an answer with status ${response.status} and ${mediaType}: a login page is in between, or the URL is that of another service`,
  )
}

/** The error of a request that got no answer, or only a piece of one. */
export const networkFailure = (error: unknown, asked: Asked): RemoteUnreachable =>
  unreachable(asked, `the connection failed (${causeOf(error)})`, { cause: error })

/** The error of a connection on which nothing came for so long. */
export const silenceFailure = (millis: number, asked: Asked): RemoteUnreachable =>
  unreachable(asked, `the connection was silent for ${millis} ms`)

/** The error of a request that was given up after so long. */
export const timeoutFailure = (millis: number, asked: Asked): RemoteUnreachable =>
  unreachable(asked, `there was no complete answer within ${millis} ms`)

/** The error of what was under way when everything was closed, and of what came after. */
export const closedFailure = (asked: Asked): RemoteUnreachable => unreachable(asked, "it was closed here")

/** The error of an answer that breaks the protocol before it can be read. */
export const violation = (reason: string, { remote, call }: Asked): ProtocolViolation => new ProtocolViolation({ remote, call, reason })

/** The code that a runtime gives deep inside of what `fetch` rejects with, else its message, which may name the URL: that holds no secret. */
const causeOf = (error: unknown): string => {
  let message = "for an unknown reason"
  let cause = error
  for (let depth = 0; depth < 5 && cause instanceof Error; depth++) {
    const code: unknown = "code" in cause ? cause.code : undefined
    if (typeof code === "string") return printable(code, 100)
    if (cause.message !== "") message = cause.message
    cause = cause.cause
  }
  return printable(message, 200)
}
