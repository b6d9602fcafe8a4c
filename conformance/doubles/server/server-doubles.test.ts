/** Each double is caught by the cases that it names, and by the fault that it has: `conformance/server/suite.test.ts` shows our server without it. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import { formatReport } from "../../report.ts"
import { serverSuite, wireCases } from "../../server/suite.ts"
import { hastyPlatform, startOurServer } from "../../server/testing/our-server.ts"
import { serverDoubles } from "./server-doubles.ts"

/** A minute of the doubles that are about time. */
const MINUTE_MILLIS = 1200
/** Long enough for a slow machine to answer, short enough for what never comes. */
const PATIENCE_MILLIS = 1000

describe("doubles of servers", () => {
  for (const { fault, caughtBy, change, wire, isHasty } of serverDoubles) {
    it(`T86 ${caughtBy.join(", ")} catches a server that ${fault}`, async () => {
      const time = isHasty === true ? { platform: hastyPlatform(MINUTE_MILLIS), minuteMillis: MINUTE_MILLIS } : {}
      const server = await startOurServer({ storage: memoryAdapter, change, wire, ...time })
      try {
        for (const id of caughtBy) {
          const report = await serverSuite({
            ...server.subject,
            only: [id],
            timeoutMillis: 10_000,
            patienceMillis: PATIENCE_MILLIS,
          })
          assert.ok(report.failed === 1 || report.warnings > 0, formatReport(report))
          assert.ok(report.skipped === report.warnings, formatReport(report))
          // Caught by what the case looks at, not since no case could begin.
          const { reason = "" } = report.results[0]!
          assert.doesNotMatch(reason, /making the subject|a handshake: /, formatReport(report))
        }
      } finally {
        await server.stop()
      }
    })
  }

  it("T86 exist for every case about the wire", () => {
    const caught = new Set(serverDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(wireCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
    const known = new Set(wireCases.map(({ id }) => id))
    assert.deepEqual([...caught].filter((id) => !known.has(id)), [])
  })
})
