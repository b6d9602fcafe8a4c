import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { counter, COUNTER_ENTRY_MAX, type CounterState } from "../crdt.ts"
import { InvalidValue } from "../kernel/errors.ts"
import { writerOf } from "./testing/devices.ts"

const type = counter()
const siteOf = (device: number, seq: number): { writer: string; seq: number; millis: number } => ({
  writer: writerOf(device, 1),
  seq,
  millis: 1,
})
const bytesOf = (state: CounterState): number => (type.encode(state) as Uint8Array).length

/** A counter after edits of an open each, with these increments in it. */
const openedOften = (device: number, opens: number, increments: number): CounterState => {
  const entries = Array.from({ length: opens }, (_, open) => [writerOf(device, open), [{ start: 3, seq: 40, value: increments }]] as const)
  return { entries: new Map(entries) }
}

describe("counter()", () => {
  it("shows 0, and then what increments and decrements come to", () => {
    assert.equal(type.view(type.empty()), 0)
    const editor = type.edit(type.empty(), siteOf(1, 1))
    editor.increment()
    editor.increment(41)
    editor.decrement(2)
    editor.decrement()
    editor.increment(-9)
    assert.deepEqual([editor.value, type.view(editor.state), type.view(type.decode(type.encode(editor.state)))], [30, 30, 30])
  })

  it("keeps one entry for a writer, which its later edits continue", () => {
    let state = type.empty()
    for (let seq = 1; seq <= 50; seq++) {
      const editor = type.edit(state, siteOf(1, seq))
      editor.increment()
      state = editor.state
    }
    assert.deepEqual([...state.entries.values()], [[{ start: 1, seq: 50, value: 50 }]])
  })

  it("is as it was after an edit that adds nothing", () => {
    const editor = type.edit(type.empty(), siteOf(1, 1))
    editor.increment(0)
    editor.decrement(-0)
    assert.deepEqual(type.encode(editor.state), type.encode(type.empty()))
  })

  it("hands out states that further edits do not change", () => {
    const editor = type.edit(type.empty(), siteOf(1, 1))
    editor.increment()
    const first = editor.state
    editor.increment()
    assert.deepEqual([type.view(first), type.view(editor.state)], [1, 2])
  })

  it("refuses what is no whole number, and sums that cannot be kept exactly; nothing changes then", () => {
    const editor = type.edit(type.empty(), siteOf(1, 1))
    editor.increment(7)
    const wrong: readonly unknown[] = [0.5, NaN, Infinity, -Infinity, 2 ** 53, "1", 1n, null, true, {}, [1], COUNTER_ENTRY_MAX]
    for (const by of wrong) assert.throws(() => editor.increment(by as number), InvalidValue)
    for (const by of wrong.slice(0, -1)) assert.throws(() => editor.decrement(by as number), InvalidValue)
    assert.throws(() => editor.decrement({ valueOf: () => assert.fail("is not called") } as unknown as number), InvalidValue)
    assert.equal(editor.value, 7)
    editor.increment(COUNTER_ENTRY_MAX - 7)
    assert.equal(type.view(type.decode(type.encode(editor.state))), COUNTER_ENTRY_MAX)
    assert.throws(() => editor.increment(), InvalidValue)
    editor.decrement(COUNTER_ENTRY_MAX)
    editor.decrement(COUNTER_ENTRY_MAX)
    assert.throws(() => editor.decrement(), InvalidValue)
    assert.equal(type.view(type.decode(type.encode(editor.state))), -COUNTER_ENTRY_MAX)
  })

  it("shows the sum of many far ones rounded once, in whatever order they are met", () => {
    const values = [COUNTER_ENTRY_MAX, COUNTER_ENTRY_MAX, COUNTER_ENTRY_MAX, 1, -COUNTER_ENTRY_MAX, 3]
    const stateOf = (order: readonly number[]): CounterState => ({
      entries: new Map(order.map((index) => [writerOf(index, 1), [{ start: 1, seq: 1, value: values[index] ?? 0 }]])),
    })
    const exact = Number(values.reduce((sum, value) => sum + BigInt(value), 0n))
    for (const order of [[0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 0, 4, 5, 2, 1]]) assert.equal(type.view(stateOf(order)), exact)
  })

  // docs/guides/crdt.md says these numbers.
  it("has 11 bytes for each open that wrote, and 9 more for each device", () => {
    const one = bytesOf(openedOften(1, 1, 1)), many = bytesOf(openedOften(1, 101, 1))
    assert.equal((many - one) / 100, 11)
    const devices = [1, 2, 3].map((device) => openedOften(device, 1, 1)).reduce(type.join)
    assert.equal((bytesOf(devices) - one) / 2, 20)
    const year = bytesOf(openedOften(1, 20 * 365, 5))
    assert.ok(year > 80_000 && year < 80_500, `${year}`)
    assert.ok(bytesOf(openedOften(1, 5950, 5)) <= 65_536 && bytesOf(openedOften(1, 5960, 5)) > 65_536)
    assert.ok(bytesOf(openedOften(1, 95_320, 5)) <= 1_048_576 && bytesOf(openedOften(1, 95_330, 5)) > 1_048_576)
  })
})
