import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { registerMap, type RegisterMapState } from "../crdt.ts"
import { InvalidValue, ValueTooLarge } from "../kernel/errors.ts"
import { writerOf } from "./testing/devices.ts"

const type = registerMap()
type MapEditor = ReturnType<typeof type.edit>
let seq = 0
const edited = (state: RegisterMapState, device: number, millis: number, change: (map: MapEditor) => void): RegisterMapState => {
  const editor = type.edit(state, { writer: writerOf(device, 1), seq: ++seq, millis })
  change(editor)
  return type.decode(type.encode(editor.state))
}

describe("registerMap()", () => {
  it("shows its fields as a plain object, with every kind of value that can be stored", () => {
    assert.deepEqual(type.view(type.empty()), {})
    const value = { list: [1, "x", null, { deep: true }], at: new Date(5), bytes: Uint8Array.of(1, 2), big: 2n ** 60n }
    const state = edited(type.empty(), 1, 1, (map) => {
      map.set("b", value)
      map.set("a", 1.5)
      map.set("", null)
      map.set("constructor", "text")
      map.set("toString", 2)
    })
    const shown = type.view(state)
    assert.deepEqual(shown, { "": null, a: 1.5, b: value, constructor: "text", toString: 2 })
    assert.deepEqual([Object.getPrototypeOf(shown), Object.keys(shown)], [Object.prototype, ["", "a", "b", "constructor", "toString"]])
    assert.equal(type.view(type.empty())["toString"] === Object.prototype.toString, true) // own keys alone are fields
  })

  it("lets devices that set different fields both have their way", () => {
    const start = edited(type.empty(), 1, 1, (map) => map.set("title", "Draft"))
    const here = edited(start, 1, 5, (map) => map.set("title", "Final")), there = edited(start, 2, 9, (map) => map.set("by", "Ann"))
    assert.deepEqual(type.view(type.join(here, there)), { title: "Final", by: "Ann" })
  })

  it("keeps all values that were set apart, shows the latest, and of equal times that of the greater writer", () => {
    const a = edited(type.empty(), 1, 5, (map) => map.set("x", "a")), b = edited(type.empty(), 2, 5, (map) => map.set("x", "b"))
    const late = edited(type.empty(), 4, 6, (map) => map.set("x", "late"))
    assert.deepEqual([type.view(type.join(a, b)), type.view(type.join(b, a))], [{ x: "b" }, { x: "b" }])
    const all = type.join(type.join(b, late), a)
    assert.deepEqual([type.view(all), all.dots.get("x")?.length], [{ x: "late" }, 3])
    const settled = edited(all, 3, 2, (map) => map.set("x", "said again")) // a clock that is behind
    assert.deepEqual([type.view(type.join(settled, all)), settled.dots.get("x")?.length], [{ x: "said again" }, 1])
  })

  it("keeps what one sets while another deletes it", () => {
    const start = edited(type.empty(), 1, 1, (map) => map.set("x", 1))
    const set = edited(start, 1, 2, (map) => map.set("x", 2)), deleted = edited(start, 2, 9, (map) => map.delete("x"))
    assert.deepEqual(type.view(type.join(set, deleted)), { x: 2 })
    assert.deepEqual(type.view(type.join(start, deleted)), {})
  })

  it("shares no value with anybody", () => {
    const value = { list: [1] }
    const editor = type.edit(type.empty(), { writer: writerOf(1, 1), seq: 1, millis: 1 })
    editor.set("x", value)
    value.list.push(2)
    const got = editor.get("x") as { list: number[] }
    got.list.push(3)
    const shown = type.view(editor.state)["x"] as { list: number[] }
    shown.list.push(4)
    assert.deepEqual([type.view(editor.state), editor.get("x"), editor.get("y")], [{ x: { list: [1] } }, { list: [1] }, undefined])
  })

  it("refuses fields and values that cannot be stored; nothing changes then", () => {
    const editor = type.edit(type.empty(), { writer: writerOf(1, 1), seq: 1, millis: 1 })
    for (const field of ["__proto__", "\ud800", 1, null, undefined, {}] as readonly unknown[]) {
      assert.throws(() => editor.set(field as string, 1), InvalidValue)
      assert.throws(() => editor.delete(field as string), InvalidValue)
      assert.throws(() => editor.get(field as string), InvalidValue)
    }
    for (const value of [undefined, () => 1, Symbol("x"), new Map(), JSON.parse('{"__proto__":1}')]) {
      assert.throws(() => editor.set("x", value), InvalidValue)
    }
    assert.throws(() => editor.set("x", "y".repeat(2_000_000)), ValueTooLarge)
    assert.deepEqual(type.view(editor.state), {})
    assert.equal(Object.hasOwn(Object.prototype, "polluted"), false)
  })
})

describe("a state of registerMap()", () => {
  // docs/guides/crdt.md says these numbers.
  it("has 10 bytes beside each field and its value, and 10 for each open that set one", () => {
    const bytesOf = (state: RegisterMapState): number => (type.encode(state) as Uint8Array).length
    const stateOf = (opens: number, fields: number): RegisterMapState =>
      Array.from({ length: opens }, (_, open): RegisterMapState => {
        const writer = writerOf(1, open), written = { millis: 1_800_000_000_000, bytes: Uint8Array.of(7) }
        const names = Array.from({ length: open === 0 ? fields : 0 }, (_, index) => `field-${index + 100}`)
        return { seen: new Map([[writer, 150]]), dots: new Map(names.map((name) => [name, [{ writer, seq: 100, written }]])) }
      }).reduce(type.join)
    assert.equal((bytesOf(stateOf(1, 110)) - bytesOf(stateOf(1, 10))) / 100, "field-100".length + 1 + 10)
    assert.equal((bytesOf(stateOf(61, 10)) - bytesOf(stateOf(1, 10))) / 60, 10)
  })
})
