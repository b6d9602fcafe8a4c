/** What a user meets at the public face when a database cannot be used: an error with code and hint, and everything as it was. */
import { loadDriver } from "#sqlite-driver"
import assert from "node:assert/strict"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import { PersistError } from "../../kernel/errors.ts"
import { createStore, type CreateStoreOptions, deleteStore, type Store } from "../../mod.ts"
import type { Database, Driver } from "./drivers/driver.ts"
import { sqliteAdapterOver } from "./mod.ts"

const driver: Driver = await loadDriver()
const root = fs.mkdtempSync(join(tmpdir(), "persist-sqlite-bad-"))
after(() => fs.rmSync(root, { recursive: true }))
let folders = 0
const newFolder = (): string => {
  const folder = join(root, `${folders++}`)
  fs.mkdirSync(folder)
  return folder
}

const runSql = (path: string, sql: string): void => {
  if (!fs.existsSync(path)) fs.writeFileSync(path, "")
  const database = driver.open(path, { readOnly: false })
  database.execute(sql)
  database.close()
}

const open = (path: string, options: CreateStoreOptions = {}): Promise<Store> =>
  createStore("notes", { adapter: "sqlite", path, ...options })
const fillStore = async (path: string, records: number = 3): Promise<void> => {
  const store = await open(path)
  for (let number = 1; number <= records; number++) await store.records.put(`note:${number}`, { number })
  await store.close()
}

/** Names, sizes, modes and times of change of all files; the shared memory of a log is no data. */
const sightOf = (folder: string): readonly string[] =>
  fs.readdirSync(folder, { recursive: true }).map(String).filter((name) => !name.endsWith("-shm")).sort().map((name) => {
    const { size, mode, mtimeMs } = fs.lstatSync(join(folder, name))
    return `${name} ${size} ${mode.toString(8)} ${mtimeMs}`
  })

const assertRejects = async (call: () => Promise<unknown>, code: string, words: RegExp): Promise<PersistError> => {
  let found: unknown
  await assert.rejects(call, (error) => {
    found = error
    return true
  })
  assert.ok(found instanceof PersistError, String(found))
  assert.equal(found.code, code, found.message)
  assert.match(found.message, words)
  assert.ok(found.hint !== undefined && found.hint !== "")
  assert.ok(found.storedNothing)
  return found
}

interface BadPlace {
  readonly title: string
  readonly code: string
  readonly words: RegExp
  /** Makes what is there; answers the path to open, and options. */
  readonly arrange: (folder: string) => Promise<readonly [path: string, options?: CreateStoreOptions]>
}

const BAD_PLACES: readonly BadPlace[] = [
  { title: "a folder", code: "not_a_store", words: /it is a folder/, arrange: async (folder) => [folder] },
  {
    title: "a path through a file",
    code: "path_not_found",
    words: /not a folder/,
    async arrange(folder) {
      fs.writeFileSync(join(folder, "file"), "x")
      return [join(folder, "file", "stores.db")]
    },
  },
  {
    title: "a chain of missing folders",
    code: "path_not_found",
    words: /does not exist/,
    arrange: async (folder) => [join(folder, "a", "b", "stores.db")],
  },
  {
    title: "a link to nothing",
    code: "path_not_found",
    words: /link to nothing/,
    async arrange(folder) {
      fs.symlinkSync(join(folder, "gone.db"), join(folder, "stores.db"))
      return [join(folder, "stores.db")]
    },
  },
  {
    title: "a text file",
    code: "not_a_store",
    words: /not a database/,
    async arrange(folder) {
      fs.writeFileSync(join(folder, "stores.db"), "Dear diary, ".repeat(200))
      return [join(folder, "stores.db")]
    },
  },
  {
    title: "a file too short for a database",
    code: "not_a_store",
    words: /too short/,
    async arrange(folder) {
      fs.writeFileSync(join(folder, "stores.db"), "SQLite format 3\0")
      return [join(folder, "stores.db")]
    },
  },
  {
    title: "the database of another program",
    code: "not_a_store",
    words: /another program.*tablePrefix/,
    async arrange(folder) {
      const path = join(folder, "stores.db")
      runSql(path, "CREATE TABLE contacts (name TEXT); INSERT INTO contacts VALUES ('Ada')")
      return [path]
    },
  },
  {
    title: "a database cut in half",
    code: "not_a_store",
    words: /malformed|not a database/,
    async arrange(folder) {
      const path = join(folder, "stores.db")
      await fillStore(path)
      fs.truncateSync(path, 1024)
      return [path]
    },
  },
  {
    title: "a newer format",
    code: "format_too_new",
    words: /has format version 1, this release knows 0/,
    async arrange(folder) {
      const path = join(folder, "stores.db")
      await fillStore(path)
      runSql(path, "PRAGMA user_version = 2")
      return [path]
    },
  },
  {
    title: "a store that is missing, with create: false",
    code: "store_not_found",
    words: /no stores are there/,
    arrange: async (folder) => [join(folder, "stores.db"), { create: false }],
  },
  {
    title: "a new name in a database that holds others",
    code: "store_not_found",
    words: /there are "tasks", "x\\u001b\[31m"/,
    async arrange(folder) {
      const path = join(folder, "stores.db")
      for (const name of ["tasks", "x\u001b[31m"]) await (await createStore(name, { adapter: "sqlite", path, create: true })).close()
      return [path]
    },
  },
]

