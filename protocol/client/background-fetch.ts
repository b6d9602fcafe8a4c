/**
 * A `fetch` for requests that stay open: hints. On Node, Deno and Bun the sockets of their own `fetch` hold the process for as long as an answer
 * is under way; those of their HTTP client can be told not to, so that a program which syncs ends when it has nothing else to do.
 *
 * Follows no redirect, undoes no encoding, shares no connection. Where there is no such client (browsers, Workers) nothing holds a process.
 */
/** What an exchange calls: the runtime's `fetch`, or one that does the same. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** As much of Node's HTTP client as is used here. */
interface HttpClient {
  request(url: string, options: { readonly method: string; readonly headers: object; readonly agent: false }): ClientRequest
}
interface ClientRequest {
  on(event: "socket", listener: (socket: { unref(): void }) => void): void
  on(event: "response", listener: (message: Message) => void): void
  on(event: "error", listener: (error: unknown) => void): void
  end(body: unknown): void
  destroy(reason?: unknown): void
}
interface Message {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  on(event: "data", listener: (chunk: Uint8Array) => void): void
  on(event: "end" | "close", listener: () => void): void
  on(event: "error", listener: (error: unknown) => void): void
  pause(): void
  resume(): void
  destroy(): void
}

/** Statuses whose answers have no body. */
const EMPTY_STATUSES: readonly number[] = [204, 205, 304]

/** The runtime's client by scheme; undefined where there is none. */
const findClients = (): ((url: string) => HttpClient) | undefined => {
  const runtime: { readonly process?: { getBuiltinModule?(name: string): unknown }; readonly navigator?: { readonly userAgent?: string } } =
    globalThis
  const get = runtime.process?.getBuiltinModule
  if (typeof get !== "function" || runtime.navigator?.userAgent === "Cloudflare-Workers") return undefined
  return (url) => get.call(runtime.process, url.startsWith("https:") ? "node:https" : "node:http") as HttpClient
}

/** Undefined where the runtime's own `fetch` serves as well. */
export const findBackgroundFetch = (): Fetch | undefined => {
  const clientFor = findClients()
  if (clientFor === undefined) return undefined
  return (url, { method = "GET", headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const request = clientFor(url).request(url, { method, headers, agent: false })
      const abort = (): void => request.destroy(signal?.reason)
      signal?.addEventListener("abort", abort, { once: true })
      request.on("socket", (socket) => socket.unref())
      request.on("error", reject)
      request.on("response", (message) => resolve(toResponse(message)))
      request.end(body)
    })
}

function toResponse(message: Message): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers)) {
    for (const one of typeof value === "string" ? [value] : value ?? []) headers.append(name, one)
  }
  const isEmpty = EMPTY_STATUSES.includes(message.statusCode)
  return new Response(isEmpty ? null : bodyOf(message), { status: message.statusCode, headers })
}

/** The body as it comes, no faster than it is read. */
function bodyOf(message: Message): ReadableStream<Uint8Array> {
  let hasEnded = false
  return new ReadableStream({
    start(controller) {
      const end = (close: () => void): void => {
        if (!hasEnded) close()
        hasEnded = true
      }
      message.on("data", (chunk) => {
        if (hasEnded) return
        controller.enqueue(new Uint8Array(chunk))
        if ((controller.desiredSize ?? 0) <= 0) message.pause()
      })
      message.on("end", () => end(() => controller.close()))
      message.on("error", (error) => end(() => controller.error(error)))
      message.on("close", () => end(() => controller.error(new TypeError("the connection was closed"))))
    },
    pull: () => message.resume(),
    cancel() {
      hasEnded = true
      message.destroy()
    },
  })
}
