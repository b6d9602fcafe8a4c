/**
 * The keys of all maps that `checkValue` has open, as ranges of its bytes on one stack, innermost map last; and the search for a key that
 * stands in its map twice.
 *
 * A small map compares prints (length and three bytes) pair by pair, and bytes only where prints are equal. A large one goes through a hash
 * table; if its keys hash badly, by chance or on purpose, they are sorted instead. So no choice of keys costs more than n log n.
 */
import { compareBytes } from "./utf8.ts"

const PAIRWISE_KEYS_MAX = 12
/** Slots that may be looked at in the hash table, per key, before it is given up: about 1.5 are expected. */
const PROBES_PER_KEY_MAX = 8
const STACK_KEYS = 256
const STACK_KEYS_KEPT_MAX = 4096

let starts = new Int32Array(STACK_KEYS)
let ends = new Int32Array(STACK_KEYS)
let prints = new Int32Array(STACK_KEYS)

/** Puts the key in `bytes` from `start` up to `end` at `index` of the stack. */
export const pushKey = (index: number, bytes: Uint8Array, start: number, end: number): void => {
  if (index === starts.length) growStack()
  const length = end - start
  starts[index] = start
  ends[index] = end
  prints[index] = length === 0 ? 0 : (length << 24) ^ (bytes[start]! << 16) ^ (bytes[start + (length >> 1)]! << 8) ^ bytes[end - 1]!
}

const growStack = (): void => {
  const grow = (from: Int32Array): Int32Array<ArrayBuffer> => {
    const to = new Int32Array(from.length * 2)
    to.set(from)
    return to
  }
  starts = grow(starts)
  ends = grow(ends)
  prints = grow(prints)
}

/** Gives back what an unusually large value needed. */
export const releaseKeys = (): void => {
  if (starts.length <= STACK_KEYS_KEPT_MAX) return
  starts = new Int32Array(STACK_KEYS)
  ends = new Int32Array(STACK_KEYS)
  prints = new Int32Array(STACK_KEYS)
}

/** Where a key begins that equals an earlier one among those from `first` up to `last` of the stack; -1 if all differ. */
export const repeatedKey = (bytes: Uint8Array, first: number, last: number): number => {
  if (last - first > PAIRWISE_KEYS_MAX) return repeatedKeyOfMany(bytes, first, last)
  for (let key = first + 1; key < last; key++) {
    const print = prints[key]!
    for (let other = first; other < key; other++) {
      if (prints[other] === print && isSame(bytes, key, other)) return starts[key]!
    }
  }
  return -1
}

const compare = (bytes: Uint8Array, a: number, b: number): number => compareBytes(bytes, starts[a]!, ends[a]!, bytes, starts[b]!, ends[b]!)
const isSame = (bytes: Uint8Array, a: number, b: number): boolean => compare(bytes, a, b) === 0

/** Open addressing over a table that is at most half full; FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), folded. */
const repeatedKeyOfMany = (bytes: Uint8Array, first: number, last: number): number => {
  const count = last - first
  const slots = new Int32Array(1 << (33 - Math.clz32(count)))
  const mask = slots.length - 1
  let probes = count * PROBES_PER_KEY_MAX
  for (let key = first; key < last; key++) {
    let hash = 0x811c9dc5
    for (let at = starts[key]!; at < ends[key]!; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
    let slot = (hash ^ (hash >>> 15)) & mask
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (isSame(bytes, slots[slot]! - 1, key)) return starts[key]!
      if (--probes < 0) return repeatedKeyBySorting(bytes, first, last)
    }
    slots[slot] = key + 1
  }
  return -1
}

const repeatedKeyBySorting = (bytes: Uint8Array, first: number, last: number): number => {
  const order = Int32Array.from({ length: last - first }, (_, index) => first + index)
  order.sort((a, b) => compare(bytes, a, b) || a - b)
  for (let index = 1; index < order.length; index++) {
    if (isSame(bytes, order[index - 1]!, order[index]!)) return starts[order[index]!]!
  }
  return -1
}
