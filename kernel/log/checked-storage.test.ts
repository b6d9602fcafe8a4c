/**
 * Goal: a sloppy adapter makes calls fail with errors of ours, and never makes the store lie.
 * Method: a memory log that answers nonsense, once or always, behind the store that users hold.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { createStore, deleteStore, listStores } from "../../mod.ts"
import { CorruptFrame, FlushFailed, PersistError, StorageFailed, StoreNotFound } from "../errors.ts"
import type { Adapter, Bytes, LogStorage, OpenOptions } from "../ports/log-storage.ts"
import { openStore, type Store } from "../store/store.ts"
import { failBefore, type FaultyAdapter, faultyAdapter, type FaultyStorage, hold, landLater } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"

/** What careless code throws or answers. */
const NONSENSE: readonly unknown[] = [undefined, null, 0, -1, 1.5, NaN, 2 ** 53, "text", true, Symbol("s"), {}, [], [1], [null], () => {}]

interface Sloppy {
  readonly adapter: FaultyAdapter
  readonly storage: FaultyStorage
  readonly store: Store
}

/** A store of two records on a log that takes scripts; others may append to it too. */
async function open(logger: RecordingLogger = new RecordingLogger()): Promise<Sloppy> {
  const adapter = faultyAdapter(memoryAdapter(), { capabilities: { watch: false } })
  const store = await openStore("notes", adapter, { logger })
  await store.records.put("a", 1)
  await store.records.put("b", 2)
  return { adapter, storage: adapter.last, store }
}

async function contentOf(store: Store): Promise<unknown[]> {
  const content: unknown[] = []
  for await (const { key, value } of store.records.list()) content.push([key, value])
  return content
}

/** An adapter of one method that is not as it should be. */
const adapterWith = (change: Partial<Record<keyof Adapter, unknown>>): Adapter => ({ ...memoryAdapter(), ...change as Partial<Adapter> })

