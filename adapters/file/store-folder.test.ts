import assert from "node:assert/strict"
import fs from "node:fs"
import { join } from "node:path"
import { describe, it } from "node:test"
import type { FileCalls } from "../system/file-calls.ts"
import { openFile } from "./files.ts"
import { inspectStore } from "./store-folder.ts"
import { adapterAt, fillTo, inTemporaryFolder, OPEN, quickCalls } from "./testing/workbench.ts"

describe("openFile()", () => {
  it("opens the file that has the name now, when another process gives it to another file meanwhile", () =>
    inTemporaryFolder((root) => {
      const path = join(root, "lock"), next = join(root, "next")
      fs.writeFileSync(path, "first")
      let swaps = 0
      const openSync = ((...args: Parameters<typeof fs.openSync>) => {
        if (swaps++ < 2) {
          fs.writeFileSync(next, `after swap ${swaps}`)
          fs.renameSync(next, path)
        }
        return fs.openSync(...args)
      }) as FileCalls["openSync"]
      const descriptor = openFile({ ...quickCalls, openSync }, path, "r")
      assert.equal(fs.readFileSync(descriptor, "utf8"), "after swap 2")
      fs.closeSync(descriptor)
    }))
})

describe("inspectStore()", () => {
  // Another process makes the store between two of our looks at its folder: the files are put there right before the names are read.
  for (const head of [0, 3]) {
    it(`knows a store of ${head} frames that another process finished while it was looking`, () =>
      inTemporaryFolder(async (root) => {
        const storage = await adapterAt(join(root, "other"), { calls: quickCalls }).open("notes", OPEN)
        await fillTo(storage, head)
        await storage.close()
        for (const look of ["before the names are read", "after they are read"]) {
          const folder = join(root, look)
          fs.mkdirSync(folder)
          fs.writeFileSync(join(folder, "0000000000000001.log"), "")
          const finish = (): void => fs.cpSync(join(root, "other/notes"), folder, { recursive: true })
          const readdirSync = ((path: string) => {
            if (look.startsWith("before")) finish()
            const names = fs.readdirSync(path)
            finish()
            return names
          }) as FileCalls["readdirSync"]
          const found = inspectStore({ ...quickCalls, readdirSync }, folder, "notes")
          // Finished after the names were read and still empty, it looks unfinished; whoever has the lock looks again.
          assert.equal(found.kind, look.startsWith("before") || head > 0 ? "store" : "unfinished")
        }
      }))
  }

  it("refuses a folder of somebody else, and leaves it", () =>
    inTemporaryFolder((root) => {
      fs.writeFileSync(join(root, "letter.txt"), "")
      assert.throws(() => inspectStore(quickCalls, root, "notes"), /it holds "letter\.txt"/)
      assert.deepEqual(fs.readdirSync(root), ["letter.txt"])
    }))
})
