import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { DotMap } from "./dot-map.ts"

const anyDot = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 12 }))

describe("DotMap", () => {
  it("keeps a value a dot, and the last one that was set", () => {
    fc.assert(fc.property(fc.array(fc.tuple(anyDot, fc.nat(9)), { maxLength: 40 }), anyDot, fc.nat(12), (entries, [writer, seq], after) => {
      const map = new DotMap<number>(), plain = new Map<string, { readonly writer: number; readonly seq: number; readonly value: number }>()
      for (const [[writer, seq], value] of entries) {
        map.set(writer, seq, value)
        plain.set(`${writer}:${seq}`, { writer, seq, value })
      }
      assert.equal(map.size, plain.size)
      assert.equal(map.get(writer, seq), plain.get(`${writer}:${seq}`)?.value)
      assert.equal(map.has(writer, seq), plain.has(`${writer}:${seq}`))
      const inRange = [...plain.values()].some((entry) => entry.writer === writer && entry.seq > after && entry.seq <= seq)
      assert.equal(map.hasInRange(writer, after, seq), inRange)
      const order = (a: { readonly writer: number; readonly seq: number }, b: { readonly writer: number; readonly seq: number }): number =>
        a.writer - b.writer || a.seq - b.seq
      assert.deepEqual([...map.entries()].sort(order), [...plain.values()].sort(order))
    }))
  })

  it("hasInRange() leaves out the lower end and takes the upper one", () => {
    const map = new DotMap<boolean>()
    map.set(1, 5, false)
    assert.deepEqual([[4, 5], [5, 6], [0, 4], [4, 9]].map(([after, through]) => map.hasInRange(1, after!, through!)), [
      true,
      false,
      false,
      true,
    ])
    assert.ok(map.has(1, 5), "whatever the value is")
    assert.equal(map.hasInRange(2, 0, 9), false)
  })
})
