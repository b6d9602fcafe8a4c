/** The suite itself is well made; then every case for each of our adapters, one test a case, but those that start processes: `npm run conformance` runs them. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, it } from "node:test"
import { groupOf } from "../case.ts"
import { ourAdapters } from "../cli/our-adapters.ts"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { adapterSuite, logStorageCases } from "./suite.ts"
import { LogStorageTrial } from "./trial.ts"

describe("logStorageCases", () => {
  it("have ids that are group/name, unique, with cases of one group together", () => {
    const ids = logStorageCases.map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*\/[a-z]+(-[a-z]+)*$/)
    assert.equal(new Set(ids).size, ids.length)
    const groups = ids.map((id) => id.split("/")[0]).filter((group, index, all) => group !== all[index - 1])
    assert.equal(new Set(groups).size, groups.length)
  })

  it("quote rules that stand in the port, word for word", async () => {
    const source = await readFile(new URL("../../kernel/ports/log-storage.ts", import.meta.url), "utf8")
    const port = source.replace(/^\s*(\/\*\*|\*\/|\*)/gm, " ").replace(/\s+/g, " ")
    for (const { id, rule } of logStorageCases) assert.ok(port.includes(rule), `${id} quotes what the port does not say: ${rule}`)
  })
})

describe("adapterSuite()", () => {
  it("checks an adapter that is given in one line, and names it", async () => {
    const { memoryAdapter } = await import("../../adapters/memory/mod.ts")
    const report = await adapterSuite(() => memoryAdapter()).run({ only: ["append"] })
    assert.equal(report.name, "memory")
    assert.equal(report.conforms, true)
  })
})

/** Groups whose cases start processes by the dozen. */
const SLOW_GROUPS = ["process", "fault"]

for (const [name, make] of Object.entries(ourAdapters)) {
  describe(`${name} adapter`, () => {
    for (const one of logStorageCases.filter(({ id }) => !SLOW_GROUPS.includes(groupOf(id)))) {
      it(`${one.title} [${one.id}]`, async (t) => {
        const result = await runCase(one, async () => new LogStorageTrial(await make(), { makeAnother: make }))
        // Of our own adapters we ask what is recommended, too.
        if (result.outcome === "failed" || result.warnings.length > 0) assert.fail(formatResult(result))
        if (result.outcome === "skipped") t.skip(result.reason)
      })
    }
  })
}
