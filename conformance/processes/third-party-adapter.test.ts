/** The example of an adapter of somebody else's keeps its promises where processes are killed and disks fail. */
import assert from "node:assert/strict"
import { it } from "node:test"
import { makeAdapter } from "../../examples/third-party-adapter/conformance.ts"
import { adapterSuite, formatReport } from "../mod.ts"

it("folderAdapter() conforms where processes are killed and disks fail", { timeout: 170_000 }, async () => {
  const report = await adapterSuite(makeAdapter).run({ only: ["process", "fault"] })
  assert.ok(report.conforms, formatReport(report))
})
