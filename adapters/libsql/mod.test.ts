import assert from "node:assert/strict"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { createClient } from "@libsql/client/sqlite3"
import { createStore, listStores } from "../../mod.ts"
import {
  FormatTooNew,
  InvalidOption,
  NotAStore,
  PathNotFound,
  PositionTaken,
  StoreBusy,
  StoreLocked,
  StoreNotFound,
} from "../../kernel/errors.ts"
import type { Bytes, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import { sqliteAdapter } from "../sqlite/mod.ts"
import { libsqlAdapter, type LibsqlOptions } from "./mod.ts"

const root = mkdtempSync(join(tmpdir(), "persist-libsql-"))
after(() => rmSync(root, { recursive: true, maxRetries: 3 }))
let folders = 0
const newPath = (): string => join(root, `${folders++}`, "stores.db")
const frame = (value: number, length: number = 10): Bytes => new Uint8Array(length).fill(value)
const all = { maxFrames: 1000, maxBytes: 100_000_000 } as const
const open = async (options: LibsqlOptions, name: string = "notes", how: Partial<OpenOptions> = {}): Promise<LogStorage> =>
  await libsqlAdapter(options).open(name, { durability: "normal", create: undefined, ...how })
const execute = async (path: string, ...statements: string[]): Promise<readonly Record<string, unknown>[]> => {
  const client = createClient({ url: `file:${path}`, concurrency: 1 })
  try {
    let rows: readonly Record<string, unknown>[] = []
    for (const sql of statements) rows = (await client.execute(sql)).rows
    return rows
  } finally {
    client.close()
  }
}

describe("libsqlAdapter", () => {
  it("T25 refuses table prefixes that are more than a name", () => {
    for (const tablePrefix of ["", "1a", "A", "é", "a b", "a'", 'a"', "a]", "a;", "a\0", "a--", "a.b", "sqlite_", "a".repeat(33)]) {
      assert.throws(() => libsqlAdapter({ path: "x.db", tablePrefix }), InvalidOption)
    }
    for (const tablePrefix of ["a", "_", "a".repeat(32), "select"]) libsqlAdapter({ path: "x.db", tablePrefix })
    for (const timeoutMillis of [0, -1, 1.5, NaN, Infinity]) {
      assert.throws(() => libsqlAdapter({ url: ":memory:", timeoutMillis }), InvalidOption)
    }
  })

  it("open() makes the file for its owner alone and the last folder of its path, and says where", async () => {
    const path = newPath()
    const storage = await open({ path })
    assert.deepEqual(storage.opened, { created: true, location: path, recovery: undefined })
    await storage.close()
    if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o600)
    await assert.rejects(open({ path: join(root, "no", "such", "folder.db") }), PathNotFound)
    await (await open({ path: join(root, "a", "chain", "of.db"), createFolders: true })).close()
  })

  it("open() with create: false makes nothing", async () => {
    const path = newPath()
    await assert.rejects(open({ path }, "notes", { create: false }), StoreNotFound)
    assert.equal(existsSync(join(path, "..")), false)
  })

  it("keeps stores beside the tables of a user's database, whose journal and header stay as they are", async () => {
    const path = newPath()
    mkdirSync(join(path, ".."))
    await execute(path, "CREATE TABLE mine (a)", "INSERT INTO mine VALUES (1)", "PRAGMA user_version = 77")
    for (const durability of ["full", "normal", "relaxed"] as const) {
      const storage = await open({ path }, durability, { durability, create: true })
      await storage.append(1, frame(1))
      await storage.flush()
      await storage.close()
    }
    await libsqlAdapter({ path }).destroy("full")
    assert.deepEqual((await execute(path, "SELECT a FROM mine")).map((row) => row["a"]), [1])
    assert.equal((await execute(path, "PRAGMA user_version"))[0]?.["user_version"], 77)
    assert.equal((await execute(path, "PRAGMA journal_mode"))[0]?.["journal_mode"], "delete")
  })

  it("refuses what is not its own, and leaves it as it was", async () => {
    const spoil: readonly (readonly [string, typeof NotAStore | typeof FormatTooNew])[] = [
      ["UPDATE persist_meta SET value = 2", FormatTooNew],
      ["DELETE FROM persist_meta", NotAStore],
      ["DROP TABLE persist_pieces", NotAStore],
      ["ALTER TABLE persist_frames ADD COLUMN extra", NotAStore],
      ["CREATE TRIGGER spy AFTER INSERT ON persist_frames BEGIN DELETE FROM persist_stores; END", NotAStore],
      ["CREATE INDEX extra ON persist_frames (bytes)", NotAStore],
    ]
    for (const [sql, expected] of spoil) {
      const path = newPath()
      await (await open({ path })).close()
      await execute(path, sql)
      const before = readFileSync(path)
      await assert.rejects(open({ path }), expected, sql)
      await assert.rejects(async () => await libsqlAdapter({ path }).list(), expected, sql)
      assert.deepEqual(readFileSync(path), before, sql)
    }
    const path = newPath()
    await (await sqliteAdapter({ path }).open("notes", { durability: "normal", create: true })).close()
    await assert.rejects(open({ path }), /open it with that/)
    writeFileSync(path, "no database at all")
    await assert.rejects(open({ path }), NotAStore)
    assert.equal(readFileSync(path, "utf8"), "no database at all")
  })

  it("one writer keeps another waiting beside the event loop, and what is acknowledged then is committed", async () => {
    const path = newPath()
    const storage = await open({ path })
    const client = createClient({ url: `file:${path}`, concurrency: 1 })
    const transaction = await client.transaction("write")
    let isSettled = false
    const freed = Promise.resolve(storage.append(1, frame(1))).finally(() => isSettled = true)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
    assert.equal(isSettled, false)
    await transaction.commit()
    await freed
    // Another connection sees it. libsql leaves a statement that was busy unfinished, and then commits nothing without a word.
    assert.equal((await client.execute("SELECT count(*) AS frames FROM persist_frames")).rows[0]?.["frames"], 1)
    client.close()
    await storage.close()
  })

  it("a writer that does not end is StoreBusy after 5 s, and nothing is stored", {
    timeout: 30_000,
    skip: "Deno" in globalThis || "Bun" in globalThis ? "once is enough: it takes 5 s" : false,
  }, async () => {
    const path = newPath()
    const storage = await open({ path })
    const client = createClient({ url: `file:${path}`, concurrency: 1 })
    const transaction = await client.transaction("write")
    await assert.rejects(Promise.resolve(storage.append(1, frame(1))), (error) => error instanceof StoreBusy && error.storedNothing)
    await transaction.commit()
    client.close()
    assert.equal(await storage.head(), 0)
    await storage.append(1, frame(1))
    await storage.close()
  })

  it("answers a taken position with the head, and a destroyed store as not found", async () => {
    const path = newPath()
    const storage = await open({ path })
    await storage.append(1, frame(1))
    await assert.rejects(
      Promise.resolve(storage.append(1, frame(2))),
      (error) => error instanceof PositionTaken && error.details.head === 1,
    )
    await assert.rejects(async () => await libsqlAdapter({ path }).destroy("notes"), StoreLocked)
    await execute(path, "DELETE FROM persist_frames", "DELETE FROM persist_stores")
    await assert.rejects(Promise.resolve(storage.append(2, frame(2))), StoreNotFound)
    await storage.close()
  })

  it("leaves no write-ahead log when the last handle is closed", async () => {
    const path = newPath()
    const storage = await open({ path })
    await storage.append(1, frame(1, 100_000))
    await storage.close()
    const log = readdirSync(join(path, "..")).filter((name) => name.endsWith("-wal")).map((name) => statSync(join(path, "..", name)).size)
    assert.ok(log.every((size) => size === 0))
  })

  it("keeps stores in memory as long as the adapter lives", async () => {
    const adapter = libsqlAdapter({ url: ":memory:" })
    const storage = await adapter.open("notes", { durability: "none", create: true })
    await storage.append(1, frame(1))
    await storage.close()
    assert.deepEqual(await adapter.list(), ["notes"])
    const again = await adapter.open("notes", { durability: "none", create: false })
    assert.deepEqual(await again.read(0, all), [frame(1)])
    await again.close()
    assert.deepEqual(await libsqlAdapter({ url: ":memory:" }).list(), [])
  })
})

describe('createStore with adapter "libsql"', () => {
  it("takes a path, a URL, or nothing but a name", async () => {
    const path = newPath()
    for (const options of [{ path }, { url: `file:${path}` }, { url: ":memory:" }]) {
      const store = await createStore<number>("notes", { adapter: "libsql", ...options })
      await store.records.put("a", 1)
      assert.equal(await store.records.get("a"), 1)
      await store.close()
    }
    assert.deepEqual(await listStores({ adapter: "libsql", path }), ["notes"])
    await assert.rejects(listStores({ adapter: "libsql" }), InvalidOption)
    await assert.rejects(createStore("notes", { adapter: "libsql", url: ":memory:", path }), InvalidOption)
  })
})
