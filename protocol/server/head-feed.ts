/**
 * Head feed: the hints that one listener gets. Only the newest head is kept for it, so a slow listener costs as much memory as a fast one.
 *
 *   onHead ──▶ newest head ──▶ next() ──▶ the stream's writer, one at a time
 *              beat ────────▶
 *              end ─────────▶ bye, then nothing
 *
 *   beat       every 15 to 20 s, after the listener's rights were looked up again
 *   lifetime   60 s, a sixth more or less, so that a server's listeners do not come back at once
 *   slow       two beats long nothing was taken: it is dropped, without a word
 */
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { WATCH_MILLIS } from "../limits.ts"

const BEAT_MILLIS_MIN = 15_000
const BEAT_JITTER_MILLIS = 5000
const LIFETIME_JITTER_MILLIS: number = WATCH_MILLIS / 3
const STALLED_BEATS_MAX = 2

export type HintEvent = { readonly kind: "head"; readonly head: Cursor } | { readonly kind: "beat" } | { readonly kind: "bye" } | {
  readonly kind: "end"
}

/** Why a feed ended: on purpose, so that the listener may come again at once; or because nobody listens any more. */
export type FeedEnd = "bye" | "dropped"

export interface HeadFeedOptions {
  readonly platform: Platform
  /** Looked at with every beat; false ends the feed. A rejection counts as false. */
  readonly isAllowed: () => Promise<boolean>
  /** Called once, when the feed has ended and before its last event is taken. */
  readonly onEnd: () => void
}

const BEAT: HintEvent = { kind: "beat" }, BYE: HintEvent = { kind: "bye" }, END: HintEvent = { kind: "end" }

/** A number from 0 to 1, from the platform. */
export const randomShare = (platform: Platform): number => new DataView(platform.randomBytes(4).buffer).getUint32(0) / 0x1_0000_0000

export class HeadFeed {
  readonly #options: HeadFeedOptions
  #head: Cursor | undefined
  #isBeatDue = false
  #stalledBeats = 0
  #end: FeedEnd | undefined
  #hasSaidBye = false
  #wake: (() => void) | undefined
  #cancelBeat: () => void
  readonly #cancelLifetime: () => void

  constructor(options: HeadFeedOptions) {
    const { platform } = options
    this.#options = options
    this.#cancelBeat = this.#startBeat()
    const lifetimeMillis = WATCH_MILLIS + (randomShare(platform) - 0.5) * LIFETIME_JITTER_MILLIS
    this.#cancelLifetime = startTimer(platform, () => this.end("bye"), lifetimeMillis, true)
  }

  /** Has it ended, whether or not its last event was taken? */
  get isEnded(): boolean {
    return this.#end !== undefined
  }

  /** Tells the listener of a head; one that it has not taken yet is forgotten. */
  tell(head: Cursor): void {
    if (this.#end !== undefined) return
    this.#head = head
    this.#wake?.()
  }

  /** Ends it. Idempotent; the first reason counts. */
  end(reason: FeedEnd): void {
    if (this.#end !== undefined) return
    this.#end = reason
    this.#head = undefined
    this.#cancelBeat()
    this.#cancelLifetime()
    this.#options.onEnd()
    this.#wake?.()
  }

  /** The next event, once there is one; "end" after the last, as often as asked. One call at a time. */
  async next(): Promise<HintEvent> {
    for (;;) {
      this.#stalledBeats = 0
      if (this.#end === "bye" && !this.#hasSaidBye) {
        this.#hasSaidBye = true
        return BYE
      }
      if (this.#end !== undefined) return END
      if (this.#head !== undefined) {
        const head = this.#head
        this.#head = undefined
        this.#isBeatDue = false
        return { kind: "head", head }
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false
        return BEAT
      }
      await new Promise<void>((resolve) => this.#wake = resolve)
      this.#wake = undefined
    }
  }

  #startBeat(): () => void {
    const { platform } = this.#options
    return startTimer(platform, () => void this.#beat(), BEAT_MILLIS_MIN + randomShare(platform) * BEAT_JITTER_MILLIS, true)
  }

  async #beat(): Promise<void> {
    if (this.#wake === undefined && ++this.#stalledBeats >= STALLED_BEATS_MAX) return this.end("dropped")
    this.#isBeatDue = true
    this.#cancelBeat = this.#startBeat()
    if (!await this.#options.isAllowed().catch(() => false)) return this.end("bye")
    this.#wake?.()
  }
}
