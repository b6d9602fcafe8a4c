/**
 * Hints: what the live channel says of the remote's head. They may be lost, doubled, late or forged, and cost requests at most: a hint asks for a pull
 * if its head is not the cursor's already, and one remote gets few pulls for nothing.
 */
import * as Effect from "effect/Effect"
import { NoProgress } from "../../errors.ts"
import type { Cursor } from "../../ports/remote.ts"
import type { Stall } from "./stall.ts"
import { TokenBucket } from "./token-bucket.ts"

/** So many pulls for nothing in a row, and as many more as time allows, are no reason to doubt the hints. */
const FRUITLESS_MAX = 5
const FRUITLESS_PER_MILLI = 1 / 10_000

/** Asks for nothing if the log stands there already, or further: a hint that comes late. What was lost by the remote, its next pull tells. */
const isNews = (head: Cursor, cursor: Cursor): boolean =>
  head.position > cursor.position || head.position === cursor.position && head.id.some((byte, i) => byte !== cursor.id[i])

export class Hints {
  readonly #stall: Stall
  readonly #fruitless: TokenBucket
  #head: Cursor | undefined

  /** Hints that come to nothing wait in `stall`. */
  constructor(stall: Stall, now: () => number) {
    this.#stall = stall
    this.#fruitless = new TokenBucket(now, FRUITLESS_MAX, FRUITLESS_PER_MILLI)
  }

  note(head: Cursor): void {
    if (this.#head === undefined || head.position >= this.#head.position) this.#head = head
  }

  /** Is a pull asked for by a log that stands at `cursor()`? */
  isDue(cursor: () => Cursor): boolean {
    return this.#head !== undefined && this.#stall.isOpen && isNews(this.#head, cursor())
  }

  /** A pull begins: hints that came before count no more. */
  take(): void {
    this.#head = undefined
  }

  /** A pull has ended that only a hint had asked for. */
  judge(remote: string, isFruitful: boolean): Effect.Effect<void> {
    if (isFruitful) {
      this.#fruitless.fill()
      this.#stall.succeed()
      return Effect.void
    }
    this.#fruitless.take(1)
    if (this.#fruitless.waitMillis === 0) return Effect.void
    return this.#stall.fail(new NoProgress({ remote, call: "pull", reason: "it announces what a pull does not find, again and again" }))
  }
}
