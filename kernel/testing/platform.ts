/** Platforms whose time and randomness belong to a test. */
import type { Platform } from "../ports/platform.ts"

/** Time that moves only when it is told to, or by `stepMillis` whenever somebody looks; randomness from a seed. */
export class TestPlatform implements Platform {
  millis: number
  /** Milliseconds that pass with each look at the clock. */
  stepMillis: number = 0
  #state: number

  constructor(seed: number = 1, millis: number = Date.UTC(2026, 0, 1)) {
    this.millis = millis
    this.#state = seed
  }

  readonly now = (): number => this.millis += this.stepMillis

  /** SplitMix32 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators"), a byte of each number. */
  readonly randomBytes = (length: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) {
      this.#state = (this.#state + 0x9e3779b9) | 0
      let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x21f0aaad)
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
      bytes[i] = mixed ^ (mixed >>> 15)
    }
    return bytes
  }
}

/** A timer that has not fired. */
export interface WaitingTimer {
  readonly dueMillis: number
  readonly background: boolean
}

/** Time and timers that move only with `advance()`: nothing that waits here ends by itself. */
export class TimedPlatform extends TestPlatform {
  readonly #timers: (WaitingTimer & { readonly callback: () => void })[] = []

  /** The timers that wait, in the order of their calls. */
  get timers(): WaitingTimer[] {
    return this.#timers.map(({ dueMillis, background }) => ({ dueMillis, background }))
  }

  readonly startTimer = (callback: () => void, delayMillis: number, background: boolean): () => void => {
    const timer = { callback, dueMillis: this.millis + delayMillis, background }
    this.#timers.push(timer)
    return () => this.#remove(timer)
  }

  /** Lets `millis` pass: the timers that come due meanwhile fire one by one, those of one time in the order of their calls. */
  advance(millis: number): void {
    const end = this.millis + millis
    for (;;) {
      const [next] = this.#timers.filter(({ dueMillis }) => dueMillis <= end).sort((a, b) => a.dueMillis - b.dueMillis)
      if (next === undefined) break
      this.#remove(next)
      this.millis = Math.max(this.millis, next.dueMillis)
      next.callback()
    }
    this.millis = end
  }

  #remove(timer: WaitingTimer): void {
    const index = this.#timers.findIndex((other) => other === timer)
    if (index >= 0) this.#timers.splice(index, 1)
  }
}
