/** Goal: closing, flushing, refreshing and failing at the same time leave one of the states that are documented. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { FlushFailed, OutcomeUnknown, StorageFailed, StoreClosed } from "../errors.ts"
import type { Capabilities } from "../ports/log-storage.ts"
import { openStore, type Store } from "../store/store.ts"
import { failAfter, failBefore, type FaultyAdapter, faultyAdapter, type FaultyStorage, hold } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"

const CAPABILITIES: Partial<Capabilities> = { levels: ["normal"], durable: true }

interface Opened {
  readonly adapter: FaultyAdapter
  readonly storage: FaultyStorage
  readonly store: Store
  readonly logger: RecordingLogger
}

async function open(capabilities: Partial<Capabilities> = CAPABILITIES): Promise<Opened> {
  const adapter = faultyAdapter(memoryAdapter(), { capabilities }), logger = new RecordingLogger()
  const store = await openStore("notes", adapter, { logger, platform: hastyPlatform() })
  adapter.last.calls.length = 0
  return { adapter, storage: adapter.last, store, logger }
}

/** A clock on which the deadline of an undecided append is a few looks away. */
function hastyPlatform(): TestPlatform {
  const platform = new TestPlatform()
  platform.stepMillis = 2000
  return platform
}

const failed = (): StorageFailed => new StorageFailed({ location: "memory", call: "write to", reason: "the cable is out" })
const flushFailed = (): FlushFailed => new FlushFailed({ location: "memory", reason: "the device is gone" })

describe("close()", () => {
  it("ends a flush that was called before it, when nothing is queued", async () => {
    const { store, storage } = await open()
    await store.records.put("a", 1)
    storage.calls.length = 0
    await Promise.all([store.flush(), store.close()])
    assert.deepEqual(storage.calls, ["flush", "close"])
  })

  it("waits for what was called before it, writes and refreshes, and frees the storage once", async () => {
    const { store, storage } = await open()
    const gate = new Gate()
    storage.next("append", hold(gate))
    const ends: string[] = []
    const note = (name: string) => (): number => ends.push(name)
    const calls = [
      store.records.put("a", 1).then(note("put")),
      store.refresh().then(note("refresh")),
      store.flush().then(note("flush")),
    ]
    await gate.reached
    const closed = [store.close(), store.close()].map((close) => close.then(note("close")))
    await turn()
    assert.ok(!ends.includes("put") && !ends.includes("close"), String(ends))
    assert.equal(storage.count("close"), 0)
    gate.open()
    await Promise.all([...calls, ...closed])
    assert.deepEqual(ends.slice(-2), ["close", "close"])
    assert.equal(storage.count("close"), 1)
    assert.equal(storage.calls.at(-1), "close")
  })

  it("waits for a refresh that is under way, also for one of the watch, and neither fails", async () => {
    const { store, storage, adapter, logger } = await open({ ...CAPABILITIES, watch: true })
    const gate = new Gate()
    storage.next("read", hold(gate))
    const other = await openStore("notes", adapter)
    await other.records.put("a", 1) // the watch asks for a refresh
    await gate.reached
    const refreshed = store.refresh(), closed = store.close()
    await turn()
    assert.equal(storage.count("close"), 0)
    gate.open()
    await Promise.all([refreshed, closed])
    await other.records.put("a", 2)
    await turn()
    assert.deepEqual(logger.entries, [])
  })

  it("from inside of callbacks ends what is queued and refuses what comes", async () => {
    const { store, adapter } = await open()
    let closed: Promise<void> | undefined
    const ends = await Promise.allSettled([
      store.records.put("a", 1),
      store.records.update("a", (value) => {
        closed ??= store.close()
        return value + 1
      }),
      store.records.put("b", 1),
    ])
    await closed
    assert.deepEqual(ends.map(({ status }) => status), ["fulfilled", "fulfilled", "fulfilled"])
    await assert.rejects(store.records.put("c", 1), StoreClosed)
    const again = await openStore("notes", adapter)
    assert.deepEqual(await again.records.getMany(["a", "b", "c"]), [2, 1, undefined])
  })
})

describe("poison", () => {
  it("is not lifted by an append that is decided while the flush fails", async () => {
    const { store, storage } = await open()
    storage.next("append", failAfter(failed()))
    storage.always("read", failBefore(failed()))
    await assert.rejects(store.records.put("a", 1), OutcomeUnknown)
    assert.equal(store.status().state, "uncertain")
    storage.always("read", undefined)
    const gate = new Gate()
    storage.next("head", hold(gate))
    const decided = store.refresh()
    await gate.reached
    storage.next("flush", failBefore(flushFailed()))
    await assert.rejects(store.flush(), FlushFailed)
    gate.open()
    await decided
    assert.equal(store.status().state, "poisoned")
    await assert.rejects(store.records.put("b", 1), FlushFailed)
    assert.equal(await store.records.get("a"), 1, "the append was decided all the same")
  })

  it("does not open a closed store again", async () => {
    const { store, storage } = await open()
    await store.records.put("a", 1)
    const gate = new Gate()
    storage.next("flush", async () => {
      await gate.pass()
      throw flushFailed()
    })
    const flushed = store.flush()
    await gate.reached
    await store.close()
    gate.open()
    await assert.rejects(flushed, FlushFailed)
    assert.equal(store.status().state, "closed")
    await assert.rejects(store.records.put("b", 1), StoreClosed)
  })
})
