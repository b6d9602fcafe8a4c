/**
 * A disk that is really full: a small volume that root mounts, and a limit on the size of files, which anybody may set.
 *
 * This file is also a program: `fill PATH` puts records of 100 kB until one is refused, and reports. Otherwise it is a test.
 */
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { StorageFull } from "../../kernel/errors.ts"
import { createStore, type CreateStoreOptions, deleteStore, type Store } from "../../mod.ts"
import { type Report, reportOf, runProgram } from "./testing/program.ts"

const open = (path: string, options: CreateStoreOptions = {}): Promise<Store> => createStore("notes", { adapter: "file", path, ...options })

/** Puts until it is refused. The store stays usable for reading. */
const fill = (store: Store): Promise<Report> =>
  reportOf(async (count) => {
    for (let number = 0; number < 1000; number++) {
      await store.records.put(`note:${String(number).padStart(4, "0")}`, { number, bytes: new Uint8Array(100_000) })
      count()
    }
  })

/** Fails unless the store holds exactly this many whole records, and goes on. */
const assertFilled = async (store: Store, records: number): Promise<void> => {
  let number = 0
  for await (const { key, value } of store.records.list({ prefix: "note:" })) {
    assert.equal(key, `note:${String(number).padStart(4, "0")}`)
    assert.equal(value.number, number++)
    assert.equal(value.bytes.length, 100_000)
  }
  assert.equal(number, records)
}

const assertReport = ({ code, message, hint, storedNothing }: Report): void => {
  assert.equal(code, "storage_full", String(message))
  assert.ok(hint !== undefined && storedNothing)
}

/** Why no small volume can be mounted in a folder, or false. */
const mountSkip = (folder: string): string | false => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "mounting a small volume needs Linux and root"
  const path = fs.mkdtempSync(join(folder, "mount-"))
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path], { stdio: "ignore" })
    execFileSync("umount", ["-l", path], { stdio: "ignore" })
    return false
  } catch {
    return "this system lets nobody mount a small volume"
  }
}

const test = (): void => {
  const root = fs.mkdtempSync(join(tmpdir(), "persist-file-full-"))
  after(() => fs.rmSync(root, { recursive: true, force: true }))
  const newFolder = (): string => fs.mkdtempSync(join(root, "folder-"))
  const skip = mountSkip(root)

  describe("a full disk", () => {
    it(
      "refuses the write that does not fit, keeps those before it, and takes more when there is room",
      { skip },
      async () => {
        const path = newFolder()
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path])
        try {
          const store = await open(path)
          const report = await fill(store)
          assertReport(report)
          assert.ok(report.records >= 5)
          await assertFilled(store, report.records)
          assert.equal(store.status().state, "open")
          // A small one fits where a large one did not.
          await store.records.put("small", 1)
          await store.close()
          const again = await open(path, { create: false })
          assert.equal(again.status().recovery, undefined)
          await assertFilled(again, report.records)
          execFileSync("mount", ["-o", "remount,size=2m", path])
          await again.records.put(`note:${String(report.records).padStart(4, "0")}`, {
            number: report.records,
            bytes: new Uint8Array(100_000),
          })
          await assertFilled(again, report.records + 1)
          await again.close()
          await deleteStore("notes", { adapter: "file", path })
          assert.deepEqual(fs.readdirSync(path), [])
        } finally {
          execFileSync("umount", ["-l", path])
        }
      },
    )

    it("on which no store can be made keeps nothing of it", { skip }, async () => {
      const path = newFolder()
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path])
      try {
        try {
          fs.writeFileSync(join(path, "letter"), new Uint8Array(100_000))
        } catch { /* It is full now. */ }
        await assert.rejects(open(join(path, "stores")), (cause) => cause instanceof StorageFull && /no space/.test(cause.message))
        assert.deepEqual(fs.readdirSync(path), ["letter"])
        fs.rmSync(join(path, "letter"))
        const store = await open(join(path, "stores"))
        assert.equal(store.status().created, true)
        await store.close()
      } finally {
        execFileSync("umount", ["-l", path])
      }
    })

    it("a limit on the size of files does the same", { skip: process.platform === "win32" && "Windows has no such limit" }, async () => {
      const path = newFolder()
      // 4 MiB in blocks of 512 bytes; the signal would end the process before the call can fail.
      const report = runProgram(import.meta.url, ["fill", path], { folder: root, limit: "trap '' XFSZ; ulimit -f 8192" })
      assert.ok(report !== undefined)
      assertReport(report)
      assert.ok(report.records >= 30 && report.records <= 42, `${report.records} records`)
      const store = await open(path, { create: false })
      assert.equal(store.status().recovery, undefined)
      await assertFilled(store, report.records)
      await store.close()
    })
  })
}

const [command, path = ""] = process.argv.slice(2)
if (command === "fill") {
  const store = await open(path)
  console.log(JSON.stringify(await fill(store)))
  await store.close()
} else test()