describe("createStore() over a database that cannot be used", () => {
  for (const { title, code, words, arrange } of BAD_PLACES) {
    it(`refuses ${title}: ${code}, and changes nothing`, async () => {
      const folder = newFolder()
      const [path, options] = await arrange(folder)
      const before = sightOf(folder)
      await assertRejects(() => open(path, options), code, words)
      assert.deepEqual(sightOf(folder), before)
    })
  }

  it("names the damaged frame, and opens what comes before it with readPrefix", async () => {
    const path = join(newFolder(), "stores.db")
    await fillStore(path, 5)
    runSql(path, "UPDATE frames SET bytes = 'text' WHERE id & 1099511627775 = 4")
    const { details } = await assertRejects(() => open(path), "corrupt_frame", /position 4/)
    assert.equal(Object(details).position, 4)
    const store = await open(path, { readPrefix: true })
    assert.deepEqual(await store.records.get("note:3"), { number: 3 })
    assert.equal(await store.records.get("note:4"), undefined)
    assert.equal(store.status().recovery?.position, 4)
    await assertRejects(() => store.records.put("note:6", {}), "read_only", /before position 4/)
    await store.close()
  })

  it("tells of a full disk, keeps what is there, and goes on when there is room", async () => {
    const path = join(newFolder(), "stores.db")
    await fillStore(path)
    let database: Database | undefined
    const adapter = sqliteAdapterOver(() => ({ ...driver, open: (...given) => database = driver.open(...given) }), { path })
    const store = await createStore("notes", { adapter })
    // A real SQLITE_FULL: this connection may not let the file grow.
    database!.execute(`PRAGMA max_page_count = ${fs.statSync(path).size / 4096 + 2}`)
    await assertRejects(() => store.records.put("note:4", { text: "x".repeat(100_000) }), "storage_full", /is full/)
    assert.equal(await store.records.count(), 3)
    await store.records.put("note:5", { number: 5 })
    database!.execute("PRAGMA max_page_count = 100000")
    await store.records.put("note:4", { text: "x".repeat(100_000) })
    assert.equal(await store.records.count(), 5)
    await store.close()
  })

  it("T23 follows a link to a database: it is the same one, with its log beside it", async () => {
    const folder = newFolder()
    const path = join(folder, "stores.db"), link = join(folder, "link.db")
    await fillStore(path)
    fs.symlinkSync(path, link)
    const store = await open(link)
    await store.records.put("note:4", { number: 4 })
    assert.ok(!fs.existsSync(`${link}-wal`), "the log lies beside the database, not beside the link")
    const other = await open(path)
    assert.deepEqual(await other.records.get("note:4"), { number: 4 })
    await other.close()
    await assertRejects(() => deleteStore("notes", { adapter: "sqlite", path }), "store_locked", /open handle of this process/)
    await store.close()
  })

  it("takes up the log of a process that was killed, with or without its shared memory", async () => {
    for (const leftBehind of [["stores.db", "stores.db-wal", "stores.db-shm"], ["stores.db", "stores.db-wal"]]) {
      const folder = newFolder(), copy = newFolder()
      const path = join(folder, "stores.db")
      const store = await open(path, { durability: "relaxed" })
      await store.records.put("note:1", { number: 1 })
      for (const name of leftBehind) fs.copyFileSync(join(folder, name), join(copy, name))
      await store.close()
      const again = await open(join(copy, "stores.db"))
      assert.deepEqual(await again.records.get("note:1"), { number: 1 })
      await again.close()
      assert.deepEqual(fs.readdirSync(copy), ["stores.db"])
    }
  })

  describe("with the interrupted transaction of a rollback journal, in a database of the user", () => {
    const prefixed = { tablePrefix: "notes_" }
    /** The folder of a database with one record, "app.db", and of the journal of a transaction that drops it. */
    const makeInterrupted = async (): Promise<string> => {
      const folder = newFolder(), copy = newFolder()
      const path = join(folder, "app.db")
      runSql(path, "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
      const store = await open(path, prefixed)
      await store.records.put("note:1", { number: 1 })
      await store.close()
      const writer = driver.open(path, { readOnly: false })
      writer.execute("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN")
      writer.execute("UPDATE mine SET a = 2; DELETE FROM notes_frames")
      for (let row = 0; row < 50; row++) writer.execute(`INSERT INTO mine VALUES (zeroblob(4000))`)
      for (const name of fs.readdirSync(folder)) fs.copyFileSync(join(folder, name), join(copy, name))
      assert.ok(fs.statSync(join(copy, "app.db-journal")).size > 512, "the journal is hot")
      writer.execute("ROLLBACK")
      writer.close()
      return copy
    }

    it("takes it back", async () => {
      const folder = await makeInterrupted()
      const store = await open(join(folder, "app.db"), prefixed)
      assert.deepEqual(await store.records.get("note:1"), { number: 1 })
      await store.close()
      assert.deepEqual(fs.readdirSync(folder), ["app.db"])
    })

    it("refuses readPrefix, which may not take it back, and changes nothing", async () => {
      const folder = await makeInterrupted()
      const before = sightOf(folder)
      await assertRejects(() => open(join(folder, "app.db"), { ...prefixed, readPrefix: true }), "read_only", /readonly/)
      assert.deepEqual(sightOf(folder), before)
    })
  })
})
