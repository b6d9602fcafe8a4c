/** Doubles that take answers which are none, or that do not take what is one. */
import { crc32 } from "../../../kernel/format/checksum.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { encodeEnvelope, type Envelope, NO_CALL } from "../../../protocol/envelope.ts"
import { decodePullAnswer, decodePullRequest, encodePullAnswer } from "../../../protocol/messages.ts"
import { MEDIA_TYPE } from "../../../protocol/routes.ts"
import {
  answerDouble,
  bodyOf,
  bytesOf,
  type ClientDouble,
  driveDouble,
  type Fetch,
  fetchDouble,
  fromHex,
  lastSeqs,
  messageResponse,
  readMessage,
  rebodied,
  routeOf,
  send,
} from "./client-double.ts"

const failed = (): Response => new Response("no", { status: 502 })

/** What is done with the bytes of an answer. */
const withBytes =
  (change: (body: Bytes, request: Bytes, response: Response, url: string) => Response | undefined): Fetch => async (url, init) => {
    const response = await send(url, init), body = await bytesOf(response.clone())
    return (body === undefined ? undefined : change(body, bodyOf(init), response, url)) ?? response
  }

/** The page of a server that has nothing new. */
const nothingNew = (request: Bytes): Response | undefined => {
  const asked = readMessage(request)
  if (asked === undefined) return undefined
  const { request: { cursor: next } } = decodePullRequest(request)
  const page = { kind: "page", parts: [], ranges: [], next, upToDate: true, head: next.position, serverTimeMillis: Date.now() } as const
  return messageResponse(encodePullAnswer(page, asked.call))
}

const isPage = (body: Bytes): boolean => {
  try {
    decodePullAnswer(body)
    return true
  } catch (error) {
    return Object(error).constructor.name === "WireError" // an error of the server is one
  }
}

const KNOWN = new Set([
  ...["type", "protocol", "features", "head", "serverTimeMillis", "limits", "rights", "durability", "tokenExpiresMillis", "pairs", "last"],
  ...["refused", "writers", "ranges", "next", "upToDate", "at", "code", "message", "retry", "retryAfterMillis", "details", "requestId"],
])

const resealed = (body: Bytes): Bytes => {
  if (body.length < 6) return body
  const sealed = body.slice(), view = new DataView(sealed.buffer)
  sealed[sealed.length - 5] = 0xce
  view.setUint32(sealed.length - 4, crc32(sealed, 0, sealed.length - 5))
  return sealed
}

const isError = ({ fields }: Envelope): boolean => fields["type"] === "error"

export const answerDoubles: readonly ClientDouble[] = [
  fetchDouble("takes a page for people for a server that says no for good", [
    "answer/page-for-handshake",
    "answer/page-for-push",
    "answer/page-for-pull",
    "comeback/pages-pass",
  ], () => async (url, init) => {
    const response = await send(url, init)
    if (response.headers.get("content-type")?.startsWith("text/html") !== true) return response
    const call = readMessage(bodyOf(init))?.call
    return messageResponse(encodeEnvelope({ type: "error", code: "invalid_request", message: "html", retry: "never" }, [], call), 400)
  }),
  fetchDouble(
    "does not look at the media type of an answer",
    "answer/media-type",
    () => withBytes((body, _, { status }) => readMessage(body) === undefined ? undefined : messageResponse(body, status)),
  ),
  fetchDouble(
    "does not look at the status of an answer",
    "answer/status",
    () => withBytes((body) => readMessage(body) === undefined ? undefined : messageResponse(body)),
  ),
  fetchDouble("compares the whole text of the media type", "answer/media-type-parameters", () => async (url, init) => {
    const response = await send(url, init)
    return response.headers.get("content-type") === MEDIA_TYPE ? response : failed()
  }),
  fetchDouble("does not check the checksum of an answer", [
    "answer/flipped-handshake",
    "answer/flipped-push",
    "answer/flipped-pull",
    "answer/value-flipped",
    "answer/cut-handshake",
    "answer/cut-push",
    "answer/cut-pull",
  ], () => withBytes((body, _, { status }) => messageResponse(resealed(body), status))),
  answerDouble("does not compare the call of an answer with that of its request", [
    "answer/old-page",
    "answer/old-ok",
    "answer/call-of-zeros",
    "answer/error-of-another",
  ], (_, { call }) => ({ call })),
  fetchDouble("takes no error that names no call", "answer/error-of-zeros", () =>
    withBytes((body) => {
      const answer = readMessage(body)
      return answer !== undefined && isError(answer) && answer.call.every((byte, at) => byte === NO_CALL[at]) ? failed() : undefined
    })),
  fetchDouble("follows redirects, with its token", ["answer/redirect", "login/other-origin"], () => async (url, init) => {
    const response = await send(url, init), location = response.headers.get("location")
    return response.status >= 300 && response.status < 400 && location !== null ? await send(location, init) : response
  }),
  fetchDouble("does not say that answers may be zipped", "answer/gzip", () => async (url, init) => {
    const request = readMessage(bodyOf(init))
    if (request === undefined) return await send(url, init)
    const { accept: _, ...fields } = request.fields
    return await send(url, rebodied(init, encodeEnvelope(fields, request.parts, request.call)))
  }),
  fetchDouble("takes a page that it cannot read for an empty one", [
    "reply/no-message",
    "reply/announced",
    "reply/fields",
    "reply/part-refused",
    "reply/bomb",
  ], () => async (url, init) => {
    const response = await send(url, init)
    const body = routeOf(url) === "pull" ? await bytesOf(response.clone()) : undefined
    return body === undefined || isPage(body) ? response : nothingNew(bodyOf(init)) ?? response
  }),
  answerDouble(
    "refuses an answer with a member that it does not know",
    "reply/members-ignored",
    ({ fields }) => Object.keys(fields).some((name) => !KNOWN.has(name)) ? { call: NO_CALL } : undefined,
  ),
  answerDouble(
    "refuses an answer with a member that is nil",
    "reply/absent-members",
    ({ fields }) => Object.values(fields).includes(null) ? { call: NO_CALL } : undefined,
  ),
  answerDouble(
    "refuses a page with a part that may be passed over",
    "reply/part-passed-over",
    ({ parts }) => parts.some(({ type }) => type >= 128) ? { call: NO_CALL } : undefined,
  ),
  answerDouble(
    "passes over all parts that it does not know",
    "reply/part-refused",
    ({ parts }) => ({ parts: parts.filter(({ type }) => type === 1) }),
  ),
  answerDouble(
    "does not look for parts where none are",
    "reply/parts-where-none-are",
    ({ fields, parts }) => fields["type"] === "page" || parts.length === 0 ? undefined : { parts: [] },
  ),
  fetchDouble("reads an answer to its end, however long it is", "reply/without-end", () => async (url, init) => {
    const { signal: _, ...rest } = init, response = await send(url, rest)
    if (routeOf(url) !== "pull") return response
    for await (const _ of response.clone().body ?? []) void 0
    return response
  }),
  driveDouble("waits for an answer for ever", ["reply/never", "reply/dribble"], () => ({
    open: (fields, next) => next({ ...fields, timeoutMillis: 600_000 }),
  })),
  answerDouble("takes any answer to a push for an ok", "reply/answer-of-another-route", ({ fields }, request, route) => {
    if (route !== "push" || fields["type"] !== "page") return undefined
    const pairs = [...lastSeqs(request)].map(([writer, seq]) => [fromHex(writer), seq, []])
    const [last] = request.fields["basis"] as readonly unknown[]
    return { fields: { type: "ok", pairs, last, durability: "durable", serverTimeMillis: Date.now() } }
  }),
]
