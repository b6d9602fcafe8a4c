/** The same calls on every driver that is here: the one of this runtime, and libsql, which stands in for it on Node 20. */
import { loadDriver } from "#sqlite-driver"
import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import { DriverMissing } from "../../../kernel/errors.ts"
import { codeOfMessage, type Database, type Driver } from "./driver.ts"
import { loadLibsql } from "./libsql.ts"
import { loadDriver as loadUnavailable } from "./unavailable.ts"

const root = mkdtempSync(join(tmpdir(), "persist-sqlite-driver-"))
after(() => rmSync(root, { recursive: true }))
let files = 0
const newFile = (): string => {
  // A path that a URI would have to escape.
  const path = join(root, `a b?c#d%20é ${files++}.db`)
  writeFileSync(path, "")
  return path
}

const libsql = await loadLibsql().catch(() => undefined)
const drivers: Record<string, Driver | undefined> = { "the driver of this runtime": await loadDriver(), libsql }

for (const [name, driver] of Object.entries(drivers)) {
  describe(name, { skip: driver === undefined ? "the package libsql is not installed" : false }, () => {
    if (driver === undefined) return
    const withDatabase = (use: (database: Database, path: string) => void): void => {
      const path = newFile()
      const database = driver.open(path, { readOnly: false })
      try {
        use(database, path)
      } finally {
        database.close()
      }
    }
    const codeOf = (call: () => unknown): number | undefined => {
      try {
        call()
      } catch (cause) {
        return driver.codeOf(cause)
      }
      return assert.fail("it did not throw")
    }

    it("keeps bytes as they are: none, some, a part of a buffer", () => {
      withDatabase((database) => {
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB)")
        const insert = database.prepare("INSERT INTO t VALUES (?1, ?2)")
        const parts = [
          new Uint8Array(0),
          new Uint8Array([0, 255, 7]),
          new Uint8Array(100).fill(3).subarray(40, 43),
          new Uint8Array(300_000).fill(9),
        ]
        for (const [index, part] of parts.entries()) insert.run(index, part)
        const rows = database.prepare("SELECT bytes, typeof(bytes) AS type FROM t ORDER BY id").all()
        for (const [index, { bytes, type }] of rows.entries()) {
          assert.equal(type, "blob")
          assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
          assert.deepEqual(bytes, new Uint8Array(parts[index]!))
        }
        assert.deepEqual(database.prepare("SELECT bytes FROM t WHERE id = 1").get()?.bytes, parts[1])
      })
    })

    it("takes a lone array of bytes for one parameter", () => {
      withDatabase((database) => {
        assert.equal(database.prepare("SELECT hex(?1) AS hex").get(new Uint8Array([1, 2]))?.hex, "0102")
      })
    })

    it("answers undefined for no row, and every row of many", () => {
      withDatabase((database) => {
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        const insert = database.prepare("INSERT INTO t VALUES (?1)")
        const page = database.prepare("SELECT id FROM t WHERE id BETWEEN ?1 AND ?2 ORDER BY id")
        assert.equal(page.get(1, 1), undefined)
        assert.deepEqual(page.all(1, 1), [])
        database.execute("BEGIN") // one sync, not 300
        for (let id = 1; id <= 300; id++) insert.run(id)
        database.execute("COMMIT")
        assert.equal(page.all(1, 300).length, 300)
      })
    })

    it("takes new parameters at every call, whatever the call before was", () => {
      withDatabase((database) => {
        database.execute(
          "CREATE TABLE t (id INTEGER PRIMARY KEY); WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i FROM n",
        )
        const page = database.prepare("SELECT id FROM t WHERE id BETWEEN ?1 AND ?2 ORDER BY id")
        assert.equal(page.get(5, 300)?.id, 5)
        assert.equal(page.get(7, 300)?.id, 7)
        assert.deepEqual(page.all(9, 10).map(({ id }) => id), [9, 10])
        assert.deepEqual(page.all(11, 12).map(({ id }) => id), [11, 12])
        assert.equal(page.get(13, 300)?.id, 13)
        assert.deepEqual(page.all(14, 15).map(({ id }) => id), [14, 15])
      })
    })

    it("runs an insert under an id beyond 2^53, which is never read back", () => {
      withDatabase((database) => {
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB)")
        const insert = database.prepare("INSERT INTO t VALUES ((8388607 << 40) | ?1, ?2)")
        const last = 2 ** 40 - 1
        insert.run(last - 1, new Uint8Array([1]))
        insert.run(last, new Uint8Array([2]))
        assert.deepEqual(database.prepare(`SELECT id & ${last} AS position FROM t ORDER BY id`).all().map(({ position }) => position), [
          last - 1,
          last,
        ])
      })
    })

    it("knows the result code of what failed, and goes on", () => {
      withDatabase((database, path) => {
        database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")
        const insert = database.prepare("INSERT INTO t VALUES (?1, ?2)")
        insert.run(1, new Uint8Array([1]))
        assert.equal(codeOf(() => insert.run(1, new Uint8Array([1]))), 1555)
        assert.equal(codeOf(() => insert.run(2, null)), 1299)
        insert.run(2, new Uint8Array([1]))
        const other = driver.open(path, { readOnly: false })
        other.execute("BEGIN IMMEDIATE")
        assert.equal(codeOf(() => insert.run(3, new Uint8Array([1]))), 5)
        assert.equal(codeOf(() => database.execute("BEGIN IMMEDIATE")), 5)
        assert.equal(codeOf(() => database.prepare("BEGIN IMMEDIATE").run()), 5)
        other.execute("COMMIT")
        other.close()
        insert.run(3, new Uint8Array([1]))
        assert.equal(database.prepare("SELECT count(*) AS count FROM t").get()?.count, 3)
        assert.equal(driver.codeOf(new Error("another failure")), undefined)
        assert.equal(driver.codeOf("no error at all"), undefined)
      })
    })

    it("knows the result code of an open that failed", () => {
      assert.equal(
        codeOf(() => driver.open(join(root, "no", "such", "folder.db"), { readOnly: false }).prepare("SELECT 1 FROM sqlite_schema").get()),
        14,
      )
      const path = newFile()
      writeFileSync(path, "this is no database. ".repeat(100))
      const database = driver.open(path, { readOnly: false })
      assert.equal(codeOf(() => database.prepare("SELECT 1 FROM sqlite_schema").get()), 26)
      database.close()
    })

    it("writes nothing over a connection that is for reading", () => {
      withDatabase((database, path) => {
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
        const reading = driver.open(path, { readOnly: true })
        assert.equal(reading.prepare("SELECT id FROM t").get()?.id, 1)
        assert.equal(codeOf(() => reading.prepare("INSERT INTO t VALUES (2)").run()), 8)
        reading.close()
      })
    })

    it("sets a pragma each time it is told to", () => {
      withDatabase((database) => {
        for (const millis of [1, 2, 1]) {
          database.execute(`PRAGMA busy_timeout = ${millis}`)
          assert.equal(Object.values(database.prepare("PRAGMA busy_timeout").get()!)[0], millis)
        }
      })
    })

    it("steps a pragma that works row by row to its end", () => {
      withDatabase((database) => {
        database.execute(
          "PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE t (bytes BLOB); INSERT INTO t VALUES (zeroblob(1000000)); DELETE FROM t",
        )
        const free = database.prepare("PRAGMA freelist_count")
        assert.ok(Number(free.get()?.freelist_count) > 100)
        database.prepare("PRAGMA incremental_vacuum(1000)").all()
        assert.equal(free.get()?.freelist_count, 0)
      })
    })
  })
}

describe("codeOfMessage", () => {
  it("reads the words of SQLite, wherever they stand", () => {
    assert.equal(codeOfMessage(new Error("database is locked")), 5)
    assert.equal(codeOfMessage(new Error("unable to open database file: /tmp/x.db")), 14)
    assert.equal(codeOfMessage(new Error("something else")), undefined)
    assert.equal(codeOfMessage("database is locked"), undefined)
  })
})

describe("the driver of browsers", () => {
  it("says that there is none", () => {
    assert.throws(() => loadUnavailable(), DriverMissing)
  })
})
