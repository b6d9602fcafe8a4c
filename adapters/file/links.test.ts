/**
 * Links in the place of a store's files: none is followed, and nothing outside of the store's folder is read into it or written.
 *
 * The victim is a file beside the store. It is a true copy of what it replaces, so that only the link itself can be the reason to refuse.
 */
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { NotAStore, PersistError } from "../../kernel/errors.ts"
import type { Adapter, Bytes } from "../../kernel/ports/log-storage.ts"
import type { FileCalls } from "../system/file-calls.ts"
import {
  adapterAt,
  deadIdentity,
  fillTo,
  frameAt,
  type Image,
  inTemporaryFolder,
  OPEN,
  quickCalls,
  REOPEN,
  restoreFolder,
  saveFolder,
} from "./testing/workbench.ts"

const SMALL = { calls: quickCalls, segmentBytesMax: 900 }
const skip = process.platform === "win32" && "links need a privilege on Windows"

/** A closed store with several segments, two snapshots, a base and the lock of a process that died. */
const makeImage = async (root: string): Promise<Image> => {
  const storage = await adapterAt(root, SMALL).open("notes", OPEN)
  await fillTo(storage, 15)
  await storage.snapshots.write(8, [frameAt(8, 700)])
  await storage.snapshots.write(12, [frameAt(12, 700)])
  await storage.trim(8)
  await storage.close()
  const other = await adapterAt(root, { ...SMALL, own: deadIdentity() }).open("other", OPEN)
  const lock = new Uint8Array(fs.readFileSync(join(root, "other", "lock")))
  await other.close()
  await adapterAt(root, SMALL).destroy("other")
  return new Map([...saveFolder(root), ["notes/lock", lock]])
}

/** All that a handle does. */
const work = async (adapter: Adapter): Promise<void> => {
  const storage = await adapter.open("notes", REOPEN)
  try {
    const head = Number(await storage.head())
    await fillTo(storage, head + 4)
    await storage.read(head, { maxFrames: 10, maxBytes: 10_000 })
    for (const { at } of await storage.snapshots.list()) await storage.snapshots.readSlice(at, 0)
    await storage.snapshots.write(head + 2, [frameAt(head + 2, 700)])
    await storage.trim(head)
    await storage.flush()
  } finally {
    await storage.close()
  }
}

const outcomeOf = async (adapter: Adapter): Promise<PersistError | undefined> => {
  try {
    await work(adapter)
    return undefined
  } catch (cause) {
    assert.ok(cause instanceof PersistError, String(cause))
    assert.ok(cause.code !== "" && cause.hint !== undefined)
    return cause
  }
}

/** Puts a link to the victim in the place of a file. */
const replace = (path: string, victim: string): void => {
  fs.rmSync(path, { force: true })
  fs.symlinkSync(victim, path)
}

