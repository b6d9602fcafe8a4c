/**
 * Bodies of requests, read from the raw stream and counted there. What headers say of a length is believed in one case: a body that announces
 * too much is refused before it is read.
 *
 *   stream ──▶ count (bodyBytesMax) ──▶ [slices ▶ inflate] ──▶ count (inflatedBytesMax) ──▶ one array of bytes
 *                  │                                               │
 *                time (bodySecondsMax, bodyBytesPerSecondMin)      memory (heldBytesMax)
 *
 * Compressed bytes go into the decompressor in small slices, each drained before the next, so that a body of zeros cannot become a megabyte
 * a kilobyte before somebody counts. Time is counted in ticks of a timer, not by a clock: clocks are set.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import { wireError } from "../errors.ts"
import type { ContentEncoding } from "./headers.ts"
import type { BytesClaim } from "./held-bytes.ts"
import type { ServerLimits } from "./limits.ts"

/** Compressed bytes that are inflated at a time: at most 1,032 times as many come out (RFC 1951: 258 bytes for two bits). */
const SLICE_BYTES = 8192
const TICK_MILLIS = 1000
/** Ticks before the least rate is asked for. */
const GRACE_TICKS = 5

export interface BodyOptions {
  readonly limits: ServerLimits
  readonly platform: Platform
  /** Claims the memory that the body takes. */
  readonly claim: BytesClaim
  /** Told how many bytes arrived, as they arrive. */
  readonly onBytes: (bytes: number) => void
}

/** What ends a body early; the first one counts. */
interface Ending {
  failure: Error | undefined
}

/**
 * The body of a request, its encoding undone. `null` is a request without one.
 *
 * Throws `body_too_large`, `request_timeout`, `overloaded`, or `body_damaged` where it is not what its encoding says or breaks off. The
 * stream is then cancelled; how a runtime ends the connection is its own.
 */
export async function readBody(
  request: { readonly body: ReadableStream<Uint8Array> | null; readonly headers: Headers },
  encoding: ContentEncoding,
  options: BodyOptions,
): Promise<Bytes> {
  const { limits } = options
  const announced = Number(request.headers.get("content-length") ?? 0)
  if (announced > limits.bodyBytesMax) throw tooLarge("announces", announced, limits.bodyBytesMax)
  if (request.body === null) return new Uint8Array(0)
  const reader = request.body.getReader()
  const ending: Ending = { failure: undefined }
  const progress = { bytes: 0 }
  const give = (failure: Error): void => {
    ending.failure ??= failure
    reader.cancel().catch(() => {})
  }
  const stopClock = watchClock(options, progress, give)
  const gathered = new Gathered(
    options,
    encoding === "none" ? Math.min(limits.bodyBytesMax, limits.inflatedBytesMax) : limits.inflatedBytesMax,
  )
  const sink: Sink = encoding === "none" ? gathered : new Inflater(gathered)
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw ending.failure ?? wireError("body_damaged", "the body broke off", { cause })
      })
      if (ending.failure !== undefined) throw ending.failure
      if (done) break
      progress.bytes += value.length
      options.onBytes(value.length)
      if (progress.bytes > limits.bodyBytesMax) throw tooLarge("has", progress.bytes, limits.bodyBytesMax)
      await sink.write(value)
    }
    await sink.end()
    return gathered.join()
  } catch (failure) {
    sink.cancel()
    reader.cancel().catch(() => {})
    throw failure
  } finally {
    stopClock()
  }
}

const tooLarge = (verb: string, bytes: number, bytesMax: number): Error =>
  wireError("body_too_large", `the body ${verb} ${bytes} bytes, at most ${bytesMax} are taken`, { details: { bytesMax } })

/** Ends the body when its time is over or it comes too slowly. Answers what stops the clock. */
function watchClock(
  { limits, platform }: BodyOptions,
  progress: { readonly bytes: number },
  give: (failure: Error) => void,
): () => void {
  let ticks = 0
  const tick = (): void => {
    ticks++
    if (ticks >= limits.bodySecondsMax) {
      give(wireError("request_timeout", `the body did not arrive within ${limits.bodySecondsMax} s`))
    } else if (progress.bytes < (ticks - GRACE_TICKS) * limits.bodyBytesPerSecondMin) {
      give(wireError("request_timeout", `the body brings less than ${limits.bodyBytesPerSecondMin} bytes a second`))
    } else stop = startTimer(platform, tick, TICK_MILLIS, true)
  }
  let stop = startTimer(platform, tick, TICK_MILLIS, true)
  return () => stop()
}

interface Sink {
  write(chunk: Uint8Array): Promise<void> | void
  end(): Promise<void> | void
  cancel(): void
}

/** What came out so far. */
class Gathered implements Sink {
  readonly #options: BodyOptions
  readonly #bytesMax: number
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(options: BodyOptions, bytesMax: number) {
    this.#options = options
    this.#bytesMax = bytesMax
  }

  write(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#bytes > this.#bytesMax) {
      throw wireError("body_too_large", `the body has more than ${this.#bytesMax} bytes once its encoding is undone`, {
        details: { bytesMax: this.#bytesMax },
      })
    }
    this.#options.claim.add(chunk.length)
    this.#chunks.push(chunk)
  }

  end(): void {}

  cancel(): void {
    this.#chunks.length = 0
  }

  join(): Bytes {
    const joined = new Uint8Array(this.#bytes)
    let at = 0
    for (const chunk of this.#chunks) {
      joined.set(chunk, at)
      at += chunk.length
    }
    this.#chunks.length = 0
    return joined
  }
}

/** Inflates what it is given into another sink, with the web's own streams: they are on every runtime. */
class Inflater implements Sink {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  /** Rejects with what the other sink throws, or with what the decompressor says of the bytes. */
  readonly #drained: Promise<void>

  constructor(to: Sink) {
    const stream = new DecompressionStream("gzip")
    this.#writer = stream.writable.getWriter()
    this.#reader = stream.readable.getReader()
    this.#writer.closed.catch(() => {})
    this.#drained = this.#drain(to)
    this.#drained.catch(() => {})
  }

  async #drain(to: Sink): Promise<void> {
    for (;;) {
      const { done, value } = await this.#reader.read().catch((cause) => {
        throw wireError("body_damaged", "the body is no gzip", { cause })
      })
      if (done) return
      try {
        await to.write(value)
      } catch (failure) {
        this.#reader.cancel().catch(() => {})
        throw failure
      }
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      await this.#settle(this.#writer.write(chunk.slice(at, at + SLICE_BYTES)))
    }
  }

  async end(): Promise<void> {
    await this.#settle(this.#writer.close())
    await this.#drained
  }

  /** Waits for a step of the writing side; the reading side knows best why one fails. */
  async #settle(step: Promise<void>): Promise<void> {
    try {
      // A writer that waits for a reader which has given up would wait for ever.
      await Promise.race([step, this.#drained.then(() => step)])
    } catch (cause) {
      step.catch(() => {})
      await this.#drained
      throw wireError("body_damaged", "the body cannot be inflated", { cause })
    }
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {})
    this.#writer.abort().catch(() => {})
  }
}
