/**
 * One connection to a server, on which a case writes whatever bytes it likes, and which reads answers of HTTP/1.1 as they come. No client of
 * the web says so little of its own, nor tells so exactly what was answered.
 *
 *   write() ──▶ socket ──▶ buffer ──▶ head() ──▶ body(), or chunk() by chunk()
 */
import { connect as connectPlain, type Socket } from "node:net"
import { connect as connectSecure } from "node:tls"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ConnectionBroken, type HttpHeaders, HttpReader } from "../http-reader.ts"

export { ConnectionBroken }

/** The beginning of an answer. */
export interface AnswerHead {
  readonly status: number
  /** By name in lower case; several of one name are joined by commas. */
  readonly headers: HttpHeaders
}

/** An answer as it came. */
export interface HttpAnswer extends AnswerHead {
  readonly body: Bytes
}

export class Connection {
  readonly #socket: Socket
  readonly #reader: HttpReader

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#reader = new HttpReader(socket)
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

  /** Takes nothing of what comes from now on, so that what the other end writes piles up there. */
  pause(): void {
    this.#socket.pause()
  }

  /** Whether bytes came that nobody has read, or the end. */
  get hasNews(): boolean {
    return this.#reader.hasNews
  }

  /** The other end writes no more. */
  get isOver(): boolean {
    return this.#reader.isOver
  }

  /** Reads a whole answer. Rejects with {@link ConnectionBroken}. */
  async answer(): Promise<HttpAnswer> {
    const head = await this.head()
    return { ...head, body: await this.body() }
  }

  /** Reads the head of an answer; those of status 1xx are passed over. */
  async head(): Promise<AnswerHead> {
    for (;;) {
      const line = await this.#reader.line()
      const [, digits] = /^HTTP\/1\.[01] ([0-9]{3})(?: |$)/.exec(line) ?? []
      if (digits === undefined) throw new ConnectionBroken(`found "${line.slice(0, 80)}", expected the first line of an answer`)
      const headers = await this.#reader.headers()
      const status = Number(digits)
      if (status < 200) continue
      const isEmpty = status === 204 || status === 304
      this.#reader.frame(isEmpty ? new Map() : headers, isEmpty ? "empty" : "to the end")
      return { status, headers }
    }
  }

  /** Some of the body, as it comes; undefined at its end. */
  chunk(): Promise<Uint8Array | undefined> {
    return this.#reader.chunk()
  }

  /** Reads what is left of a body. */
  body(): Promise<Bytes> {
    return this.#reader.body()
  }

  /** Resolves when the other end has ended it, or to false after `millis`. */
  ended(millis: number): Promise<boolean> {
    return this.#reader.ended(millis)
  }

  /** Ends it at once, whatever is under way. Idempotent. */
  destroy(): void {
    this.#socket.destroy()
    this.#reader.stop()
  }
}
