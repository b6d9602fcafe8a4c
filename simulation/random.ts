/** Chance of one run: a seeded generator, the only source of it. */
import type { Bytes } from "../kernel/ports/log-storage.ts"

/** mulberry32 (Tommy Ettinger, 2017): 32 bits of state, good enough to choose with. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed, 2654435761) >>> 0
  }

  /** An integer from 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** From 0 to below 1. */
  next(): number {
    return this.uint32() / 4294967296
  }

  /** An integer from 0 to `count - 1`. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** True in the given share of calls; a share of 0 takes no chance at all. */
  chance(share: number): boolean {
    return share > 0 && this.next() < share
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)]
    if (picked === undefined) throw new Error("nothing to pick from")
    return picked
  }

  bytes(length: number): Bytes {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      const word = this.uint32()
      for (let shift = 0; shift < 4 && at + shift < length; shift++) bytes[at + shift] = word >>> (8 * shift)
    }
    return bytes
  }

  /** A generator of its own, so that what one part of a run draws does not depend on the others. */
  fork(): Random {
    return new Random(this.uint32())
  }
}
