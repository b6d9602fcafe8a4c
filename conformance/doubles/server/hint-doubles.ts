/** Faults of streams and waits. */
import { requestOf } from "../../server/message.ts"
import {
  again,
  type Answer,
  answerDouble,
  bodyOf,
  double,
  messageDouble,
  read,
  routeOf,
  type ServerDouble,
  withBody,
} from "./server-double.ts"

/** A double that changes the text of streams, piece by piece. */
export const streamDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (text: string) => string,
  isHasty: boolean = false,
): ServerDouble => ({
  ...answerDouble(fault, caughtBy, (response, request) => {
    if (routeOf(request) !== "watch" || response.status !== 200 || response.body === null) return response
    const utf8 = new TextEncoder(), text = new TextDecoder()
    const changed = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => controller.enqueue(utf8.encode(change(text.decode(chunk, { stream: true })))),
    })
    return withBody(response, response.body.pipeThrough(changed))
  }),
  isHasty,
})

/** The head of a store as it is, by a handshake of whoever asks. */
const headOf = async (server: Answer, request: Request, store: unknown): Promise<unknown> => {
  const answer = await server(again(request, requestOf("handshake", String(store)), undefined, "/v1/handshake"))
  return read(new Uint8Array(await answer.arrayBuffer()))?.fields["head"]
}

export const hintDoubles: readonly ServerDouble[] = [
  streamDouble("tells ids in upper case", "stream/events", (text) => text.toUpperCase().replace(/EVENT: HEAD\nDATA/g, "event: head\ndata")),
  streamDouble("tells positions alone", "stream/events", (text) => text.replace(/(data: \d+) [0-9a-f]+/g, "$1")),
  double("tells the first head alone", "stream/events", (server) => async (request) => {
    const answer = await server(request)
    if (routeOf(request) !== "watch" || answer.status !== 200 || answer.body === null) return answer
    let isFirst = true
    const once = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        if (isFirst) controller.enqueue(chunk)
        isFirst = false
      },
    })
    return withBody(answer, answer.body.pipeThrough(once))
  }),
  double("greets with the name of the store", "stream/names", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    if (routeOf(request) !== "watch" || answer.status !== 200 || answer.body === null) return answer
    const greeting = new TextEncoder().encode(`: ${read(body)?.fields["store"]}\n\n`)
    const greeted = new TransformStream<Uint8Array, Uint8Array>({ start: (controller) => controller.enqueue(greeting) })
    return withBody(answer, answer.body.pipeThrough(greeted))
  }),
  answerDouble("compresses streams", "stream/plain", (response, request) => {
    if (routeOf(request) !== "watch" || response.status !== 200 || response.body === null) return response
    const zipped = response.body.pipeThrough(new CompressionStream("gzip") as unknown as TransformStream<Uint8Array, Uint8Array>)
    return withBody(response, zipped, (headers) => headers.set("content-encoding", "gzip"))
  }),
  streamDouble("gives no sign of life", "stream/minute", (text) => text.replace(/^: beat\n\n/gm, ""), true),
  streamDouble("ends a stream without a bye", "stream/minute", (text) => text.replace("event: bye", "event: end"), true),
  double("opens as many streams as anybody asks for", "stream/bound", (server) => async (request) => {
    if (routeOf(request) !== "watch") return await server(request)
    return new Response(new ReadableStream(), { status: 200, headers: { "content-type": "text/event-stream" } })
  }),
  double("waits whatever the cursor is", "wait/at-once", (server) => async (request) => {
    const body = await bodyOf(request), message = read(body), isWait = routeOf(request) === "wait"
    if (message === undefined || !isWait) return await server(again(request, body))
    const cursor = await headOf(server, request, message.fields["store"])
    return await server(again(request, requestOf("wait", String(message.fields["store"]), { ...message.fields, cursor }, [], message.call)))
  }),
  messageDouble("waits for positions alone", "wait/at-once", ({ fields }, route) => {
    const [position] = Object(fields["cursor"] ?? [])
    return route === "wait" && position === 2 ** 53 - 1 ? { fields: { ...fields, waitMillis: "never" } } : undefined
  }),
  messageDouble(
    "never waits",
    "wait/moves",
    ({ fields }, route) => route === "wait" ? { fields: { ...fields, waitMillis: 0 } } : undefined,
  ),
  messageDouble(
    "takes milliseconds for seconds",
    "wait/time",
    ({ fields }, route) =>
      route === "wait" ? { fields: { ...fields, waitMillis: Math.min(2 ** 53 - 1, Number(fields["waitMillis"]) * 1000) } } : undefined,
  ),
]
