/** Each double is caught by the case it names, and by the fault it has: the adapter beneath passes that case. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { runSuite } from "../log-storage/suite.ts"
import { formatReport } from "../report.ts"
import { doubles } from "./doubles.ts"

// Long enough for a slow machine to pass, short enough for a hang to be one.
const WAITS = { timeoutMillis: 1000, patienceMillis: 300 }

describe("conformance", () => {
  for (const { fault, caughtBy, subject } of doubles) {
    it(`${caughtBy} catches an adapter that ${fault}`, async () => {
      const wrong = await runSuite({ ...WAITS, only: [caughtBy], make: () => subject(memoryAdapter) })
      assert.equal(wrong.failed, 1, formatReport(wrong))
      if (caughtBy.startsWith("durability/")) return
      const right = await runSuite({ ...WAITS, only: [caughtBy], make: () => ({ adapter: memoryAdapter() }) })
      assert.equal(right.passed, 1, formatReport(right))
    })
  }
})
