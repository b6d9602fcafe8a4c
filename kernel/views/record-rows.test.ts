import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { KEY_BYTES_MAX, SEQ_MAX, STAMP_COUNTER_MAX, STAMP_MILLIS_MAX, VALUE_BYTES_MAX } from "../limits.ts"
import { RecordRows, RowFlag } from "./record-rows.ts"

const upTo = (max: number): fc.Arbitrary<number> => fc.oneof(fc.nat(max), fc.constantFrom(0, 1, max))
const WORD_MAX = 0xffff_ffff
/** Several handles of one log can name more collections than one of them may. */
const COLLECTION_MAX = 2 ** 28 - 1
/** What a row holds, in the order of the arguments of set(). */
const anyFields = fc.tuple(
  upTo(WORD_MAX), // chunk
  upTo(WORD_MAX), // byte offset of the key
  upTo(KEY_BYTES_MAX),
  upTo(WORD_MAX), // byte offset of the value
  upTo(VALUE_BYTES_MAX),
  upTo(WORD_MAX), // writer
  upTo(SEQ_MAX),
  upTo(STAMP_MILLIS_MAX),
  upTo(STAMP_COUNTER_MAX),
  upTo(WORD_MAX), // writer of the context
  upTo(SEQ_MAX),
  upTo(RowFlag.tombstone | RowFlag.complex | RowFlag.checked),
)
type Fields = typeof anyFields extends fc.Arbitrary<infer F> ? F : never

const fieldsOf = (rows: RecordRows, row: number): Fields => [
  rows.chunkOf(row),
  rows.keyAt(row),
  rows.keyBytes(row),
  rows.valueAt(row),
  rows.valueBytes(row),
  rows.writerOf(row),
  rows.seqOf(row),
  rows.millisOf(row),
  rows.counterOf(row),
  rows.contextWriterOf(row),
  rows.contextSeqOf(row),
  rows.flagsOf(row),
]

describe("RecordRows", () => {
  it("gives back what was set, at all bounds, without touching its neighbours", () => {
    fc.assert(fc.property(anyFields, anyFields, upTo(COLLECTION_MAX), upTo(COLLECTION_MAX), (first, second, collection, other) => {
      const rows = new RecordRows()
      const before = rows.add(other), row = rows.add(collection), after = rows.add(other)
      rows.set(before, ...first)
      rows.set(after, ...first)
      rows.set(row, ...second)
      rows.set(row, ...first)
      rows.set(row, ...second)
      assert.deepEqual([before, row, after].map((at) => fieldsOf(rows, at)), [first, second, first])
      assert.deepEqual([before, row, after].map((at) => rows.collectionOf(at)), [other, collection, other])
    }))
  })

  it("move() changes the places alone; addFlag() the flag alone, until the next set()", () => {
    fc.assert(fc.property(anyFields, fc.tuple(upTo(WORD_MAX), upTo(WORD_MAX), upTo(WORD_MAX)), (fields, [chunk, keyAt, valueAt]) => {
      const rows = new RecordRows(), row = rows.add(0xffff)
      rows.set(row, ...fields)
      rows.move(row, chunk, keyAt, valueAt)
      rows.addFlag(row, RowFlag.checked)
      assert.deepEqual(fieldsOf(rows, row), [chunk, keyAt, fields[2], valueAt, ...fields.slice(4, 11), fields[11] | RowFlag.checked])
      assert.equal(rows.collectionOf(row), 0xffff)
      rows.set(row, ...fields)
      assert.deepEqual(fieldsOf(rows, row), fields)
    }))
  })

  it("keeps all rows while it grows over pages, and memory grows with them", () => {
    const rows = new RecordRows(), count = 40_000
    assert.ok(rows.bytes <= 64 * 44, "a small store stays small")
    for (let n = 0; n < count; n++) {
      const row = rows.add(n % 7)
      assert.equal(row, n)
      assert.deepEqual([rows.keyBytes(row), rows.flagsOf(row)], [0, 0], "a new row is empty")
      rows.set(row, n, n + 1, n % 1024, n + 2, n, n + 3, n + 4, n * 2 ** 20, n % 65_536, n + 5, n + 6, n % 8)
    }
    assert.equal(rows.count, count)
    for (let n = 0; n < count; n++) {
      if (rows.collectionOf(n) === n % 7 && rows.chunkOf(n) === n && rows.millisOf(n) === n * 2 ** 20 && rows.contextSeqOf(n) === n + 6) {
        continue
      }
      assert.fail(`row ${n}: ${fieldsOf(rows, n)}`)
    }
    assert.ok(rows.bytes <= (count + 16_384) * 44)
  })
})
