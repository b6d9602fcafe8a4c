/** A platform whose time passes only in `run`: timers fire one by one, and everything that follows from one ends before the next. */
import { setImmediate } from "node:timers"
import { TestPlatform } from "../../../testing/platform.ts"

interface Timer {
  readonly at: number
  readonly callback: () => void
  readonly background: boolean
}

/** Lets everything run that is ready; waits for no time. */
export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export class SimulatedTime extends TestPlatform {
  readonly #timers = new Set<Timer>()
  /** Milliseconds that truly passed; `millis` is what the clock shows. */
  #elapsed = 0

  readonly startTimer = (callback: () => void, delayMillis: number, background: boolean): () => void => {
    if (!(delayMillis >= 0 && delayMillis <= 2_147_483_647)) throw new RangeError(`no timer takes ${delayMillis} ms`)
    const timer = { at: this.#elapsed + delayMillis, callback, background }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  get elapsedMillis(): number {
    return this.#elapsed
  }

  /** Timers that wait, and those of them that would keep a process alive. */
  get waiting(): { readonly all: number; readonly holding: number } {
    return { all: this.#timers.size, holding: [...this.#timers].filter(({ background }) => !background).length }
  }

  /** Time passes. */
  async run(millis: number = 0): Promise<void> {
    const end = this.#elapsed + millis
    await settle()
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#pass(timer.at)
      timer.callback()
      await settle()
    }
    this.#pass(end)
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer
    return next
  }

  #pass(until: number): void {
    this.millis += until - this.#elapsed
    this.#elapsed = until
  }
}
