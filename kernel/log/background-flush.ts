/**
 * Background flush: what was stored since the last one is put onto the device a while later, however many writes come meanwhile.
 *
 *   start() ── BACKGROUND_FLUSH_MILLIS ──▶ flush()        a start while one is due changes nothing
 *       end() calls it off
 *
 * So at `durability: "normal"` a power loss costs at most the writes of that while. The timer keeps no process alive.
 */
import { BACKGROUND_FLUSH_MILLIS } from "../limits.ts"
import { type Platform, startTimer } from "../ports/platform.ts"

export class BackgroundFlush {
  readonly #platform: Platform
  readonly #flush: () => void
  #callOff: (() => void) | undefined

  /** `flush` is called when it is time; it sees to its own errors. */
  constructor(platform: Platform, flush: () => void) {
    this.#platform = platform
    this.#flush = flush
  }

  /** To be called after each write: something is to be flushed. */
  start(): void {
    this.#callOff ??= startTimer(this.#platform, this.#due, BACKGROUND_FLUSH_MILLIS, true)
  }

  /** Calls off the flush that is due. */
  end(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }

  readonly #due = (): void => {
    this.#callOff = undefined
    this.#flush()
  }
}
