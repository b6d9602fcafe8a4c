/**
 * The adapter over libsql, which stands in for node:sqlite on Node 20, on the runtimes that the tests run on: every case of the suite.
 *
 * Without the shared memory of the log: it holds no data, and libsql leaves it behind.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { inFolder, runSuite } from "../../conformance/mod.ts"
import { formatResult } from "../../conformance/report.ts"
import { loadLibsql } from "./drivers/libsql.ts"
import { sqliteAdapterOver } from "./mod.ts"

const skip = await loadLibsql().then(() => false, () => "the package libsql is not installed")

describe("the adapter over libsql", { skip }, () => {
  it("conforms without a warning", { timeout: 60_000 }, async () => {
    const make = inFolder((folder) => sqliteAdapterOver(loadLibsql, { path: `${folder}/stores.db` }), {
      isLock: (path) => path.endsWith("-shm"),
    })
    const report = await runSuite({ make })
    const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
    assert.equal(wrong.map(formatResult).join("\n"), "")
    assert.ok(report.passed > 120, `${report.passed} passed`)
  })
})
