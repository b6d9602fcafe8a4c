/**
 * Keep-alive: holds the process while somebody waits for syncing, so that `await handle.sync()` at the end of a program comes to its end. Every other
 * timer of the engine is of the background.
 */
import { type Platform, startTimer } from "../../ports/platform.ts"

const HOLD_MILLIS = 60_000

export class KeepAlive {
  readonly #platform: Platform
  #waiting = 0
  #release = (): void => {}

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** Holds the process until `promise` has ended. */
  async during<T>(promise: Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#hold()
    try {
      return await promise
    } finally {
      if (--this.#waiting === 0) this.#release()
    }
  }

  #hold(): void {
    this.#release = startTimer(this.#platform, () => this.#hold(), HOLD_MILLIS, false)
  }
}
