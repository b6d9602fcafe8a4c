import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../kernel/errors.ts"
import type { Case } from "./case.ts"
import type { Trial } from "./runner.ts"
import { makeSuite } from "./suite.ts"

const makeCase = (id: string, rest: Partial<Case<Trial>> = {}): Case<Trial> => ({
  id,
  title: `what ${id} says`,
  level: "MUST",
  requires: [],
  rule: "It holds.",
  why: "Somebody relies on it.",
  run: () => Promise.resolve(),
  ...rest,
})

const cases = [
  makeCase("a/passes"),
  makeCase("a/fails", { run: () => Promise.reject(new Error("broken")) }),
  makeCase("b/skipped", { requires: ["there", "missing"] }),
]

/** A suite that counts the subjects that it made and that were freed. */
const makeCounted = (end: () => Promise<void> = () => Promise.resolve()) => {
  const counts = { made: 0, ended: 0 }
  const suite = makeSuite(() => `subject ${counts.made}`, cases, () => {
    counts.made += 1
    const lacks = (need: string): string | undefined => need === "missing" ? "it does not claim missing" : undefined
    return Promise.resolve({
      warnings: [],
      lacks,
      end: () => {
        counts.ended += 1
        return end()
      },
    })
  })
  return { suite, counts }
}

describe("Suite", () => {
  it("runs its cases, each against a subject of its own, and reports under the name that is known by then", async () => {
    const { suite, counts } = makeCounted()
    assert.equal(suite.name, "subject 0")
    const report = await suite.run()
    assert.deepEqual([report.name, report.passed, report.failed, report.skipped], ["subject 3", 1, 1, 1])
    assert.equal(counts.made, 3)
  })

  it("tells before each case which one it is, of how many", async () => {
    const told: unknown[] = []
    await makeCounted().suite.run({ only: ["a"], onStart: ({ id }, index, count) => told.push([id, index, count]) })
    assert.deepEqual(told, [["a/passes", 0, 2], ["a/fails", 1, 2]])
  })

  it("runs one case by its id", async () => {
    const { suite } = makeCounted()
    assert.equal((await suite.runCase("a/passes")).outcome, "passed")
    const { outcome, reason, why } = await suite.runCase("a/fails")
    assert.deepEqual([outcome, reason, why], ["failed", "Error: broken", "Somebody relies on it."])
    await assert.rejects(suite.runCase("a"), InvalidOption)
  })

  it("says beforehand which cases the subject lacks something for, and frees the subject that it asked", async () => {
    const { suite, counts } = makeCounted()
    assert.deepEqual([...await suite.skips()], [["b/skipped", "it does not claim missing"]])
    assert.deepEqual(counts, { made: 1, ended: 1 })
  })

  it("skips nothing beforehand where no subject can be made, and goes on where one cannot be freed", async () => {
    const none = makeSuite(() => "none", cases, () => Promise.reject(new Error("no place")))
    assert.deepEqual([...await none.skips()], [])
    assert.equal((await makeCounted(() => Promise.reject(new Error("busy"))).suite.skips()).size, 1)
  })
})
