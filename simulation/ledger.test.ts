import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { type KnownOperation, Ledger, notReplaced, withPast } from "./ledger.ts"

const operation = (dot: string, ...past: KnownOperation[]): KnownOperation => ({
  dot,
  writer: "w",
  seq: Number(dot.slice(2)),
  record: "/k",
  isDelete: false,
  uid: dot,
  isPoison: false,
  likeness: dot,
  past: withPast(past),
  left: new Set(),
  settled: undefined,
  counts: new Set(),
  batchEnd: 1,
  seen: new Map(),
  own: new Set(),
  content: "",
  millis: 0,
  counter: 0,
  author: "A",
  tenant: "red",
})

describe("Ledger", () => {
  it("noteDestruction() excuses what was acknowledged and is nowhere any more", () => {
    const ledger = new Ledger(), one = operation("w-1"), two = operation("w-2")
    for (const known of [one, two]) ledger.add(known), ledger.acknowledge(known.dot)
    ledger.noteDestruction([two], undefined)
    assert.deepEqual([...ledger.excused], [one])
  })

  it("noteDestruction() excuses nothing that is replaced by what is there, and nothing that a server confirmed", () => {
    const ledger = new Ledger(), one = operation("w-1"), two = operation("w-2", one), three = operation("w-3")
    for (const known of [one, two, three]) ledger.add(known), ledger.acknowledge(known.dot)
    ledger.confirmed.add(three)
    ledger.noteDestruction([two], undefined)
    assert.deepEqual([...ledger.excused], [])
  })

  it("noteDestruction() of a server takes back what it confirmed and nobody serves any more", () => {
    const ledger = new Ledger(), one = operation("w-1")
    ledger.add(one)
    ledger.acknowledge("w-1")
    ledger.confirmed.add(one)
    ledger.noteDestruction([], [])
    assert.deepEqual([...ledger.excused], [one])
  })
})

describe("notReplaced()", () => {
  it("leaves what no other one replaced, directly or not", () => {
    const one = operation("w-1"), two = operation("w-2", one), three = operation("w-3", two), other = operation("w-4", one)
    assert.deepEqual([...notReplaced([one, two, three, other])], [three, other])
    assert.deepEqual([...notReplaced([one, three])], [three])
  })
})
