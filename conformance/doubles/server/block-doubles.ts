/** Faults of pushes. */
import type { Part } from "../../../kernel/ports/remote.ts"
import { writersOf } from "../../remote/stream.ts"
import { requestOf, START_FIELD } from "../../server/message.ts"
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
  type ServerDouble,
  withBody,
} from "./server-double.ts"

/** Where a block's range stands, behind a table of one writer. */
const rangeOf = ({ content }: Part): readonly [number, number] => [content[22] ?? 0, content[23] ?? 0]

export const blockDoubles: readonly ServerDouble[] = [
  fieldsDouble(
    "takes damaged blocks for later ones",
    "block/damaged",
    (fields, route) => route === "push" && fields["code"] === "invalid_request" ? { ...fields, code: "unsupported_feature" } : undefined,
  ),
  messageDouble(
    "passes over blocks of no bytes",
    "block/damaged",
    ({ parts }, route) => route === "push" ? { parts: parts.filter(({ content }) => content.length > 0) } : undefined,
  ),
  fieldsDouble(
    "takes later blocks for damaged ones",
    "block/too-new",
    (fields, route) => route === "push" && fields["code"] === "unsupported_feature" ? { ...fields, code: "invalid_request" } : undefined,
  ),
  messageDouble(
    "looks at no basis",
    "block/order",
    ({ fields }, route) => route === "push" ? { fields: { ...fields, basis: [START_FIELD] } } : undefined,
  ),
  double("looks for gaps before it reads", "block/order", (server) => async (request) => {
    const body = await bodyOf(request), message = read(body)
    const hasGap = message !== undefined && message.parts.some((part) => rangeOf(part)[0] > 0)
    const answer = await server(again(request, body))
    if (!hasGap || answer.status !== 400 || message === undefined) return answer
    return withBody(new Response(null, { headers: answer.headers }), encode({ fields: { type: "unknown" }, parts: [], call: message.call }))
  }),
  double("asks for rights before anything else", "block/order-of-rights", (server) => async (request) => {
    const body = await bodyOf(request), message = read(body), own = new Set(listOf(message?.fields["own"]).map(String))
    const writers = writersOf(message?.parts ?? []).filter((writer) => !own.has(String(writer)))
    const isAuthor = request.headers.get("authorization")?.startsWith("Bearer author-") === true
    if (message === undefined || !isAuthor || writers.length === 0) return await server(again(request, body))
    return withBody(await server(again(request, body)), encode({ fields: { type: "forbidden", writers }, parts: [], call: message.call }))
  }),
  double("asks for rights when it has looked for gaps", "block/order-of-rights", (server) => async (request) => {
    const body = await bodyOf(request), message = read(body), answer = await server(again(request, body))
    const { type } = read(new Uint8Array(await answer.clone().arrayBuffer()))?.fields ?? {}
    const hasGap = message !== undefined && message.parts.some((part) => rangeOf(part)[0] > 0)
    return type === "forbidden" && hasGap
      ? withBody(answer, encode({ fields: { type: "unknown" }, parts: [], call: message.call }))
      : answer
  }),
  fieldsDouble(
    "names the last operations that it refuses",
    "block/many-refused",
    (fields) => fields["type"] === "refused" ? { ...fields, refused: [...listOf(fields["refused"])].reverse() } : undefined,
  ),
  fieldsDouble(
    "names what it refuses as often as it comes",
    "block/named-once",
    (fields) =>
      fields["type"] === "refused" ? { ...fields, refused: [...listOf(fields["refused"]), ...listOf(fields["refused"])] } : undefined,
  ),
  double("does not look at what it has seen", "block/seen-unreadable", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body)), message = read(body)
    if (answer.status !== 400 || message === undefined || message.parts.length === 0) return answer
    const fields = { type: "ok", pairs: [], last: START_FIELD, durability: "durable", serverTimeMillis: 1 }
    return withBody(new Response(null, { headers: answer.headers }), encode({ fields, parts: [], call: message.call }))
  }),
  double("takes a clone for a cheat", "block/clone", (server) => {
    const seen = new Map<string, string>()
    return async (request) => {
      const body = await bodyOf(request), message = read(body)
      for (const part of message?.parts ?? []) {
        const name = `${writersOf([part]).join()} ${rangeOf(part).join()}`, content = part.content.join()
        if ((seen.get(name) ?? content) !== content) return errorAnswer(request, "invalid_request", message?.call)
        seen.set(name, content)
      }
      return await server(again(request, body))
    }
  }),
  double("tells back what was sent", "block/restored-device", (server) => async (request) => {
    const body = await bodyOf(request), sent = read(body), answer = await server(again(request, body))
    const message = read(new Uint8Array(await answer.clone().arrayBuffer()))
    if (sent === undefined || message?.fields["type"] !== "ok") return answer
    const pairs = sent.parts.map((part) => [writersOf([part])[0], rangeOf(part)[1], []])
    return withBody(answer, encode({ ...message, fields: { ...message.fields, pairs } }))
  }),
  double("stores the blocks that are fine, and refuses the rest", "block/invalid-in-the-middle", (server) => async (request) => {
    const body = await bodyOf(request), sent = read(body), answer = await server(again(request, body))
    const { fields } = read(new Uint8Array(await answer.clone().arrayBuffer())) ?? { fields: {} as Readonly<Record<string, unknown>> }
    if (sent === undefined || fields["type"] !== "refused") return answer
    const bad = new Set(listOf(fields["refused"]).map((entry) => String(listOf(entry)[0])))
    const fine = sent.parts.filter((part) => !bad.has(String(writersOf([part])[0])))
    if (fine.length > 0) {
      await (await server(again(request, requestOf("push", String(sent.fields["store"]), { own: sent.fields["own"] }, fine)))).arrayBuffer()
    }
    return answer
  }),
]
