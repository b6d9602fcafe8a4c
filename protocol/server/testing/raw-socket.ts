/** A connection on which a test writes whatever bytes it likes, as slowly as it likes. */
import { connect, type Socket } from "node:net"

export class RawSocket {
  readonly #socket: Socket
  #text = ""
  #wake: () => void = () => {}
  /** The other end closed it, or cut it. */
  isClosed = false

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1" })
    this.#socket.on("data", (chunk: Uint8Array) => {
      this.#text += new TextDecoder("latin1").decode(chunk)
      this.#wake()
    })
    this.#socket.on("error", () => this.#wake())
    this.#socket.on("close", () => {
      this.isClosed = true
      this.#wake()
    })
  }

  /** What came so far, a character a byte. */
  get text(): string {
    return this.#text
  }

  /** Resolves once the bytes are out, or cannot go out any more; to whether they are. */
  write(bytes: string | Uint8Array): Promise<boolean> {
    if (this.#socket.destroyed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const isOut = this.#socket.write(bytes, (error) => resolve(error === undefined || error === null))
      if (!isOut) this.#socket.once("close", () => resolve(false))
    })
  }

  /** Writes no more: whoever still waits for something knows that it does not come. */
  end(): void {
    this.#socket.end()
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause()
  }

  /** Resolves to whether `text` came before the connection was closed. */
  async until(text: string): Promise<boolean> {
    while (!this.#text.includes(text) && !this.isClosed) await new Promise<void>((resolve) => this.#wake = resolve)
    return this.#text.includes(text)
  }

  /** Resolves when the other end has closed it. */
  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>((resolve) => this.#wake = resolve)
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The head of a request with a message. */
export const headOf = (path: string, token: string, headers: Readonly<Record<string, string | number>>): string =>
  [
    `POST ${path} HTTP/1.1`,
    "host: server.test",
    "content-type: application/vnd.persist+msgpack",
    `authorization: Bearer ${token}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "",
    "",
  ].join("\r\n")
