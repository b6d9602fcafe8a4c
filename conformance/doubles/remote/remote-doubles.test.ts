/** Each double is caught by the cases that it names, and by the fault that it has: without the fault, the cases pass. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { remoteCases, runRemoteSuite } from "../../remote/suite.ts"
import { formatReport } from "../../report.ts"
import { plainSubject } from "./plain-remote.ts"
import { remoteDoubles } from "./remote-doubles.ts"

// Long enough for a slow machine to pass, short enough for a hang to be one.
const WAITS = { timeoutMillis: 10_000, patienceMillis: 200 }

describe("doubles of remotes", () => {
  for (const { fault, caughtBy, subject } of remoteDoubles) {
    for (const id of caughtBy) {
      it(`T86 ${id} catches a remote that ${fault}`, async () => {
        const report = await runRemoteSuite({ ...WAITS, only: [id], make: subject })
        assert.ok(report.failed === 1 || report.warnings > 0, formatReport(report))
      })
    }
  }

  it("T86 are right but for their faults: every case passes for the plain remote beneath them", async () => {
    const report = await runRemoteSuite({ timeoutMillis: 60_000, make: () => plainSubject() })
    assert.ok(report.conforms && report.skipped === 0 && report.warnings === 0, formatReport(report))
  })

  it("T86 exist for every case", () => {
    const caught = new Set(remoteDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(remoteCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
  })
})