describe("a sloppy adapter", () => {
  it("T86 open() that throws or answers no log rejects with an error of ours, and what it opened is closed", async () => {
    for (const thrown of [new TypeError("nothing here"), "text", undefined, null, Object.create(null)]) {
      const fail = (): never => {
        throw thrown
      }
      for (const open of [fail, async () => await Promise.reject(thrown)]) {
        await assert.rejects(createStore("notes", { adapter: adapterWith({ open }) }), (error: unknown) => {
          assert.ok(error instanceof StorageFailed)
          assert.equal(error.cause, thrown)
          assert.match(error.message, /the adapter threw/)
          return true
        })
      }
    }
    const sound = await memoryAdapter().open("notes", { durability: "none", create: undefined }) as LogStorage
    const spoilt: readonly unknown[] = [
      ...NONSENSE,
      { ...sound, opened: undefined },
      ...["head", "append", "read", "trim", "watch", "flush"].map((name) => ({ ...methodsOf(sound), opened: sound.opened, [name]: 5 })),
      ...[null, 5, { location: 5 }, { recovery: null }, { recovery: {} }, { recovery: { kind: "torn_tail", position: 0, reason: "" } }]
        .map((opened) => ({ ...methodsOf(sound), opened })),
    ]
    for (const answer of spoilt) {
      let closed = 0
      const log = typeof answer === "object" && answer !== null && "opened" in answer ? { ...answer, close: () => void closed++ } : answer
      await assert.rejects(createStore("notes", { adapter: adapterWith({ open: () => log }) }), StorageFailed)
      assert.equal(closed, Object.is(log, answer) ? 0 : 1)
    }
  })

  it("T86 open() that fails because its signal was aborted rejects with the signal's reason", async () => {
    const controller = new AbortController(), reason = new Error("enough")
    const open = async (_: string, { signal }: OpenOptions): Promise<never> => {
      controller.abort(reason)
      await Promise.resolve()
      throw new TypeError(`aborted: ${signal?.aborted}`)
    }
    await assert.rejects(createStore("notes", { adapter: adapterWith({ open }), signal: controller.signal }), reason)
  })

  it("T86 list() and destroy() that throw or answer nonsense reject with errors of ours", async () => {
    for (const answer of NONSENSE) {
      if (Array.isArray(answer) && answer.length === 0) continue
      const wrong = listStores({ adapter: adapterWith({ list: () => answer }) })
      await assert.rejects(wrong, StorageFailed)
      const fail = (): never => {
        throw answer
      }
      await assert.rejects(listStores({ adapter: adapterWith({ list: fail }) }), StorageFailed)
      await assert.rejects(deleteStore("notes", { adapter: adapterWith({ destroy: fail }) }), StorageFailed)
    }
    const adapter = memoryAdapter()
    await assert.rejects(deleteStore("notes", { adapter }), StoreNotFound)
    await (await createStore("b", { adapter })).close()
    await (await createStore("a", { adapter })).close()
    assert.deepEqual(await listStores({ adapter }), ["a", "b"])
  })

  it("T86 head() that is no position fails the call that asked, and what is shown stays as it was", async () => {
    const { store, storage } = await open()
    for (const answer of NONSENSE) {
      if (answer === 0) continue
      storage.next("head", () => answer)
      await assert.rejects(store.refresh(), StorageFailed, String(answer))
      storage.next("head", () => Promise.resolve(answer))
      await assert.rejects(store.records.delete("none"), StorageFailed, String(answer))
    }
    storage.next("head", failBefore("text"))
    await assert.rejects(store.refresh(), StorageFailed)
    assert.deepEqual(await contentOf(store), [["a", 1], ["b", 2]])
    await store.records.put("c", 3)
    await store.refresh()
    assert.deepEqual(await contentOf(store), [["a", 1], ["b", 2], ["c", 3]])
  })

  it("a log that is folded anew shows what it was until all of it is folded, and tells of each record once", async () => {
    const adapter = faultyAdapter(memoryAdapter()), store = await openStore("notes", adapter)
    for (const value of [1, 2]) await store.records.put("a", value)
    const told: unknown[] = []
    store.records.subscribe({}, (changes) => told.push(...changes.map(({ key, value }) => [key, value])))
    const gate = new Gate()
    adapter.last.next("head", () => 0)
    adapter.last.next("read", hold(gate))
    const refreshed = store.refresh()
    await gate.reached
    assert.deepEqual([store.records.peek("a"), await store.records.get("a"), await store.records.count()], [2, 2, 1])
    gate.open()
    await refreshed
    assert.deepEqual([await store.records.get("a"), told], [2, [["a", 2]]])
    await store.records.put("a", 3)
    assert.deepEqual([store.records.peek("a"), told.at(-1)], [3, ["a", 3]])
  })

  it("T86 head() that goes back and forth shows the log anew, and loses nothing", async () => {
    const logger = new RecordingLogger(), { store, storage, adapter } = await open(logger)
    for (const head of [0, 1, 5]) {
      storage.next("head", () => head)
      await store.refresh()
      assert.deepEqual(await contentOf(store), [["a", 1], ["b", 2]])
      await store.records.put("a", 1)
    }
    assert.deepEqual(logger.entries.map(({ message }) => message), Array(2).fill("the log was replaced by another copy and is folded anew"))
    assert.deepEqual(await contentOf(await openStore("notes", adapter)), [["a", 1], ["b", 2]])
  })

  it("T86 read() that answers nonsense, too much or the frames of other places is refused while opening", async () => {
    const { adapter, storage } = await open()
    const [one, two] = await storage.read(0, { maxFrames: 2, maxBytes: 1e6 }) as [Bytes, Bytes]
    const pages: readonly unknown[] = [
      ...NONSENSE.filter((answer) => !Array.isArray(answer) || answer.length > 0),
      [one, "text"],
      [one, [...two]],
      [one, new DataView(two.buffer)],
      Array(5000).fill(one),
      { 0: one, length: 1 },
    ]
    const read = async (page: unknown): Promise<unknown> => {
      const lying = faultyAdapter(adapter, { prepare: (storage) => storage.next("read", () => page) })
      const rejected = await openStore("notes", lying).then(() => undefined, (error: unknown) => error)
      assert.equal(lying.last.count("close"), 1, "what cannot be used is closed")
      return rejected
    }
    for (const page of pages) assert.ok(await read(page) instanceof StorageFailed, String(page))
    const empty = new Uint8Array(0), changed = Uint8Array.from(one, (byte, at) => (at === 30 ? byte ^ 1 : byte))
    for (const page of [[two], [two, one], [one, one], [empty], [one, empty], [one, two, two], [changed], [new Uint8Array(100)]]) {
      assert.ok(await read(page) instanceof CorruptFrame, String(page))
    }
  })

  it("T86 read() that answers less than there is makes more pages, and an end before the head is no end", async () => {
    const { adapter } = await open()
    const oneByOne = faultyAdapter(adapter, {
      prepare: (storage) => storage.always("read", async (call) => (await call()).slice(0, 1)),
    })
    assert.deepEqual(await contentOf(await openStore("notes", oneByOne)), [["a", 1], ["b", 2]])
    const empty = faultyAdapter(adapter, { prepare: (storage) => storage.always("read", () => []) })
    await assert.rejects(openStore("notes", empty), StorageFailed)
    const late = faultyAdapter(adapter, { prepare: (storage) => storage.next("read", (call) => call(), () => [], (call) => call()) })
    assert.deepEqual(await contentOf(await openStore("notes", late)), [["a", 1], ["b", 2]])
  })

  it("T86 read() that lies about what others wrote rejects the write that needs it; frames out of place end writing", async () => {
    const { store, storage, adapter } = await open()
    const other = await openStore("notes", adapter)
    await other.records.put("c", 3)
    for (const answer of [undefined, null, [null], ["text"], {}]) {
      storage.next("read", () => answer)
      await assert.rejects(store.records.put("d", 4), StorageFailed)
      storage.next("read", () => Promise.resolve(answer))
      await assert.rejects(store.refresh(), StorageFailed)
    }
    assert.equal(store.status().state, "open")
    const [first] = await storage.read(0, { maxFrames: 1, maxBytes: 1 })
    storage.next("read", () => [first!])
    await assert.rejects(store.records.put("d", 4), CorruptFrame)
    assert.equal(store.status().state, "poisoned")
    await assert.rejects(store.records.put("d", 4), CorruptFrame)
    assert.deepEqual(await contentOf(store), [["a", 1], ["b", 2]])
    await store.close()
    assert.deepEqual(await contentOf(await openStore("notes", adapter)), [["a", 1], ["b", 2], ["c", 3]])
  })

  it("T86 append() may answer anything; what it throws is read back", async () => {
    const { store, storage, adapter } = await open()
    for (const [index, answer] of NONSENSE.entries()) {
      storage.next("append", async (call) => {
        await call()
        return answer
      })
      await store.records.put(`key ${index}`, index)
      storage.next("append", async (call) => {
        await call()
        throw answer
      })
      await store.records.put(`key ${index}`, index + 100)
      storage.next("append", failBefore(answer))
      await store.records.put(`more ${index}`, index)
    }
    assert.equal(store.status().head, 2 + NONSENSE.length * 3)
    assert.deepEqual(await contentOf(await openStore("notes", adapter)), await contentOf(store))
  })

  it("T86 append() that answers before it stores: no later write takes its place unseen", async () => {
    const logger = new RecordingLogger(), { store, storage, adapter } = await open(logger)
    const gate = new Gate(), landed = new Gate()
    const late = landLater(gate, undefined, () => landed.open())
    storage.next("append", (call) => {
      try {
        late(call)
      } catch {
        // answered as if it had been stored
      }
    })
    await store.records.put("c", 3)
    // The log has no such frame, so this write finds out: the views go back to what is stored, and it is written on that.
    await store.records.put("d", 4)
    gate.open()
    await landed.opened
    await store.refresh()
    assert.deepEqual(await contentOf(store), [["a", 1], ["b", 2], ["d", 4]])
    assert.deepEqual(await contentOf(await openStore("notes", adapter)), await contentOf(store))
    assert.match(logger.text, /folded anew/)
  })

  it("T86 flush() that fails in a way nobody knows is final, as a known one is", async () => {
    for (const thrown of [new Error("EIO"), "text", undefined]) {
      const { store, storage } = await open()
      storage.next("flush", failBefore(thrown))
      await assert.rejects(store.flush(), (error: unknown) => error instanceof FlushFailed && error.cause === thrown)
      assert.equal(store.status().state, "poisoned")
      await assert.rejects(store.records.put("c", 3), FlushFailed)
    }
  })

  it("T86 append() at level full that is read back is flushed before it is acknowledged", async () => {
    const adapter = faultyAdapter(memoryAdapter(), { capabilities: { levels: ["full"], durable: true } })
    const store = await openStore("notes", adapter), storage = adapter.last
    const failAppend = (): void =>
      storage.next("append", async (call) => {
        await call()
        throw new Error("no answer")
      })
    failAppend()
    await store.records.put("a", 1)
    assert.equal(storage.count("flush"), 1)
    failAppend()
    storage.next("flush", failBefore(new Error("EIO")))
    await assert.rejects(store.records.put("b", 2), FlushFailed)
    assert.equal(store.status().state, "poisoned")
    assert.equal(await store.records.get("b"), undefined)
  })

  it("T86 close() that throws rejects with an error of ours, each time, and the store is closed", async () => {
    const { store, storage } = await open()
    storage.next("close", failBefore("text"))
    const first = store.close()
    await assert.rejects(first, StorageFailed)
    await assert.rejects(store.close(), StorageFailed)
    assert.equal(storage.count("close"), 1)
    assert.equal(store.status().state, "closed")
  })

  it("T86 watch() may answer anything, call late, often and while it is stopped, and throw when it is stopped", async () => {
    const adapter = memoryAdapter(), listeners: (() => void)[] = []
    const openWatching = async (watch: (listener: () => void) => unknown): Promise<Store> =>
      await openStore("notes", {
        ...adapter,
        async open(name: string, options: OpenOptions): Promise<LogStorage> {
          const log = await adapter.open(name, options)
          return { ...methodsOf(log), opened: log.opened, snapshots: log.snapshots, watch } as LogStorage
        },
      })
    for (const answer of NONSENSE) {
      const store = await openWatching((listener) => (listeners.push(listener), answer))
      for (const listener of listeners) for (let call = 0; call < 3; call++) listener()
      await store.records.put("a", 1)
      await store.close()
    }
    for (const listener of listeners) listener() // of closed stores
    await turn()
    await assert.rejects(
      openWatching(() => {
        throw "text"
      }),
      StorageFailed,
    )
    const store = await openWatching(() => () => {
      throw "text"
    })
    await assert.rejects(store.close(), StorageFailed)
    assert.equal(store.status().state, "closed")
  })

  it("T86 whatever fails, in whatever order, every call ends with an error of ours or with the truth", async () => {
    // Goal: no combination of one-off failures loses an acknowledged write or shows one that is not stored.
    const { adapter, storage, store } = await open()
    const acknowledged = new Map<string, number>([["a", 1], ["b", 2]])
    const calls = ["head", "read", "append", "flush"] as const
    for (let round = 0; round < 200; round++) {
      storage.next(calls[round % 3]!, failBefore(NONSENSE[round % NONSENSE.length]))
      if (round % 7 === 0) storage.next("read", () => NONSENSE[round % NONSENSE.length])
      const key = `key ${round % 20}`
      const written = await store.records.put(key, round).then(() => true, (error: unknown) => {
        assert.ok(error instanceof PersistError, String(error))
        return false
      })
      if (written) acknowledged.set(key, round)
      await store.refresh().catch((error) => assert.ok(error instanceof PersistError, String(error)))
    }
    assert.deepEqual(new Map(await contentOf(store) as [string, number][]), new Map([...acknowledged].sort(byKey)))
    assert.deepEqual(await contentOf(await openStore("notes", adapter)), await contentOf(store))
  })
})

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)

/** The methods of a log as an object of their own, so that one of them can be another. */
function methodsOf(log: LogStorage): Record<string, unknown> {
  const names = ["head", "append", "read", "trim", "watch", "flush", "close"] as const
  return Object.fromEntries(names.map((name) => [name, (log[name] as (...args: unknown[]) => unknown).bind(log)]))
}
