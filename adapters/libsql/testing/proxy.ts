/**
 * A TCP proxy that loses what it is told to lose, once: what a network does to a request, at the moment that a test chooses.
 *
 *   "cut-reply"     the request gets through; the reply does not, the connection breaks
 *   "drop-request"  the connection breaks before anything gets through
 *   "hold-request"  the connection breaks for the sender; the request gets through when `release` is called
 *   "hang"          everything gets through but replies, until `heal` is called
 */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

export type Fault = "cut-reply" | "drop-request" | "hold-request" | "hang"

/** Nothing came for this long: it was all. A request, or an answer, may come in several pieces. */
const QUIET_MILLIS = 50

export class Proxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: number
  #fault: Fault | undefined
  #held: { readonly upstream: Socket; readonly chunks: Uint8Array[] } | undefined
  /** Faults that came to pass. */
  faults = 0

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer((client) => this.#join(client))
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target)
    proxy.#server.listen(0, "127.0.0.1")
    await once(proxy.#server, "listening")
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === "string") throw new Error("the proxy is closed")
    return address.port
  }

  /** The next request meets this. */
  next(fault: Fault): void {
    this.#fault = fault
  }

  heal(): void {
    this.#fault = undefined
  }

  /** Lets the held request through, and resolves when the server has answered it and has no more to say. */
  async release(): Promise<void> {
    const held = this.#held
    if (held === undefined) throw new Error("no request is held")
    this.#held = undefined
    await new Promise<void>((resolve) => {
      let quiet: ReturnType<typeof setTimeout> | undefined
      held.upstream.on("data", () => {
        clearTimeout(quiet)
        quiet = setTimeout(resolve, QUIET_MILLIS)
      })
      for (const chunk of held.chunks) held.upstream.write(chunk)
    })
    held.upstream.destroy()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, "close")
  }

  #join(client: Socket): void {
    const upstream = connect(this.#target, "127.0.0.1")
    let own: Uint8Array[] | undefined
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        this.#sockets.delete(socket)
        if (own === undefined) {
          client.destroy()
          upstream.destroy()
        }
      })
    }
    const cut = (): void => {
      this.#fault = undefined
      this.faults++
      client.destroy()
      upstream.destroy()
    }
    let giveUp: ReturnType<typeof setTimeout> | undefined
    client.on("data", (chunk: Uint8Array) => {
      if (this.#fault === "drop-request") return cut()
      if (this.#fault === "hold-request" && this.#held === undefined) {
        own = []
        this.#held = { upstream, chunks: own }
        this.#fault = undefined
        this.faults++
      }
      if (own === undefined) return void upstream.write(chunk)
      own.push(chunk)
      clearTimeout(giveUp)
      giveUp = setTimeout(() => client.destroy(), QUIET_MILLIS)
    })
    upstream.on("data", (chunk: Uint8Array) => {
      if (this.#fault === "cut-reply") return cut()
      if (this.#fault === "hang" || own !== undefined) return
      client.write(chunk)
    })
  }
}
