/**
 * Hint stream: one connection over which heads come as server-sent events (`../hints.ts`). What it does not understand is passed over.
 *
 * Bounded whatever the other end does: a line or event is at most 4 KiB, the stream ends by itself after 5 minutes or 1 MiB.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { BYE_EVENT, HEAD_EVENT, parseHint } from "../hints.ts"
import { SILENCE_MILLIS_MAX } from "../limits.ts"
import { EventStreamParser, EventTooLong, type StreamEvent } from "./event-stream.ts"
import { type Asked, networkFailure, silenceFailure, violation } from "./http-failure.ts"
import type { PendingCall } from "./pending-call.ts"

/** A stream that ends sooner was cut by something on the way, or nobody wants to keep it. */
export const SHORT_STREAM_MILLIS = 1000
/** A stream begins with an event; one that has brought none by then is held back. */
export const FIRST_EVENT_MILLIS_MAX = 10_000
/** Servers end streams after a minute; one that is still there then is left. */
export const STREAM_MILLIS_MAX = 300_000
/** A stream is left after so many bytes. */
export const STREAM_BYTES_MAX = 1_048_576

/** Reasons for which a call ends that are seen by nobody else. */
const [HELD_BACK, TOO_OLD] = [Symbol("held back"), Symbol("too old")]

export class HintStream {
  readonly #platform: Platform
  readonly #call: PendingCall
  readonly #asked: Asked
  readonly #onHead: (head: Cursor) => void
  #wasCut = false

  /** `call` is ended by whoever began it. */
  constructor(platform: Platform, call: PendingCall, asked: Asked, onHead: (head: Cursor) => void) {
    this.#platform = platform
    this.#call = call
    this.#asked = asked
    this.#onHead = onHead
  }

  /** It was opened, and ended or broke within a second without a "bye". */
  get wasCut(): boolean {
    return this.#wasCut
  }

  /**
   * Opens the stream and reads it to its end. Resolves with whether anything came through. Rejects as `open` does, with `RemoteUnreachable` when it
   * breaks or is silent for too long, with `ProtocolViolation`, with what `onHead` throws, and with the call's reason.
   */
  async run(open: () => Promise<ReadableStreamDefaultReader<Bytes>>): Promise<"ended" | "held_back"> {
    const firstEvent = this.#call.limit(FIRST_EVENT_MILLIS_MAX, () => HELD_BACK)
    try {
      const reader = await open()
      this.#call.limit(STREAM_MILLIS_MAX, () => TOO_OLD)
      await this.#read(reader, firstEvent.stop)
      return "ended"
    } catch (error) {
      if (error === HELD_BACK) return "held_back"
      if (error === TOO_OLD) return "ended"
      throw error
    }
  }

  async #read(reader: ReadableStreamDefaultReader<Bytes>, onFirstEvent: () => void): Promise<void> {
    const parser = new EventStreamParser()
    const silence = this.#call.limit(SILENCE_MILLIS_MAX, () => silenceFailure(SILENCE_MILLIS_MAX, this.#asked))
    let isYoung = true
    const stopYouth = startTimer(this.#platform, () => isYoung = false, SHORT_STREAM_MILLIS, true)
    try {
      for (let bytes = 0; bytes <= STREAM_BYTES_MAX;) {
        const chunk = await this.#next(reader).catch((error) => {
          this.#wasCut = isYoung && !this.#call.signal.aborted
          throw error
        })
        if (chunk === undefined) {
          this.#wasCut = isYoung
          return
        }
        silence.restart()
        bytes += chunk.length
        for (const event of this.#parse(parser, chunk)) {
          onFirstEvent()
          if (event.type === BYE_EVENT) return
          const head = event.type === HEAD_EVENT ? parseHint(event.data) : undefined
          if (head !== undefined) this.#onHead(head)
        }
      }
    } finally {
      stopYouth()
    }
  }

  /** The next piece; undefined at the end. */
  async #next(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
    try {
      const { done, value } = await this.#call.race(reader.read())
      return done ? undefined : value
    } catch (error) {
      throw this.#call.signal.aborted ? error : networkFailure(error, this.#asked)
    }
  }

  #parse(parser: EventStreamParser, chunk: Bytes): readonly StreamEvent[] {
    try {
      return parser.push(chunk)
    } catch (error) {
      if (error instanceof EventTooLong) throw violation(error.message, this.#asked)
      throw error
    }
  }
}
