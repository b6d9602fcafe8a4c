/**
 * Misdeeds: what a server, or what stands before it, may do with a request in place of answering it well.
 *
 *   changed, answered, failing           messages of the protocol, checksum and call right, that say something else
 *   flipped, cut, slow, dropped, held    the network's
 *   page, redirected, replayed, raw      answers of somebody else
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Part } from "../../kernel/ports/remote.ts"
import { decodeEnvelope, encodeEnvelope, type Envelope, type FieldValues, NO_CALL } from "../../protocol/envelope.ts"
import { WIRE_ERRORS, WireError, type WireErrorCode, type WireErrorOptions } from "../../protocol/errors.ts"
import { encodeErrorAnswer } from "../../protocol/messages.ts"
import { ANSWER_HEADERS, MEDIA_TYPE } from "../../protocol/routes.ts"
import { gunzip } from "../server/gzip.ts"
import type { HttpReply } from "./door.ts"
import type { SeenRequest } from "./seen-request.ts"
import type { Misdeed } from "./server.ts"

const BODY_BYTES_MAX = 5_242_880

/** Headers of an answer that is a message. */
export const MESSAGE_HEADERS: Readonly<Record<string, string>> = { ...ANSWER_HEADERS, "content-type": MEDIA_TYPE }

/** An answer of these bytes. */
export const replyOf = (
  body: Uint8Array,
  status: number = 200,
  headers: Readonly<Record<string, string | undefined>> = {},
): HttpReply => ({
  status,
  headers: Object.fromEntries(
    Object.entries({ ...MESSAGE_HEADERS, ...headers }).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]),
  ),
  body,
})

/** The call of a request; zeros where it is no message. */
export const callOf = ({ message }: SeenRequest): Bytes => message?.call ?? NO_CALL

/** The bytes of an answer without its encoding; undefined for a stream. */
export const bodyOf = ({ body, headers }: HttpReply): Bytes | undefined => {
  if (!(body instanceof Uint8Array)) return undefined
  const bytes = new Uint8Array(body)
  return headers["content-encoding"] === undefined ? bytes : gunzip(bytes, BODY_BYTES_MAX)
}

/** Changes what the server answered; where nothing is answered to `change`, and errors, go out as they are. */
export const changed =
  (change: (answer: Envelope, seen: SeenRequest) => Partial<Envelope> | undefined): Misdeed => async ({ seen, serve }) => {
    const reply = await serve(), body = bodyOf(reply)
    if (reply.status !== 200 || body === undefined) return reply
    const answer = decodeEnvelope(body), replaced = change(answer, seen)
    if (replaced === undefined) return reply
    const { fields, parts, call } = { ...answer, ...replaced }
    return replyOf(encodeEnvelope(fields, parts, call))
  }

/** Changes the fields of what the server answered. */
export const refielded = (change: (fields: FieldValues, seen: SeenRequest) => FieldValues | undefined): Misdeed =>
  changed(({ fields }, seen) => {
    const replaced = change(fields, seen)
    return replaced === undefined ? undefined : { fields: { ...fields, ...replaced } }
  })

/** Answers with this message and asks nobody. */
export const answered = (fields: FieldValues | ((seen: SeenRequest) => FieldValues), parts: readonly Part[] = []): Misdeed => ({ seen }) =>
  Promise.resolve(replyOf(encodeEnvelope(typeof fields === "function" ? fields(seen) : fields, parts, callOf(seen))))

/** What an error that is answered has beside its code. */
export interface FailingOptions extends Omit<WireErrorOptions, "retry"> {
  /** As it stands on the wire, whether there is such advice or not. */
  readonly retry?: string | undefined
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Names 16 zeros in place of the call. */
  readonly withoutCall?: boolean | undefined
}

/** Answers with an error, and does nothing. */
export const failing =
  (code: WireErrorCode | string, { retry, status, headers, withoutCall, ...options }: FailingOptions = {}): Misdeed => ({ seen }) => {
    const error = new WireError(code, "the case says so", options)
    const call = withoutCall === true ? NO_CALL : callOf(seen)
    const { fields } = decodeEnvelope(encodeErrorAnswer(error, undefined, call))
    const known = Object.hasOwn(WIRE_ERRORS, code) ? WIRE_ERRORS[code as WireErrorCode].status : 500
    return Promise.resolve(
      replyOf(encodeEnvelope(retry === undefined ? fields : { ...fields, retry }, [], call), status ?? known, headers),
    )
  }

/** Answers what the server does, with a bit of one byte changed; a place below 0 counts from the end. */
export const flipped = (at: number): Misdeed => async ({ serve }) => {
  const reply = await serve(), body = bodyOf(reply)
  if (body === undefined) return reply
  const place = at < 0 ? body.length + at : at % body.length
  body[place] = (body[place] ?? 0) ^ 0x10
  return replyOf(body, reply.status)
}

/** Cuts the connection within the body, where `at` says of its length. */
export const cut = (at: (bytes: number) => number): Misdeed => async ({ serve }) => {
  const reply = await serve()
  return { ...reply, cutAt: reply.body instanceof Uint8Array ? at(reply.body.length) : at(0) }
}

/** Sends a body in sixteen pieces, with so much time before each. */
export const slow = (millis: number): Misdeed => async ({ serve }) => ({ ...await serve(), slowMillis: millis })

/** Cuts the connection: before the server has the request, or after it did what was asked. */
export const dropped = (when: "before" | "after"): Misdeed => async ({ serve }) => {
  if (when === "after") await serve()
  return undefined
}

/** Says nothing until `until` resolves, or the client goes away: then does `then`, or cuts the connection. */
export const held = (until: Promise<unknown>, then: Misdeed = dropped("before")): Misdeed => async (exchange) => {
  const { signal } = exchange.seen.incoming
  const gone = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve())
  })
  await Promise.race([until, gone])
  return signal.aborted ? undefined : await then(exchange)
}

/** Never answers. */
export const silent: Misdeed = held(new Promise(() => {}))

/** The page of a network that wants a login, or of a proxy. */
export const page = (status: number = 200): Misdeed => () =>
  Promise.resolve({
    status,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: new TextEncoder().encode("<!doctype html><title>Welcome to the hotel</title><p>Please log in"),
  })

/** Sends the client elsewhere. */
export const redirected = (location: string, status: number = 307): Misdeed => () =>
  Promise.resolve({ status, headers: { location }, body: new Uint8Array(0) })

/** Answers what was answered to another request, byte for byte. */
export const replayed = (reply: HttpReply | undefined): Misdeed => () => Promise.resolve(reply)

/** Answers these bytes as a message. */
export const raw =
  (bytes: (seen: SeenRequest) => Uint8Array, headers: Readonly<Record<string, string | undefined>> = {}): Misdeed => ({ seen }) =>
    Promise.resolve(replyOf(bytes(seen), 200, headers))
