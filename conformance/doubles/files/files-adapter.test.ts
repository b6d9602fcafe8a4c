/** The adapter over plain files is right but for its faults: what its doubles are caught by is those alone. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { isAboutProcesses } from "../../cli/kills.ts"
import { adapterSuite, logStorageCases } from "../../log-storage/suite.ts"
import { formatResult } from "../../report.ts"
import { filesSubject } from "./place.ts"

describe("filesAdapter() without a fault", () => {
  const suite = adapterSuite(() => filesSubject())
  for (const { id } of logStorageCases.filter((one) => isAboutProcesses(one.id))) {
    it(`passes ${id}`, async (t) => {
      const result = await suite.runCase(id)
      if (result.outcome === "failed" || result.warnings.length > 0) assert.fail(formatResult(result))
      if (result.outcome === "skipped") t.skip(result.reason)
    })
  }
})
