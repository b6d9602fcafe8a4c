/**
 * A process that is killed at any call to the file system, and what the next one finds.
 *
 * Method: a fixed run of work is done over calls that die at call k, for every k until the run gets through. Then the store is opened
 * with the real calls. The same again with writes that get half of their bytes down, and with the opening itself killed at every call.
 */
import assert from "node:assert/strict"
import fs from "node:fs"
import { describe, it } from "node:test"
import type { Adapter, LogStorage } from "../../kernel/ports/log-storage.ts"
import { FaultyCalls, isKilled } from "./testing/faulty-calls.ts"
import {
  adapterAt,
  assertFrames,
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

/** Small, so that a run of 40 frames fills several segments. */
const SMALL = { segmentBytesMax: 900 }

/** What the killed process was told before it died. */
interface Told {
  created: boolean
  head: number
  begun: number
  base: number
  snapshots: number[]
}

const slicesOf = (at: number) => [frameAt(at, 100), frameAt(at + 1, 10)]

const work = async (adapter: Adapter, told: Told): Promise<void> => {
  const storage = await adapter.open("notes", OPEN)
  told.created = true
  const appendTo = async (head: number): Promise<void> => {
    for (let position = told.head + 1; position <= head; position++) {
      told.begun = position
      await storage.append(position, frameAt(position))
      told.head = position
    }
  }
  const snapshot = async (at: number): Promise<void> => {
    await storage.snapshots.write(at, slicesOf(at))
    told.snapshots = [at, ...told.snapshots].slice(0, 2)
  }
  await appendTo(9)
  await storage.flush()
  await snapshot(5)
  await appendTo(20)
  await snapshot(18)
  await appendTo(28)
  await snapshot(25)
  told.base = Math.max(told.base, await storage.trim(18))
  await appendTo(32)
  await storage.close()
}

/** Fails unless the store holds what the killed process was told, and at most what it had begun. Answers its head. */
const check = async (root: string, told: Told, what: string): Promise<number | undefined> => {
  const adapter = adapterAt(root, { calls: quickCalls, ...SMALL })
  if ((await adapter.list()).length === 0) {
    assert.equal(told.created, false, `${what}: the store is gone`)
    const anew = await adapter.open("notes", OPEN)
    assert.equal(anew.opened.created, true)
    await anew.close()
    return undefined
  }
  const storage = await adapter.open("notes", REOPEN)
  const head = Number(await storage.head())
  try {
    assert.ok(head >= told.head && head <= told.begun, `${what}: head ${head}, told ${told.head}, begun ${told.begun}`)
    const kept = await storage.snapshots.list()
    const found = kept.map(({ at }) => at)
    for (const at of found) {
      for (const [index, slice] of slicesOf(at).entries()) assert.deepEqual(storage.snapshots.readSlice(at, index), slice)
    }
    const newest = told.snapshots[0] ?? 0
    assert.ok((found[0] ?? 0) >= newest, `${what}: snapshots ${found}, told ${told.snapshots}`)
    const base = await baseOf(storage)
    assert.ok(base >= told.base && (base === 0 || base <= (found[1] ?? 0)), `${what}: base ${base}, told ${told.base}, snapshots ${found}`)
    await assertFrames(storage, base, head)
    assert.deepEqual(fs.readdirSync(storage.opened.location!).filter((name) => /tmp|lock-/.test(name)), [], what)
  } finally {
    await storage.close()
  }
  return head
}

/** The base, by the first position that can be read after. */
const baseOf = async (storage: LogStorage): Promise<number> => {
  for (let after = 0;; after++) {
    try {
      await storage.read(after, { maxFrames: 1, maxBytes: 1 })
      return after
    } catch (cause) {
      if ((cause as { _tag?: unknown })._tag !== "FramesTrimmed") throw cause
    }
  }
}

/** Runs with calls that die at call `at`; answers whether they did. */
const runKilled = async (root: string, at: number, kind: "kill" | "cut", run: (adapter: Adapter) => Promise<void>): Promise<boolean> => {
  const faulty = new FaultyCalls({ at, kind }, quickCalls)
  try {
    await run(adapterAt(root, { calls: faulty.calls, own: deadIdentity(), ...SMALL }))
  } catch (cause) {
    if (!faulty.isDead) throw cause
    assert.ok(isKilled(cause), String(cause))
  }
  const died = faulty.isDead
  faulty.dispose()
  return died
}

const nothingTold = (): Told => ({ created: false, head: 0, begun: 0, base: 0, snapshots: [] })

describe("a killed process", () => {
  for (const kind of ["kill", "cut"] as const) {
    it(`loses nothing it was told is stored, whatever call it dies in${kind === "cut" ? ", with half a write done" : ""}`, () =>
      inTemporaryFolder(async (root) => {
        for (let at = 1, died = true; died; at++) {
          restoreFolder(root, new Map())
          const told = nothingTold()
          died = await runKilled(root, at, kind, (adapter) => work(adapter, told))
          const head = await check(root, told, `${kind} at call ${at}`)
          const snapshots = [...saveFolder(root).keys()].filter((path) => path.endsWith(".snapshot"))
          assert.ok(snapshots.length <= (died ? 3 : 2), `${kind} at call ${at}: ${snapshots}`)
          // And once more: what was repaired stays so.
          if (head !== undefined) {
            const again = await adapterAt(root, { calls: quickCalls }).open("notes", REOPEN)
            assert.equal(again.opened.recovery, undefined)
            assert.equal(again.head(), head)
            await again.close()
          }
          assert.ok(at < 5000)
        }
      }))
  }

  it("leaves a store, or nothing that list() shows, when it dies in destroy()", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root)
      for (let at = 1, died = true; died; at++) {
        restoreFolder(root, image)
        died = await runKilled(root, at, "kill", async (adapter) => adapter.destroy("notes"))
        const adapter = adapterAt(root, { calls: quickCalls })
        if ((await adapter.list()).length > 0) {
          const storage = await adapter.open("notes", REOPEN)
          await assertFrames(storage, 0, 12)
          await storage.close()
          await adapter.destroy("notes")
        } else {
          await assert.rejects(async () => adapter.open("notes", REOPEN), { code: "store_not_found" })
          const anew = await adapter.open("notes", OPEN)
          assert.equal(anew.head(), 0)
          await anew.close()
          await adapter.destroy("notes")
        }
        assert.deepEqual(fs.readdirSync(root), [], `killed at call ${at}`)
      }
    }))
})

