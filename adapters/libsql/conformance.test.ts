/**
 * The whole suite over memory, and over a server the cases that it decides. Over a file it runs with those of our other adapters; all of it over
 * a server with `npm run conformance -- --adapter libsql --url …`.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { adapterSuite, atServer } from "../../conformance/mod.ts"
import { formatResult } from "../../conformance/report.ts"
import type { Report } from "../../conformance/runner.ts"
import { libsqlAdapter } from "./mod.ts"
import { serverMissing, TestServer } from "./testing/server.ts"

const conforms = (report: Report, passedMin: number): void => {
  const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
  assert.equal(wrong.map(formatResult).join("\n"), "")
  assert.ok(report.passed >= passedMin, `${report.passed} passed`)
}

/** The same code on every runtime, and thousands of requests: once is enough. */
const isNode = !("Deno" in globalThis) && !("Bun" in globalThis)

describe("libsqlAdapter, every case of the suite", () => {
  it("conforms in memory", { timeout: 60_000, skip: isNode ? false : "it runs on Node" }, async () => {
    conforms(await adapterSuite(() => libsqlAdapter({ url: ":memory:" })).run(), 105)
  })
})

describe("libsqlAdapter, cases of the suite that a server decides", { skip: isNode ? serverMissing : "it runs on Node" }, () => {
  for (const scheme of ["http", "ws"] as const) {
    it(`conforms over ${scheme}`, { timeout: 60_000 }, async () => {
      const server = await TestServer.start()
      try {
        const make = () => atServer((tablePrefix) => libsqlAdapter({ url: server[scheme], tablePrefix, pollMillis: 50 }))
        const only = [
          "opening/many-at-once",
          "append/taken-position",
          "append/gap",
          "append/one-of-many-wins",
          "read/max-bytes",
          "read/past-the-head",
          "snapshots/round-trip",
          "snapshots/newest-two",
          "snapshots/source-throws",
          "trim/older-snapshot-covers",
          "trim/all-but-the-last",
          "stores/destroy",
          "watch/fires",
        ]
        conforms(await adapterSuite(make).run({ only }), 13)
      } finally {
        await server.dispose()
      }
    })
  }
})
