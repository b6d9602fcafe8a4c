/** A platform whose time a test moves by hand, timers with it; one that asks for no delay only lets others run, and is not waited for. */
import { TestPlatform } from "../../../kernel/testing/platform.ts"
import { turn } from "../../../kernel/testing/gate.ts"

interface Timer {
  readonly at: number
  readonly callback: () => void
}

export class HandPlatform extends TestPlatform {
  readonly #timers = new Set<Timer>()

  /** Timers that have not run. */
  get timers(): number {
    return this.#timers.size
  }

  readonly startTimer = (callback: () => void, delayMillis: number): () => void => {
    if (delayMillis <= 0) {
      const soon = setTimeout(callback)
      return () => clearTimeout(soon)
    }
    const timer = { at: this.millis + delayMillis, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Lets `millis` pass: runs what is due in its order, and all that follows from it. */
  async advance(millis: number): Promise<void> {
    const until = this.millis + millis
    await turn()
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers.delete(next)
      this.millis = Math.max(this.millis, next.at)
      next.callback()
      await turn()
    }
    this.millis = until
  }
}
