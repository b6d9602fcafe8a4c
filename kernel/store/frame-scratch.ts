import type { BlockColumns } from "../format/block-columns.ts"

/** Keys that were written earlier in the frame that is being built: a hash table over the rows of its block, used again and again. */
export class FrameScratch {
  #slots = new Int32Array(64)
  #mask = 63
  #used = 0

  /** Forgets all rows. */
  clear(): void {
    if (this.#used > 0) this.#slots.fill(0)
    this.#used = 0
  }

  /** The last row of `block` with this key, a range of `keys`, and collection; or -1. */
  find(hash: number, block: BlockColumns, collection: number, keys: Uint8Array, start: number, end: number): number {
    const { hashes, collections, keyStarts, keyEnds } = block
    for (let slot = hash & this.#mask;; slot = (slot + 1) & this.#mask) {
      const row = this.#slots[slot]! - 1
      if (row < 0) return -1
      if (hashes[row] !== hash || collections[row] !== collection || keyEnds[row]! - keyStarts[row]! !== end - start) continue
      let at = start
      for (let other = keyStarts[row]!; at < end && keys[at] === keys[other]; at++) other++
      if (at === end) return row
    }
  }

  /** Puts a row in, or in place of the earlier row `before` of the same key (-1: there is none). */
  put(hash: number, row: number, before: number, hashes: Uint32Array): void {
    if (before < 0 && this.#used * 2 > this.#mask) this.#grow(hashes)
    for (let slot = hash & this.#mask;; slot = (slot + 1) & this.#mask) {
      const there = this.#slots[slot]! - 1
      if (there !== before && there >= 0) continue
      this.#slots[slot] = row + 1
      if (there < 0) this.#used++
      return
    }
  }

  #grow(hashes: Uint32Array): void {
    const old = this.#slots
    this.#slots = new Int32Array(old.length * 2)
    this.#mask = this.#slots.length - 1
    for (const value of old) {
      if (value === 0) continue
      let slot = hashes[value - 1]! & this.#mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#slots[slot] = value
    }
  }
}
