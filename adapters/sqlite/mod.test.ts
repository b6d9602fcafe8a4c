import assert from "node:assert/strict"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import fc from "fast-check"
import { InvalidOption, InvalidStoreName, NotAStore, PathNotFound, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import type { Bytes, LogStorage } from "../../kernel/ports/log-storage.ts"
import { sqliteAdapter } from "./mod.ts"

const root = mkdtempSync(join(tmpdir(), "persist-sqlite-"))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const newPath = (): string => join(root, `${folders++}`, "stores.db")

const bytes = (...values: number[]): Bytes => new Uint8Array(values)
const normal = { durability: "normal", create: undefined } as const
const open = (path: string, name: string, create?: boolean): Promise<LogStorage> =>
  Promise.resolve(sqliteAdapter({ path }).open(name, { durability: "normal", create }))

describe("sqliteAdapter", () => {
  it("refuses paths that are none", () => {
    for (const path of ["", "a\0b", ":memory:", "file:notes.db", "file:///tmp/notes.db?mode=memory"]) {
      assert.throws(() => sqliteAdapter({ path }), InvalidOption, path)
    }
    assert.throws(() => sqliteAdapter({ path: ":memory:" }), /"memory"/)
  })

  it("T25 refuses table prefixes that are more than a name", () => {
    const prefixes = [
      "",
      "1a",
      "A",
      "é",
      "a b",
      "a'",
      'a"',
      "a`",
      "a]",
      "a;",
      "a\0",
      "a--",
      "a.b",
      "sqlite_",
      "sqlite_x",
      "a".repeat(33),
      "a".repeat(1_000_000),
    ]
    for (const tablePrefix of prefixes) assert.throws(() => sqliteAdapter({ path: "x.db", tablePrefix }), InvalidOption)
    for (const tablePrefix of ["a", "_", "a".repeat(32), "select", "a1_"]) sqliteAdapter({ path: "x.db", tablePrefix })
  })

  it("open() makes the file and the last folder of its path, and says where", async () => {
    const path = newPath()
    const storage = await open(path, "notes")
    assert.deepEqual(storage.opened, { created: true, location: path, recovery: undefined })
    await storage.close()
    const again = await open(path, "notes")
    assert.equal(again.opened.created, false)
    await again.close()
  })

  it("open() makes a chain of folders only with createFolders", async () => {
    const path = join(root, "chain", "of", "folders", "stores.db")
    await assert.rejects(open(path, "notes"), PathNotFound)
    assert.equal(existsSync(join(root, "chain")), false)
    const storage = await sqliteAdapter({ path, createFolders: true }).open("notes", normal)
    await storage.close()
  })

  it("open() with create: false makes nothing", async () => {
    const path = newPath()
    await assert.rejects(open(path, "notes", false), StoreNotFound)
    assert.equal(existsSync(join(path, "..")), false)
    mkdirSync(join(path, ".."))
    writeFileSync(path, "")
    await assert.rejects(open(path, "notes", false), StoreNotFound)
    assert.equal(statSync(path).size, 0)
  })

  it("open() takes an empty file for an empty database, as a crash in the first moment leaves it", async () => {
    const path = newPath()
    mkdirSync(join(path, ".."))
    writeFileSync(path, "")
    const storage = await open(path, "notes")
    assert.equal(storage.opened.created, true)
    await storage.append(1, bytes(1))
    await storage.close()
  })

  it("open() makes a store beside others only when it is told to, and names the others", async () => {
    const path = newPath()
    await (await open(path, "one")).close()
    await (await open(path, "two", true)).close()
    await assert.rejects(open(path, "three"), (error) => error instanceof StoreNotFound && error.details.stores.join() === "one,two")
    assert.deepEqual(await sqliteAdapter({ path }).list(), ["one", "two"])
  })

  it(
    "open() refuses a folder, and a link to nothing",
    { skip: process.platform === "win32" ? "links need a privilege on Windows" : false },
    async () => {
      await assert.rejects(open(root, "notes"), NotAStore)
      symlinkSync(join(root, "nowhere", "else.db"), join(root, "link.db"))
      await assert.rejects(open(join(root, "link.db"), "notes"), PathNotFound)
    },
  )

  it("open() gives up when its signal says so", async () => {
    const reason = new Error("enough")
    const path = newPath()
    await assert.rejects(
      async () => await sqliteAdapter({ path }).open("notes", { ...normal, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    )
    assert.equal(existsSync(join(path, "..")), false)
  })

  it("keeps the path of its making when the working directory changes", async () => {
    const before = process.cwd()
    const adapter = sqliteAdapter({ path: "relative.db" })
    try {
      process.chdir(root)
      const opening = adapter.open("notes", { durability: "normal", create: false })
      await assert.rejects(
        async () => await opening,
        (error) => error instanceof StoreNotFound && error.details.location === join(before, "relative.db"),
      )
    } finally {
      process.chdir(before)
    }
  })

  it("list() of nothing is empty and makes nothing", async () => {
    const path = newPath()
    assert.deepEqual(await sqliteAdapter({ path }).list(), [])
    assert.equal(existsSync(join(path, "..")), false)
  })

  it("destroy() removes one store, and refuses one that is missing or open", async () => {
    const path = newPath()
    const adapter = sqliteAdapter({ path })
    await assert.rejects(async () => await adapter.destroy("a"), StoreNotFound)
    const a = await open(path, "a")
    const b = await open(path, "b", true)
    await a.append(1, bytes(1))
    await b.append(1, bytes(2))
    await assert.rejects(async () => await adapter.destroy("a"), StoreLocked)
    await assert.rejects(async () => await sqliteAdapter({ path: join(path, "..", ".", "stores.db") }).destroy("a"), StoreLocked)
    await a.close()
    await adapter.destroy("a")
    assert.deepEqual(await adapter.list(), ["b"])
    assert.deepEqual(await b.read(0, { maxFrames: 9, maxBytes: 9 }), [bytes(2)])
    await b.close()
    const reborn = await open(path, "a", true)
    assert.equal(await reborn.head(), 0)
    await reborn.close()
  })

  it("destroy() overwrites what it drops, also where other stores stay, and in a database of the user", async () => {
    // A frame of some bytes, and one of some pages.
    for (const [options, times] of [[{}, 1], [{}, 500], [{ tablePrefix: "p_" }, 1], [{ tablePrefix: "p_" }, 500]] as const) {
      const path = newPath()
      const adapter = sqliteAdapter({ path, ...options })
      const secret = "a secret that is to be gone "
      for (const [name, text] of [["kept", "kept "], ["gone", secret]] as const) {
        const storage = await adapter.open(name, { durability: "normal", create: true })
        await storage.append(1, new TextEncoder().encode(text.repeat(times)))
        await storage.close()
      }
      assert.ok(readFileSync(path).includes(secret))
      await adapter.destroy("gone")
      assert.ok(!readFileSync(path).includes(secret), JSON.stringify([options, times]))
      assert.ok(readFileSync(path).includes("kept "))
    }
  })

  it("close() of the last handle leaves all in the database file, and no log", async () => {
    const path = newPath()
    const one = await open(path, "notes")
    const two = await open(path, "notes")
    for (let position = 1; position <= 300; position++) await one.append(position, new Uint8Array(20_000))
    await one.close()
    assert.equal(await two.head(), 300)
    await two.close()
    // Where a driver keeps statements open, an empty log stays.
    const sizes = readdirSync(join(path, "..")).filter((name) => !name.endsWith("-shm")).map((name) =>
      statSync(join(path, "..", name)).size
    )
    assert.deepEqual(sizes.filter((size) => size > 0), [statSync(path).size])
    assert.ok(statSync(path).size > 300 * 20_000)
  })

  it("T24 T26 names of stores are compared as bytes", async () => {
    const path = newPath()
    const names = [
      "a",
      "A",
      "ä",
      "a\u0308",
      "Ä",
      "İ",
      "i",
      "%",
      "_",
      "\\",
      "1",
      "1.0",
      "01",
      "'",
      '"',
      "__proto__",
      "x'00'",
      " ",
      "\u{1f600}",
      "toString",
      "../a",
    ]
    for (const [index, name] of names.entries()) {
      const storage = await open(path, name, true)
      assert.equal(storage.opened.created, true, name)
      await storage.append(1, bytes(index + 1))
      await storage.close()
    }
    assert.deepEqual([...await sqliteAdapter({ path }).list()], names)
    for (const [index, name] of names.entries()) {
      const storage = await open(path, name, false)
      assert.deepEqual(await storage.read(0, { maxFrames: 2, maxBytes: 10 }), [bytes(index + 1)], name)
      await storage.close()
    }
  })

  it("T24 any two names are two stores", async () => {
    const path = newPath()
    await (await open(path, "first")).close()
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !text.includes("\0"))
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { minLength: 2, maxLength: 3 }), async (names) => {
        const adapter = sqliteAdapter({ path })
        const known = new Set(await adapter.list())
        for (const name of names) {
          const storage = await adapter.open(name, { durability: "relaxed", create: true })
          assert.equal(storage.opened.created, !known.has(name))
          await storage.close()
        }
        assert.deepEqual(new Set(await adapter.list()), new Set([...known, ...names]))
      }),
      { numRuns: 30 },
    )
  })

  it("refuses names of stores before anything is made", async () => {
    const path = newPath()
    for (const name of ["", "a\0b", "\ud800", "x".repeat(201)]) await assert.rejects(open(path, name), InvalidStoreName)
    assert.equal(existsSync(join(path, "..")), false)
  })

  it("T77 lets nobody but the owner read", { skip: process.platform === "win32" ? "Windows has no modes" : false }, async () => {
    const path = newPath()
    const storage = await open(path, "notes")
    await storage.append(1, bytes(1))
    const folder = join(path, "..")
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    const files = readdirSync(folder)
    assert.ok(files.includes("stores.db-wal"))
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file)
    await storage.close()
  })
})
