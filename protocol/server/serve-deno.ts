/**
 * Listens on Deno, whose server is a global. It has no bound of its own for heads of requests, nor for connections that stand still: put a
 * proxy before it that does, where strangers reach it.
 */
import { type Listener, listenerOf, type ListenOptions, LOOPBACK } from "./listener.ts"
import type { SyncServer } from "./server.ts"

interface DenoServer {
  readonly addr: { readonly port: number }
  shutdown(): Promise<void>
}
interface DenoRuntime {
  serve(
    options: { port: number; hostname: string; onListen: () => void; signal: AbortSignal },
    handler: (request: Request) => Promise<Response>,
  ): DenoServer
}

/** Puts `server` on a port. Rejects with the operating system's error where that is not possible. */
export async function serveSync(server: SyncServer, options: ListenOptions = {}): Promise<Listener> {
  const { port = 0, hostname = LOOPBACK } = options
  const { Deno } = globalThis as unknown as { readonly Deno: DenoRuntime }
  const cut = new AbortController()
  const http = Deno.serve({ port, hostname, onListen: () => {}, signal: cut.signal }, server.fetch)
  return listenerOf(server, options, { port: http.addr.port, drain: () => http.shutdown(), cut: () => cut.abort() })
}
