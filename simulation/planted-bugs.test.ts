import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { HISTORIES } from "./histories.ts"
import { checkPlaces, withBug } from "./planted.ts"
import { PLANTED_BUGS } from "./planted-bugs.ts"

const BUG = { id: "one", rule: "-", says: "", file: "a.ts", find: "a < b", replace: "a <= b" }

describe("PLANTED_BUGS", () => {
  it("each has a place, exactly once, in the sources as they are", async () => {
    await checkPlaces()
  })

  it("each names a history that there is, or seeds to be found within", () => {
    for (const { id, history, seeds } of PLANTED_BUGS) {
      assert.ok(history !== undefined || seeds !== undefined, id)
      if (history !== undefined) assert.ok(HISTORIES.some(({ title }) => title === history), `${id}: ${history}`)
    }
    assert.equal(new Set(PLANTED_BUGS.map(({ id }) => id)).size, PLANTED_BUGS.length)
  })

  it("each rule of a history has a bug that takes it out", () => {
    const planted = new Set(PLANTED_BUGS.map(({ rule }) => rule))
    for (const rule of new Set(HISTORIES.flatMap(({ rules }) => rules))) assert.ok(planted.has(rule), rule)
  })
})

describe("withBug()", () => {
  it("changes the one place", () => {
    assert.equal(withBug("if (a < b) x", BUG), "if (a <= b) x")
  })

  it("refuses a text without the place, or with two", () => {
    assert.throws(() => withBug("if (a > b) x", BUG), /0 times/)
    assert.throws(() => withBug("if (a < b || a < b) x", BUG), /2 times/)
  })
})
