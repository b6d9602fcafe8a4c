/**
 * Each double is caught by the case it names, and by the fault it has: without the fault, the case passes.
 *
 * T86: what a sloppy adapter of somebody else's does is seen before it holds anybody's data.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { logStorageCases, runSuite } from "../log-storage/suite.ts"
import { formatReport } from "../report.ts"
import { diskSubject } from "./disk-adapter.ts"
import { doubles } from "./doubles.ts"

// Long enough for a slow machine to pass, short enough for a hang to be one.
const WAITS = { timeoutMillis: 1000, patienceMillis: 300 }

describe("doubles", () => {
  for (const { fault, caughtBy, subject } of doubles) {
    for (const id of caughtBy) {
      it(`T86 ${id} catches an adapter that ${fault}`, async () => {
        const report = await runSuite({ ...WAITS, only: [id], make: () => subject(memoryAdapter) })
        assert.ok(report.failed === 1 || report.warnings > 0, formatReport(report))
      })
    }
  }

  for (const [beneath, make] of Object.entries({ memory: () => ({ adapter: memoryAdapter() }), disk: () => diskSubject() })) {
    it(`T86 are right but for their faults: every case passes for the ${beneath} adapter beneath them`, { timeout: 60_000 }, async () => {
      const report = await runSuite({ make })
      assert.ok(report.conforms && report.warnings === 0, formatReport(report))
    })
  }

  it("T86 exist for every case", () => {
    const caught = new Set(doubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(logStorageCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
  })
})
