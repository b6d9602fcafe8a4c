/** The client in Python passes the suite for clients: recommendations too, without a warning. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatResult } from "../report.ts"
import { pythonProgram, skipsPython } from "../testing/python-server.ts"
import { clientSuite } from "./suite.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000
/** Most of the time of a case is waits. */
const CASES_AT_ONCE = 2
/** What takes a minute is for who runs the suite by hand. */
const SKIPPED = "the caller gives no time for it"

const suite = clientSuite(`python3 "${pythonProgram("client.py")}"`)

describe("a client in Python, written from SPEC.md", { skip: skipsPython, concurrency: CASES_AT_ONCE }, () => {
  for (const { id, title } of suite.cases) {
    it(`${title} [${id}]`, async (test) => {
      const result = await suite.runCase(id, CASE_MILLIS_MAX)
      if (result.outcome === "skipped" && result.reason === SKIPPED) return test.skip(SKIPPED)
      assert.ok(result.outcome === "passed" && result.warnings.length === 0, formatResult(result))
    })
  }
})
