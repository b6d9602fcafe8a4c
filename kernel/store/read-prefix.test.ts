import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptFrame, ReadOnly } from "../errors.ts"
import type { Adapter, LogStorage } from "../ports/log-storage.ts"
import { openStore } from "./store.ts"

/** An adapter whose third frame has one flipped bit. */
function damagedAt(position: number, adapter: Adapter): Adapter {
  const damage = (storage: LogStorage): LogStorage => ({
    ...storage,
    opened: storage.opened,
    snapshots: storage.snapshots,
    head: () => storage.head(),
    append: (at, frame) => storage.append(at, frame),
    read: async (after, limits) =>
      (await storage.read(after, limits)).map((frame, index) => {
        if (after + index + 1 !== position) return frame
        const damaged = frame.slice()
        damaged[20]! ^= 1
        return damaged
      }),
    trim: (through) => storage.trim(through),
    watch: (listener) => storage.watch(listener),
    flush: () => storage.flush(),
    close: () => storage.close(),
  })
  return { ...adapter, open: async (name, options) => damage(await adapter.open(name, options)) }
}

/** A store of four frames, closed. */
async function fourFrames(): Promise<Adapter> {
  const adapter = memoryAdapter(), store = await openStore<number>("notes", adapter)
  for (let n = 1; n <= 4; n++) await store.records.put(`k${n}`, n)
  await store.close()
  return adapter
}

describe("readPrefix", () => {
  it("reads what comes before a damaged frame, names its position and refuses writes", async () => {
    const adapter = damagedAt(3, await fourFrames())
    await assert.rejects(openStore("notes", adapter), (error) => error instanceof CorruptFrame && error.details.position === 3)
    await using store = await openStore<number>("notes", adapter, { readPrefix: true })
    const { head, readOnly, recovery } = store.status()
    assert.deepEqual([head, readOnly, recovery?.kind, recovery?.position], [2, true, "prefix_only", 3])
    assert.deepEqual(await store.records.getMany(["k1", "k2", "k3"]), [1, 2, undefined])
    await assert.rejects(store.records.put("k3", 3), ReadOnly)
    await assert.rejects(store.records.delete("k1"), ReadOnly)
    await store.refresh()
    assert.equal(store.status().head, 2)
  })

  it("opens a whole store for reading only, on every adapter, and shows what others write", async () => {
    const adapter = await fourFrames()
    await using store = await openStore<number>("notes", adapter, { readPrefix: true })
    await using other = await openStore<number>("notes", adapter)
    assert.deepEqual([store.status().readOnly, store.status().recovery, other.status().readOnly], [true, undefined, false])
    await assert.rejects(store.records.put("k5", 5), (error) => error instanceof ReadOnly && error.storedNothing)
    await other.records.put("k5", 5)
    await store.refresh()
    assert.equal(await store.records.get("k5"), 5)
    assert.equal(other.status().head, 5)
  })
})
