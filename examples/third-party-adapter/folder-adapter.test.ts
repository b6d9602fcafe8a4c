import assert from "node:assert/strict"
import { it } from "node:test"
import { adapterSuite, formatReport, inFolder } from "@cuitty/persist/conformance"
import { folderAdapter } from "./folder-adapter.ts"

it("folderAdapter() conforms", async () => {
  const report = await adapterSuite(inFolder(folderAdapter)).run()
  assert.ok(report.conforms, formatReport(report))
})