describe("a symbolic link", { skip }, () => {
  it("T23 in the place of any file of a store is refused, and what it points to is neither used nor changed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      assert.deepEqual([...image.keys()].map((path) => path.replace(/.*[/.]/, "")).sort(), [
        "base",
        "lock",
        "log",
        "log",
        "snapshot",
        "snapshot",
        "store",
      ])
      const victim = join(root, "victim")
      for (const [path, bytes] of image) {
        for (const contents of [bytes, new TextEncoder().encode("a letter\n") as Bytes, undefined]) {
          restoreFolder(root, contents === undefined ? image : new Map([...image, ["victim", contents]]))
          replace(join(root, path), victim)
          const error = await outcomeOf(adapterAt(root, SMALL))
          assert.ok(error instanceof NotAStore, `${path}: ${error}`)
          assert.match(error.message, /symbolic link/, path)
          assert.equal(fs.readlinkSync(join(root, path)), victim, path)
          if (contents === undefined) assert.ok(!fs.existsSync(victim), path)
          else assert.deepEqual(new Uint8Array(fs.readFileSync(victim)), contents, path)
        }
      }
    }))

  it("T23 under the name of a file that is to be written is replaced, not followed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      const victim = join(root, "victim")
      const last = [...image.keys()].filter((path) => path.endsWith(".log")).sort().at(-1)!
      // A tail that will be saved under a name that its bytes give.
      const torn = new Map([...image, [last, Uint8Array.from([...image.get(last)!, ...new Uint8Array(40).fill(7)])]])
      restoreFolder(root, torn)
      const first = await adapterAt(root, SMALL).open("notes", REOPEN)
      const savedTo = first.opened.recovery!.savedTo!
      await first.close()
      const saved = fs.readFileSync(savedTo)
      for (
        const name of [savedTo, join(root, "notes/base.tmp"), join(root, "notes/store.tmp")]
      ) {
        restoreFolder(root, new Map([...torn, ["victim", new Uint8Array(9)]]))
        replace(name, victim)
        await outcomeOf(adapterAt(root, SMALL))
        assert.deepEqual(new Uint8Array(fs.readFileSync(victim)), new Uint8Array(9), name)
        assert.ok(fs.lstatSync(savedTo).isFile(), name)
        assert.deepEqual(fs.readFileSync(savedTo), saved, name)
      }
    }))

  it("T23 in the place of a store's folder is no store: not opened, made, listed or removed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      restoreFolder(root, new Map([...image].map(([path, bytes]) => [`away/${path}`, bytes])))
      const away = saveFolder(join(root, "away"))
      fs.symlinkSync(join(root, "away", "notes"), join(root, "notes"))
      const adapter = adapterAt(root, SMALL)
      for (const options of [OPEN, REOPEN, { ...REOPEN, readPrefix: true }]) {
        await assert.rejects(async () => adapter.open("notes", options), NotAStore)
      }
      await assert.rejects(async () => adapter.destroy("notes"), NotAStore)
      assert.deepEqual(await adapter.list(), [])
      assert.deepEqual(saveFolder(join(root, "away")), away)
      // Where the caller's own path is a link, the caller has said so.
      fs.symlinkSync(join(root, "away"), join(root, "alias"))
      assert.deepEqual(await adapterAt(join(root, "alias"), SMALL).list(), ["notes"])
      await work(adapterAt(join(root, "alias"), SMALL))
    }))

  /** Calls that run `swap` before the one of number `at`; answers how many were made. */
  const swapBefore = (at: number, swap: () => void): { readonly calls: FileCalls; readonly count: () => number } => {
    let count = 0
    const calls = new Proxy(quickCalls, {
      get: (target, name: keyof FileCalls) => {
        const call = target[name]
        return (...args: unknown[]): unknown => {
          if (++count === at) swap()
          return Reflect.apply(call, undefined, args)
        }
      },
    })
    return { calls, count: () => count }
  }

  it("T23 that is swapped in before any call, between a look and the opening too, is not followed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      const victim = join(root, "victim")
      const paths = [...image.keys()].filter((path) => /lock|base|12\.snapshot|store$/.test(path) || path.endsWith(".log"))
      let refused = 0
      for (const path of paths) {
        const bytes = image.get(path)!
        for (let at = 1, isDone = false; !isDone; at++) {
          restoreFolder(root, new Map([...image, ["victim", bytes]]))
          const { calls, count } = swapBefore(at, () => replace(join(root, path), victim))
          if (await outcomeOf(adapterAt(root, { ...SMALL, calls })) !== undefined) refused++
          assert.deepEqual(new Uint8Array(fs.readFileSync(victim)), bytes, `${path} at call ${at}`)
          isDone = count() < at
          assert.ok(at < 1000)
        }
      }
      assert.ok(refused > 50)
    }))
})

describe("a hard link", { skip }, () => {
  it("T23 to a file that is none of this store is refused in the place of a segment or lock, and the file is not changed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      const log = [...image.keys()].find((path) => path.endsWith(".log"))!
      const foreign = image.get(log)!.slice()
      foreign[16]! ^= 1
      for (const [path, contents] of [[log, foreign], ["notes/lock", new TextEncoder().encode("a letter\n") as Bytes]] as const) {
        restoreFolder(root, new Map([...image, ["victim", contents]]))
        fs.rmSync(join(root, path))
        fs.linkSync(join(root, "victim"), join(root, path))
        assert.ok(await outcomeOf(adapterAt(root, SMALL)) !== undefined, path)
        assert.deepEqual(new Uint8Array(fs.readFileSync(join(root, "victim"))), contents, path)
      }
    }))
})

describe("a pipe or folder", { skip }, () => {
  it("T23 in the place of a store's file is refused at once", { timeout: 10_000 }, () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      for (const path of image.keys()) {
        for (const make of [(at: string) => execFileSync("mkfifo", [at]), (at: string) => fs.mkdirSync(at)]) {
          restoreFolder(root, image)
          fs.rmSync(join(root, path))
          make(join(root, path))
          const error = await outcomeOf(adapterAt(root, SMALL))
          assert.ok(error instanceof NotAStore, `${path}: ${error}`)
          assert.match(error.message, /no plain file/)
        }
      }
    }))
})
