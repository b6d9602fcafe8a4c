/** Counting proxy: passes a connection on to a server and counts the bytes of each direction, headers and all. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

export class CountingProxy {
  /** Bytes towards the server, and from it. */
  sent: number = 0
  received: number = 0
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.#server = server
    this.port = port
    this.#sockets = sockets
  }

  /** Listens on loopback for what goes to `serverPort` there. */
  static async start(serverPort: number): Promise<CountingProxy> {
    const sockets = new Set<Socket>(), server = createServer({ allowHalfOpen: true })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("no port")
    const proxy = new CountingProxy(server, address.port, sockets)
    server.on("connection", (near) => {
      const far = connect({ port: serverPort, host: "127.0.0.1", allowHalfOpen: true })
      for (const [from, to] of [[near, far], [far, near]] as const) {
        sockets.add(from)
        from.on("error", () => to.destroy())
        from.on("close", () => sockets.delete(from))
        from.pipe(to)
      }
      near.on("data", (bytes: Uint8Array) => proxy.sent += bytes.length)
      far.on("data", (bytes: Uint8Array) => proxy.received += bytes.length)
    })
    return proxy
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, "close")
  }
}
