/** Values that are no states, and states that somebody changed: by accident, or to make the reader do much for little. */
import type { RandomNumber } from "./trial.ts"

/** Values of every kind that a log can hold. */
export const FOREIGN_VALUES: readonly { readonly what: string; readonly value: unknown }[] = [
  { what: "null", value: null },
  { what: "true", value: true },
  { what: "0", value: 0 },
  { what: "NaN", value: NaN },
  { what: "2^53", value: 2 ** 53 },
  { what: "a bigint", value: 2n ** 64n - 1n },
  { what: "an empty string", value: "" },
  { what: "a string", value: "rubbish" },
  { what: "a date", value: new Date(0) },
  { what: "an empty binary", value: new Uint8Array(0) },
  { what: "a binary of one zero", value: new Uint8Array(1) },
  { what: "a binary of zeros", value: new Uint8Array(64) },
  { what: "a binary of ones", value: new Uint8Array(64).fill(0xff) },
  { what: "an empty array", value: [] },
  { what: "an array of null", value: [null] },
  { what: "arrays in arrays", value: [[[], [[]]], [1, ["x"]]] },
  { what: "an empty object", value: {} },
  { what: "an object", value: { constructor: 1, length: 2 ** 31, state: null } },
  { what: "an object with prototypes", value: { constructor: { prototype: { polluted: true } } } },
]

const NUMBERS = [0, 1, -1, 0.5, NaN, Infinity, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, 1e300]
/** Varints of all ones: in many formats, a very large number. */
const HUGE = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

const below = (random: RandomNumber, bound: number): number => Math.floor(random() * bound)
const pick = <T>(random: RandomNumber, list: readonly T[]): T => list[below(random, list.length)] as T

/** `value` with one or several changes somewhere in it. */
export const damaged = (value: unknown, random: RandomNumber): unknown => {
  let changed = value
  for (let left = 1 + below(random, 3); left > 0; left--) changed = damagedOnce(changed, random)
  return changed
}

const damagedOnce = (value: unknown, random: RandomNumber): unknown => {
  if (below(random, 20) === 0) return pick(random, FOREIGN_VALUES).value
  if (typeof value === "number") return pick(random, [...NUMBERS, value + 1, value - 1, -value])
  if (typeof value === "bigint") return pick(random, [0n, -1n, 2n ** 63n])
  if (typeof value === "boolean") return !value
  if (typeof value === "string") return pick(random, ["", value.slice(1), `${value}x`, "constructor", value.repeat(2)])
  if (value instanceof Uint8Array) return damagedBytes(value, random)
  if (value instanceof Date) return new Date(pick(random, [0, -1, 8.64e15]))
  if (Array.isArray(value)) return damagedArray(value, random)
  if (typeof value === "object" && value !== null) return damagedObject(Object.entries(value), random)
  return pick(random, FOREIGN_VALUES).value
}

const damagedBytes = (bytes: Uint8Array, random: RandomNumber): Uint8Array => {
  const at = below(random, bytes.length + 1), head = bytes.subarray(0, at), tail = bytes.subarray(at)
  switch (below(random, 6)) {
    case 0:
      return head.slice()
    case 1:
      return Uint8Array.of(...head, below(random, 256), ...tail)
    case 2:
      return Uint8Array.of(...head, ...HUGE, ...tail.subarray(below(random, 4)))
    case 3:
      return Uint8Array.of(...head, ...tail.subarray(0, 16), ...tail)
    case 4:
      return Uint8Array.of(...head, pick(random, [0, 0x7f, 0x80, 0xff]), ...tail.subarray(1))
    default:
      return Uint8Array.of(...head, (tail[0] ?? 0) ^ (1 << below(random, 8)), ...tail.subarray(1))
  }
}

const damagedArray = (list: readonly unknown[], random: RandomNumber): readonly unknown[] => {
  const at = below(random, list.length + 1)
  switch (below(random, 5)) {
    case 0:
      return list.toSpliced(at, 1)
    case 1:
      return list.toSpliced(at, 0, pick(random, [...list, null]))
    case 2:
      return list.toReversed()
    case 3:
      return [...list, ...list]
    default:
      return list.map((one, index) => index === at ? damagedOnce(one, random) : one)
  }
}

const damagedObject = (entries: readonly (readonly [string, unknown])[], random: RandomNumber): object => {
  const at = below(random, entries.length + 1)
  if (below(random, 4) === 0) return Object.fromEntries(entries.toSpliced(at, 1))
  if (below(random, 4) === 0) {
    return Object.fromEntries([...entries, [pick(random, ["", "x", "constructor", "length"]), pick(random, NUMBERS)]])
  }
  return Object.fromEntries(entries.map(([name, one], index) => [name, index === at ? damagedOnce(one, random) : one]))
}
