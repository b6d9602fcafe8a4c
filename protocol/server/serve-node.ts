/**
 * Listens on Node, over `@hono/node-server`.
 *
 *   head of a request    10 s                    idle connection    5 s
 *   request as a whole   40 s (its body: 30 s)   no byte moves      30 s, so that the longest wait and every heartbeat pass
 */
import { createAdaptorServer } from "@hono/node-server"
import { createServer, type Server } from "node:http"
import { type Listener, listenerOf, type ListenOptions, LOOPBACK } from "./listener.ts"
import type { SyncServer } from "./server.ts"

const HEADERS_MILLIS_MAX = 10_000
const REQUEST_MILLIS_MAX = 40_000
const KEEP_ALIVE_MILLIS = 5000
const IDLE_MILLIS_MAX = 30_000
/** How often Node looks for heads and requests that are late; its default is half a minute. */
const CHECK_MILLIS = 1000

/** Puts `server` on a port. Rejects with the operating system's error where that is not possible. */
export async function serveSync(server: SyncServer, options: ListenOptions = {}): Promise<Listener> {
  const { port = 0, hostname = LOOPBACK } = options
  const http = createAdaptorServer({
    fetch: server.fetch,
    // A library leaves the globals of its process alone.
    overrideGlobalObjects: false,
    createServer,
    serverOptions: {
      headersTimeout: HEADERS_MILLIS_MAX,
      requestTimeout: REQUEST_MILLIS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MILLIS,
      connectionsCheckingInterval: CHECK_MILLIS,
    },
  }) as Server
  http.setTimeout(IDLE_MILLIS_MAX)
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject)
    http.listen(port, hostname, () => {
      http.off("error", reject)
      resolve()
    })
  })
  const address = http.address()
  return listenerOf(server, options, {
    port: typeof address === "object" && address !== null ? address.port : port,
    drain: () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve())
        http.closeIdleConnections()
      }),
    cut: () => http.closeAllConnections(),
  })
}
