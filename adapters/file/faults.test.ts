/**
 * One call to the file system that fails, any one, and what the adapter says and does then.
 *
 * Method: a fixed run of work is done over calls of which call k fails once, for every k until the run gets through without. Whatever is
 * refused must be refused with an error of ours that is true: `storedNothing` where nothing was stored. Then it is tried again, in the
 * same handle where that may work, else in a new one of the same process. In the end all is there, once, and nothing else.
 */
import assert from "node:assert/strict"
import fs from "node:fs"
import { describe, it } from "node:test"
import { FlushFailed, PersistError, StorageFull, StoreLocked } from "../../kernel/errors.ts"
import type { Durability, LogStorage } from "../../kernel/ports/log-storage.ts"
import { type Fault, FaultyCalls } from "./testing/faulty-calls.ts"
import {
  adapterAt,
  assertFrames,
  deadIdentity,
  fillTo,
  frameAt,
  inTemporaryFolder,
  OPEN,
  quickCalls,
  restoreFolder,
  saveFolder,
} from "./testing/workbench.ts"

const SMALL = { segmentBytesMax: 900 }
const TRIES_MAX = 3

class Worker {
  readonly #faulty: FaultyCalls
  readonly #root: string
  readonly #durability: Durability
  readonly #what: string
  #storage: LogStorage | undefined
  #head = 0

  constructor(faulty: FaultyCalls, root: string, durability: Durability, what: string) {
    this.#faulty = faulty
    this.#root = root
    this.#durability = durability
    this.#what = what
  }

  async run(): Promise<void> {
    await this.#appendTo(8)
    await this.#try(async (storage) => storage.flush())
    await this.#snapshot(5)
    await this.#try(async () => this.#close())
    await this.#appendTo(14)
    await this.#snapshot(12)
    await this.#snapshot(14)
    await this.#try(async (storage) => void await storage.trim(12))
    await this.#try(async (storage) => void await storage.read(13, { maxFrames: 5, maxBytes: 5000 }))
    await this.#appendTo(17)
    await this.#try(async () => this.#close())
  }

  /** Does one thing until it succeeds. A handle that a failed flush has poisoned is closed and opened anew. */
  async #try(run: (storage: LogStorage) => Promise<void>): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return await run(await this.#open())
      } catch (cause) {
        assert.ok(cause instanceof PersistError, `${this.#what}: ${cause instanceof Error ? cause.stack : cause}`)
        assert.ok(!(cause instanceof StoreLocked), `${this.#what}: ${cause}`)
        assert.ok(tries < TRIES_MAX, `${this.#what}: ${cause}`)
        if (cause instanceof FlushFailed) await this.#leavePoisoned(cause)
      }
    }
  }

  async #open(): Promise<LogStorage> {
    if (this.#storage !== undefined) return this.#storage
    const adapter = adapterAt(this.#root, { ...SMALL, calls: this.#faulty.calls })
    const storage = await adapter.open("notes", { ...OPEN, durability: this.#durability })
    // Only what is left of a frame whose failure was told may have been cut.
    assert.equal(storage.opened.recovery, undefined, this.#what)
    return this.#storage = storage
  }

  async #close(): Promise<void> {
    const storage = await this.#open()
    this.#storage = undefined
    await storage.close()
  }

  async #leavePoisoned(failure: FlushFailed): Promise<void> {
    const storage = this.#storage
    this.#storage = undefined
    if (storage === undefined) return
    const head = Number(await storage.head())
    await assert.rejects(async () => storage.append(head + 1, frameAt(head + 1)), (cause) => cause === failure, this.#what)
    await assert.rejects(async () => storage.flush(), (cause) => cause === failure, this.#what)
    await assert.rejects(async () => storage.close(), (cause) => cause === failure, this.#what)
    this.#head = Number(await (await this.#open()).head())
    assert.ok(this.#head === head || this.#head === head + 1, `${this.#what}: head ${this.#head} after ${head}`)
  }

  async #appendTo(last: number): Promise<void> {
    while (this.#head < last) {
      const position = this.#head + 1
      await this.#try(async (storage) => {
        if (this.#head >= position) return
        try {
          await storage.append(position, frameAt(position))
        } catch (cause) {
          if (cause instanceof PersistError && !(cause instanceof FlushFailed) && cause.storedNothing) {
            assert.equal(await storage.head(), position - 1, `${this.#what}: told that nothing was stored`)
          }
          throw cause
        }
        this.#head = position
      })
    }
  }

  #snapshot(at: number): Promise<void> {
    return this.#try(async (storage) => {
      if ((await storage.snapshots.list())[0]?.at !== at) await storage.snapshots.write(at, [frameAt(at, 700)])
    })
  }
}

/** After the run: everything, and no litter. */
const check = async (root: string, what: string): Promise<void> => {
  const storage = await adapterAt(root, { ...SMALL, calls: quickCalls }).open("notes", OPEN)
  assert.equal(storage.opened.recovery, undefined, what)
  assert.deepEqual((await storage.snapshots.list()).map(({ at }) => at), [14, 12], what)
  await assertFrames(storage, 12, 17)
  await storage.close()
  const names = fs.readdirSync(storage.opened.location!)
  assert.deepEqual(names.filter((name) => /tmp|lock|torn/.test(name)), [], what)
}

