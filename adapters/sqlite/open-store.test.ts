import { loadDriver } from "#sqlite-driver"
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import { CorruptFrame, FormatTooNew, NotAStore, ReadOnly, StoreNotFound } from "../../kernel/errors.ts"
import type { Bytes, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import type { Database, Driver, Statement } from "./drivers/driver.ts"
import { sqliteAdapter, sqliteAdapterOver, type SqliteOptions } from "./mod.ts"

const driver: Driver = await loadDriver()
const root = mkdtempSync(join(tmpdir(), "persist-sqlite-open-"))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const newPath = (): string => {
  const folder = join(root, `${folders++}`)
  mkdirSync(folder)
  return join(folder, "stores.db")
}

const bytes = (...values: number[]): Bytes => new Uint8Array(values)
const all = { maxFrames: 1000, maxBytes: 1_000_000 } as const
const open = async (options: SqliteOptions, more: Partial<OpenOptions> = {}): Promise<LogStorage> =>
  await sqliteAdapter(options).open("notes", { durability: "normal", create: undefined, ...more })

/** Runs SQL on a database over a connection of its own. */
const withDatabase = <T>(path: string, use: (database: Database) => T): T => {
  if (!existsSync(path)) writeFileSync(path, "")
  const database = driver.open(path, { readOnly: false })
  try {
    return use(database)
  } finally {
    database.close()
  }
}
const runSql = (path: string, sql: string): void => withDatabase(path, (database) => database.execute(sql))
const valueOf = (path: string, sql: string): unknown =>
  withDatabase(path, (database) => Object.values(database.prepare(sql).get() ?? {})[0])

const makeStore = async (options: SqliteOptions, frames: number = 5): Promise<void> => {
  const storage = await open(options)
  for (let position = 1; position <= frames; position++) await storage.append(position, bytes(position, 1, 2, 3))
  await storage.close()
}

/** All files beside a database by their digest; the shared memory of a log is no data, and an empty log is none. */
const filesOf = (path: string): Record<string, string> => {
  const files: Record<string, string> = {}
  for (const name of readdirSync(join(path, "..")).sort()) {
    const content = readFileSync(join(path, "..", name))
    if (name.endsWith("-shm") || (name.endsWith("-wal") && content.length === 0)) continue
    files[name] = `${content.length} bytes, ${createHash("sha256").update(content).digest("hex")}`
  }
  return files
}

/** Opening, listing and destroying are all refused, and nothing on disk has changed. */
const assertRefused = async (options: SqliteOptions, kind: typeof NotAStore | typeof FormatTooNew, words?: RegExp): Promise<void> => {
  const before = filesOf(options.path)
  const adapter = sqliteAdapter(options)
  for (
    const call of [
      () => adapter.open("notes", { durability: "normal", create: true }),
      () => adapter.open("notes", { durability: "full", create: false }),
      () => adapter.open("notes", { durability: "normal", create: undefined, readPrefix: true }),
      () => adapter.list(),
      () => adapter.destroy("notes"),
    ]
  ) {
    await assert.rejects(
      async () => await call(),
      (error) => error instanceof kind && (words === undefined || words.test(error.message)),
      String(call),
    )
    assert.deepEqual(filesOf(options.path), before)
  }
}

describe("a new database", () => {
  it("is one of ours by its header, in pages that can be given back, with a log", async () => {
    const path = newPath()
    await makeStore({ path })
    const file = readFileSync(path)
    assert.equal(file.toString("latin1", 68, 72), "PRST")
    assert.equal(file.readUInt32BE(60), 1)
    assert.equal(valueOf(path, "PRAGMA auto_vacuum"), 2)
    assert.equal(valueOf(path, "PRAGMA page_size"), 4096)
    assert.equal(valueOf(path, "PRAGMA journal_mode"), "wal")
    assert.equal(valueOf(path, "PRAGMA integrity_check"), "ok")
  })

  it("I24 is completed by the next open, whatever call its making died after", async () => {
    const path = newPath()
    const copies: string[] = []
    // After each call of the library, the files are what a process that is killed there leaves.
    const copying = (call: () => unknown): unknown => {
      const result = call()
      const copy = join(root, `copy-${copies.length}`)
      cpSync(join(path, ".."), copy, { recursive: true, filter: (source) => !source.endsWith("-shm") })
      copies.push(join(copy, "stores.db"))
      return result
    }
    const copyingDriver: Driver = {
      codeOf: driver.codeOf,
      open(location, options) {
        const database = driver.open(location, options)
        return {
          ...database,
          execute: (sql) => void copying(() => database.execute(sql)),
          prepare(sql): Statement {
            const statement = database.prepare(sql)
            return { ...statement, run: (...values) => void copying(() => statement.run(...values)) }
          },
        }
      },
    }
    const storage = await sqliteAdapterOver(() => copyingDriver, { path }).open("notes", { durability: "normal", create: undefined })
    await storage.append(1, bytes(1))
    await storage.close()
    assert.ok(copies.length > 15, `${copies.length} copies`)
    for (const copy of copies) {
      for (let times = 1; times <= 2; times++) {
        const opened = await open({ path: copy })
        const head = await opened.head()
        if (head === 0) await opened.append(1, bytes(9))
        assert.equal(await opened.head(), 1)
        await opened.close()
      }
    }
  })
})

describe("a file that is not ours", () => {
  it("is refused and stays as it is: no database", async () => {
    for (
      const content of ["x", "hello, this is a text", "SQLite format 3\0", "\0".repeat(5000), "SQLite format 3\0" + "\xff".repeat(8192)]
    ) {
      const path = newPath()
      writeFileSync(path, content, "latin1")
      await assertRefused({ path }, NotAStore)
      await assertRefused({ path, tablePrefix: "p_" }, NotAStore)
    }
  })

  it("is refused and stays as it is: the database of another program", async () => {
    for (const journal of ["delete", "wal"]) {
      const path = newPath()
      runSql(path, `PRAGMA journal_mode = ${journal}; CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('Ada')`)
      await assertRefused({ path }, NotAStore, /tablePrefix/)
    }
  })

  it("is refused and stays as it is: a database with a name like ours, but without our mark", async () => {
    const path = newPath()
    await makeStore({ path })
    runSql(path, "PRAGMA application_id = 0")
    await assertRefused({ path }, NotAStore)
    runSql(path, "PRAGMA application_id = 1196444487")
    await assertRefused({ path }, NotAStore)
  })

  it("is refused and stays as it is: a log of another program that was killed", async () => {
    const path = newPath()
    const database = driver.open((writeFileSync(path, ""), path), { readOnly: false })
    database.execute("PRAGMA journal_mode = WAL; CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('Ada')")
    const killed = newPath()
    for (const end of ["", "-wal"]) cpSync(path + end, killed + end)
    database.close()
    assert.ok("stores.db-wal" in filesOf(killed))
    await assertRefused({ path: killed }, NotAStore)
  })
})

describe("a newer format", () => {
  it("is refused by its number and stays as it is", async () => {
    const path = newPath()
    await makeStore({ path })
    runSql(path, "PRAGMA user_version = 8; ALTER TABLE frames ADD COLUMN newer")
    await assertRefused({ path }, FormatTooNew, /version 7/)
  })

  it("is refused by its number and stays as it is under a prefix", async () => {
    const path = newPath()
    await makeStore({ path, tablePrefix: "p_" })
    runSql(path, "UPDATE p_meta SET value = 8; DROP TABLE p_snapshots")
    await assertRefused({ path, tablePrefix: "p_" }, FormatTooNew, /version 7/)
  })
})

describe("T27 a database from outside", () => {
  /** Each makes a file that would do something, or answer something, that is not a log. */
  const attacks: Record<string, string> = {
    "a trigger on frames": "CREATE TRIGGER t AFTER INSERT ON frames BEGIN DELETE FROM frames; END",
    "a trigger on stores": "CREATE TRIGGER t BEFORE UPDATE ON stores BEGIN SELECT RAISE(IGNORE); END",
    "a view in place of frames": "ALTER TABLE frames RENAME TO real; CREATE VIEW frames AS SELECT id, bytes FROM real",
    "a view with a trigger in place of slices":
      "DROP TABLE slices; CREATE VIEW slices AS SELECT 1 AS id, x'00' AS bytes; CREATE TRIGGER t INSTEAD OF INSERT ON slices BEGIN SELECT 1; END",
    "a virtual table": "DROP TABLE frames; CREATE VIRTUAL TABLE frames USING fts5(id, bytes)",
    "a generated column":
      "DROP TABLE frames; CREATE TABLE frames (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, more BLOB GENERATED ALWAYS AS (zeroblob(1000000000)) VIRTUAL)",
    "a check that computes":
      "DROP TABLE frames; CREATE TABLE frames (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL CHECK (length(hex(bytes)) > 0))",
    "another column type": "DROP TABLE frames; CREATE TABLE frames (id INTEGER PRIMARY KEY, bytes TEXT NOT NULL)",
    "no primary key": "DROP TABLE frames; CREATE TABLE frames (id INTEGER, bytes BLOB NOT NULL)",
    "an index on an expression": "CREATE INDEX i ON frames (length(bytes))",
    "a unique index": "CREATE UNIQUE INDEX i ON frames (bytes)",
    "a missing table": "DROP TABLE snapshots",
    "a name in other letters": "ALTER TABLE frames RENAME TO other; ALTER TABLE other RENAME TO FRAMES",
    "no version": "PRAGMA user_version = 0",
    "a negative version": "PRAGMA user_version = -1",
  }
  for (const [title, sql] of Object.entries(attacks)) {
    it(`T27 is refused and stays as it is: ${title}`, async () => {
      const path = newPath()
      await makeStore({ path })
      runSql(path, sql)
      await assertRefused({ path }, NotAStore)
    })
  }

  it("T27 may hold other tables, with triggers and views that are never run", async () => {
    const path = newPath()
    await makeStore({ path })
    runSql(
      path,
      "CREATE TABLE other (a); CREATE VIEW v AS SELECT load_extension(a) FROM other; CREATE TRIGGER t AFTER INSERT ON other BEGIN DELETE FROM frames; END",
    )
    const storage = await open({ path })
    await storage.append(6, bytes(6))
    assert.equal((await storage.read(0, all)).length, 6)
    await storage.close()
  })

  for (
    const [title, value] of Object.entries({
      text: "'text'",
      integer: "7",
      real: "1.5",
      "an empty BLOB": "x''",
      "text like a BLOB": "CAST(x'0102' AS TEXT)",
    })
  ) {
    it(`T27 a frame that is ${title} is damage at its position`, async () => {
      const path = newPath()
      await makeStore({ path })
      runSql(path, `UPDATE frames SET bytes = ${value} WHERE id & 255 = 4`)
      const storage = await open({ path })
      assert.equal((await storage.read(0, all)).length, 3)
      await assert.rejects(async () => await storage.read(3, all), (error) => error instanceof CorruptFrame && error.details.position === 4)
      assert.deepEqual(await storage.read(4, all), [bytes(5, 1, 2, 3)])
      await storage.close()
    })
  }

  it("T27 a store whose name or id is none is refused", async () => {
    for (const sql of ["UPDATE stores SET name = 'text'", "UPDATE stores SET name = x'ff'"]) {
      const path = newPath()
      await makeStore({ path })
      runSql(path, sql)
      await assert.rejects(async () => await sqliteAdapter({ path }).list(), NotAStore)
    }
    const path = newPath()
    await makeStore({ path })
    runSql(path, "UPDATE stores SET id = 8388608")
    await assert.rejects(open({ path }), NotAStore)
  })

  it("T27 a base that is no position is damage", async () => {
    for (const base of ["-1", "'x'", "1e300"]) {
      const path = newPath()
      await makeStore({ path }, 0)
      runSql(path, `UPDATE stores SET base = ${base}`)
      await assert.rejects(open({ path }), CorruptFrame)
    }
  })

  it("T27 works in every text encoding", async () => {
    for (const encoding of ["UTF-16le", "UTF-16be"]) {
      const path = newPath()
      runSql(path, `PRAGMA encoding = '${encoding}'; CREATE TABLE mine (a TEXT)`)
      await makeStore({ path, tablePrefix: "p_" })
      const adapter = sqliteAdapter({ path, tablePrefix: "p_" })
      const storage = await adapter.open("ä\u{1f600}", { durability: "normal", create: true })
      await storage.close()
      assert.deepEqual(await adapter.list(), ["notes", "ä\u{1f600}"])
    }
  })
})

describe("a database of the user", () => {
  const options = (path: string): SqliteOptions => ({ path, tablePrefix: "sync_" })

  it("keeps its header, journal mode and tables; ours lie beside them under the prefix", async () => {
    for (const journal of ["delete", "truncate", "persist", "wal"]) {
      const path = newPath()
      runSql(
        path,
        `PRAGMA journal_mode = ${journal}; PRAGMA application_id = 77; PRAGMA user_version = 3; CREATE TABLE mine (a); INSERT INTO mine VALUES (1)`,
      )
      await makeStore(options(path))
      assert.equal(valueOf(path, "PRAGMA application_id"), 77)
      assert.equal(valueOf(path, "PRAGMA user_version"), 3)
      assert.equal(valueOf(path, "PRAGMA auto_vacuum"), 0)
      assert.equal(valueOf(path, "PRAGMA journal_mode"), journal === "wal" ? "wal" : "delete")
      assert.equal(valueOf(path, "SELECT a FROM mine"), 1)
      assert.equal(valueOf(path, "SELECT count(*) FROM sync_frames"), 5)
      const storage = await open(options(path), { durability: "full" })
      await storage.append(6, bytes(6))
      assert.equal((await storage.read(0, all)).length, 6)
      await storage.close()
    }
  })

  it("may hold several prefixes, which do not see each other", async () => {
    const path = newPath()
    await makeStore({ path, tablePrefix: "a_" }, 1)
    await makeStore({ path, tablePrefix: "b_" }, 2)
    const a = await open({ path, tablePrefix: "a_" })
    assert.equal(await a.head(), 1)
    await a.close()
    await assertRefused({ path }, NotAStore)
  })

  it("is not a database of ours, and the other way round", async () => {
    const path = newPath()
    await makeStore({ path })
    await assertRefused(options(path), NotAStore, /without tablePrefix/)
  })

  it("is refused where a table of the user has our name", async () => {
    const path = newPath()
    runSql(path, "CREATE TABLE sync_frames (mine)")
    await assertRefused(options(path), NotAStore)
  })

  it("keeps its other tables when a store is destroyed", async () => {
    const path = newPath()
    runSql(path, "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
    await makeStore(options(path))
    await sqliteAdapter(options(path)).destroy("notes")
    assert.equal(valueOf(path, "SELECT a FROM mine"), 1)
    assert.equal(valueOf(path, "SELECT count(*) FROM sync_frames"), 0)
  })
})

describe("a damaged database", () => {
  /** Overwrites page 1 + n of `frames`, found through a canary. */
  const damage = (path: string, canary: string): void => {
    const file = readFileSync(path)
    const at = file.indexOf(canary)
    assert.ok(at > 0)
    const page = Math.floor(at / 4096) * 4096
    file.fill(0xff, page, page + 200)
    writeFileSync(path, file)
  }
  const makeBig = async (path: string): Promise<void> => {
    const storage = await open({ path })
    for (let position = 1; position <= 200; position++) {
      await storage.append(position, new TextEncoder().encode(`canary-${String(position).padStart(3, "0")}-`.repeat(50)))
    }
    await storage.close()
  }

  it("I23 shows every frame before the damage and none of it", async () => {
    const path = newPath()
    await makeBig(path)
    damage(path, "canary-120-")
    const storage = await open({ path })
    const found: Bytes[] = []
    await assert.rejects(async () => {
      for (;;) found.push(...await storage.read(found.length, { maxFrames: 50, maxBytes: 100_000 }))
    }, (error) => error instanceof CorruptFrame && error.details.position === found.length + 1)
    assert.ok(found.length > 100 && found.length < 120, String(found.length))
    for (const [index, frame] of found.entries()) {
      assert.match(new TextDecoder().decode(frame), new RegExp(`^(canary-${String(index + 1).padStart(3, "0")}-)+$`))
    }
    await storage.close()
  })

  it("readPrefix opens what comes before the damage, for reading only, and changes nothing", async () => {
    const path = newPath()
    await makeBig(path)
    damage(path, "canary-120-")
    const before = filesOf(path)
    const storage = await open({ path }, { readPrefix: true })
    const { recovery } = storage.opened
    assert.equal(recovery?.kind, "prefix_only")
    const head = await storage.head()
    assert.equal(head, recovery!.position - 1)
    let count = 0
    for (let page = await storage.read(0, all); page.length > 0; page = await storage.read(count, all)) count += page.length
    assert.equal(count, head)
    await assert.rejects(async () => await storage.append(head + 1, bytes(1)), ReadOnly)
    await assert.rejects(async () => await storage.trim(1), ReadOnly)
    await assert.rejects(async () => await storage.snapshots.write(1, []), ReadOnly)
    await storage.close()
    assert.deepEqual(filesOf(path), before)
  })

  it("readPrefix of a sound store reads all of it, and makes no store", async () => {
    const path = newPath()
    await makeStore({ path })
    const storage = await open({ path }, { readPrefix: true })
    assert.equal(storage.opened.recovery, undefined)
    assert.equal((await storage.read(0, all)).length, 5)
    await assert.rejects(async () => await storage.append(6, bytes(1)), ReadOnly)
    await storage.close()
    await assert.rejects(
      async () => await sqliteAdapter({ path }).open("other", { durability: "normal", create: true, readPrefix: true }),
      StoreNotFound,
    )
  })

  it("a frame that is missing in the middle is damage at its position", async () => {
    const path = newPath()
    await makeStore({ path })
    runSql(path, "DELETE FROM frames WHERE id & 255 = 3")
    const storage = await open({ path })
    assert.equal((await storage.read(0, all)).length, 2)
    await assert.rejects(async () => await storage.read(2, all), (error) => error instanceof CorruptFrame && error.details.position === 3)
    await storage.close()
    const prefix = await open({ path }, { readPrefix: true })
    assert.equal(prefix.opened.recovery?.position, 3)
    assert.equal(await prefix.head(), 2)
    await prefix.close()
  })

  it("a first frame that is missing is damage, not a trim", async () => {
    const path = newPath()
    await makeStore({ path })
    runSql(path, "DELETE FROM frames WHERE id & 255 = 1")
    const storage = await open({ path })
    await assert.rejects(async () => await storage.read(0, all), (error) => error instanceof CorruptFrame && error.details.position === 1)
    await storage.close()
  })
})
