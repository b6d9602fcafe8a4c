/**
 * Listens on Bun, whose server is a global.
 *
 *   no byte moves   35 s, heads of requests too, so that the longest wait and every heartbeat pass
 */
import { type Listener, listenerOf, type ListenOptions, LOOPBACK } from "./listener.ts"
import type { SyncServer } from "./server.ts"

const IDLE_SECONDS_MAX = 30

interface BunServer {
  readonly port: number
  stop(cut: boolean): Promise<void>
}
interface BunRuntime {
  serve(options: { port: number; hostname: string; idleTimeout: number; fetch: (request: Request) => Promise<Response> }): BunServer
}

/** Puts `server` on a port. Rejects with the operating system's error where that is not possible. */
export async function serveSync(server: SyncServer, options: ListenOptions = {}): Promise<Listener> {
  const { port = 0, hostname = LOOPBACK } = options
  const { Bun } = globalThis as unknown as { readonly Bun: BunRuntime }
  const http = Bun.serve({ port, hostname, idleTimeout: IDLE_SECONDS_MAX, fetch: server.fetch })
  return listenerOf(server, options, { port: http.port, drain: () => http.stop(false), cut: () => void http.stop(true) })
}
