/** Faults of encodings, of bodies on their way, and of sizes. */
import { constants, gunzipSync } from "node:zlib"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { BlockWriter } from "../../remote/block-writer.ts"
import { gzip } from "../../server/gzip.ts"
import { requestOf } from "../../server/message.ts"
import {
  again,
  answerDouble,
  bodyOf,
  double,
  encode,
  errorAnswer,
  fieldsDouble,
  listOf,
  messageDouble,
  read,
  reheaded,
  requestDouble,
  routeOf,
  type ServerDouble,
  wireDouble,
  withBody,
} from "./server-double.ts"

const INFLATED_BYTES_MAX = 5_242_880
const encodingOf = ({ headers }: Request): string => headers.get("content-encoding") ?? ""
const plain = (request: Request, body: Bytes): Request => again(request, body, (headers) => headers.delete("content-encoding"))
/** What comes out before the damage, and no more than may be. */
const inflateSome = (body: Bytes): Bytes => {
  try {
    return new Uint8Array(gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: INFLATED_BYTES_MAX + 1 }))
  } catch {
    return body
  }
}

export const encodingDoubles: readonly ServerDouble[] = [
  requestDouble(
    "takes no gzip, though it says so",
    "encoding/gzip",
    (request) => encodingOf(request).toLowerCase() === "gzip" ? errorAnswer(request, "unsupported_encoding") : undefined,
  ),
  requestDouble(
    "passes over encodings that it does not know",
    "encoding/others",
    (request) => encodingOf(request) === "gzip" ? undefined : reheaded(request, (headers) => headers.delete("content-encoding")),
  ),
  requestDouble("undoes one encoding after the other", "encoding/others", async (request) => {
    const encodings = encodingOf(request).split(",").map((name) => name.trim())
    if (encodings.length < 2 || encodings.some((name) => name !== "gzip")) return undefined
    let body = await bodyOf(request)
    for (const _ of encodings) body = inflateSome(body)
    return plain(request, body)
  }),
  requestDouble(
    "takes what it can inflate for all that there was",
    "encoding/damaged",
    async (request) => encodingOf(request) === "gzip" ? plain(request, inflateSome(await bodyOf(request))) : undefined,
  ),
  double("takes what it cannot inflate for an encoding that it does not have", "encoding/damaged", (server) => async (request) => {
    const isZipped = encodingOf(request) === "gzip", answer = await server(request.clone())
    return isZipped && answer.status === 400 ? errorAnswer(request, "unsupported_encoding") : answer
  }),
  requestDouble("cuts what a body inflates to", "encoding/bomb", async (request) => {
    if (encodingOf(request) !== "gzip") return undefined
    const body = await bodyOf(request)
    try {
      return plain(request, new Uint8Array(gunzipSync(body, { maxOutputLength: INFLATED_BYTES_MAX })))
    } catch {
      return plain(request, body.slice(0, 1000))
    }
  }),
  answerDouble("compresses for everybody", "encoding/answers", async (response) => {
    const body = new Uint8Array(await response.clone().arrayBuffer())
    return body.length < 1024 || response.headers.has("content-encoding")
      ? response
      : withBody(response, gzip(body), (headers) => headers.set("content-encoding", "gzip"))
  }),
  double("compresses for whom the header says so", "encoding/answers", (server) => async (request) => {
    const answer = await server(request)
    if (request.headers.get("accept-encoding")?.includes("gzip") !== true || answer.headers.has("content-encoding")) return answer
    const body = new Uint8Array(await answer.arrayBuffer())
    return withBody(answer, gzip(body), (headers) => headers.set("content-encoding", "gzip"))
  }),
]

export const bodyDoubles: readonly ServerDouble[] = [
  wireDouble(
    "believes a length rather than chunks",
    "body/lengths",
    (text) => /^content-length:/im.test(text) ? text.replace(/^transfer-encoding: chunked\r\n/im, "") : text,
  ),
  wireDouble("believes the first of two lengths", "body/lengths", (text) => text.replace(/^(content-length: \d+),[^\r]*/im, "$1")),
  double("stores what it has when a connection breaks off", "body/cut-off", (server) => {
    let store = ""
    return async (request) => {
      const head = { url: request.url, method: request.method, headers: request.headers }
      try {
        const body = await bodyOf(request)
        store = String(read(body)?.fields["store"] ?? store)
        return await server(again(request, body))
      } catch {
        const part = new BlockWriter(1).write(1).part()
        return await server(again(head as Request, requestOf("push", store, {}, [part])))
      }
    }
  }),
  requestDouble(
    "wants the length of a body",
    "body/pieces",
    (request) => request.headers.has("transfer-encoding") ? errorAnswer(request, "invalid_request") : undefined,
  ),
  {
    ...double(
      "waits for a body as long as it takes",
      "body/slow",
      (server) => async (request) => await server(again(request, await bodyOf(request))),
    ),
    isHasty: true,
  },
]

/** A list cut to its first `count`. */
const first = (value: unknown, count: number): unknown => Array.isArray(value) ? value.slice(0, count) : value

export const sizeDoubles: readonly ServerDouble[] = [
  fieldsDouble(
    "announces less than it takes",
    "size/body",
    (fields) =>
      fields["type"] === "handshake" ? { ...fields, limits: { ...Object(fields["limits"]), bodyBytesMax: 1_048_576 } } : undefined,
  ),
  requestDouble(
    "takes too large a body for a damaged one",
    "size/body",
    (request) => Number(request.headers.get("content-length")) > INFLATED_BYTES_MAX ? errorAnswer(request, "body_damaged") : undefined,
  ),
  requestDouble("counts the whole message as fields", "size/fields", async (request) => {
    const body = await bodyOf(request)
    return body.length > 1_048_576 && routeOf(request) === "handshake" ? errorAnswer(request, "invalid_request") : again(request, body)
  }),
  messageDouble("reads as many names as may be, and no more", "size/lists", ({ fields }) => ({
    fields: { ...fields, features: first(fields["features"], 64), own: first(fields["own"], 4096) },
  })),
  messageDouble(
    "wants fewer writers than may be",
    "size/lists",
    ({ fields, call }, _, request) => listOf(fields["have"]).length > 1000 ? errorAnswer(request, "invalid_request", call) : undefined,
  ),
  double("stores a push before it finds that the answer does not fit", "size/withheld", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    if (answer.status === 413) {
      const part = new BlockWriter(1).write(1).part()
      await (await server(again(request, requestOf("push", String(read(body)?.fields["store"]), {}, [part])))).arrayBuffer()
    }
    return answer
  }),
  double("weighs a page by its bytes", "size/page", (server) => async (request) => {
    const body = await bodyOf(request), asked = read(body), answer = await server(again(request, body))
    if (routeOf(request) !== "pull" || asked === undefined) return answer
    const first = read(new Uint8Array(await answer.clone().arrayBuffer()))
    if (first?.fields["upToDate"] !== false) return answer
    const rest = again(request, encode({ ...asked, fields: { ...asked.fields, cursor: first.fields["next"] } }))
    const second = read(new Uint8Array(await (await server(rest)).arrayBuffer()))
    return second === undefined ? answer : withBody(answer, encode({ ...second, parts: [...first.parts, ...second.parts] }))
  }),
  double("takes too many parts for too many bytes", "size/parts", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    const isPush = routeOf(request) === "push" && body.length > 200_000
    return isPush && answer.status === 400 ? errorAnswer(request, "body_too_large") : answer
  }),
]
