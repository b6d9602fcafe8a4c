/** Faults of messages, fields, versions and features. */
import type { Envelope, FieldValues } from "../../../protocol/envelope.ts"
import type { Part } from "../../../kernel/ports/remote.ts"
import { sealed, unsealed } from "../../server/message.ts"
import {
  again,
  bodyOf,
  double,
  encode,
  errorAnswer,
  fieldsDouble,
  listOf,
  messageDouble,
  read,
  requestDouble,
  routeOf,
  type ServerDouble,
  withBody,
} from "./server-double.ts"

const NO_CALL = new Uint8Array(16)
const KNOWN: ReadonlySet<string> = new Set([
  "protocol",
  "store",
  "session",
  "replica",
  "accept",
  "features",
  "versions",
  "basis",
  "own",
  "cursor",
  "have",
  "partsBytesMax",
  "waitMillis",
])
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)
/** A list without what stands in it a second time, told by `nameOf`. */
const once = (list: readonly unknown[], nameOf: (element: unknown) => string): readonly unknown[] =>
  list.filter((element, at) => list.findIndex((other) => nameOf(other) === nameOf(element)) === at)
/** How many bytes 91 stand in a row at most. */
const depthOf = (body: Uint8Array): number => {
  let most = 0
  for (let at = 0, depth = 0; at < body.length; at += 1) {
    depth = body[at] === 0x91 ? depth + 1 : 0
    most = Math.max(most, depth)
  }
  return most
}
const isRequired = (feature: unknown): boolean => String(feature).startsWith("must-")

export const messageDoubles: readonly ServerDouble[] = [
  requestDouble("looks at no checksum", "message/damaged", async (request) => {
    const body = await bodyOf(request)
    return again(request, body.length < 5 ? body : sealed(unsealed(body)))
  }),
  double("checks a message before its checksum", "message/damaged", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    return body.length > 5 && answer.status === 400 && read(body) === undefined && body[0] !== 0x94
      ? errorAnswer(request, "invalid_request")
      : answer
  }),
  fieldsDouble(
    "takes what is no message for damaged",
    "message/malformed",
    (fields) =>
      fields["code"] === "invalid_request" && String(fields["message"]).startsWith("body")
        ? { ...fields, code: "body_damaged" }
        : undefined,
  ),
  requestDouble("breaks on lists in lists", "message/excessive", async (request) => {
    const body = await bodyOf(request)
    return depthOf(body) > 500 ? new Response("stack exhausted", { status: 500 }) : again(request, body)
  }),
  requestDouble("goes 32 lists deep and no further", "message/deep", async (request) => {
    const body = await bodyOf(request), depth = depthOf(body)
    return depth > 32 && depth < 64 ? errorAnswer(request, "invalid_request") : again(request, body)
  }),
  double("fails at blocks that it did not think of", "message/mutated", (server) => async (request) => {
    const answer = await server(request)
    const message = answer.status === 400 ? read(new Uint8Array(await answer.clone().arrayBuffer())) : undefined
    return routeOf(request) === "push" && message?.fields["code"] === "invalid_request" ? errorAnswer(request, "internal") : answer
  }),
  double("takes operations that nobody can read", "message/mutated", (server) => {
    const taken: Part[] = []
    return async (request) => {
      const body = await bodyOf(request), sent = read(body), answer = await server(again(request, body))
      const message = read(new Uint8Array(await answer.clone().arrayBuffer()))
      if (sent === undefined || message === undefined) return answer
      if (message.fields["type"] === "page") return withBody(answer, encode({ ...message, parts: [...message.parts, ...taken] }))
      if (message.fields["type"] !== "refused") return answer
      taken.push(...sent.parts)
      const last = [1, new Uint8Array(16).fill(1)]
      return withBody(answer, encode({ ...message, fields: { type: "ok", pairs: [], last, durability: "durable", serverTimeMillis: 1 } }))
    }
  }),
  double("names no call in its answers to pushes and pulls", ["message/call", "message/error-call"], (server) => async (request) => {
    const answer = await server(request)
    if (routeOf(request) === "handshake" || answer.headers.get("content-type")?.includes("msgpack") !== true) return answer
    const message = read(new Uint8Array(await answer.clone().arrayBuffer()))
    return message === undefined ? answer : withBody(answer, encode({ ...message, call: NO_CALL }))
  }),
  double("takes calls for keys, and each once", "message/same-again", (server) => {
    const seen = new Set<string>()
    return async (request) => {
      const body = await bodyOf(request), message = read(body)
      if (message !== undefined && seen.size === seen.add(message.call.join()).size) {
        return errorAnswer(request, "invalid_request", message.call)
      }
      return await server(again(request, body))
    }
  }),
  messageDouble("gives what is missing a default", "field/missing", ({ fields }) => ({
    fields: { have: [], own: [], ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) },
  })),
  messageDouble("takes numbers from strings, and rounds them", "field/wrong", ({ fields }) => {
    const value = fields["partsBytesMax"]
    return typeof value === "string" || typeof value === "number"
      ? { fields: { ...fields, partsBytesMax: Math.max(1, Math.round(Number(value))) } }
      : undefined
  }),
  messageDouble(
    "takes a session of any length",
    "field/wrong",
    ({ fields }) => fields["session"] instanceof Uint8Array ? { fields: { ...fields, session: NO_CALL } } : undefined,
  ),
  fieldsDouble(
    "says no more than that something is wrong",
    "field/names",
    (fields) => fields["type"] === "error" ? { ...fields, message: "invalid" } : undefined,
  ),
  messageDouble(
    "refuses members that it does not know",
    "field/unknown",
    ({ fields, call }, _, request) =>
      Object.keys(fields).every((name) => KNOWN.has(name)) ? undefined : errorAnswer(request, "invalid_request", call),
  ),
  messageDouble(
    "takes nil for a value of its own",
    "field/absent",
    ({ fields, call }, _, request) =>
      fields["accept"] === null || fields["features"] === null ? errorAnswer(request, "invalid_request", call) : undefined,
  ),
  double("takes a session for a device, and a device for a session", "field/tracing", (server) => {
    const sessions = new Map<string, string>()
    return async (request) => {
      const body = await bodyOf(request), message = read(body), session = String(message?.fields["session"])
      for (const writer of listOf(message?.fields["own"])) {
        if ((sessions.get(String(writer)) ?? session) !== session) return errorAnswer(request, "forbidden", message?.call)
        sessions.set(String(writer), session)
      }
      return await server(again(request, body))
    }
  }),
  messageDouble("takes a writer as often as it is named", "field/twice", ({ fields }) => ({
    fields: {
      ...fields,
      ...isList(fields["own"]) ? { own: once(fields["own"], String) } : {},
      ...isList(fields["have"]) ? { have: once(fields["have"], (entry) => String(listOf(entry)[0])) } : {},
    },
  })),
  messageDouble("passes over parts where there are none", "field/parts", (_, route) => route === "push" ? undefined : { parts: [] }),
  messageDouble("passes over every part that it does not know", "field/part-types", ({ parts }) => ({
    parts: parts.filter(({ type }) => type === 1),
  })),
  messageDouble(
    "refuses every part that it does not know",
    "field/part-types",
    ({ parts, call }, _, request) => parts.some(({ type }) => type !== 1) ? errorAnswer(request, "unsupported_feature", call) : undefined,
  ),
]

