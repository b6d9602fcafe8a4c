/** Listener: a server on a port, on whatever runtime. */
import type { SyncServer } from "./server.ts"

export interface ListenOptions {
  /** Default 0: one that is free. */
  readonly port?: number | undefined
  /** Address to listen at. Default 127.0.0.1, which nobody else reaches; `0.0.0.0` for all of the machine's. */
  readonly hostname?: string | undefined
  /** How long `stop()` waits for requests under way. Default 10,000. */
  readonly graceMillis?: number | undefined
}

export interface Listener {
  /** Base URL of the protocol's routes, without a slash at its end. */
  readonly url: string
  readonly port: number
  /** Closes the server, then the port; connections that are left are cut. Idempotent. */
  stop(): Promise<void>
}

/** Where a server listens unless it is told otherwise. */
export const LOOPBACK = "127.0.0.1"
export const GRACE_MILLIS = 10_000

/** How long the last bytes may take to go out before connections are cut. */
const CUT_MILLIS = 1000

/** What listens on a runtime, once it does. */
export interface Socket {
  readonly port: number
  /** Takes no more connections; resolves when those that are there have ended, which may be never. */
  readonly drain: () => Promise<unknown>
  /** Cuts the connections that are left; `drain` resolves soon. */
  readonly cut: () => void
}

async function stop({ drain, cut }: Socket): Promise<void> {
  const timer = setTimeout(cut, CUT_MILLIS)
  await drain()
  clearTimeout(timer)
}

/** A listener over a runtime's socket. */
export function listenerOf(
  server: SyncServer,
  { hostname = LOOPBACK, graceMillis = GRACE_MILLIS }: ListenOptions,
  socket: Socket,
): Listener {
  let stopped: Promise<void> | undefined
  return {
    url: `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${socket.port}`,
    port: socket.port,
    stop: () => stopped ??= server.close({ graceMillis }).then(() => stop(socket)),
  }
}
