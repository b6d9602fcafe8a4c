/** Listening on the runtime that the process is: each one's module is loaded there alone. */
import type { Listener, ListenOptions } from "./listener.ts"
import type { SyncServer } from "./server.ts"

export type { Listener, ListenOptions } from "./listener.ts"

/**
 * Puts `server` on a port, by default a free one that only this machine reaches.
 *
 * There is no TLS: put a proxy before it where others reach it. On Node it needs the package `@hono/node-server`. Rejects with the operating
 * system's error where the port is not to be had.
 */
export async function listen(server: SyncServer, options: ListenOptions = {}): Promise<Listener> {
  const { serveSync } = "Deno" in globalThis
    ? await import("./serve-deno.ts")
    : "Bun" in globalThis
    ? await import("./serve-bun.ts")
    : await import("./serve-node.ts")
  return serveSync(server, options)
}
