import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { compareBytes } from "../format/utf8.ts"
import { ViewFeeder } from "../testing/view-feeder.ts"
import { SortedKeys } from "./sorted-keys.ts"

const bytesOf = (key: string): Uint8Array => new TextEncoder().encode(key)
const compareTexts = (a: string, b: string): number => compareBytes(bytesOf(a), 0, bytesOf(a).length, bytesOf(b), 0, bytesOf(b).length)
/** Keys that share beginnings, differ behind six bytes, end in zeros, or order otherwise as UTF-16. */
const anyKey = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "\0", "\u00ff", "\uffff", "\u{10000}"), minLength: 1, maxLength: 10 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 4 }),
  fc.nat(40).map((n) => `city:0000${n}`),
)

describe("SortedKeys", () => {
  it("rows() gives every row of its collection in the order of the keys' bytes, however often it is asked in between", () => {
    const anyPut = fc.record({ key: anyKey, collection: fc.constantFrom("", "users"), ask: fc.nat(5).map((n) => n === 0) })
    fc.assert(fc.property(fc.array(anyPut, { size: "max", maxLength: 60 }), (puts) => {
      const feeder = new ViewFeeder(), { records } = feeder.views
      const sorted = new Map(["", "users"].map((name) => [name, new SortedKeys(records, feeder.names.indexOf(name))]))
      const keys = new Map([["", new Set<string>()], ["users", new Set<string>()]])
      const check = (collection: string): void => {
        const expected = [...keys.get(collection)!].sort(compareTexts)
        assert.deepEqual(Array.from(sorted.get(collection)!.rows(), (row) => feeder.keyOf(row)), expected)
      }
      for (const { key, collection, ask } of puts) {
        feeder.put(key, 1, collection)
        keys.get(collection)!.add(key)
        if (ask) check(collection)
      }
      for (const name of keys.keys()) check(name)
    }))
  })

  it("lowerBound() answers the first row whose key is not below", () => {
    fc.assert(fc.property(fc.array(anyKey, { maxLength: 20 }), fc.array(anyKey, { minLength: 1, maxLength: 10 }), (keys, asked) => {
      const feeder = new ViewFeeder(), sorted = new SortedKeys(feeder.views.records, 0)
      for (const key of keys) feeder.put(key, 1)
      const order = [...new Set(keys)].sort(compareTexts)
      for (const key of [...asked, ...keys]) {
        assert.equal(sorted.lowerBound(bytesOf(key)), order.filter((other) => compareTexts(other, key) < 0).length)
      }
      assert.equal(sorted.lowerBound(new Uint8Array(0)), 0)
    }))
  })

  it("rows() keeps deleted rows, and its answer until a row is added", () => {
    const feeder = new ViewFeeder(), sorted = new SortedKeys(feeder.views.records, 0)
    assert.equal(sorted.rows().length, 0)
    feeder.put("b", 1)
    feeder.put("a", 1)
    const rows = sorted.rows()
    feeder.feed("delete", "a", null, { context: [[1, 2]] })
    feeder.put("b", 2)
    assert.equal(sorted.rows(), rows)
    assert.deepEqual([...rows].map((row) => feeder.keyOf(row)), ["a", "b"])
  })
})
