/**
 * What a user meets at the public face when a place or a name cannot be used: an error with code and hint, and everything as it was.
 *
 * This file is also a program: `open PATH [readPrefix]` opens the store, counts its records, and reports. Otherwise it is a test.
 */
import assert from "node:assert/strict"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { type CorruptFrame, PersistError, ReadOnly, StoreLocked, type StoreNotFound } from "../../kernel/errors.ts"
import { createStore, type CreateStoreOptions, deleteStore, listStores, type Store } from "../../mod.ts"
import { type Report, reportOf, runProgram } from "./testing/program.ts"
import { type Image, saveFolder } from "./testing/workbench.ts"

const open = (path: string, options: CreateStoreOptions = {}, name: string = "notes"): Promise<Store> =>
  createStore(name, { adapter: "file", path, ...options })

const openAndCount = (path: string, options: CreateStoreOptions): Promise<Report> =>
  reportOf(async (count) => {
    const store = await open(path, options)
    for await (const _ of store.records.list()) count()
    await store.close()
  })

const test = (): void => {
  const root = fs.mkdtempSync(join(tmpdir(), "persist-file-bad-"))
  // For the programs that run as somebody else.
  fs.chmodSync(root, 0o755)
  after(() => fs.rmSync(root, { recursive: true, force: true }))
  let folders = 0
  const newFolder = (): string => {
    const folder = join(root, `${folders++}`)
    fs.mkdirSync(folder)
    return folder
  }
  const fillStore = async (path: string): Promise<void> => {
    const store = await open(path)
    for (let number = 1; number <= 3; number++) await store.records.put(`note:${number}`, { number })
    await store.close()
  }

  const assertRefused = (error: unknown, code: string, words: RegExp): void => {
    assert.ok(error instanceof PersistError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, words)
    assert.ok(error.hint !== undefined && error.hint !== "")
    assert.ok(error.storedNothing, error.message)
  }

  /** Refused, and nothing is made, removed or changed. */
  const assertRejects = async (call: () => Promise<unknown>, code: string, words: RegExp, folder: string): Promise<unknown> => {
    const before = sightOf(folder)
    const error = await call().then(() => undefined, (cause: unknown) => cause)
    assertRefused(error, code, words)
    assert.deepEqual(sightOf(folder), before)
    return error
  }
  /** Everything in a folder: names and kinds, and the bytes of files. */
  const sightOf = (folder: string): { readonly names: readonly string[]; readonly image: Image } => ({
    names: fs.readdirSync(folder, { recursive: true }).map(String).sort(),
    image: saveFolder(folder),
  })

  const runAsStranger = (args: readonly string[]): Report | undefined =>
    runProgram(import.meta.url, args, { folder: root, isStranger: true })

  const isPosix = process.platform !== "win32"
  const strangerSkip = !isPosix
    ? "Windows has no modes"
    : runAsStranger(["open", join(root, "nothing"), "readPrefix"]) === undefined && "another user cannot run this file"

  describe("a name", () => {
    it("T22 that would leave the folder is a store inside of it", async () => {
      const folder = newFolder()
      const path = join(folder, "stores")
      const names = [
        "../escape",
        "..",
        ".",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:\\x",
        "%2e%2e%2f",
        ".destroyed-1",
        "con",
        "~",
        "a\nb",
        "-rf",
        "__proto__",
      ]
      for (const name of names) {
        const store = await open(path, {}, name)
        await store.records.put("name", name)
        await store.close()
      }
      assert.deepEqual(fs.readdirSync(folder), ["stores"])
      assert.equal(fs.readdirSync(path).length, names.length)
      for (const entry of fs.readdirSync(path)) assert.match(entry, /^[a-z0-9_%-]+$/)
      assert.deepEqual(await listStores({ adapter: "file", path }), [...names].sort())
      for (const name of names) {
        const store = await open(path, { create: false }, name)
        assert.equal(await store.records.get("name"), name)
        await store.close()
      }
    })

    it("T24 that differs in case or in the form of its letters is another store, on every file system", async () => {
      const path = newFolder()
      const names = ["notes", "Notes", "NOTES", "caf\u00e9", "cafe\u0301", "ﬁ", "fi", "K", "\u212a", "n".repeat(200), "n".repeat(199)]
      for (const name of names) {
        const store = await open(path, {}, name)
        assert.equal(store.status().created, true, name)
        await store.records.put("name", name)
        await store.close()
      }
      const entries = fs.readdirSync(path)
      assert.equal(new Set(entries.map((entry) => entry.toLowerCase().normalize("NFKD"))).size, names.length)
      for (const name of names) {
        const store = await open(path, { create: false }, name)
        assert.equal(await store.records.get("name"), name)
        await store.close()
      }
    })

    it("that is no name is refused before anything is made", async () => {
      const folder = newFolder()
      const path = join(folder, "stores")
      for (const name of ["", "\0", "a\0b", "\ud800", "n".repeat(201), "é".repeat(101)]) {
        await assertRejects(() => open(path, {}, name), "invalid_store_name", /Cannot use the name/, folder)
        await assertRejects(() => deleteStore(name, { adapter: "file", path }), "invalid_store_name", /Cannot use the name/, folder)
      }
    })

    it("that is new is simply made beside other stores, and not with create: false", async () => {
      const path = newFolder()
      await fillStore(path)
      const error = await assertRejects(() => open(path, { create: false }, "ntoes"), "store_not_found", /"ntoes"/, path)
      assert.deepEqual((error as StoreNotFound).details.stores, ["notes"])
      const store = await open(path, {}, "ntoes")
      assert.equal(store.status().created, true)
      await store.close()
      assert.deepEqual(await listStores({ adapter: "file", path }), ["notes", "ntoes"])
    })
  })

  describe("a path", () => {
    it("that is empty or no path is refused", async () => {
      const folder = newFolder()
      for (const path of ["", "a\0b", JSON.parse("7")]) {
        await assertRejects(() => open(path), "invalid_option", /path/, folder)
      }
    })

    it("whose parent is missing is not made; the error names createFolders, which makes it", async () => {
      const folder = newFolder()
      const path = join(folder, "a", "b")
      const error = await assertRejects(() => open(path), "path_not_found", /parent folder does not exist/, folder)
      assert.match((error as PersistError).hint!, /createFolders/)
      const store = await open(path, { createFolders: true })
      await store.close()
      assert.deepEqual(await listStores({ adapter: "file", path }), ["notes"])
    })

    it("that is a file, or leads through one, is refused", async () => {
      const folder = newFolder()
      fs.writeFileSync(join(folder, "letter"), "a letter\n")
      for (const path of [join(folder, "letter"), join(folder, "letter", "a"), join(folder, "letter", "a", "b")]) {
        for (const createFolders of [false, true]) {
          await assertRejects(() => open(path, { createFolders }), "path_not_found", /folder/, folder)
        }
      }
    })

    it("with a part that is too long is refused", async () => {
      const folder = newFolder()
      await assertRejects(() => open(join(folder, "x".repeat(300)), { createFolders: true }), "path_not_found", /too long/, folder)
    })

    it("that the user may not enter, or not write to, is refused", { skip: strangerSkip }, async () => {
      const folder = newFolder()
      const path = join(folder, "stores")
      await fillStore(path)
      const files = fs.readdirSync(join(path, "notes")).map((name) => join(path, "notes", name))
      const before = sightOf(folder)
      const expectDenied = (args: readonly string[]): void => {
        const report = runAsStranger(["open", path, ...args])
        assert.equal(report?.code, "permission_denied", JSON.stringify(report))
        assert.match(report.message!, /denies access/)
        assert.ok(report.hint !== undefined && report.storedNothing)
      }
      fs.chmodSync(path, 0o000)
      expectDenied([])
      expectDenied(["readPrefix"])
      fs.chmodSync(path, 0o755)
      fs.chmodSync(join(path, "notes"), 0o000)
      expectDenied([])
      // A folder and files that may be read: nobody can lock them there, so only a prefix can be read, here all of it.
      fs.chmodSync(join(path, "notes"), 0o555)
      for (const file of files) fs.chmodSync(file, 0o444)
      expectDenied([])
      assert.deepEqual(runAsStranger(["open", path, "readPrefix"]), { records: 3 })
      fs.chmodSync(join(path, "notes"), 0o700)
      assert.deepEqual(sightOf(folder), before)
      // And one in which no store can be made.
      const empty = newFolder()
      fs.chmodSync(empty, 0o555)
      const report = runAsStranger(["open", empty])
      assert.equal(report?.code, "permission_denied", JSON.stringify(report))
      fs.chmodSync(empty, 0o700)
      assert.deepEqual(fs.readdirSync(empty), [])
    })
  })

  describe("a place that is not ours", () => {
    it("a folder with other files, or a file in the place of the store, is refused and left alone", async () => {
      const path = newFolder()
      const make: readonly (() => void)[] = [
        () => fs.writeFileSync(join(path, "notes"), "a letter\n"),
        () => (fs.mkdirSync(join(path, "notes")), fs.writeFileSync(join(path, "notes", "photo.jpg"), "x")),
        () => (fs.mkdirSync(join(path, "notes")), fs.writeFileSync(join(path, "notes", "store"), "a shop\n")),
        () => (fs.mkdirSync(join(path, "notes")), fs.mkdirSync(join(path, "notes", "store"))),
      ]
      for (const one of make) {
        one()
        for (const create of [true, false, undefined]) await assertRejects(() => open(path, { create }), "not_a_store", /notes/, path)
        await assertRejects(() => open(path, { readPrefix: true }), "not_a_store", /notes/, path)
        await assertRejects(() => deleteStore("notes", { adapter: "file", path }), "not_a_store", /notes/, path)
        assert.deepEqual(await listStores({ adapter: "file", path }), [])
        fs.rmSync(join(path, "notes"), { recursive: true })
      }
    })

    it("a store of a newer format is refused by name and left alone", async () => {
      const path = newFolder()
      await fillStore(path)
      const file = join(path, "notes", "store")
      const bytes = fs.readFileSync(file)
      bytes[8] = 1
      fs.writeFileSync(file, bytes)
      await assertRejects(() => open(path), "format_too_new", /format version 1/, path)
      await assertRejects(() => open(path, { readPrefix: true }), "format_too_new", /format version 1/, path)
      await assertRejects(() => deleteStore("notes", { adapter: "file", path }), "format_too_new", /format version 1/, path)
    })
  })

  describe("a store", () => {
    it("that is open is refused to a second handle, also to read or remove it, and is whole for the first", async () => {
      const path = newFolder()
      const store = await open(path)
      await store.records.put("a", 1)
      const before = fs.readdirSync(join(path, "notes"))
      for (
        const call of [() => open(path), () => open(path, { readPrefix: true }), () => deleteStore("notes", { adapter: "file", path })]
      ) {
        await assert.rejects(call, (error) => {
          assertRefused(error, "store_locked", /another handle of this process/)
          assert.ok(error instanceof StoreLocked)
          return true
        })
      }
      const report = isPosix ? runProgram(import.meta.url, ["open", path], { folder: root }) : undefined
      if (isPosix) assert.equal(report?.code, "store_locked", JSON.stringify(report))
      assert.deepEqual(fs.readdirSync(join(path, "notes")), before)
      await store.records.put("b", 2)
      await store.close()
      const again = await open(path, { create: false })
      assert.deepEqual([await again.records.get("a"), await again.records.get("b")], [1, 2])
      await again.close()
    })

    it("with a corrupt frame in the middle is refused with its position; readPrefix reads what comes before", async () => {
      const path = newFolder()
      const store = await open(path)
      for (let number = 1; number <= 9; number++) await store.records.put(`note:${number}`, { number })
      await store.close()
      const file = join(path, "notes", "0000000000000001.log")
      const bytes = fs.readFileSync(file)
      bytes[bytes.length >> 1]! ^= 0x10
      fs.writeFileSync(file, bytes)
      const error = await assertRejects(() => open(path), "corrupt_frame", /position \d/, path)
      const { position } = (error as CorruptFrame).details
      assert.ok(position > 2 && position < 9)
      const before = sightOf(path)
      const prefix = await open(path, { readPrefix: true })
      assert.equal(prefix.status().recovery?.position, position)
      for (let number = 1; number <= 9; number++) {
        assert.deepEqual(await prefix.records.get(`note:${number}`), number < position ? { number } : undefined)
      }
      await assert.rejects(() => prefix.records.put("a", 1), (cause) => cause instanceof ReadOnly)
      await prefix.close()
      assert.deepEqual(sightOf(path), before)
    })
  })
}

const [command, path = "", option] = process.argv.slice(2)
if (command === "open") console.log(JSON.stringify(await openAndCount(path, option === "readPrefix" ? { readPrefix: true } : {})))
else test()
