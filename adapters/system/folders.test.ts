import assert from "node:assert/strict"
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { PathNotFound } from "../../kernel/errors.ts"
import { makeFolder } from "./folders.ts"

const root = mkdtempSync(join(tmpdir(), "persist-folders-"))
after(() => rmSync(root, { recursive: true }))

describe("makeFolder", () => {
  it("makes the last folder and says so once", () => {
    assert.equal(makeFolder(join(root, "a")), true)
    assert.equal(makeFolder(join(root, "a")), false)
  })

  it("makes no chain unless it is asked to", () => {
    const path = join(root, "b", "c", "d")
    assert.throws(() => makeFolder(path), PathNotFound)
    assert.equal(existsSync(join(root, "b")), false)
    assert.equal(makeFolder(path, true), true)
    assert.equal(statSync(path).isDirectory(), true)
  })

  it("refuses a file, and a path below a file", () => {
    writeFileSync(join(root, "file"), "")
    assert.throws(() => makeFolder(join(root, "file")), PathNotFound)
    assert.throws(() => makeFolder(join(root, "file", "x")), PathNotFound)
    assert.throws(() => makeFolder(join(root, "file", "x"), true), PathNotFound)
  })

  it("T77 lets nobody but the owner in", { skip: process.platform === "win32" ? "Windows has no modes" : false }, () => {
    makeFolder(join(root, "e", "f"), true)
    for (const path of [join(root, "e"), join(root, "e", "f")]) assert.equal(statSync(path).mode & 0o777, 0o700)
  })

  it("takes a link to a folder as the folder", { skip: process.platform === "win32" ? "links need a privilege on Windows" : false }, () => {
    makeFolder(join(root, "real"))
    symlinkSync(join(root, "real"), join(root, "link"))
    assert.equal(makeFolder(join(root, "link")), false)
    symlinkSync(join(root, "nowhere"), join(root, "broken"))
    assert.throws(() => makeFolder(join(root, "broken")), PathNotFound)
  })
})
