import assert from "node:assert/strict"
import { it } from "node:test"
import { formatReport, inFolder, runSuite } from "@cuitty/persist/conformance"
import { folderAdapter } from "./folder-adapter.ts"

it("folderAdapter() conforms", async () => {
  const report = await runSuite({ make: inFolder(folderAdapter) })
  assert.ok(report.conforms, formatReport(report))
})
