/**
 * Hash table from (collection, key) to a row number: open addressing over hashes, linear probing, no deletion.
 *
 * A slot is two 32-bit words, the hash and the row + 1 (0: free). Rows compare their own keys; the table holds none. The hash is
 * seeded per store, so that nobody outside can choose keys that collide.
 */
const LOAD_MAX = 0.7
/** Slots at first; always a power of two. */
const SLOTS_MIN = 64

/** Hash of a key of a collection, 32 bits: MurmurHash3 (Appleby), x86 32-bit variant, the collection mixed into the seed. */
export function hashKey(bytes: Uint8Array, start: number, end: number, collection: number, seed: number): number {
  let hash = seed ^ Math.imul(collection, 0x9e3779b1)
  let at = start
  for (const last = end - 3; at < last; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, 0xcc9e2d51)
    word = (word << 15) | (word >>> 17)
    hash ^= Math.imul(word, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let shift = 0; at < end; at++, shift += 8) tail |= bytes[at]! << shift
  tail = Math.imul(tail, 0xcc9e2d51)
  tail = (tail << 15) | (tail >>> 17)
  hash ^= Math.imul(tail, 0x1b873593)
  hash ^= end - start
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

export class KeyTable {
  #slots: Uint32Array = new Uint32Array(SLOTS_MIN * 2)
  #mask = SLOTS_MIN - 1
  #used = 0

  /** Bytes of the table. */
  get bytes(): number {
    return this.#slots.byteLength
  }

  /** The slot at which a search for `hash` begins; {@link next} goes on from there. */
  first(hash: number): number {
    return hash & this.#mask
  }

  /** The slot after `slot`. */
  next(slot: number): number {
    return (slot + 1) & this.#mask
  }

  /** The row in a slot whose hash is `hash`; -1 for a slot of another hash, -2 for a free one: the search ends. */
  rowAt(slot: number, hash: number): number {
    const row = this.#slots[slot * 2 + 1]!
    if (row === 0) return -2
    return this.#slots[slot * 2] === hash ? row - 1 : -1
  }

  /**
   * Reads the slots of many hashes before they are searched one after another. Slots lie far apart in memory; here the processor waits
   * for all of them at once. Answers a sum that means nothing, so that the reads are not left out.
   */
  touch(hashes: Uint32Array, count: number): number {
    const slots = this.#slots, mask = this.#mask
    let sum = 0
    for (let i = 0; i < count; i++) sum ^= slots[(hashes[i]! & mask) * 2]!
    return sum
  }

  /** Adds a row that is not in the table. */
  add(hash: number, row: number): void {
    if (this.#used >= (this.#mask + 1) * LOAD_MAX) this.#grow()
    this.#put(hash, row + 1)
    this.#used++
  }

  #put(hash: number, value: number): void {
    const slots = this.#slots, mask = this.#mask
    let slot = hash & mask
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask
    slots[slot * 2] = hash
    slots[slot * 2 + 1] = value
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(old.length * 2)
    this.#mask = old.length - 1
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.#put(old[i]!, old[i + 1]!)
  }
}
