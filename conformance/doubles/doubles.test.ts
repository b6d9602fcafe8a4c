/**
 * Each double is caught by the case it names, and by the fault it has: without the fault, the case passes.
 *
 * Doubles for cases that start processes by the dozen are left to `npm run conformance -- doubles`.
 *
 * T86: what a sloppy adapter of somebody else's does is seen before it holds anybody's data.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatKill } from "../cli/kill-table.ts"
import { allDoubles, isAboutProcesses, killOf } from "../cli/kills.ts"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { adapterSuite, logStorageCases } from "../log-storage/suite.ts"
import { formatReport } from "../report.ts"
import { diskSubject } from "./disk-adapter.ts"
import { doubles } from "./doubles.ts"
import { fileDoubles } from "./files/file-doubles.ts"

describe("doubles", () => {
  for (const kind of allDoubles.filter(({ kind }) => kind === "adapter")) {
    for (const double of kind.doubles) {
      for (const id of double.caughtBy.filter((one) => !isAboutProcesses(one))) {
        it(`T86 ${id} catches an adapter that ${double.fault}`, async () => {
          const kill = await killOf(kind, double, id)
          assert.notEqual(kill.outcome, "missed", formatKill(kill))
        })
      }
    }
  }

  for (const [beneath, make] of Object.entries({ memory: () => ({ adapter: memoryAdapter() }), disk: () => diskSubject() })) {
    it(`T86 are right but for their faults: every case passes for the ${beneath} adapter beneath them`, { timeout: 60_000 }, async () => {
      const report = await adapterSuite(make).run()
      assert.ok(report.conforms && report.warnings === 0, formatReport(report))
    })
  }

  it("T86 exist for every case", () => {
    const caught = new Set([...doubles, ...fileDoubles].flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(logStorageCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
  })
})
