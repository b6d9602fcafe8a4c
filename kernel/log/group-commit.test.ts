/** Goal: which calls share a frame, in which order they end, and that nothing else is asked of the storage. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { BatchTooLarge, VersionMismatch } from "../errors.ts"
import { COMMIT_BYTES_TARGET, COMMIT_OPERATIONS_TARGET } from "../limits.ts"
import { openStore, type Store } from "../store/store.ts"
import { type FaultyAdapter, faultyAdapter, hold, replyLate } from "../testing/faulty-storage.ts"
import { Gate } from "../testing/gate.ts"

interface Opened {
  readonly adapter: FaultyAdapter
  readonly store: Store
}

/** A store that nobody else can write to, unless `shared`. */
async function open(shared: boolean = false): Promise<Opened> {
  const adapter = faultyAdapter(memoryAdapter(), { capabilities: shared ? {} : { multiHandle: false, watch: false } })
  const store = await openStore("notes", adapter)
  adapter.last.calls.length = 0
  return { adapter, store }
}

describe("group commit", () => {
  it("writes of one turn share one frame, and each awaited write has its own", async () => {
    const { store } = await open()
    await Promise.all([
      store.records.put("a", 1),
      store.records.put("b", 2),
      store.collection("other").put("a", 3),
      store.records.delete("a"),
    ])
    assert.equal(store.status().head, 1)
    await store.records.put("c", 1)
    await store.records.put("c", 2)
    assert.equal(store.status().head, 3)
  })

  it("an awaited write costs one append and nothing else, shared with others or not", async () => {
    for (const shared of [false, true]) {
      const { store, adapter } = await open(shared)
      await store.records.put("a", 1)
      await store.records.put("a", 2, { ifVersion: (await store.records.getEntry("a"))!.version })
      await store.records.update("a", (value) => value + 1)
      await store.batch((tx) => tx.put("b", tx.peek("a")))
      await store.records.get("b")
      assert.deepEqual(adapter.last.calls, ["append", "append", "append", "append"])
    }
  })

  it("writes that come during a slow append share the next frame", async () => {
    const { store, adapter } = await open()
    const gate = new Gate()
    adapter.last.next("append", hold(gate))
    const first = store.records.put("a", 1)
    await gate.reached
    const later = [store.records.put("b", 1), store.records.put("c", 1)]
    await Promise.resolve()
    later.push(store.records.put("d", 1))
    gate.open()
    await Promise.all([first, ...later])
    assert.equal(store.status().head, 2)
    assert.equal(adapter.last.count("append"), 2)
  })

  it("a group ends at the target of operations, and one more write is in the next frame", async () => {
    for (
      const [writes, frames] of [[COMMIT_OPERATIONS_TARGET, 1], [COMMIT_OPERATIONS_TARGET + 1, 2], [
        COMMIT_OPERATIONS_TARGET * 2,
        2,
      ]] as const
    ) {
      const { store } = await open()
      await Promise.all(Array.from({ length: writes }, (_, index) => store.records.put(`key ${index}`, index)))
      assert.equal(store.status().head, frames, `${writes} writes`)
      assert.equal(await store.records.count(), writes)
    }
  })

  it("a group ends with the write that reaches the target of bytes", async () => {
    const { store } = await open()
    const quarter = new Uint8Array(COMMIT_BYTES_TARGET / 4)
    await Promise.all(Array.from({ length: 8 }, (_, index) => store.records.put(`key ${index}`, quarter)))
    assert.equal(store.status().head, 2)
  })

  it("batches that do not fit one frame together get a frame each, whole", async () => {
    const { store } = await open()
    const large = new Uint8Array(900_000)
    const batch = (name: string): { key: string; value: Uint8Array }[] =>
      [1, 2, 3].map((index) => ({ key: `${name} ${index}`, value: large }))
    const frames: string[][] = []
    store.records.subscribe({}, (changes) => frames.push(changes.map((change) => change.key)))
    await Promise.all([store.records.put("small", 1), store.records.putMany(batch("a")), store.records.putMany(batch("b"))])
    assert.deepEqual(frames, [["small", "a 1", "a 2", "a 3"], ["b 1", "b 2", "b 3"]])
  })

  it("100,000 puts that nobody awaits are stored in about a hundred frames", async () => {
    const { store, adapter } = await open()
    const written: Promise<unknown>[] = []
    for (let index = 0; index < 100_000; index++) written.push(store.records.put(`key ${index % 50_000}`, { index }))
    await Promise.all(written)
    assert.equal(adapter.last.count("append"), 100)
    assert.equal(await store.records.count(), 50_000)
    assert.deepEqual(await store.records.get("key 7"), { index: 50_007 })
    assert.equal(store.status().pendingWrites, 0)
  })

  it("calls end in the order in which they were made, those that fail among them", async () => {
    const { store } = await open()
    const ended: string[] = []
    const note = (name: string) => (): void => void ended.push(name)
    const { version } = await store.records.put("a", 0)
    await Promise.all([
      store.records.put("a", 1).then(note("put")),
      store.records.put("a", 2, { ifVersion: version }).catch(note("late version")),
      store.records.delete("none").then(note("delete")),
      store.batch((tx) => tx.put("b", 1)).then(note("batch")),
      store.records.put("b", 2, { ifVersion: null }).catch(note("exists")),
      store.records.put("c", 1).then(note("last")),
    ])
    assert.deepEqual(ended, ["put", "late version", "delete", "batch", "exists", "last"])
    assert.equal(store.status().head, 2)
  })

  it("put() with an ifVersion that fails rejects alone, and adds nothing to the frame", async () => {
    const { store } = await open()
    await store.records.put("a", 1)
    const [before, failed, after] = await Promise.allSettled([
      store.records.put("b", 1),
      store.records.put("a", 2, { ifVersion: null }),
      store.records.put("c", 1),
    ])
    assert.equal(before.status, "fulfilled")
    assert.equal(after.status, "fulfilled")
    assert.ok(failed.status === "rejected" && failed.reason instanceof VersionMismatch)
    assert.deepEqual(failed.reason.details, { key: "a", expected: null, found: (await store.records.getEntry("a"))!.version })
    assert.equal(await store.records.get("a"), 1)
    const versions = [before, after].map((end) => (end.status === "fulfilled" ? end.value.version.split("-")[1] : ""))
    assert.deepEqual(versions, ["2", "3"], "numbers of a writer have no gap")
  })

  it("put() judges ifVersion against writes of the same frame that were called before", async () => {
    const { store } = await open()
    const first = store.records.put("a", 1, { ifVersion: null })
    const second = store.records.put("a", 2, { ifVersion: null })
    await first
    await assert.rejects(second, VersionMismatch)
    const { version } = (await store.records.getEntry("a"))!
    assert.equal(version, (await first).version)
    const removed = store.records.delete("a", { ifVersion: version })
    const anew = store.records.put("a", 3, { ifVersion: null })
    assert.equal(await removed, true)
    await anew
    assert.equal(await store.records.get("a"), 3)
  })

  it("a write that changes nothing stores no frame", async () => {
    const { store, adapter } = await open()
    assert.equal(await store.records.delete("none"), false)
    assert.deepEqual(await store.records.batch([]), { operations: 0 })
    assert.deepEqual(await store.records.batch([{ type: "delete", key: "none" }]), { operations: 0 })
    assert.deepEqual(await store.batch(() => {}), { operations: 0 })
    assert.equal(await store.records.clear(), 0)
    assert.deepEqual(adapter.last.calls, [])
    assert.equal(store.status().head, 0)
  })

  it("a batch callback that outgrows a batch fails alone", async () => {
    const { store } = await open()
    const ends = await Promise.allSettled([
      store.records.put("a", 1),
      store.batch((tx) => {
        for (let index = 0; index < 5; index++) tx.put(`large ${index}`, new Uint8Array(1_000_000))
      }),
      store.records.put("b", 1),
    ])
    assert.deepEqual(ends.map((end) => end.status), ["fulfilled", "rejected", "fulfilled"])
    assert.ok(ends[1].status === "rejected" && ends[1].reason instanceof BatchTooLarge)
    assert.equal(await store.records.count(), 2)
    assert.equal(store.status().head, 1)
  })

  it("put() encodes at the call, so a value may be changed afterwards", async () => {
    const { store, adapter } = await open()
    const gate = new Gate()
    adapter.last.next("append", hold(gate))
    const value = { list: [1], bytes: Uint8Array.of(1), date: new Date(1) }
    const written = store.records.put("a", value)
    const many = store.records.putMany([{ key: "b", value }])
    value.list.push(2)
    value.bytes[0] = 9
    value.date.setTime(9)
    await gate.reached
    value.list.push(3)
    gate.open()
    await Promise.all([written, many])
    for (const key of ["a", "b"]) assert.deepEqual(await store.records.get(key), { list: [1], bytes: Uint8Array.of(1), date: new Date(1) })
  })

  it("close() stores what was called before it", async () => {
    const { store, adapter } = await open()
    const gate = new Gate()
    adapter.last.next("append", replyLate(gate))
    const writes = [store.records.put("a", 1)]
    await gate.reached
    writes.push(store.records.put("b", 1), store.records.put("c", 1))
    const closed = store.close()
    gate.open()
    await Promise.all([closed, ...writes])
    const again = await openStore("notes", adapter)
    assert.equal(await again.records.count(), 3)
  })
})
