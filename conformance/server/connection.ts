/**
 * One connection to a server, on which a case writes whatever bytes it likes, and which reads answers of HTTP/1.1 as they come. No client of
 * the web says so little of its own, nor tells so exactly what was answered.
 *
 *   write() ──▶ socket ──▶ buffer ──▶ head() ──▶ body(), or chunk() by chunk()
 */
import { connect as connectPlain, type Socket } from "node:net"
import { connect as connectSecure } from "node:tls"
import type { Bytes } from "../../kernel/ports/log-storage.ts"

/** The beginning of an answer. */
export interface AnswerHead {
  readonly status: number
  /** By name in lower case; several of one name are joined by commas. */
  readonly headers: ReadonlyMap<string, string>
}

/** An answer as it came. */
export interface HttpAnswer extends AnswerHead {
  readonly body: Bytes
}

/** The connection ended before an answer did, or what came is no HTTP/1.1. */
export class ConnectionBroken extends Error {
  override get name(): string {
    return "ConnectionBroken"
  }
}

const LINE_BYTES_MAX = 65_536
const text = new TextDecoder("latin1")

export class Connection {
  readonly #socket: Socket
  #buffer: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #isOver = false
  #wake: () => void = () => undefined
  #chunked: "none" | "first" | "more" | "over" = "none"
  #left = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on("data", (chunk: Uint8Array) => this.#append(chunk))
    const over = (): void => {
      this.#isOver = true
      this.#wake()
    }
    for (const event of ["end", "close", "error"] as const) socket.on(event, over)
  }

  /** Connects to where a URL points. Rejects with the operating system's error. */
  static async open({ protocol, hostname, port }: URL): Promise<Connection> {
    const host = hostname.replace(/^\[|\]$/g, "")
    const socket = protocol === "https:"
      ? connectSecure({ host, port: Number(port || 443), servername: host, ALPNProtocols: ["http/1.1"] })
      : connectPlain({ host, port: Number(port || 80) })
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject)
      socket.once(protocol === "https:" ? "secureConnect" : "connect", () => {
        socket.off("error", reject)
        resolve()
      })
    })
    return new Connection(socket)
  }

  /** Resolves once the bytes are out, or cannot go out any more; to whether they are. */
  write(bytes: string | Uint8Array): Promise<boolean> {
    if (this.#socket.destroyed) return Promise.resolve(false)
    return new Promise((resolve) => {
      const isOut = this.#socket.write(bytes, (error) => resolve(error === undefined || error === null))
      if (!isOut) this.#socket.once("close", () => resolve(false))
    })
  }

  /** Whether bytes came that nobody has read, or the end. */
  get hasNews(): boolean {
    return this.#end > this.#start || this.#isOver
  }

  /** The other end writes no more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Reads a whole answer. Rejects with {@link ConnectionBroken}. */
  async answer(): Promise<HttpAnswer> {
    const head = await this.head()
    return { ...head, body: await this.body() }
  }

  /** Reads the head of an answer; those of status 1xx are passed over. */
  async head(): Promise<AnswerHead> {
    for (;;) {
      const line = await this.#line()
      const [, digits] = /^HTTP\/1\.[01] ([0-9]{3})(?: |$)/.exec(line) ?? []
      if (digits === undefined) throw new ConnectionBroken(`found "${line.slice(0, 80)}", expected the first line of an answer`)
      const headers = await this.#headers()
      const status = Number(digits)
      if (status < 200) continue
      this.#frame(status, headers)
      return { status, headers }
    }
  }

  #frame(status: number, headers: ReadonlyMap<string, string>): void {
    const length = headers.get("content-length")
    this.#chunked = (headers.get("transfer-encoding") ?? "").toLowerCase() === "chunked" ? "first" : "none"
    const isEmpty = status === 204 || status === 304
    this.#left = isEmpty ? 0 : length === undefined ? Infinity : Number(length)
    if (Number.isNaN(this.#left)) throw new ConnectionBroken(`content-length is "${length}"`)
  }

  /** Some of the body, as it comes; undefined at its end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#chunked === "over") return undefined
    if (this.#chunked === "none") {
      if (this.#left === 0) return undefined
      if (this.#end === this.#start && !await this.#more()) {
        if (this.#left === Infinity) return undefined
        throw new ConnectionBroken(`the connection ended with ${this.#left} bytes of the answer to come`)
      }
      const piece = this.#some(this.#left)
      this.#left -= piece.length
      return piece
    }
    if (this.#chunked === "more" && this.#left === 0) await this.#line()
    if (this.#chunked === "first" || this.#left === 0) {
      const size = /^[0-9a-fA-F]+/.exec(await this.#line())?.[0]
      if (size === undefined) throw new ConnectionBroken("a chunk has no size")
      this.#left = parseInt(size, 16)
      this.#chunked = "more"
      if (this.#left === 0) {
        await this.#headers()
        this.#chunked = "over"
        return undefined
      }
    }
    if (this.#end === this.#start && !await this.#more()) throw new ConnectionBroken("the connection ended within a chunk")
    const piece = this.#some(this.#left)
    this.#left -= piece.length
    return piece
  }

  /** Reads what is left of a body. */
  async body(): Promise<Bytes> {
    const pieces: Uint8Array[] = []
    for (let piece = await this.chunk(); piece !== undefined; piece = await this.chunk()) pieces.push(piece)
    const body = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const piece of pieces) {
      body.set(piece, at)
      at += piece.length
    }
    return body
  }

  async #headers(): Promise<ReadonlyMap<string, string>> {
    const headers = new Map<string, string>()
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      const colon = line.indexOf(":")
      const name = line.slice(0, colon).toLowerCase(), value = line.slice(colon + 1).trim()
      const before = headers.get(name)
      headers.set(name, before === undefined ? value : `${before}, ${value}`)
    }
    return headers
  }

  /** Up to the next end of a line, without it. */
  async #line(): Promise<string> {
    for (let from = this.#start;;) {
      const at = this.#buffer.subarray(0, this.#end).indexOf(10, from)
      if (at >= 0) {
        const line = text.decode(this.#buffer.subarray(this.#start, at)).replace(/\r$/, "")
        this.#start = at + 1
        return line
      }
      if (this.#end - this.#start > LINE_BYTES_MAX) throw new ConnectionBroken("a line of the answer's head does not end")
      const had = this.#end - this.#start
      if (!await this.#more()) throw new ConnectionBroken("the connection ended before the head of an answer did")
      from = this.#start + had
    }
  }

  #some(most: number): Uint8Array {
    const until = Math.min(this.#end, this.#start + most)
    const piece = this.#buffer.slice(this.#start, until)
    this.#start = until
    return piece
  }

  /** Resolves to whether more bytes came. */
  async #more(): Promise<boolean> {
    const had = this.#end - this.#start
    while (this.#end - this.#start === had && !this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve)
    return this.#end - this.#start > had
  }

  #append(chunk: Uint8Array): void {
    const had = this.#end - this.#start
    if (this.#end + chunk.length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(had + chunk.length, Math.min(2 * this.#buffer.length, 8_388_608), 4096))
      grown.set(this.#buffer.subarray(this.#start, this.#end))
      this.#buffer = grown
      this.#start = 0
      this.#end = had
    }
    this.#buffer.set(chunk, this.#end)
    this.#end += chunk.length
    this.#wake()
  }

  /** Resolves when the other end has ended it, or to false after `millis`. */
  async ended(millis: number): Promise<boolean> {
    const late = performance.now() + millis
    while (!this.#isOver && performance.now() < late) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, late - performance.now()))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.#isOver
  }

  /** Ends it at once, whatever is under way. Idempotent. */
  destroy(): void {
    this.#socket.destroy()
    this.#isOver = true
    this.#wake()
  }
}
