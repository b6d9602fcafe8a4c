/** The host and the suites of a web runtime, with one that is this process; the real ones run in `node conformance/web.ts`. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { bundleFor } from "./bundle.ts"
import { post } from "./messages.ts"
import { WEB_ROWS } from "./row-names.ts"
import { runRow } from "./rows.ts"
import { type FoundRuntime, runRows } from "./runtime.ts"

/** A runtime that does this once it is started. */
const runtimeOf = (
  begin: (host: string, parameters: URLSearchParams) => Promise<void>,
): FoundRuntime & { readonly ended: () => number } => {
  let ended = 0
  return {
    name: "this process",
    script: "",
    ended: () => ended,
    start(host, query) {
      const { promise: broken, reject } = Promise.withResolvers<never>()
      begin(host, new URLSearchParams(query)).catch(reject)
      return Promise.resolve({ broken, end: () => Promise.resolve(void (ended += 1)) })
    },
  }
}

const runAll = runtimeOf(async (host, parameters) => {
  for (const row of parameters.getAll("row")) await runRow(row, host, parameters.getAll("only"))
})

describe("runRows()", () => {
  it("gathers a report of each row, and tells of each case", async () => {
    const lines: string[] = []
    const rows = ["adapter memory"], only = ["append/gap", "crash/twice"]
    const reports = await runRows(runAll, { rows, only, say: (line) => lines.push(line) })
    assert.deepEqual([...reports].map(([row, { passed, failed, skipped }]) => [row, passed, failed, skipped]), [[
      "adapter memory",
      1,
      0,
      1,
    ]])
    assert.deepEqual(lines.map((line) => line.split(/ +/).slice(0, 2).join(" ")), ["ok append/gap", "skip crash/twice"])
  })

  it("starts, kills and restores the servers of a remote for whoever asks", async () => {
    const reports = await runRows(runAll, {
      rows: ["remote http"],
      only: ["person/reader", "restart/pull", "wipe/cursors", "backup/older"],
      say: () => {},
    })
    const report = reports.get("remote http")
    assert.deepEqual([report?.passed, report?.failed, report?.skipped], [4, 0, 0], JSON.stringify(report?.results))
  })

  it("rejects with what kept a subject from being checked, and ends the runtime", async () => {
    const unknown = runtimeOf((host) => runRow("adapter floppy", host, undefined))
    await assert.rejects(runRows(unknown, { rows: ["adapter floppy"], say: () => {} }), /no suite is known here for adapter floppy/)
    assert.equal(unknown.ended(), 1)
  })

  it("rejects when the runtime breaks, and when it is silent", async () => {
    const broken = runtimeOf(() => Promise.reject(new Error("it fell over")))
    await assert.rejects(runRows(broken, { rows: WEB_ROWS, say: () => {} }), /it fell over/)
    const silent = runtimeOf((host) => post(host, "/tell", { kind: "case", row: "adapter memory", line: "ok append/gap" }))
    await assert.rejects(
      runRows(silent, { rows: WEB_ROWS, say: () => {}, silenceMillisMax: 300 }),
      /this process is silent; its last case was ok append\/gap/,
    )
    assert.deepEqual([broken.ended(), silent.ended()], [1, 1])
  })
})

describe("bundleFor()", () => {
  it("gives one module that imports nothing, for pages and for Workers", async () => {
    for (const where of ["page", "worker"] as const) {
      const text = await bundleFor(where)
      assert.doesNotMatch(text, /^\s*(?:import|export)\b[^(\n]*\bfrom\s*["']/m)
      assert.match(text, /there is no node:/)
    }
  })
})
