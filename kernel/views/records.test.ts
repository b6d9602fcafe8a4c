import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { decodeValue } from "../format/msgpack.ts"
import { encodedHex, type FedDot, ViewFeeder } from "../testing/view-feeder.ts"

/** Values of all versions of a row, oldest first; undefined for a delete. */
function valuesOf(feeder: ViewFeeder, row: number): unknown[] {
  const { records } = feeder.views
  return records.versionsOf(row).toSorted((a, b) => a.millis - b.millis).map(({ chunk, valueAt, valueBytes }) =>
    valueBytes === 0 ? undefined : decodeValue(records.arena.chunks[chunk]!, valueAt, valueAt + valueBytes)
  )
}

/** The rows that `work` changes, as listeners hear of them. */
function changes(feeder: ViewFeeder, work: () => void): number[] {
  const heard: number[] = [], { records } = feeder.views
  records.onChange = (row) => heard.push(row)
  work()
  records.onChange = undefined
  return heard
}

const A: FedDot = [1, 1]

describe("RecordsView", () => {
  it("T9 keys that look alike stay two records, byte for byte", () => {
    const feeder = new ViewFeeder(), keys = ["\u00e9", "e\u0301", "a", "a\0", "\u202ea", "\ufeffa", "A"]
    const rows = keys.map((key, n) => feeder.put(key, n))
    assert.equal(new Set(rows).size, keys.length)
    for (const [n, key] of keys.entries()) {
      assert.deepEqual([feeder.rowOf(key), feeder.keyOf(rows[n]!), valuesOf(feeder, rows[n]!)], [rows[n], key, [n]])
    }
  })

  it("T18 keys and collections may have the names of what objects inherit", () => {
    const feeder = new ViewFeeder(), names = ["__proto__", "toString", "hasOwnProperty", "constructor"]
    for (const name of names) assert.equal(feeder.rowOf(name, name), -1)
    for (const name of names) feeder.put(name, name, name)
    for (const name of names) assert.deepEqual(valuesOf(feeder, feeder.rowOf(name, name)), [name])
  })

  it("a key is another record in each collection", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const rows = ["", "users", "cities"].map((collection, n) => feeder.put("k", n, collection))
    assert.deepEqual(rows, [0, 1, 2])
    feeder.put("k", "changed", "users")
    assert.deepEqual(rows.map((row) => valuesOf(feeder, row)), [[0], ["changed"], [2]])
    assert.deepEqual([0, 1, 2, 3].map((index) => records.liveCount(index)), [1, 1, 1, 0])
    assert.equal(feeder.rowOf("k", "nowhere"), -1)
  })

  it("liveCount() follows puts, deletes and what siblings show", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const count = (): number => records.liveCount(0)
    const row = feeder.put("a", 1)
    assert.equal(count(), 1)
    feeder.feed("delete", "a", null, { context: [A] })
    assert.deepEqual([count(), records.isDeleted(row)], [0, true])
    feeder.feed("put", "a", "02", { writer: 2 }) // a sibling of the delete, later than it
    assert.deepEqual([count(), records.isDeleted(row), valuesOf(feeder, row)], [1, false, [undefined, 2]])
    feeder.feed("delete", "a", null, { writer: 3, context: [A], millis: 1 }) // another one, which is not shown
    assert.deepEqual([count(), valuesOf(feeder, row)], [1, [undefined, undefined, 2]])
    feeder.feed("delete", "a", null, { context: [[1, 2], [2, 1], [3, 1]] })
    assert.deepEqual([count(), valuesOf(feeder, row)], [0, [undefined]])
  })

  it("a record whose first version is a delete, or a choice, is there and shows what it says", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const deleted = feeder.feed("delete", "a", null), kept = feeder.feed("choice", "b", "07", { settles: [[2, 1]] })
    const gone = feeder.feed("choice", "c", "", { settles: [[2, 1]] })
    assert.deepEqual([deleted, kept, gone].map((row) => records.isDeleted(row)), [true, false, true])
    assert.deepEqual([records.liveCount(0), records.isComplex(deleted), records.isComplex(kept)], [1, false, true])
    assert.deepEqual(records.versionsOf(kept)[0]!.settles, [feeder.views.writers.indexOf(new Uint8Array(16).fill(2)), 1])
  })

  it("S4 a write replaces what its context names, and what is not named stays beside it", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const row = feeder.feed("put", "a", "01")
    feeder.feed("put", "a", "02", { writer: 2 })
    feeder.feed("put", "a", "03", { writer: 3, context: [[2, 1]] })
    assert.deepEqual([valuesOf(feeder, row), records.rowsWithSiblings()], [[1, 3], [row]])
    feeder.feed("put", "a", "04", { writer: 2, context: [[3, 1], [1, 1]] })
    assert.deepEqual([valuesOf(feeder, row), records.rowsWithSiblings(), records.isComplex(row)], [[4], [], false])
    assert.deepEqual(records.contextOf(row).length, 4)
  })

  it("S9 keeps leave a version open although the context is beyond it", () => {
    const feeder = new ViewFeeder(), row = feeder.feed("put", "a", "01")
    feeder.feed("put", "a", "02", { writer: 2 })
    feeder.feed("put", "a", "03", { writer: 2, context: [[2, 1], [1, 1]], keeps: [[1, 1]] })
    assert.deepEqual(valuesOf(feeder, row), [1, 3])
  })

  it("a single version that keeps or settles is complex, and plain again under the next write", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const row = feeder.feed("put", "a", "01", { keeps: [[2, 1]] })
    assert.ok(records.isComplex(row))
    assert.deepEqual(records.rowsWithSiblings(), [])
    feeder.put("a", 2)
    assert.ok(!records.isComplex(row))
  })

  it("S8 a choice gives way to a write that has seen what it settled", () => {
    const feeder = new ViewFeeder(), row = feeder.feed("put", "a", "01")
    feeder.feed("put", "a", "02", { writer: 2 })
    feeder.feed("choice", "a", "01", { writer: 3, context: [[1, 1], [2, 1]], settles: [[1, 1], [2, 1]] })
    assert.deepEqual(valuesOf(feeder, row), [1])
    feeder.feed("put", "a", "05", { writer: 1, context: [[1, 1], [2, 1]] })
    assert.deepEqual(valuesOf(feeder, row), [5])
  })

  it("onChange hears of every row that changed, once an operation, and of none that did not", () => {
    const feeder = new ViewFeeder(), row = feeder.feed("put", "a", "01")
    assert.deepEqual(changes(feeder, () => feeder.feed("put", "a", "02", { context: [A] })), [row])
    assert.deepEqual(changes(feeder, () => feeder.feed("put", "a", "03", { writer: 2 })), [row], "a sibling")
    assert.deepEqual(changes(feeder, () => feeder.feed("delete", "a", null, { writer: 3, millis: 1 })), [row], "one that is not shown")
    assert.deepEqual(changes(feeder, () => feeder.feed("put", "b", "01")), [row + 1])
    feeder.feed("put", "a", "04", { writer: 4, context: [[1, 2], [2, 1], [3, 1], [5, 1]] })
    assert.deepEqual(changes(feeder, () => feeder.feed("put", "a", "05", { writer: 5 })), [], "one that had been replaced")
    assert.deepEqual(changes(feeder, () => feeder.feed("event", "a", "01")), [])
    assert.deepEqual(changes(feeder, () => feeder.feed("forget", "a", null)), [])
  })

  it("events and forgets are no versions of records", () => {
    const feeder = new ViewFeeder()
    feeder.feed("event", "a", "01")
    feeder.feed("forget", "a", null)
    assert.deepEqual([feeder.rowOf("a"), feeder.views.records.rows.count, feeder.views.records.liveCount(0)], [-1, 0, 0])
    assert.equal(feeder.views.vector.pairOf(0).seq, 2, "their numbers are had")
  })

  it("memory that nothing refers to is given back, and every version stays what it was", () => {
    const feeder = new ViewFeeder(),
      { records } = feeder.views,
      large = `c6${(300_000).toString(16).padStart(8, "0")}${"ab".repeat(300_000)}`
    const steady = feeder.put("steady", { text: "stays" }), conflicted = feeder.feed("put", "conflicted", "01")
    feeder.feed("put", "conflicted", "02", { writer: 2 })
    const deleted = feeder.put("deleted", "x")
    feeder.feed("delete", "deleted", null, { context: [[1, 3]] })
    const busy = feeder.feed("put", "busy", encodedHex(0))
    const arena = records.arena
    for (let n = 0; n < 17; n++) {
      feeder.feed("put", "busy", large, { context: [[1, 5 + n]] })
      feeder.feed("put", "conflicted", encodedHex(n), { writer: 2, context: [[2, 1 + n]] })
    }
    assert.notEqual(records.arena, arena, "there is a new one")
    assert.ok(records.arena.usedBytes < 3_000_000, `${records.arena.usedBytes} bytes are used`)
    assert.deepEqual([steady, conflicted, deleted].map((row) => valuesOf(feeder, row)), [[{ text: "stays" }], [1, 16], [undefined]])
    assert.deepEqual((valuesOf(feeder, busy)[0] as Uint8Array).length, 300_000)
    assert.deepEqual([steady, conflicted, deleted, busy].map((row) => feeder.keyOf(row)), ["steady", "conflicted", "deleted", "busy"])
    assert.deepEqual(["steady", "conflicted", "deleted", "busy"].map((key) => feeder.rowOf(key)), [steady, conflicted, deleted, busy])
    assert.equal(records.liveCount(0), 3)
  })

  it("memoryBytes counts rows, table, keys and values", () => {
    const feeder = new ViewFeeder(), { records } = feeder.views
    const before = records.memoryBytes
    for (let n = 0; n < 200; n++) feeder.put(`k${n}`, "x".repeat(100))
    assert.ok(records.memoryBytes - before >= 200 * (44 + 8 + 100))
    assert.equal(records.memoryBytes - records.rows.bytes - records.arena.bytes, 512 * 8, "the table")
  })
})
