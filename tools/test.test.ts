import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { judgeLane } from "./test.ts"

const passed = { name: "a", outcome: "passed", message: "" } as const
const CONTENT = { code: 0, output: "" }
const failed = { name: "b", outcome: "failed", message: "no" } as const

describe("judgeLane()", () => {
  it("passes a lane whose cases and runner both passed", () => {
    assert.deepEqual(judgeLane([passed], CONTENT), { totals: { passed: 1, failed: 0, skipped: 0 } })
  })

  it("counts the failed cases of a report", () => {
    assert.deepEqual(judgeLane([passed, failed], { code: 1, output: "" }), { totals: { passed: 1, failed: 1, skipped: 0 } })
  })

  it("fails a lane that ran no tests, even if its runner is content", () => {
    assert.equal(judgeLane([], CONTENT).totals.failed, 1)
  })

  it("fails a lane whose runner failed outside of a test", () => {
    assert.equal(judgeLane([passed], { code: 1, output: "" }).totals.failed, 1)
  })

  it("adds what bun reports outside of tests, such as a file that does not load", () => {
    assert.equal(judgeLane([passed, failed], { code: 1, output: " 5 pass\n 2 fail\n 1 error\nRan 11 tests" }).totals.failed, 2)
  })
})
