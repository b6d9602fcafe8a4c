/** Flushes that are under way while other things happen. They end when the event loop turns, as real ones do. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { Durability, LogStorage } from "../../kernel/ports/log-storage.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { FaultyCalls } from "./testing/faulty-calls.ts"
import { adapterAt, assertFrames, fillTo, inTemporaryFolder, OPEN, quickCalls } from "./testing/workbench.ts"

const slowFlush = (_: number, callback: (cause: null) => void): void => void setImmediate(() => callback(null))
const slowCalls: FileCalls = { ...quickCalls, fdatasync: Object.assign(slowFlush, { __promisify__: () => Promise.resolve() }) }

/** Runs on an open store, then looks what a new one finds, and whether a descriptor was used when it may have been another's. */
const expectSound = async (durability: Durability, head: number, run: (storage: LogStorage) => Promise<unknown>): Promise<void> =>
  await inTemporaryFolder(async (root) => {
    const faulty = new FaultyCalls(undefined, slowCalls)
    const storage = await adapterAt(root, { calls: faulty.calls, segmentBytesMax: 900 }).open("notes", { ...OPEN, durability })
    await run(storage)
    await storage.close()
    // Whatever is still under way ends now.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(faulty.misused, [])
    const again = await adapterAt(root, { calls: quickCalls }).open("notes", OPEN)
    assert.equal(again.opened.recovery, undefined)
    await assertFrames(again, 0, head)
    await again.close()
  })

describe("a flush that is under way", () => {
  for (const durability of ["normal", "full", "relaxed"] as const) {
    it(`has ended, and the one behind it, before close() closes the files (${durability})`, () =>
      expectSound(durability, 2, async (storage) => {
        await fillTo(storage, 1)
        const first = storage.flush()
        await fillTo(storage, 2)
        const second = storage.flush()
        await storage.close()
        await Promise.all([first, second])
      }))

    it(`keeps the files that it flushes open while the log goes on to new ones (${durability})`, () =>
      expectSound(durability, 60, async (storage) => {
        const flushes = []
        for (let head = 1; head <= 60; head++) {
          await fillTo(storage, head)
          if (head % 7 === 0) flushes.push(storage.flush())
          if (head % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(flushes)
      }))
  }
})
