/**
 * Door: where clients come in. HTTP/1.1 on a socket of this machine, written by hand, so that an answer can be anything: cut at any byte, half a stream,
 * silence, two lengths.
 *
 *   socket ──▶ Incoming ──▶ answer(incoming) ──▶ HttpReply ──▶ socket        one after another on a connection, which stays open
 *                                                 undefined ──▶ the connection is cut
 */
import { createServer, type Server, type Socket } from "node:net"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type HttpHeaders, HttpReader } from "../http-reader.ts"

/** A request as it came. */
export interface Incoming {
  readonly method: string
  /** What stands behind the method: a path, with a query if there is one. */
  readonly target: string
  readonly headers: HttpHeaders
  /** As it travelled. */
  readonly body: Bytes
  /** Aborts when nobody waits for the answer any more: the client has ended the connection. */
  readonly signal: AbortSignal
}

/** An answer as it is sent. */
export interface HttpReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Pieces are sent in chunks, as they come. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** So many bytes of the body are sent, then the connection is cut. */
  readonly cutAt?: number | undefined
  /** Milliseconds between two of sixteen pieces in which a body is sent. */
  readonly slowMillis?: number | undefined
}

/** Answers a request; undefined: the connection is cut without an answer. Rejects never. */
export type AnswerIncoming = (incoming: Incoming) => Promise<HttpReply | undefined>

const SLOW_PIECES = 16

export class Door {
  readonly #server: Server
  readonly #answer: AnswerIncoming
  readonly #address: string
  readonly #sockets = new Set<Socket>()

  private constructor(answer: AnswerIncoming, address: string) {
    this.#answer = answer
    this.#address = address
    this.#server = createServer((socket) => void this.#serve(socket))
  }

  /** Opens one on a free port of this machine, of its loopback unless told otherwise. */
  static async open(answer: AnswerIncoming, address: string = "127.0.0.1"): Promise<Door> {
    const door = new Door(answer, address)
    await door.reopen(0)
    return door
  }

  /** Nobody gets in after this, as where no server runs; who is in is thrown out. Resolves when it is so. */
  async shut(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** Opens it on this port, after it was shut. */
  async reopen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(port, this.#address, () => {
        this.#server.off("error", reject)
        resolve()
      })
    })
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  }

  /** One request after another. */
  async #serve(socket: Socket): Promise<void> {
    const reader = new HttpReader(socket), gone = new AbortController()
    this.#sockets.add(socket)
    socket.on("error", () => socket.destroy())
    socket.on("close", () => {
      this.#sockets.delete(socket)
      gone.abort(new Error("the client has ended the connection"))
    })
    try {
      for (let isKept = true; isKept && await reader.waits();) {
        const incoming = await read(reader, socket, gone.signal)
        const reply = await this.#answer(incoming)
        if (reply === undefined || !await send(socket, reply, incoming.method)) break
        isKept = !/close/i.test(incoming.headers.get("connection") ?? "")
      }
    } catch {
      // What is no HTTP, and what ended too early: nobody is there to be answered.
    }
    socket.destroy()
  }
}

const read = async (reader: HttpReader, socket: Socket, signal: AbortSignal): Promise<Incoming> => {
  const [method = "", target = ""] = (await reader.line()).split(" ")
  const headers = await reader.headers()
  if (/100-continue/i.test(headers.get("expect") ?? "")) socket.write("HTTP/1.1 100 Continue\r\n\r\n")
  reader.frame(headers, "empty")
  return { method, target, headers, body: await reader.body(), signal }
}

/** Resolves to whether the connection can go on. */
const send = async (socket: Socket, { status, headers, body, cutAt, slowMillis }: HttpReply, method: string): Promise<boolean> => {
  const isWhole = body instanceof Uint8Array
  const framing = isWhole ? { "content-length": String(body.length) } : { "transfer-encoding": "chunked" }
  const lines = Object.entries({ ...framing, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${status} Answer\r\n${lines.join("")}\r\n`
  if (isWhole) {
    const bytes = method === "HEAD" ? new Uint8Array(0) : body.subarray(0, cutAt ?? body.length)
    if (slowMillis === undefined) {
      await write(socket, joined(new TextEncoder().encode(head), bytes))
    } else {
      await write(socket, head)
      for (let at = 0, size = Math.ceil(bytes.length / SLOW_PIECES); at < bytes.length && !socket.destroyed; at += size) {
        await new Promise((resolve) => setTimeout(resolve, slowMillis))
        await write(socket, bytes.subarray(at, at + size))
      }
    }
    return cutAt === undefined
  }
  await write(socket, head)
  let sent = 0
  for await (const piece of body) {
    if (socket.destroyed) return false
    if (piece.length === 0) continue
    await write(socket, joined(new TextEncoder().encode(`${piece.length.toString(16)}\r\n`), piece, [13, 10]))
    sent += piece.length
    if (cutAt !== undefined && sent >= cutAt) return false
  }
  return await write(socket, "0\r\n\r\n")
}

/** Resolves once the bytes are out, or cannot go out any more; to whether they are. */
const write = (socket: Socket, bytes: string | Uint8Array): Promise<boolean> => {
  if (socket.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const closed = (): void => resolve(false)
    socket.once("close", closed)
    socket.write(bytes, (error) => {
      socket.off("close", closed)
      resolve(error === undefined || error === null)
    })
  })
}

const joined = (...pieces: readonly ArrayLike<number>[]): Uint8Array => {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}
