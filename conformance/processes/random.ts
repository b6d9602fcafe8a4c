/** Random numbers that are the same for the same seeds, on every runtime. For choosing, not for secrets. */
export class Random {
  #state: number

  /** Each combination of seeds gives a sequence of its own. */
  constructor(...seeds: readonly number[]) {
    this.#state = 0
    for (const seed of seeds) this.#state = mix(this.#state ^ mix(seed))
  }

  /** A number from 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return (mix(this.#state) >>> 0) / 0x1_0000_0000
  }

  /** An integer from 0, below `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  /** An integer from 1 to `max`, small ones as likely as large ones: each power of two has the same share. */
  spread(max: number): number {
    return Math.min(max, Math.floor(2 ** (this.next() * Math.log2(max + 1))))
  }

  /** The same ones in another order. */
  shuffle<T>(all: readonly T[]): T[] {
    const shuffled = [...all]
    for (let index = shuffled.length - 1; index > 0; index -= 1) {
      const other = this.below(index + 1), one = shuffled[index]!
      shuffled[index] = shuffled[other]!
      shuffled[other] = one
    }
    return shuffled
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }
}

/** Spreads 32 bits over 32 bits (the finalizer of MurmurHash3, by A. Appleby, public domain). */
const mix = (bits: number): number => {
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}
