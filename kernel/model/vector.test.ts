import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Lineage } from "./lineage.ts"
import { Vector } from "./vector.ts"

describe("Vector", () => {
  const make = (): { readonly lineage: Lineage; readonly vector: Vector } => {
    const lineage = new Lineage()
    return { lineage, vector: new Vector(lineage) }
  }

  it("pairOf() knows nothing of a writer that was never met", () => {
    assert.deepEqual(make().vector.pairOf(3), { seq: 0, withheld: [] })
  })

  it("raise() and set() note how far the log has a writer, has() answers for each number", () => {
    const { vector } = make()
    vector.raise(0, 3)
    vector.raise(0, 5)
    assert.deepEqual(vector.pairOf(0), { seq: 5, withheld: [] })
    assert.deepEqual([1, 5, 6].map((seq) => vector.has(0, seq)), [true, true, false])
    vector.set(0, { seq: 8, withheld: [6, 8] })
    assert.deepEqual([5, 6, 7, 8, 9].map((seq) => vector.has(0, seq)), [true, false, true, false, false])
  })

  it("S31 an entry implies its lineage, and prune() leaves out what others imply", () => {
    const { lineage, vector } = make()
    vector.raise(0, 12)
    vector.raise(1, 1)
    lineage.add(1, [0, 12])
    assert.deepEqual(vector.pairOf(0), { seq: 12, withheld: [] })
    vector.prune()
    assert.deepEqual([...vector.entries.keys()], [1])
    assert.deepEqual(vector.pairOf(0), { seq: 12, withheld: [] })
    assert.equal(vector.has(0, 13), false)
  })

  it("prune() keeps an entry that is ahead of what others imply", () => {
    const { lineage, vector } = make()
    vector.raise(0, 13)
    vector.raise(1, 1)
    lineage.add(1, [0, 12])
    vector.prune()
    assert.deepEqual([...vector.entries.keys()], [0, 1])
  })

  it("S31 withheld numbers keep their entry, and what is implied above it counts as had", () => {
    const { lineage, vector } = make()
    vector.set(0, { seq: 4, withheld: [2] })
    vector.raise(1, 1)
    lineage.add(1, [0, 6])
    vector.prune()
    assert.deepEqual([...vector.entries.keys()], [0, 1])
    assert.deepEqual(vector.pairOf(0), { seq: 6, withheld: [2] })
    assert.deepEqual([1, 2, 6, 7].map((seq) => vector.has(0, seq)), [true, false, true, false])
  })

  it("prune() keeps one of two entries that imply each other", () => {
    const { lineage, vector } = make()
    vector.raise(0, 3)
    vector.raise(1, 3)
    lineage.add(0, [1, 3])
    lineage.add(1, [0, 3])
    vector.prune()
    assert.equal(vector.entries.size, 1)
    assert.ok(vector.has(0, 3) && vector.has(1, 3))
  })
})
