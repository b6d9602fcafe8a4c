/**
 * A range of keys, by the order of their UTF-8 bytes: from a key on, up to but without another.
 *
 *   gte k, prefix k   from k on                  lt k        up to k
 *   gt k              from k with a zero byte    lte k       up to k with a zero byte
 *                                                prefix k    up to k with its last byte raised
 */
import { InvalidOption } from "../errors.ts"
import { compareBytes, writeUtf8 } from "../format/utf8.ts"
import { checkMembers } from "../arguments.ts"

/** Which keys, and how many; all members together, none: every key. */
export interface RangeQuery {
  readonly prefix?: string | undefined
  readonly gt?: string | undefined
  readonly gte?: string | undefined
  readonly lt?: string | undefined
  readonly lte?: string | undefined
}

/** Bytes of bounds: `from` is inside, `to` is not; `to` undefined: no end. */
export interface KeyRange {
  readonly from: Uint8Array
  readonly to: Uint8Array | undefined
}

const NOTHING = new Uint8Array(0)

function bound(option: string, text: unknown, zero: boolean): Uint8Array {
  if (typeof text !== "string") throw new InvalidOption({ option, found: typeof text, expected: "a string" })
  const bytes = new Uint8Array(text.length * 3 + 1)
  const end = writeUtf8(text, bytes, 0)
  if (end < 0) throw new InvalidOption({ option, found: text, expected: "a well-formed string" })
  return bytes.subarray(0, zero ? end + 1 : end)
}

const compare = (a: Uint8Array, b: Uint8Array): number => compareBytes(a, 0, a.length, b, 0, b.length)
const greater = (a: Uint8Array, b: Uint8Array): Uint8Array => (compare(a, b) > 0 ? a : b)
const lesser = (a: Uint8Array | undefined, b: Uint8Array): Uint8Array => (a === undefined || compare(b, a) < 0 ? b : a)

/** The first bytes that are behind every key with this prefix; undefined: there are none. */
function behindPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length
  while (end > 0 && prefix[end - 1] === 0xff) end--
  if (end === 0) return undefined
  const behind = prefix.slice(0, end)
  behind[end - 1]!++
  return behind
}

/** Members of a {@link RangeQuery}. */
export const RANGE_MEMBERS: readonly string[] = ["prefix", "gt", "gte", "lt", "lte"]

/** Bounds of a query. Throws `InvalidOption` for what is no query, members that are not in `known`, and bounds that are no well-formed strings. */
export function toKeyRange(query: RangeQuery, known: readonly string[] = RANGE_MEMBERS): KeyRange {
  checkMembers("query", query, known)
  let from: Uint8Array = NOTHING, to: Uint8Array | undefined
  if (query.prefix !== undefined) {
    from = bound("prefix", query.prefix, false)
    to = behindPrefix(from)
  }
  if (query.gte !== undefined) from = greater(from, bound("gte", query.gte, false))
  if (query.gt !== undefined) from = greater(from, bound("gt", query.gt, true))
  if (query.lt !== undefined) to = lesser(to, bound("lt", query.lt, false))
  if (query.lte !== undefined) to = lesser(to, bound("lte", query.lte, true))
  return { from, to }
}

/** Is a key, a range of bytes, in the range? */
export const isInRange = (range: KeyRange, bytes: Uint8Array, start: number, end: number): boolean =>
  compareBytes(bytes, start, end, range.from, 0, range.from.length) >= 0 &&
  (range.to === undefined || compareBytes(bytes, start, end, range.to, 0, range.to.length) < 0)
