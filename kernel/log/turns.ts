/**
 * Turns: sees to it that timers and events come to their turn, however long a storage that answers at once keeps a store going.
 *
 *   due() ── 50 ms ──▶ a timer of 0 ms is set ── it ran: the event loop turns by itself, begin again
 *                                             └─ 50 ms later it has not: wait for it
 *
 * So whoever waits between writes never waits for this, and others wait for a millisecond in a hundred.
 */
import { type Platform, startTimer } from "../ports/platform.ts"

const TURN_MILLIS = 50

export class Turns {
  readonly #platform: Platform
  readonly #now: () => number
  #since = 0
  #timer: Promise<void> | undefined

  /** Time and the timer are those of `platform`. */
  constructor(platform: Platform) {
    this.#platform = platform
    this.#now = platform.now
  }

  /** To be asked between steps of work: a promise, if the event loop has to turn before the next one. */
  due(): Promise<void> | undefined {
    const now = this.#now(), elapsed = now - this.#since
    if (elapsed >= 0 && elapsed < TURN_MILLIS) return undefined
    if (this.#timer !== undefined) return this.#timer
    this.#since = now
    this.#timer = new Promise((resolve) =>
      void startTimer(this.#platform, () => {
        this.#timer = undefined
        this.#since = this.#now()
        resolve()
      }, 0)
    )
    return undefined
  }
}
