/**
 * Token bucket: so many at once, and so many more as time passes. What is taken beyond is owed and waited for.
 *
 * It looks at a clock of the wall. One that is set back gives nothing for the time that passes twice; one that is set forward fills it once.
 */

/** What sums of fractions may be wrong by. */
const ROUNDING = 1e-6

export class TokenBucket {
  readonly #now: () => number
  readonly #capacity: number
  readonly #tokensPerMilli: number
  #tokens: number
  #at: number

  /** Full at first. `tokensPerMilli` is above 0. */
  constructor(now: () => number, capacity: number, tokensPerMilli: number) {
    this.#now = now
    this.#capacity = capacity
    this.#tokensPerMilli = tokensPerMilli
    this.#tokens = capacity
    this.#at = now()
  }

  /** Milliseconds until there is a whole token; 0 when there is. */
  get waitMillis(): number {
    this.#pour()
    const lacking = 1 - this.#tokens
    return lacking < ROUNDING ? 0 : Math.ceil(lacking / this.#tokensPerMilli - ROUNDING)
  }

  /** Takes tokens, also such as are not there yet. */
  take(tokens: number): void {
    this.#pour()
    this.#tokens -= tokens
  }

  /** Makes it full. */
  fill(): void {
    this.#tokens = this.#capacity
  }

  /** Adds what time has brought. */
  #pour(): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#capacity, this.#tokens + Math.max(0, now - this.#at) * this.#tokensPerMilli)
    this.#at = now
  }
}
