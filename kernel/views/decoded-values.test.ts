import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { CorruptValue } from "../errors.ts"
import { ViewFeeder } from "../testing/view-feeder.ts"
import { DecodedValues } from "./decoded-values.ts"
import { RowFlag } from "./record-rows.ts"

function open(): { readonly feeder: ViewFeeder; readonly decoded: DecodedValues } {
  const feeder = new ViewFeeder(), decoded = new DecodedValues(feeder.views.records, feeder.names)
  feeder.views.records.onChange = (row) => decoded.forget(row)
  return { feeder, decoded }
}

describe("DecodedValues", () => {
  it("fresh() gives an object of the caller's own each time", () => {
    const { feeder, decoded } = open(), row = feeder.put("a", { list: [1, { deep: true }] })
    const first = decoded.fresh(row) as { list: unknown[] }, second = decoded.fresh(row)
    first.list.push(2)
    assert.deepEqual(second, { list: [1, { deep: true }] })
    assert.notEqual(first, second)
    assert.ok(!Object.isFrozen(second))
  })

  it("shared() gives one object, frozen through and through, until the record changes", () => {
    const { feeder, decoded } = open(), row = feeder.put("a", { list: [1, { deep: true }], when: new Date(5), bytes: Uint8Array.of(1) })
    const shared = decoded.shared(row) as { readonly list: readonly [number, object] }
    assert.deepEqual([shared, shared.list, shared.list[1]].map(Object.isFrozen), [true, true, true])
    feeder.put("b", 1)
    assert.equal(decoded.shared(row), shared)
    feeder.put("a", { list: [] })
    assert.deepEqual(decoded.shared(row), { list: [] })
    assert.deepEqual(shared.list[0], 1, "what was given out stays as it was")
    assert.notEqual(decoded.fresh(row), decoded.shared(row))
  })

  it("shared() keeps null, false, 0 and the empty text like all others", () => {
    const { feeder, decoded } = open()
    for (const [at, value] of [null, false, 0, "", 1n, new Date(0)].entries()) {
      const row = feeder.put(`k${at}`, value)
      assert.deepEqual(decoded.shared(row), value)
      assert.equal(decoded.shared(row), decoded.shared(row))
    }
  })

  it("T21 values with members named then, toJSON and constructor are plain data", async () => {
    const { feeder, decoded } = open(), value = { then: "data", toJSON: 1, constructor: null, valueOf: [], nested: { then: {} } }
    const row = feeder.put("a", value)
    for (const read of [decoded.fresh(row), decoded.shared(row)]) {
      assert.deepEqual(read, value)
      assert.equal(await read, read)
      assert.equal(Object.getPrototypeOf(read), Object.prototype)
    }
  })

  it("keyOf() gives every key as it was written", () => {
    const { feeder, decoded } = open()
    for (const key of ["a", "\ufeffä\0", "\u{1f600}".repeat(256), "x".repeat(1024)]) assert.equal(decoded.keyOf(feeder.put(key, 1)), key)
  })

  it("fresh() and shared() name the collection and key of stored bytes that are no value, every time", () => {
    const { feeder, decoded } = open(), row = feeder.feed("put", "broken", "c1", { collection: "users" })
    for (let again = 0; again < 2; again++) {
      for (const read of [() => decoded.fresh(row), () => decoded.shared(row)]) {
        assert.throws(read, (error) => {
          assert.ok(error instanceof CorruptValue)
          assert.deepEqual([error.details.collection, error.details.key], ["users", "broken"])
          assert.ok(error.cause instanceof Error && error.message.includes(error.details.reason))
          return true
        })
      }
    }
    feeder.feed("put", "broken", "01", { collection: "users", context: [[1, 1]] })
    assert.equal(decoded.shared(row), 1)
  })

  it("a value is checked once, and again when another is there", () => {
    const { feeder, decoded } = open(), row = feeder.put("a", 1), { rows } = feeder.views.records
    assert.equal(rows.flagsOf(row) & RowFlag.checked, 0)
    decoded.fresh(row)
    assert.equal(rows.flagsOf(row) & RowFlag.checked, RowFlag.checked)
    feeder.put("a", 2)
    assert.equal(rows.flagsOf(row) & RowFlag.checked, 0)
  })

  it("what is kept is bounded: of 16 MiB at most 12 stay, the latest, and all that somebody is subscribed to", () => {
    const { feeder, decoded } = open(), text = "x".repeat(262_144), rows: number[] = []
    for (let n = 0; n < 64; n++) rows.push(feeder.put(`k${n}`, { n, text }))
    decoded.isWatched = (row) => row < 4
    const first = rows.map((row) => decoded.shared(row))
    let latest = 63
    while (decoded.shared(latest) === first[latest]) latest--
    assert.ok(latest > 63 - 48 && latest < 63 - 8, `those behind ${latest} are kept`)
    for (const row of [0, 1, 2, 3]) assert.equal(decoded.shared(row), first[row], "those with a subscriber stay")
  })

  it("values that all have subscribers stay, however many", () => {
    const { feeder, decoded } = open(), text = "x".repeat(524_288), rows: number[] = []
    for (let n = 0; n < 36; n++) rows.push(feeder.put(`k${n}`, { n, text }))
    decoded.isWatched = () => true
    const first = rows.map((row) => decoded.shared(row))
    assert.ok(rows.every((row) => decoded.shared(row) === first[row]))
  })

  it("a record that changes often does not push others out", () => {
    const { feeder, decoded } = open(), steady = feeder.put("steady", { n: 1 }), text = "x".repeat(500_000)
    const seen = decoded.shared(steady)
    for (let n = 0; n < 20; n++) decoded.shared(feeder.put("busy", { n, text }))
    assert.equal(decoded.shared(steady), seen)
  })
})
