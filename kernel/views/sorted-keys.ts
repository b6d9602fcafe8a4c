/**
 * The rows of one collection in the order of their keys' bytes, made when somebody asks and merged with what came since.
 *
 * Rows are never removed or renamed, so only new ones have to be sorted. They are compared by the first bytes behind their common
 * prefix, as one number, and by the whole key only where these are equal.
 */
import type { RecordsView } from "./records.ts"

/** Bytes of a key that fit the integers of a double. */
const PREFIX_BYTES = 6

export class SortedKeys {
  readonly #records: RecordsView
  readonly #collection: number
  #rows: Uint32Array = new Uint32Array(0)
  #seen = 0

  constructor(records: RecordsView, collection: number) {
    this.#records = records
    this.#collection = collection
  }

  /** All rows of the collection, deleted ones too, in key order. Valid until the next call. */
  rows(): Uint32Array {
    const { rows } = this.#records
    if (this.#seen === rows.count) return this.#rows
    const fresh: number[] = []
    for (; this.#seen < rows.count; this.#seen++) if (rows.collectionOf(this.#seen) === this.#collection) fresh.push(this.#seen)
    if (fresh.length > 0) this.#rows = this.#merge(this.#sort(fresh))
    return this.#rows
  }

  /** Index of the first row whose key is not below `key`, a range of bytes. */
  lowerBound(key: Uint8Array): number {
    const sorted = this.rows(), { rows, arena } = this.#records
    let low = 0, high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1, row = sorted[middle]!, at = rows.keyAt(row)
      if (isBelow(arena.chunks[rows.chunkOf(row)]!, at, at + rows.keyBytes(row), key)) low = middle + 1
      else high = middle
    }
    return low
  }

  #sort(fresh: readonly number[]): Uint32Array {
    const { rows, arena } = this.#records
    const common = this.#commonPrefix(fresh)
    const prefixes = new Float64Array(fresh.length)
    for (let i = 0; i < fresh.length; i++) {
      const row = fresh[i]!, chunk = arena.chunks[rows.chunkOf(row)]!, at = rows.keyAt(row), end = at + rows.keyBytes(row)
      let prefix = 0
      for (let n = 0, from = at + common; n < PREFIX_BYTES; n++, from++) prefix = prefix * 256 + (from < end ? chunk[from]! : 0)
      prefixes[i] = prefix
    }
    const order = Uint32Array.from(fresh, (_, i) => i)
    let ascending = true
    for (let i = 1; i < order.length && ascending; i++) ascending = prefixes[i]! > prefixes[i - 1]!
    if (!ascending) order.sort((a, b) => prefixes[a]! - prefixes[b]! || this.#records.compareKeys(fresh[a]!, fresh[b]!))
    return order.map((i) => fresh[i]!)
  }

  #commonPrefix(fresh: readonly number[]): number {
    const { rows, arena } = this.#records
    const first = fresh[0]!, chunk = arena.chunks[rows.chunkOf(first)]!, at = rows.keyAt(first)
    let common = rows.keyBytes(first)
    for (const row of fresh) {
      const other = arena.chunks[rows.chunkOf(row)]!, from = rows.keyAt(row), length = Math.min(common, rows.keyBytes(row))
      let same = 0
      while (same < length && other[from + same] === chunk[at + same]) same++
      common = same
      if (common === 0) break
    }
    return common
  }

  #merge(fresh: Uint32Array): Uint32Array {
    const old = this.#rows, merged = new Uint32Array(old.length + fresh.length)
    let left = 0, right = 0
    for (let i = 0; i < merged.length; i++) {
      if (right === fresh.length || (left < old.length && this.#records.compareKeys(old[left]!, fresh[right]!) < 0)) {
        merged[i] = old[left++]!
      } else merged[i] = fresh[right++]!
    }
    return merged
  }
}

function isBelow(bytes: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  const length = Math.min(end - start, key.length)
  for (let i = 0; i < length; i++) {
    const difference = bytes[start + i]! - key[i]!
    if (difference !== 0) return difference < 0
  }
  return end - start < key.length
}
