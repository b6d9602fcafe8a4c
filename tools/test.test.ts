import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { judgeLane } from "./test.ts"

const passed = { name: "a", outcome: "passed", message: "" } as const
const failed = { name: "b", outcome: "failed", message: "no" } as const

describe("judgeLane()", () => {
  it("passes a lane whose cases and runner both passed", () => {
    assert.deepEqual(judgeLane([passed], 0), { totals: { passed: 1, failed: 0, skipped: 0 } })
  })

  it("counts the failed cases of a report", () => {
    assert.deepEqual(judgeLane([passed, failed], 1), { totals: { passed: 1, failed: 1, skipped: 0 } })
  })

  it("fails a lane that ran no tests, even if its runner is content", () => {
    assert.equal(judgeLane([], 0).totals.failed, 1)
  })

  it("fails a lane whose runner failed outside of a test", () => {
    assert.equal(judgeLane([passed], 1).totals.failed, 1)
  })
})
