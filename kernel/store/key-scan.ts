/** Scans: records of one collection in key order, page by page, so that writes may go on in between. */
import { InvalidOption } from "../errors.ts"
import { compareBytes } from "../format/utf8.ts"
import { textOf } from "../text.ts"
import { abortable } from "../abortable.ts"
import { checkFlag, checkSignal } from "../arguments.ts"
import { type KeyRange, RANGE_MEMBERS, type RangeQuery, toKeyRange } from "./key-range.ts"
import type { StoreCore } from "./store-core.ts"
import type { KeyValue, ListQuery } from "./types.ts"

const LIST_MEMBERS: readonly string[] = [...RANGE_MEMBERS, "reverse", "limit", "signal"]
/** Records that are decoded before the consumer is asked again, and the bytes of their values at which there are enough of them. */
const PAGE_RECORDS = 256
const PAGE_BYTES = 1_048_576

/** Live rows of a range, at most `limit`, from the end if `reverse`. */
function rowsIn(core: StoreCore, collection: number, range: KeyRange, reverse: boolean, limit: number): number[] {
  const { records } = core, sorted = core.sorted(collection), rows = sorted.rows(), found: number[] = []
  const first = sorted.lowerBound(range.from), end = range.to === undefined ? rows.length : sorted.lowerBound(range.to)
  if (reverse) {
    for (let at = end - 1; at >= first && found.length < limit; at--) if (!records.isDeleted(rows[at]!)) found.push(rows[at]!)
  } else {
    for (let at = first; at < end && found.length < limit; at++) if (!records.isDeleted(rows[at]!)) found.push(rows[at]!)
  }
  return found
}

/** The first of these rows, at least one, up to those whose values make a page. */
function firstBytes(core: StoreCore, found: readonly number[]): readonly number[] {
  let bytes = 0, end = 0
  while (end < found.length && bytes < PAGE_BYTES) bytes += core.records.rows.valueBytes(found[end++]!)
  return end === found.length ? found : found.slice(0, end)
}

/** Live records in a range. */
export function countRange(core: StoreCore, collection: number, query: RangeQuery): number {
  return rowsIn(core, collection, toKeyRange(query), false, Infinity).length
}

function limitOf(query: ListQuery): number {
  const { limit } = query
  if (limit === undefined) return Infinity
  if (Number.isInteger(limit) && limit >= 0) return limit
  throw new InvalidOption({ option: "limit", found: textOf(limit), expected: "an integer from 0" })
}

/** What is left of a range behind the key that was given out last. */
function rest(range: KeyRange, key: Uint8Array, reverse: boolean): KeyRange {
  if (reverse) return { from: range.from, to: key }
  const behind = new Uint8Array(key.length + 1)
  behind.set(key)
  return { from: behind, to: range.to }
}

export async function* listRange<T>(core: StoreCore, collection: number, query: ListQuery): AsyncGenerator<KeyValue<T>, void, undefined> {
  core.assertOpen("list")
  let range = toKeyRange(query, LIST_MEMBERS), left = limitOf(query)
  const { reverse = false, signal } = query
  checkFlag("reverse", reverse)
  checkSignal(signal)
  await abortable(core.log.settled(), signal)
  while (left > 0) {
    await core.turns.due()
    signal?.throwIfAborted()
    core.assertOpen("list")
    if (range.to !== undefined && compareBytes(range.from, 0, range.from.length, range.to, 0, range.to.length) >= 0) return
    const { records, decoded } = core
    const found = rowsIn(core, collection, range, reverse, Math.min(left, PAGE_RECORDS))
    if (found.length === 0) return
    const page = firstBytes(core, found)
    const last = page.at(-1)!, at = records.rows.keyAt(last)
    range = rest(range, records.arena.chunks[records.rows.chunkOf(last)]!.slice(at, at + records.rows.keyBytes(last)), reverse)
    left -= page.length
    // Decoded together: what the consumer does in between cannot change the page.
    const items = page.map((row): KeyValue<T> => ({ key: decoded.keyOf(row), value: decoded.fresh(row) as T }))
    for (const item of items) {
      yield item
      signal?.throwIfAborted()
    }
    if (found.length < PAGE_RECORDS && page.length === found.length) return
  }
}
