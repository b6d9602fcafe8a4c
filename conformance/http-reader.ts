/**
 * Reads what comes over one socket as HTTP/1.1: lines, headers and bodies, as they come. Both ends are read by it: answers of a server that is
 * checked, and requests of a client that is.
 *
 *   socket ──▶ buffer ──▶ line() · headers() ──▶ frame() ──▶ chunk() by chunk(), or body()
 */
import type { Bytes } from "../kernel/ports/log-storage.ts"

/** The connection ended before a message did, or what came is no HTTP/1.1. */
export class ConnectionBroken extends Error {
  override get name(): string {
    return "ConnectionBroken"
  }
}

/** Headers by name in lower case; several of one name are joined by commas. */
export type HttpHeaders = ReadonlyMap<string, string>

/** What is heard of a socket. Written down here, so that who compiles against the suites needs no types of Node. */
export interface SocketEvents {
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown
  on(event: "end" | "close" | "error", listener: () => void): unknown
}

const LINE_BYTES_MAX = 65_536
const text = new TextDecoder("latin1")

export class HttpReader {
  #buffer: Uint8Array = new Uint8Array(0)
  #start = 0
  #end = 0
  #isOver = false
  #wake: () => void = () => undefined
  #chunked: "none" | "first" | "more" | "over" = "none"
  #left = 0

  constructor(socket: SocketEvents) {
    socket.on("data", (chunk: Uint8Array) => this.#append(chunk))
    for (const event of ["end", "close", "error"] as const) socket.on(event, () => this.stop())
  }

  /** Whether bytes came that nobody has read, or the end. */
  get hasNews(): boolean {
    return this.#end > this.#start || this.#isOver
  }

  /** The other end writes no more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Nothing more comes: whoever waits is told so. Idempotent. */
  stop(): void {
    this.#isOver = true
    this.#wake()
  }

  /** Resolves to whether there is anything to read; false at the end. */
  async waits(): Promise<boolean> {
    return this.#end > this.#start || await this.#more()
  }

  /** Begins the body of a message with these headers. One that tells no length is empty, or ends with the connection. */
  frame(headers: HttpHeaders, withoutLength: "empty" | "to the end"): void {
    const length = headers.get("content-length")
    this.#chunked = (headers.get("transfer-encoding") ?? "").toLowerCase() === "chunked" ? "first" : "none"
    this.#left = length !== undefined ? Number(length) : withoutLength === "empty" ? 0 : Infinity
    if (Number.isNaN(this.#left)) throw new ConnectionBroken(`content-length is "${length}"`)
  }

  /** Some of the body, as it comes; undefined at its end. */
  async chunk(): Promise<Uint8Array | undefined> {
    if (this.#chunked === "over") return undefined
    if (this.#chunked === "none") {
      if (this.#left === 0) return undefined
      if (this.#end === this.#start && !await this.#more()) {
        if (this.#left === Infinity) return undefined
        throw new ConnectionBroken(`the connection ended with ${this.#left} bytes of the body to come`)
      }
      const piece = this.#some(this.#left)
      this.#left -= piece.length
      return piece
    }
    if (this.#chunked === "more" && this.#left === 0) await this.line()
    if (this.#chunked === "first" || this.#left === 0) {
      const size = /^[0-9a-fA-F]+/.exec(await this.line())?.[0]
      if (size === undefined) throw new ConnectionBroken("a chunk has no size")
      this.#left = parseInt(size, 16)
      this.#chunked = "more"
      if (this.#left === 0) {
        await this.headers()
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

  /** Reads headers, up to the empty line behind them. */
  async headers(): Promise<HttpHeaders> {
    const headers = new Map<string, string>()
    for (let line = await this.line(); line !== ""; line = await this.line()) {
      const colon = line.indexOf(":")
      const name = line.slice(0, colon).toLowerCase(), value = line.slice(colon + 1).trim()
      const before = headers.get(name)
      headers.set(name, before === undefined ? value : `${before}, ${value}`)
    }
    return headers
  }

  /** Up to the next end of a line, without it. */
  async line(): Promise<string> {
    for (let from = this.#start;;) {
      const at = this.#buffer.subarray(0, this.#end).indexOf(10, from)
      if (at >= 0) {
        const line = text.decode(this.#buffer.subarray(this.#start, at)).replace(/\r$/, "")
        this.#start = at + 1
        return line
      }
      if (this.#end - this.#start > LINE_BYTES_MAX) throw new ConnectionBroken("a line of a head does not end")
      const had = this.#end - this.#start
      if (!await this.#more()) throw new ConnectionBroken("the connection ended before a head did")
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
}
