import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../kernel/errors.ts"
import type { Case } from "./case.ts"
import { formatReport, formatResult, formatTotals, reportToJson } from "./report.ts"
import { runCase, runCases, selectCases, type Trial } from "./runner.ts"

/** A trial that lacks everything called "missing" and tells when it is ended. */
const makeTrial = (): Trial & { ended: number } => ({
  warnings: ["noticed"],
  ended: 0,
  lacks: (need) => need === "missing" ? "it does not claim missing" : undefined,
  async end() {
    this.ended += 1
  },
})
const makeCase = (id: string, run: () => Promise<void>, rest: Partial<Case<Trial>> = {}): Case<Trial> => ({
  id,
  title: `what ${id} says`,
  level: "MUST",
  requires: [],
  rule: "It holds.",
  why: "Somebody relies on it.",
  run,
  ...rest,
})
const passing = async (): Promise<void> => undefined
const failing = async (): Promise<void> => {
  throw new Error("broken", { cause: new Error("the driver said no") })
}
const hanging = (): Promise<void> => new Promise(() => undefined)

describe("runCase()", () => {
  it("passes a case that resolves, and ends its trial", async () => {
    const trial = makeTrial()
    const result = await runCase(makeCase("a/passes", passing), async () => trial)
    assert.equal(result.outcome, "passed")
    assert.deepEqual(result.warnings, ["noticed"])
    assert.ok(trial.ended > 0)
  })

  it("fails a MUST that rejects, and ends its trial", async () => {
    const trial = makeTrial()
    const result = await runCase(makeCase("a/fails", failing), async () => trial)
    assert.equal(result.outcome, "failed")
    assert.equal(result.reason, "Error: broken")
    assert.ok(trial.ended > 0)
  })

  it("skips a SHOULD that rejects, with a warning that tells why", async () => {
    const result = await runCase(makeCase("a/should", failing, { level: "SHOULD" }), async () => makeTrial())
    assert.equal(result.outcome, "skipped")
    assert.deepEqual(result.warnings, ["recommended, not met: Error: broken", "noticed"])
  })

  it("skips a case whose need the subject lacks, with the reason, and does not run it", async () => {
    const trial = makeTrial()
    const result = await runCase(makeCase("a/needs", failing, { requires: ["there", "missing"] }), async () => trial)
    assert.equal(result.outcome, "skipped")
    assert.equal(result.reason, "it does not claim missing")
    assert.ok(trial.ended > 0)
  })

  it("fails a case that hangs", async () => {
    const result = await runCase(makeCase("a/hangs", hanging), async () => makeTrial(), 30)
    assert.equal(result.outcome, "failed")
    assert.equal(result.reason, "Error: the case took more than 30 ms")
  })

  it("fails a case whose subject cannot be made, or hangs in the making", async () => {
    const broken = await runCase(makeCase("a/no-subject", passing), () => Promise.reject(new Error("no place")))
    assert.equal(broken.outcome, "failed")
    assert.equal(broken.reason, "Error: no place")
    const hung = await runCase(makeCase("a/no-subject", passing), () => new Promise<Trial>(() => undefined), 30)
    assert.equal(hung.outcome, "failed")
  })

  it("fails a case whose subject cannot be freed", async () => {
    const result = await runCase(makeCase("a/end", passing), async () => ({ ...makeTrial(), end: failing }))
    assert.equal(result.outcome, "failed")
    assert.equal(result.reason, "Error: broken")
  })
})

describe("selectCases()", () => {
  const cases = ["a/one", "a/two", "b/one"].map((id) => makeCase(id, passing))
  const idsOf = (only: readonly string[] | undefined): readonly string[] => selectCases(cases, only).map(({ id }) => id)

  it("takes all cases, or those named by id or group, in their own order and once", () => {
    assert.deepEqual(idsOf(undefined), ["a/one", "a/two", "b/one"])
    assert.deepEqual(idsOf(["b/one", "a/two"]), ["a/two", "b/one"])
    assert.deepEqual(idsOf(["a", "a/one"]), ["a/one", "a/two"])
    assert.deepEqual(idsOf(["a/"]), ["a/one", "a/two"])
  })

  it("refuses a name that matches nothing, even beside one that does, and an empty selection", () => {
    for (const only of [["c"], ["a/three"], ["a/one", "typo"], [""], ["one"], []]) assert.throws(() => idsOf(only), InvalidOption)
    assert.throws(() => selectCases([], undefined), InvalidOption)
  })
})

describe("runCases()", () => {
  const cases = [
    makeCase("a/passes", passing),
    makeCase("a/fails", failing),
    makeCase("a/skipped", passing, { requires: ["missing"] }),
    makeCase("a/should", failing, { level: "SHOULD" }),
  ]
  const quiet = async (): Promise<Trial> => ({ ...makeTrial(), warnings: [] })

  it("counts what passed, failed and was skipped, tells each in order, and goes on after a failure", async () => {
    const told: string[] = []
    const report = await runCases("subject", cases, quiet, { onResult: ({ id }) => told.push(id) })
    assert.deepEqual(told, cases.map(({ id }) => id))
    assert.deepEqual([report.passed, report.failed, report.skipped, report.warnings, report.conforms], [1, 1, 2, 1, false])
  })

  it("conforms with a recommendation unmet, but not if everything was skipped", async () => {
    assert.equal((await runCases("subject", cases, quiet, { only: ["a/passes", "a/should"] })).conforms, true)
    assert.equal((await runCases("subject", cases, quiet, { only: ["a/skipped"] })).conforms, false)
  })

  it("rejects for a selection that names nothing", async () => {
    await assert.rejects(runCases("subject", cases, quiet, { only: ["typo"] }), InvalidOption)
  })
})

describe("formatReport()", () => {
  it("has a line for each case, of a failure what was expected, seen and its cause, the rule and why, and ends with the totals", async () => {
    const report = await runCases("subject", [
      makeCase("a/passes", passing),
      makeCase("a/fails", failing),
      makeCase("a/skipped", passing, { requires: ["missing"] }),
    ], async () => ({ ...makeTrial(), warnings: [] }))
    assert.deepEqual(formatReport(report).split("\n").map((line) => line.replace(/ {2,}/g, "  ")), [
      "subject",
      "ok  a/passes",
      "FAIL  a/fails",
      "  expected: what a/fails says",
      "  seen:  Error: broken",
      "  from:  Error: the driver said no",
      "  rule:  It holds.",
      "  why:  Somebody relies on it.",
      "skip  a/skipped  it does not claim missing",
      "1 passed, 1 failed, 1 skipped",
    ])
    assert.equal(formatTotals(report), "1 passed, 1 failed, 1 skipped")
  })

  it("prints warnings beside the outcome", async () => {
    const result = await runCase(makeCase("a/passes", passing), async () => makeTrial())
    assert.match(formatResult(result), /^warn {2}a\/passes +noticed\nok {4}a\/passes$/)
  })
})

describe("reportToJson()", () => {
  it("holds the counts and each result, errors as words", async () => {
    const report = await runCases("subject", [makeCase("a/fails", failing)], async () => makeTrial())
    const json = JSON.parse(reportToJson(report))
    assert.equal(json.name, "subject")
    assert.equal(json.failed, 1)
    assert.equal(json.results[0].reason, "Error: broken")
    assert.deepEqual(json.results[0].causes, ["Error: the driver said no"])
  })
})