describe("a call that fails once", () => {
  // Half of a write is ENOSPC, and every other call fails with it whole.
  const faults: readonly { readonly durability: Durability; readonly kind: Fault["kind"]; readonly code: string }[] = [
    { durability: "normal", kind: "fail", code: "EIO" },
    { durability: "full", kind: "fail", code: "EIO" },
    { durability: "normal", kind: "half", code: "ENOSPC" },
  ]
  for (const { durability, ...fault } of faults) {
    const title = `with ${fault.code}${
      fault.kind === "half" ? ", half of a write done," : ""
    } is told truly and loses nothing (${durability})`
    it(title, () =>
      inTemporaryFolder(async (root) => {
        for (let at = 1, hasFailed = true; hasFailed; at++) {
          restoreFolder(root, new Map())
          const faulty = new FaultyCalls({ ...fault, at }, quickCalls)
          const what = `${fault.kind} ${fault.code} at call ${at}`
          await new Worker(faulty, root, durability, what).run()
          hasFailed = faulty.count >= at
          faulty.dispose()
          await check(root, what)
          assert.ok(at < 5000)
        }
      }))
  }
})

describe("a disk that stays full", () => {
  it("refuses every append without a trace, serves reads, and takes the rest when there is room", () =>
    inTemporaryFolder(async (root) => {
      for (const kind of ["fail", "half"] as const) {
        restoreFolder(root, new Map())
        const faulty = new FaultyCalls(undefined, quickCalls)
        const storage = await adapterAt(root, { ...SMALL, calls: faulty.calls }).open("notes", OPEN)
        await fillTo(storage, 4)
        faulty.arm({ at: 1, kind, code: "ENOSPC", name: "writeSync", sticky: true })
        for (let tries = 0; tries < 3; tries++) {
          await assert.rejects(async () => storage.append(5, frameAt(5)), (cause) => cause instanceof PersistError)
          await assertFrames(storage, 0, 4)
        }
        faulty.arm(undefined)
        await fillTo(storage, 9)
        await assertFrames(storage, 0, 9)
        await storage.close()
        const again = await adapterAt(root, { ...SMALL, calls: quickCalls }).open("notes", OPEN)
        assert.equal(again.opened.recovery, undefined)
        await assertFrames(again, 0, 9)
        await again.close()
      }
    }))

  it("leaves zeros where half of a frame was, so that a process that dies then leaves no torn tail", () =>
    inTemporaryFolder(async (root) => {
      const faulty = new FaultyCalls(undefined, quickCalls)
      const storage = await adapterAt(root, { calls: faulty.calls, own: deadIdentity() }).open("notes", OPEN)
      await fillTo(storage, 4)
      const before = saveFolder(root)
      faulty.arm({ at: 1, kind: "half", code: "ENOSPC", name: "writeSync" })
      await assert.rejects(async () => storage.append(5, frameAt(5)), StorageFull)
      assert.deepEqual(saveFolder(root), before)
      faulty.dispose()
      const again = await adapterAt(root, { calls: quickCalls }).open("notes", OPEN)
      assert.equal(again.opened.recovery, undefined)
      await assertFrames(again, 0, 4)
      await again.close()
    }))

  it("does not keep a store from being closed", () =>
    inTemporaryFolder(async (root) => {
      const faulty = new FaultyCalls(undefined, quickCalls)
      const storage = await adapterAt(root, { ...SMALL, calls: faulty.calls }).open("notes", OPEN)
      await fillTo(storage, 4)
      await storage.flush()
      await fillTo(storage, 5)
      faulty.arm({ at: 1, kind: "half", code: "ENOSPC", name: "writeSync", sticky: true })
      await storage.close()
      const again = await adapterAt(root, { ...SMALL, calls: quickCalls }).open("notes", OPEN)
      assert.equal(again.opened.recovery, undefined)
      await assertFrames(again, 0, 5)
      await again.close()
    }))
})

describe("a system that writes nothing and gives no reason", () => {
  it("is refused, not asked for ever", { timeout: 10_000 }, () =>
    inTemporaryFolder(async (root) => {
      let isStuck = false
      const writeSync = (...args: Parameters<typeof quickCalls.writeSync>): number => isStuck ? 0 : quickCalls.writeSync(...args)
      const storage = await adapterAt(root, { ...SMALL, calls: { ...quickCalls, writeSync: writeSync as typeof quickCalls.writeSync } })
        .open("notes", OPEN)
      for (const head of [0, 3]) {
        await fillTo(storage, head)
        isStuck = true
        await assert.rejects(async () => storage.append(head + 1, frameAt(head + 1)), PersistError)
        isStuck = false
        await assertFrames(storage, 0, head)
      }
      await fillTo(storage, 9)
      await assertFrames(storage, 0, 9)
      await storage.close()
    }))
})

describe("a read that a signal interrupts", () => {
  it("is made again", () =>
    inTemporaryFolder(async (root) => {
      const faulty = new FaultyCalls({ at: 1, kind: "fail", code: "EINTR", name: "readSync" }, quickCalls)
      const adapter = adapterAt(root, { ...SMALL, calls: faulty.calls })
      const storage = await adapter.open("notes", OPEN)
      await fillTo(storage, 12)
      faulty.arm({ at: 1, kind: "fail", code: "EINTR", name: "readSync" })
      await assertFrames(storage, 0, 12)
      await storage.close()
      faulty.arm({ at: 1, kind: "fail", code: "EINTR", name: "readSync" })
      await (await adapter.open("notes", OPEN)).close()
    }))
})
