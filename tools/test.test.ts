import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { skipReasons, summarize } from "./test.ts"

const passed = { name: "a", outcome: "passed", message: "" } as const
const failed = { name: "s > b", outcome: "failed", message: "no" } as const
const skipped = { name: "c", outcome: "skipped", message: "no driver" } as const

describe("summarize()", () => {
  it("counts cases of all files, and a problem of a file as a failure", () => {
    const { totals } = summarize("bun", [
      { path: "a.test.ts", cases: [passed, failed, skipped], seconds: 1 },
      { path: "b.test.ts", cases: [passed], problem: "hangs: last output", seconds: 1 },
    ])
    assert.deepEqual(totals, { passed: 2, failed: 2, skipped: 1 })
  })

  it("names each failure with its lane and file", () => {
    const { failures } = summarize("bun", [
      { path: "a.test.ts", cases: [failed], seconds: 1 },
      { path: "b.test.ts", cases: [], problem: "hangs: did not end by itself, last output:\nx", seconds: 1 },
    ])
    assert.deepEqual(failures, ["bun a.test.ts: s > b", "bun b.test.ts: hangs"])
  })
})

describe("skipReasons()", () => {
  it("counts by reason, and names a case that gives none", () => {
    assert.deepEqual(skipReasons([skipped, passed, { ...skipped, name: "d" }, { name: "e", outcome: "skipped", message: "" }]), [
      "skipped 2: no driver",
      "skipped 1: no reason given by e",
    ])
  })
})
