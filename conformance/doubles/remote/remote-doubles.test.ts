/** Each double is caught by the cases that it names, and by the fault that it has: without the fault, the cases pass. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatKill } from "../../cli/kill-table.ts"
import { allDoubles, killOf } from "../../cli/kills.ts"
import { remoteCases, remoteSuite } from "../../remote/suite.ts"
import { formatReport } from "../../report.ts"
import { plainSubject } from "./plain-remote.ts"
import { remoteDoubles } from "./remote-doubles.ts"

describe("doubles of remotes", () => {
  for (const kind of allDoubles.filter(({ kind }) => kind === "remote")) {
    for (const double of kind.doubles) {
      for (const id of double.caughtBy) {
        it(`T86 ${id} catches a remote that ${double.fault}`, async () => {
          const kill = await killOf(kind, double, id)
          assert.notEqual(kill.outcome, "missed", formatKill(kill))
        })
      }
    }
  }

  it("T86 are right but for their faults: every case passes for the plain remote beneath them", async () => {
    const report = await remoteSuite(() => plainSubject()).run({ timeoutMillis: 60_000 })
    assert.ok(report.conforms && report.skipped === 0 && report.warnings === 0, formatReport(report))
  })

  it("T86 exist for every case", () => {
    const caught = new Set(remoteDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(remoteCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
  })
})
