/**
 * The adapter over libsql, which stands in for node:sqlite on Node 20, on the runtimes that the tests run on: every case of the suite.
 *
 * Without the shared memory of the log: it holds no data, and libsql leaves it behind.
 */
import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { adapterSuite, inFolder } from "../../conformance/mod.ts"
import { formatResult } from "../../conformance/report.ts"
import type { Database } from "./drivers/driver.ts"
import { loadLibsql } from "./drivers/libsql.ts"
import { sqliteAdapterOver } from "./mod.ts"

const skip = await loadLibsql().then(() => false, () => "the package libsql is not installed")

describe("the adapter over libsql", { skip }, () => {
  it("commits what it acknowledges after it was busy", async () => {
    const folder = mkdtempSync(join(tmpdir(), "persist-busy-"))
    try {
      writeFileSync(join(folder, "a.db"), "")
      const driver = await loadLibsql()
      const [one, other] = [0, 1].map(() => driver.open(join(folder, "a.db"), { readOnly: false })) as [Database, Database]
      one.execute("PRAGMA journal_mode = WAL")
      one.execute("CREATE TABLE t (a)")
      for (const sql of ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 2"]) {
        other.execute("BEGIN IMMEDIATE")
        assert.throws(() => one.prepare(sql).run(), (cause) => driver.codeOf(cause) === 5, sql)
        other.execute("COMMIT")
        one.prepare("DELETE FROM t").run()
        one.prepare("INSERT INTO t VALUES (?1)").run(7)
        assert.deepEqual(other.prepare("SELECT a FROM t").all().map((row) => row["a"]), [7], sql)
      }
      one.close()
      other.close()
    } finally {
      rmSync(folder, { recursive: true, maxRetries: 3 })
    }
  })

  it("conforms without a warning", { timeout: 60_000 }, async () => {
    const make = inFolder((folder) => sqliteAdapterOver(loadLibsql, { path: `${folder}/stores.db` }), {
      isLock: (path) => path.endsWith("-shm"),
    })
    const report = await adapterSuite(make).run()
    const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
    assert.equal(wrong.map(formatResult).join("\n"), "")
    assert.ok(report.passed > 120, `${report.passed} passed`)
  })
})
