/**
 * The laws that every type keeps, on states as devices come to have them. Two states are the same if their encodings are, byte for byte, which is
 * more than the laws ask for.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { addWinsSet, counter, type CrdtEditor, type CrdtType, registerMap, type SetElement } from "../crdt.ts"
import { anySteps, runs } from "./testing/any-steps.ts"
import { healDevices, playSteps, writerOf } from "./testing/devices.ts"
import { editCounter, editMap, editSet } from "./testing/our-types.ts"

const LIFE = { edit: 8, delete: 1, pull: 5, reopen: 2, restore: 1 }

const describeLaws = <View, Editor extends CrdtEditor<State>, State>(
  name: string,
  type: CrdtType<View, Editor, State>,
  edit: (editor: Editor, choice: number) => void,
): void => {
  /** States that some devices had, at least one. */
  const anyStates = anySteps(LIFE).map((steps): readonly State[] => {
    const devices = playSteps(type, 3, steps, {
      edit: (device, choice) => device.edit((editor) => edit(editor, choice)),
      delete: (device) => device.delete(),
    })
    const stored = devices.flatMap(({ log }) => log.flatMap(({ value }) => value === undefined ? [] : [type.decode(value)]))
    return [type.empty(), ...devices.map(({ state }) => state), ...stored]
  })
  const pick = (states: readonly State[], index: number): State => states[index % states.length] ?? type.empty()
  const same = (found: State, expected: State): void => {
    assert.deepEqual(type.encode(found), type.encode(expected))
    assert.deepEqual(type.view(found), type.view(expected))
  }
  const { join } = type
  const someStates = fc.tuple(anyStates, fc.nat(), fc.nat(), fc.nat())
  const check = (law: (a: State, b: State, c: State) => void): void =>
    fc.assert(fc.property(someStates, ([states, i, j, k]) => law(pick(states, i), pick(states, j), pick(states, k))), runs(300))

  describe(`${name} keeps the laws:`, () => {
    it("I15 join is commutative", () => check((a, b) => same(join(a, b), join(b, a))))
    it("I15 join is associative", () => check((a, b, c) => same(join(join(a, b), c), join(a, join(b, c)))))
    it("I15 join is idempotent", () =>
      check((a, b) => {
        same(join(a, a), a)
        same(join(join(a, b), b), join(a, b))
      }))
    it("I15 empty() is neutral", () =>
      check((a) => {
        same(join(a, type.empty()), a)
        same(join(type.empty(), a), a)
      }))

    it("I15 an edit inflates, and changes neither the state nor what other editors of it do", () =>
      fc.assert(
        fc.property(someStates, fc.array(fc.nat({ max: 1000 }), { maxLength: 4 }), ([states, i], choices) => {
          const old = pick(states, i), before = type.encode(old)
          const site = { writer: writerOf(9, 999), seq: 1_000_000, millis: 1e12 }
          const editor = type.edit(old, site), twin = type.edit(old, site)
          for (const choice of choices) {
            edit(editor, choice)
            same(join(editor.state, old), editor.state)
          }
          for (const choice of choices) edit(twin, choice)
          same(twin.state, editor.state)
          assert.deepEqual(type.encode(old), before)
        }),
        runs(300),
      ))

    it("I15 what is stored comes back as it was, with one encoding", () =>
      check((a, b) => {
        const joined = join(a, b)
        same(type.decode(type.encode(joined)), joined)
      }))

    it("I15 order, duplicates and batches of deliveries do not matter", () =>
      fc.assert(
        fc.property(anyStates, fc.infiniteStream(fc.nat()), (states, numbers) => {
          const next = (): number => numbers.next().value ?? 0
          const fold = (list: readonly State[]): State => list.reduce((all, state) => join(all, state), type.empty())
          const deliveries = [...states, ...states.slice(0, next() % states.length)]
          for (let left = deliveries.length; left > 1; left--) {
            const other = next() % left
            const [a, b] = [pick(deliveries, left - 1), pick(deliveries, other)]
            deliveries[left - 1] = b
            deliveries[other] = a
          }
          const batches: State[] = []
          while (deliveries.length > 0) batches.push(fold(deliveries.splice(0, 1 + next() % 5)))
          same(fold(batches), fold(states))
        }),
        runs(200),
      ))

    it("I15 devices that have exchanged everything show the same, whatever happened to them on the way", () =>
      fc.assert(
        fc.property(anySteps(LIFE, 60), fc.integer({ min: 2, max: 5 }), (steps, count) => {
          const devices = playSteps(type, count, steps, {
            edit: (device, choice) => device.edit((editor) => edit(editor, choice)),
            delete: (device) => device.delete(),
          })
          healDevices(devices)
          for (const device of devices) same(device.state, devices[0]?.state ?? type.empty())
        }),
        runs(200),
      ))
  })
}

describeLaws("counter()", counter(), editCounter)
describeLaws("addWinsSet()", addWinsSet<SetElement>(), editSet)
describeLaws("registerMap()", registerMap(), editMap)