/** Fields with their features filtered. */
const withFeatures = ({ fields }: Envelope, keep: (feature: unknown) => boolean): { readonly fields: FieldValues } => ({
  fields: isList(fields["features"]) ? { ...fields, features: fields["features"].filter(keep) } : fields,
})

export const versionDoubles: readonly ServerDouble[] = [
  requestDouble("takes every version for its own", "version/path", async (request) => {
    const path = new URL(request.url).pathname
    return again(request, await bodyOf(request), undefined, path.replace(/^\/v\d+\//, "/v1/"))
  }),
  messageDouble(
    "looks at no version but that of the path",
    "version/body",
    ({ fields }) => typeof fields["protocol"] === "number" ? { fields: { ...fields, protocol: 1 } } : undefined,
  ),
  messageDouble(
    "takes the first version of a list",
    "version/list",
    ({ fields, call }, _, request) =>
      isList(fields["versions"]) && fields["versions"][0] !== 1
        ? errorAnswer(request, "unsupported_version", call, { details: { min: 1, max: 1 } })
        : undefined,
  ),
  messageDouble(
    "takes a list without its version",
    "version/list",
    ({ fields }) => isList(fields["versions"]) ? { fields: { ...fields, versions: [1] } } : undefined,
  ),
  fieldsDouble(
    "tells all its features, asked or not",
    "feature/agreed",
    (fields) => fields["type"] === "handshake" ? { ...fields, features: ["live", "gzip"] } : undefined,
  ),
  messageDouble(
    "does not know a feature that is required",
    "feature/agreed",
    (message) => withFeatures(message, (feature) => !isRequired(feature) || feature === "must-fly"),
  ),
  messageDouble(
    "does without what a client cannot do without",
    "feature/required",
    (message, route) => withFeatures(message, (feature) => route === "handshake" || feature !== "must-fly"),
  ),
]