const makeImage = async (root: string): Promise<Image> => {
  const storage = await adapterAt(root, { calls: quickCalls, ...SMALL }).open("notes", OPEN)
  await fillTo(storage, 12)
  await storage.close()
  return saveFolder(root)
}

describe("recovery", () => {
  /** A log of several segments of which nothing was flushed, so that whatever is missing may be a torn tail. */
  const makeUnflushed = async (root: string): Promise<Image> => {
    const faulty = new FaultyCalls(undefined, {
      ...quickCalls,
      fdatasync: Object.assign(() => undefined, { __promisify__: () => new Promise<void>(() => undefined) }),
    })
    const storage = await adapterAt(root, { calls: faulty.calls, ...SMALL }).open("notes", OPEN)
    await fillTo(storage, 30)
    faulty.dispose()
    return new Map([...saveFolder(root)].filter(([path]) => !path.endsWith("lock")))
  }

  it("I24 that is killed at any call, and again, comes to the same log", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeUnflushed(root)
      const logs = [...image.keys()].filter((path) => path.endsWith(".log")).sort()
      assert.ok(logs.length >= 5)
      const [, , second, third] = logs
      const damages = [
        // A page in the middle never reached the device; a whole segment did not; the entry of one in its folder did not.
        new Map([...image].map(([path, bytes]) => [path, path === third ? bytes.slice().fill(0, 300, 420) : bytes])),
        new Map([...image].map(([path, bytes]) => [path, path === second ? new Uint8Array(bytes.length) : bytes])),
        new Map([...image].filter(([path]) => path !== third)),
      ]
      for (const [number, torn] of damages.entries()) {
        restoreFolder(root, torn)
        const expected = await openOnce(root)
        assert.ok(expected.head > 0 && expected.head < 30)
        // One file with all that was cut; a cut that was broken off may leave it, and others with a part of it.
        assert.deepEqual([...expected.saved.values()].map(({ length }) => length), [expected.bytes])
        for (let at = 1, died = true; died; at++) {
          restoreFolder(root, torn)
          const open = async (adapter: Adapter): Promise<void> => void await (await adapter.open("notes", REOPEN)).close()
          died = await runKilled(root, at, at % 2 === 0 ? "cut" : "kill", open)
          await runKilled(root, at, "kill", open)
          const found = await openOnce(root)
          assert.equal(found.head, expected.head, `damage ${number}, killed at call ${at}`)
          for (const [name, bytes] of expected.saved) {
            assert.deepEqual(found.saved.get(name), bytes, `damage ${number}, killed at call ${at}: ${name}`)
          }
        }
      }
    }))

  interface Outcome {
    readonly head: number
    /** That the recovery tells of. */
    readonly bytes: number | undefined
    readonly saved: Image
  }

  const openOnce = async (root: string): Promise<Outcome> => {
    const storage = await adapterAt(root, { calls: quickCalls, ...SMALL }).open("notes", REOPEN)
    const head = Number(await storage.head())
    await assertFrames(storage, 0, head)
    await storage.close()
    const saved = new Map([...saveFolder(root)].filter(([path]) => path.includes("torn-")))
    return { head, bytes: storage.opened.recovery?.bytes, saved }
  }
})
