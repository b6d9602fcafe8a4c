/** Goal: an adapter of small frames gets none that is larger, and a write that fits no frame fails alone. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { FrameTooLarge, VersionMismatch } from "../errors.ts"
import { failBefore, type FaultyAdapter, faultyAdapter } from "../testing/faulty-storage.ts"
import { openStore, type Store } from "./store.ts"

const FRAME_BYTES = 2000

interface Small {
  readonly store: Store
  readonly adapter: FaultyAdapter
  /** Bytes of each frame that was appended. */
  readonly frames: number[]
}

async function open(): Promise<Small> {
  const frames: number[] = []
  const adapter = faultyAdapter(memoryAdapter(), {
    capabilities: { maxFrameBytes: FRAME_BYTES, watch: false },
    prepare: (storage) =>
      storage.always("append", (call, _, frame) => {
        frames.push(frame.length)
        return frame.length > FRAME_BYTES ? failBefore(new FrameTooLarge({ bytes: frame.length, bytesMax: FRAME_BYTES }))() : call()
      }),
  })
  return { store: await openStore("notes", adapter), adapter, frames }
}

describe("frames", () => {
  it("a group that is too large for the adapter is cut; a write that fits no frame fails alone", async () => {
    const { store, frames } = await open()
    const small = Array.from({ length: 50 }, (_, index) => store.records.put(`small ${index}`, "x".repeat(100)))
    await Promise.all(small)
    assert.ok(frames.length > 2 && frames.every((bytes) => bytes <= FRAME_BYTES), String(frames))
    const ends = await Promise.allSettled([
      store.records.put("before", 1),
      store.records.put("large", "x".repeat(FRAME_BYTES)),
      store.records.put("after", 1),
    ])
    assert.deepEqual(ends.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"])
    await assert.rejects(store.records.put("large", "x".repeat(FRAME_BYTES)), FrameTooLarge)
    await assert.rejects(store.batch((tx) => tx.put("large", "x".repeat(FRAME_BYTES))), FrameTooLarge)
    await assert.rejects(store.records.putMany([{ key: "a", value: 1 }, { key: "b", value: "x".repeat(FRAME_BYTES) }]), FrameTooLarge)
    assert.equal(await store.records.count(), 52)
  })

  it("a write that fails alone before one that is too large takes nobody with it", async () => {
    const { store, frames } = await open()
    await store.records.put("there", 1)
    const ends = await Promise.allSettled([
      store.records.put("there", 2, { ifVersion: null }),
      store.records.put("large", "x".repeat(FRAME_BYTES)),
      store.records.delete("none"),
      store.records.put("after", 1),
    ])
    assert.deepEqual(ends.map((end) => (end.status === "rejected" ? Object(end.reason).code : "stored")), [
      "version_mismatch",
      "frame_too_large",
      "stored",
      "stored",
    ])
    assert.ok(frames.every((bytes) => bytes <= FRAME_BYTES), String(frames))
    await assert.rejects(store.records.put("there", 2, { ifVersion: null }), VersionMismatch)
  })

  it("whatever sizes come together, each write ends as it would alone", async () => {
    const write = fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: FRAME_BYTES + 200 }), fc.boolean())
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 30 }), async (writes) => {
        const { store, frames, adapter } = await open(), alone = (await open()).store
        const given = (at: number): [string, string, { ifVersion?: null }] => {
          const [key, bytes, mustBeNew] = writes[at]!
          return [key, "x".repeat(bytes), mustBeNew ? { ifVersion: null } : {}]
        }
        const together = await Promise.allSettled(writes.map((_, at) => store.records.put(...given(at))))
        for (const at of writes.keys()) {
          const end = await alone.records.put(...given(at)).then(() => "fulfilled", (error: unknown) => Object(error).code)
          const found = together[at]!
          assert.equal(found.status === "rejected" ? found.reason.code : found.status, end, `write ${at}`)
        }
        assert.ok(frames.every((bytes) => bytes <= FRAME_BYTES))
        const again = await openStore("notes", adapter)
        for (const key of ["a", "b", "c"]) {
          assert.equal(await store.records.get(key), await alone.records.get(key))
          assert.equal(await again.records.get(key), await alone.records.get(key))
        }
      }),
      { numRuns: 150 },
    )
  })
})
