/** HTTP answer: its body, counted while it arrives and cut off at a limit. */
import { ProtocolViolation } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type Asked, networkFailure, violation } from "./http-failure.ts"
import type { PendingCall } from "./pending-call.ts"

/** Bytes of a body, by where they were counted. */
export interface AnswerBytes {
  /** On the wire, as far as the answer says; else as they were read. */
  readonly received: number
  /** After undoing the encoding. */
  readonly read: number
}

export interface AnswerBody {
  readonly bytes: Bytes
  readonly counted: AnswerBytes
}

/**
 * Refuses encodings beyond a single gzip, before anything is read: chains of them inflate without bound (undici undoes as many as there are).
 * Where a browser hides the header, what is read is counted all the same.
 */
export const checkEncoding = (response: Response, asked: Asked): void => {
  const encoding = (response.headers.get("content-encoding") ?? "identity").trim().toLowerCase()
  if (encoding !== "gzip" && encoding !== "identity" && encoding !== "") {
    throw violation(`it has the encoding "${encoding.slice(0, 40).replace(/[^ -~]/g, "?")}", only a single gzip was offered`, asked)
  }
}

/**
 * Reads the whole body; `onBytes` is told of every piece. Rejects with `ProtocolViolation` as soon as it has more than `bytesMax` bytes, before or
 * after inflating, with `RemoteUnreachable` if it breaks off, and with the call's reason once that ends. The connection is given up by `call.end()`.
 */
export const readBody = async (
  response: Response,
  bytesMax: number,
  call: PendingCall,
  asked: Asked,
  onBytes: (bytes: number) => void,
): Promise<AnswerBody> => {
  const encoded = response.headers.get("content-encoding")?.trim().toLowerCase() === "gzip"
  const announced = contentLengthOf(response)
  const refuse = (): never => {
    throw violation(`its body has more than ${bytesMax} bytes`, asked)
  }
  if (!encoded && announced !== undefined && announced > bytesMax) refuse()

  const chunks: Bytes[] = []
  let read = 0
  if (response.body !== null) {
    const next = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await call.race(work)
      } catch (error) {
        throw call.signal.aborted || error instanceof ProtocolViolation ? error : networkFailure(error, asked)
      }
    }
    const reader = (encoded ? await next(inflated(response.body, bytesMax, refuse)) : response.body).getReader()
    for (;;) {
      const { done, value } = await next(reader.read())
      if (done) break
      read += value.length
      if (read > bytesMax) refuse()
      onBytes(value.length)
      chunks.push(value)
    }
  }
  return { bytes: join(chunks, read), counted: { received: encoded && announced !== undefined ? announced : read, read } }
}

/**
 * A body with its gzip undone, if whoever fetched it has not done so: a `fetch` of one's own, such as a server's in the same process, hands it on as it
 * was sent. No message begins like a gzip member, so that nothing is undone twice by mistake. Calls `refuse` above `bytesMax` bytes before inflating.
 */
const inflated = async (body: ReadableStream<Bytes>, bytesMax: number, refuse: () => never): Promise<ReadableStream<Bytes>> => {
  const reader = body.getReader()
  const begun: Bytes[] = []
  let read = 0
  const pull = async (): Promise<Bytes | undefined> => {
    const { done, value } = await reader.read()
    if (done) return undefined
    read += value.length
    return read > bytesMax ? refuse() : value
  }
  for (let piece = await pull(); piece !== undefined; piece = await pull()) {
    begun.push(piece)
    if (read >= 2) break
  }
  const [first, second] = join(begun, read)
  const whole = new ReadableStream<Bytes>({
    pull: async (controller) => {
      const piece = begun.shift() ?? await pull()
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    },
    cancel: (reason) => reader.cancel(reason),
  })
  return first === 0x1f && second === 0x8b ? whole.pipeThrough(new DecompressionStream("gzip")) : whole
}

const contentLengthOf = (response: Response): number | undefined => {
  const header = response.headers.get("content-length") ?? ""
  return /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

const join = (chunks: readonly Bytes[], length: number): Bytes => {
  const [first] = chunks
  if (chunks.length === 1 && first !== undefined) return first
  const joined = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    joined.set(chunk, offset)
    offset += chunk.length
  }
  return joined
}
