import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { RuleBroken } from "../expect.ts"
import { type Call, callAt, ensureValue, markOf, type Step, valueOf } from "./record-calls.ts"
import { nameOf, Oracle } from "./records-oracle.ts"

const put = (key: string): Step => ({ type: "put", collection: "", key, chars: 1 })
const call = (number: number, ...steps: readonly Step[]): Call => ({ number, kind: steps.length === 1 ? steps[0]!.type : "batch", steps })

/** Calls 1 … 4: a, b, then both at once, then b is deleted. */
const CALLS = [
  call(1, put("a")),
  call(2, put("b")),
  call(3, put("a"), put("b")),
  call(4, { ...put("b"), type: "delete" }),
]
const marks = (a?: string, b?: string): Map<string, string> =>
  new Map([["a", a], ["b", b]].flatMap(([key, mark]) => mark === undefined ? [] : [[nameOf("", key!), mark]]))
const oracle = (): Oracle => new Oracle((number) => CALLS[number - 1]!)

describe("Oracle", () => {
  it("settle() finds the call that the store stands behind, among those that may have happened", () => {
    assert.equal(oracle().settle(marks(), 1, 0, 4), 0)
    assert.equal(oracle().settle(marks("1.0.0"), 1, 0, 4), 1)
    assert.equal(oracle().settle(marks("1.0.0", "2.0.0"), 1, 1, 4), 2)
    assert.equal(oracle().settle(marks("3.0.0", "3.1.0"), 1, 1, 4), 3)
    assert.equal(oracle().settle(marks("3.0.0"), 1, 1, 4), 4)
  })

  it("settle() goes on from where it settled, though calls after that were made and lost", () => {
    const judge = oracle()
    judge.settle(marks("1.0.0"), 1, 1, 2)
    assert.equal(judge.settle(marks("3.0.0", "3.1.0"), 3, 3, 3), 3)
  })

  it("settle() refuses a store that lost an acknowledged call", () => {
    assert.throws(() => oracle().settle(marks("1.0.0"), 1, 2, 4), RuleBroken)
  })

  it("settle() refuses half of a batch", () => {
    assert.throws(() => oracle().settle(marks("3.0.0", "2.0.0"), 1, 2, 4), RuleBroken)
  })

  it("settle() refuses a call that is there while one before it is not", () => {
    assert.throws(() => oracle().settle(marks(undefined, "2.0.0"), 1, 0, 4), RuleBroken)
  })

  it("settle() refuses a call that was never made, and a record that came back", () => {
    assert.throws(() => oracle().settle(marks("3.0.0", "3.1.0"), 1, 0, 2), RuleBroken)
    assert.throws(() => oracle().settle(marks("3.0.0", "3.1.0"), 1, 4, 4), RuleBroken)
  })

  it("settle() takes exactly the states in which a call ended, for random calls", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 30 }), fc.nat(30), fc.nat(30), (seed, called, first, second) => {
        const acknowledged = Math.min(first, second, called), stands = Math.min(Math.max(first, second), called)
        const whole = new Oracle((number) => callAt(seed, number))
        whole.settle(new Map(), 1, 0, 0)
        const states = [new Map(whole.expected)]
        for (let number = 1; number <= called; number++) {
          // A state that no call makes: it throws, with all calls up to here applied.
          assert.throws(() => whole.settle(new Map([["none", "0.0.0"]]), number, number, number))
          states.push(new Map(whole.expected))
        }
        const found = states[stands]!
        const settled = new Oracle((number) => callAt(seed, number)).settle(found, 1, acknowledged, called)
        assert.deepEqual(states[settled], found)
        assert.ok(settled >= acknowledged)
      }),
      { numRuns: 200 },
    )
  })
})

describe("values of the kill loop", () => {
  it("callAt() answers the same call for the same seed and number, and others for others", () => {
    assert.deepEqual(callAt(7, 40), callAt(7, 40))
    assert.notDeepEqual(callAt(7, 40), callAt(8, 40))
    assert.notDeepEqual(callAt(7, 40), callAt(7, 41))
  })

  it("ensureValue() takes what was written under a key, and nothing else", () => {
    const written = valueOf(call(9, { ...put("a"), chars: 200 }), 0, 3)
    assert.equal(markOf(ensureValue("a", written)), "9.0.3")
    assert.throws(() => ensureValue("b", written), RuleBroken)
    assert.throws(() => ensureValue("a", undefined), RuleBroken)
    assert.throws(() => ensureValue("a", { ...written, more: 1 }), RuleBroken)
    for (const change of [{ call: 8 }, { place: 1 }, { updates: 2 }, { text: written.text.slice(1) }, { sum: written.sum ^ 1 }]) {
      assert.throws(() => ensureValue("a", { ...written, ...change }), RuleBroken)
    }
  })
})
