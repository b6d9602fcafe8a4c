/**
 * A database that this user may not use. Root may do anything, so each case is a process of its own that has given up its rights; this file
 * is also the program that it runs.
 *
 *   open PATH [prefix]    opens the store there, after giving up the rights; says the error as JSON, or "opened"
 */
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { PersistError } from "../../kernel/errors.ts"
import { createStore } from "../../mod.ts"

const NOBODY = 65534

const openAsNobody = async (path: string, readPrefix: boolean): Promise<void> => {
  const open = (path: string): ReturnType<typeof createStore> => createStore("notes", { adapter: "sqlite", path, readPrefix })
  // What is loaded lazily is loaded now: later these files may be out of reach.
  await assert.rejects(open(join(path, "..")), PersistError)
  if (process.getuid?.() === 0) {
    process.setgid!(NOBODY)
    process.setuid!(NOBODY)
  }
  try {
    await (await open(path)).close()
    console.log(JSON.stringify("opened"))
  } catch (error) {
    if (!(error instanceof PersistError)) throw error
    const { code, message, hint, storedNothing } = error
    console.log(JSON.stringify({ code, message, hint, storedNothing }))
  }
}

const test = (): void => {
  const root = fs.mkdtempSync(join(tmpdir(), "persist-sqlite-permissions-"))
  fs.chmodSync(root, 0o755)
  after(() => {
    for (const name of fs.readdirSync(root)) fs.chmodSync(join(root, name), 0o700)
    fs.rmSync(root, { recursive: true })
  })

  let folders = 0
  const newFolder = (): string => {
    const folder = join(root, `${folders++}`)
    fs.mkdirSync(folder)
    return folder
  }
  /** A database in a folder, both for everybody; then `mode` is given to one of them. */
  const makePlace = async (change: (folder: string, path: string) => void): Promise<string> => {
    const folder = newFolder(), path = join(folder, "stores.db")
    const store = await createStore("notes", { adapter: "sqlite", path })
    await store.records.put("note:1", 1)
    await store.close()
    fs.chmodSync(path, 0o666)
    fs.chmodSync(folder, 0o777)
    change(folder, path)
    return path
  }

  const open = (path: string, ...prefix: readonly "prefix"[]): unknown => {
    const runtimeArgs = "Deno" in globalThis ? ["run", "-A", "--no-check"] : []
    const args = [...runtimeArgs, fileURLToPath(import.meta.url), "open", path, ...prefix]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 }))
  }
  const assertDenied = (path: string, ...prefix: readonly "prefix"[]): void => {
    const { code, message, hint, storedNothing } = Object(open(path, ...prefix))
    assert.equal(code, "permission_denied", message)
    assert.equal(hint, "give this process the right to read and write there")
    assert.equal(storedNothing, true)
  }

  describe("createStore() without permission", { skip: process.platform === "win32" ? "Windows has no modes" : false }, () => {
    it("opens what everybody may use", async () => {
      assert.equal(open(await makePlace(() => {})), "opened")
    })

    it("is refused for a database that may not be read", async () => {
      assertDenied(await makePlace((_, path) => fs.chmodSync(path, 0o000)))
    })

    it("is refused for a database that may not be written, before anything is called, and reads it with readPrefix", async () => {
      const path = await makePlace((_, path) => fs.chmodSync(path, 0o444))
      assertDenied(path)
      assert.equal(open(path, "prefix"), "opened")
    })

    it("is refused where no log can be made beside the database", async () => {
      const path = await makePlace((folder) => fs.chmodSync(folder, 0o555))
      assertDenied(path)
      assertDenied(path, "prefix")
    })

    it("is refused where no database can be made", () => {
      const folder = newFolder()
      fs.chmodSync(folder, 0o555)
      assertDenied(join(folder, "stores.db"))
      assert.deepEqual(fs.readdirSync(folder), [])
    })

    it("is refused behind a folder that may not be entered", async () => {
      assertDenied(await makePlace((folder) => fs.chmodSync(folder, 0o000)))
    })
  })
}

const [, , command, path = "", prefix] = process.argv
if (command === "open") await openAsNobody(path, prefix === "prefix")
else test()
