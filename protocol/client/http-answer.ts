/** HTTP answer: its body, counted while it arrives and cut off at a limit. */
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
 * Reads the whole body; `onBytes` is told of every piece. Rejects with `ProtocolViolation` as soon as it has more than `bytesMax` bytes after
 * inflating, with `RemoteUnreachable` if it breaks off, and with the call's reason once that ends. The connection is given up by `call.end()`.
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
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await call.race(reader.read()).catch((error) => {
        throw call.signal.aborted ? error : networkFailure(error, asked)
      })
      if (done) break
      read += value.length
      if (read > bytesMax) refuse()
      onBytes(value.length)
      chunks.push(value)
    }
  }
  return { bytes: join(chunks, read), counted: { received: encoded && announced !== undefined ? announced : read, read } }
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
