/**
 * Hint channel: hears of new heads by a stream of events, and where streams do not get through by asking again and again (long-poll).
 *
 *     stream ─── ended ──────────────────────────────────▶ watch resolves; the caller asks again
 *        │
 *        └─ the third in a row that was cut short, or one without an event in 10 s: something on the way holds events back
 *             ▼
 *           long-poll, for 10 minutes: the rest of this watch and the next ones ──▶ watch resolves; the next one tries a stream
 *
 * Bounded whatever the other end does: polls begin at least 250 ms apart, and a second if the one before brought nothing.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { WAIT_MILLIS_MAX } from "../limits.ts"
import type { HintRequests } from "./exchange.ts"
import { HintStream } from "./hint-stream.ts"
import type { Asked } from "./http-failure.ts"
import type { PendingCall } from "./pending-call.ts"

/** So many streams in a row are cut short, and the next ones are not tried. */
export const CUT_STREAMS_MAX = 3
/** How long streams are given up for. */
export const LONG_POLL_MILLIS = 600_000
/** From the beginning of one poll to that of the next, if it brought a head, and if it did not. */
export const POLL_MILLIS_MIN = 250
export const IDLE_POLL_MILLIS_MIN = 1000

/** What carries the channel's requests. */
export interface HintCarrier {
  /** What the requests are, for errors. */
  readonly asked: Asked
  /** A call that ends when the signal aborts or everything is closed. Throws if either has happened. */
  begin(signal: AbortSignal): PendingCall
  /** Opens a stream; resolves with its body once the answer has begun. */
  openStream(body: Bytes, call: PendingCall): Promise<ReadableStreamDefaultReader<Bytes>>
  /** Asks once. */
  poll(body: Bytes, signal: AbortSignal): Promise<Bytes>
}

const START: Cursor = { position: 0, id: new Uint8Array(16) }

export class HintChannel {
  readonly #platform: Platform
  readonly #carrier: HintCarrier
  #cutStreams = 0
  #stopPause: (() => void) | undefined

  constructor(platform: Platform, carrier: HintCarrier) {
    this.#platform = platform
    this.#carrier = carrier
  }

  /** Streams are given up for a while. */
  get isPolling(): boolean {
    return this.#stopPause !== undefined
  }

  /** As `Exchange.watch`. */
  async watch(requests: HintRequests, onHead: (head: Cursor) => void, signal: AbortSignal): Promise<void> {
    if (!this.isPolling && await this.#stream(requests.watch, onHead, signal) === "ended") return
    await this.#poll(requests, onHead, signal)
  }

  /** Calls off its timer. */
  close(): void {
    this.#stopPause?.()
    this.#stopPause = undefined
  }

  async #stream(body: Bytes, onHead: (head: Cursor) => void, signal: AbortSignal): Promise<"ended" | "held_back"> {
    const call = this.#carrier.begin(signal)
    const stream = new HintStream(this.#platform, call, this.#carrier.asked, onHead)
    try {
      const end = await stream.run(() => this.#carrier.openStream(body, call))
      if (end === "held_back") this.#pauseStreams()
      return end
    } finally {
      this.#cutStreams = stream.wasCut ? this.#cutStreams + 1 : 0
      if (this.#cutStreams === CUT_STREAMS_MAX) this.#pauseStreams()
      call.end()
    }
  }

  #pauseStreams(): void {
    this.#cutStreams = 0
    this.#stopPause ??= startTimer(this.#platform, () => this.#stopPause = undefined, LONG_POLL_MILLIS, true)
  }

  /** Asks until streams may be tried again. */
  async #poll(requests: HintRequests, onHead: (head: Cursor) => void, signal: AbortSignal): Promise<void> {
    for (let known = START; this.isPolling;) {
      const call = this.#carrier.begin(signal)
      const [short, long] = [this.#delay(POLL_MILLIS_MIN), this.#delay(IDLE_POLL_MILLIS_MIN)]
      try {
        const head = requests.readHead(await this.#carrier.poll(requests.wait(known, WAIT_MILLIS_MAX), signal))
        const isNews = head.position !== known.position || head.id.some((byte, index) => byte !== known.id[index])
        if (isNews) onHead(known = head)
        await call.race(isNews ? short.over : long.over)
      } finally {
        short.stop()
        long.stop()
        call.end()
      }
    }
  }

  #delay(millis: number): { readonly over: Promise<void>; readonly stop: () => void } {
    let stop = (): void => undefined
    const over = new Promise<void>((resolve) => stop = startTimer(this.#platform, resolve, millis, true))
    return { over, stop: () => stop() }
  }
}
