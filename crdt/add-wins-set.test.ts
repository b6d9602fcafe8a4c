import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { addWinsSet, type AddWinsSetState, type SetElement } from "../crdt.ts"
import { InvalidValue } from "../kernel/errors.ts"
import { writerOf } from "./testing/devices.ts"

const type = addWinsSet<SetElement>()
type SetEditor = ReturnType<typeof type.edit>
let seq = 0
const edited = (state: AddWinsSetState, device: number, change: (set: SetEditor) => void): AddWinsSetState => {
  const editor = type.edit(state, { writer: writerOf(device, 1), seq: ++seq, millis: 1 })
  change(editor)
  return type.decode(type.encode(editor.state))
}
const bytesOf = (state: AddWinsSetState): number => (type.encode(state) as Uint8Array).length

describe("addWinsSet()", () => {
  it("shows its elements sorted: booleans, numbers, strings by code units", () => {
    assert.deepEqual(type.view(type.empty()), [])
    const state = edited(type.empty(), 1, (set) => set.add("b", "a", 10, 9, -1, 1.5, true, false, "ä", "B", "a", Infinity, 2 ** 60))
    assert.deepEqual(type.view(state), [false, true, -1, 1.5, 9, 10, 2 ** 60, Infinity, "B", "a", "b", "ä"])
    assert.deepEqual(type.view(edited(state, 2, (set) => set.delete("a", 9, "never there"))).length, 10)
  })

  it("keeps what one adds while another deletes it, and deletes what was seen", () => {
    const both = edited(type.empty(), 1, (set) => set.add("a", "b"))
    const added = edited(both, 2, (set) => set.add("a")), deleted = edited(both, 3, (set) => set.delete("a", "b"))
    assert.deepEqual(type.view(type.join(added, deleted)), ["a"])
    const cleared = edited(both, 3, (set) => set.clear())
    assert.deepEqual(type.view(type.join(added, cleared)), ["a"])
    assert.deepEqual(type.view(type.join(both, cleared)), [])
  })

  it("tells an editor what is there, and hands out states that further edits do not change", () => {
    const editor = type.edit(edited(type.empty(), 1, (set) => set.add("a")), { writer: writerOf(2, 1), seq: 1, millis: 1 })
    assert.deepEqual([editor.has("a"), editor.has("b"), editor.has(1)], [true, false, false])
    editor.add("b")
    const first = editor.state
    editor.clear()
    assert.deepEqual([editor.has("a"), editor.has("b"), type.view(first), type.view(editor.state)], [false, false, ["a", "b"], []])
    editor.add("a")
    assert.deepEqual(type.view(editor.state), ["a"])
  })

  it("is as it was after deleting what is not there", () => {
    const state = edited(type.empty(), 1, (set) => set.add("a"))
    assert.deepEqual(type.encode(edited(state, 2, (set) => set.delete("b"))), type.encode(state))
  })

  it("takes -0 for 0", () => {
    const state = edited(type.empty(), 1, (set) => set.add(-0))
    assert.ok(Object.is(type.view(state)[0], 0))
    assert.deepEqual(type.view(edited(state, 1, (set) => set.delete(-0))), [])
  })

  it("refuses what can be no element, and adds nothing of a call that has one", () => {
    const editor = type.edit(type.empty(), { writer: writerOf(1, 1), seq: 1, millis: 1 })
    for (const wrong of [NaN, null, undefined, 1n, {}, [], new Date(0), "\ud800", Symbol("x"), () => 1] as readonly unknown[]) {
      assert.throws(() => editor.add("a", wrong as string), InvalidValue)
      assert.throws(() => editor.delete(wrong as string), InvalidValue)
      assert.throws(() => editor.has(wrong as string), InvalidValue)
    }
    assert.deepEqual(type.view(editor.state), [])
  })

  it("grows by adds alone: deleted elements leave nothing but the entry of who added them", () => {
    let state = type.empty()
    for (let round = 0; round < 100; round++) {
      state = edited(state, 1, (set) => set.add(`element ${round}`))
      state = edited(state, 2, (set) => set.delete(`element ${round}`))
    }
    assert.equal(bytesOf(state), 22) // layout, one writer and its number, no element
  })

  // docs/guides/crdt.md says these numbers.
  it("has 4 bytes beside each element, and 10 for each open that added one", () => {
    const stateOf = (opens: number, elements: number): AddWinsSetState =>
      Array.from({ length: opens }, (_, open): AddWinsSetState => {
        const writer = writerOf(1, open), dots = { writer, seq: 100, written: null }
        return {
          seen: new Map([[writer, 150]]),
          dots: new Map(Array.from({ length: open === 0 ? elements : 0 }, (_, index) => [`tag-${index + 100}`, [dots]])),
        }
      }).reduce(type.join)
    assert.equal((bytesOf(stateOf(1, 110)) - bytesOf(stateOf(1, 10))) / 100, "tag-100".length + 4)
    assert.equal((bytesOf(stateOf(61, 10)) - bytesOf(stateOf(1, 10))) / 60, 10)
  })
})
