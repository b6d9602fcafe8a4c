/** A real HTTP server in this process, on a free port of this machine, that does what a test says: servers that misbehave, above all. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** What a request was, once its body has come. */
export interface SeenRequest {
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Uint8Array<ArrayBuffer>
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void | Promise<void>

export interface WebServer extends AsyncDisposable {
  readonly url: string
  /** Every request so far. */
  readonly seen: readonly SeenRequest[]
}

/** Starts a server; it ends, with everything that is under way at it, when it is disposed of. */
export const startWebServer = async (handler: Handler): Promise<WebServer> => {
  const seen: SeenRequest[] = []
  const open = new Set<ServerResponse>()
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    open.add(response)
    response.on("close", () => open.delete(response))
    response.on("error", () => undefined) // the client went away, as it often does here
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const one = {
      path: request.url ?? "",
      method: request.method ?? "",
      headers: request.headers,
      body: new Uint8Array(Buffer.concat(chunks)),
    }
    seen.push(one)
    await handler(one, response)
  }
  const server = createServer((request, response) => {
    take(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const response of open) response.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
