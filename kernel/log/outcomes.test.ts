/**
 * Goal: whatever becomes of an append, the store tells the truth about it and what is stored is a prefix of what was called.
 * Method: a storage that fails, answers late, loses replies or stores when nobody waits any more.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import {
  FlushFailed,
  OutcomeUnknown,
  PositionTaken,
  StorageFailed,
  StorageFull,
  StoreBusy,
  StoreUncertain,
  VersionMismatch,
} from "../errors.ts"
import type { Adapter, Capabilities } from "../ports/log-storage.ts"
import type { OpenStoreOptions } from "../store/options.ts"
import { openStore, type Store } from "../store/store.ts"
import { failAfter, failBefore, type FaultyAdapter, faultyAdapter, type FaultyStorage, hold, landLater } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"

const full = (): StorageFull => new StorageFull({ location: "memory", neededBytes: 1, reason: "no space is left" })
const failed = (): StorageFailed => new StorageFailed({ location: "memory", call: "write to", reason: "the cable is out" })
const flushFailed = (): FlushFailed => new FlushFailed({ location: "memory", reason: "the device is gone" })

interface Opened {
  readonly adapter: FaultyAdapter
  readonly storage: FaultyStorage
  readonly store: Store
}

async function open(
  options: OpenStoreOptions = {},
  capabilities: Partial<Capabilities> = {},
  beneath: Adapter = memoryAdapter(),
): Promise<Opened> {
  const adapter = faultyAdapter(beneath, { capabilities })
  const store = await openStore("notes", adapter, options)
  adapter.last.calls.length = 0
  return { adapter, storage: adapter.last, store }
}

/** A clock on which the deadline of an undecided append is a few looks away. */
function hastyPlatform(): TestPlatform {
  const platform = new TestPlatform()
  platform.stepMillis = 2000
  return platform
}

/** What another handle finds in the log. */
async function storedIn(adapter: Adapter): Promise<Record<string, unknown>> {
  const store = await openStore("notes", adapter)
  const records: Record<string, unknown> = {}
  for await (const { key, value } of store.records.list()) records[key] = value
  await store.close()
  return records
}

const codes = (ends: readonly PromiseSettledResult<unknown>[]): string[] =>
  ends.map((end) => (end.status === "fulfilled" ? "stored" : String(Object(end.reason).code)))

describe("an append that stored nothing", () => {
  it("rejects its group and everything queued behind it; later calls work again", async () => {
    const { store, storage, adapter } = await open()
    const gate = new Gate()
    storage.next("append", async () => {
      await gate.pass()
      throw full()
    })
    const writes = [store.records.put("a", 1), store.records.put("b", 1)]
    await gate.reached
    writes.push(store.records.put("c", 1), store.records.update("d", () => 1))
    gate.open()
    assert.deepEqual(codes(await Promise.allSettled(writes)), Array(4).fill("storage_full"))
    assert.equal(storage.count("append"), 1, "nothing behind it was tried")
    assert.equal(store.status().state, "open")
    await Promise.all([store.records.put("e", 1), store.records.put("f", 1)])
    assert.deepEqual(await storedIn(adapter), { e: 1, f: 1 })
  })

  it("leaves no gap in the writer's numbers, and the replica as it was", async () => {
    const { store, storage } = await open()
    storage.next("append", failBefore(full()), failBefore(full()))
    await assert.rejects(store.records.put("a", 1), StorageFull)
    await assert.rejects(store.records.put("a", 1), StorageFull)
    const first = await store.records.put("a", 1), second = await store.records.put("b", 1)
    const [writer, seq] = first.version.split("-")
    assert.deepEqual([seq, second.version], ["1", `${writer}-2`])
  })

  it("any error that says so ends the same way", async () => {
    const { store, storage } = await open()
    const busy = new StoreBusy({ store: "notes", waitedMillis: 5000 })
    storage.next("append", failBefore(busy))
    await assert.rejects(store.records.put("a", 1), busy)
    assert.equal(storage.count("append"), 1)
    assert.equal(await store.records.get("a"), undefined)
  })

  it("shows what was there before, to a get() that waited for it", async () => {
    const { store, storage } = await open()
    await store.records.put("a", 1)
    storage.next("append", failBefore(full()))
    const write = store.records.put("a", 2)
    const read = store.records.get("a")
    await assert.rejects(write, StorageFull)
    assert.equal(await read, 1)
  })
})

describe("an append at a position that is taken", () => {
  it("the loser folds what came, then builds again: contexts and ifVersion are judged anew", async () => {
    const beneath = memoryAdapter()
    const { store, storage } = await open({}, { watch: false }, beneath)
    const other = await openStore("notes", beneath)
    const { version } = await other.records.put("a", 1)
    await store.refresh()
    const winner = await other.records.put("a", 2)
    const before = storage.count("append")
    const ends = await Promise.allSettled([
      store.records.put("a", 3, { ifVersion: version }),
      store.records.put("a", 4, { ifVersion: winner.version }),
      store.records.put("b", 1, { ifVersion: null }),
    ])
    assert.deepEqual(codes(ends), ["version_mismatch", "stored", "stored"])
    assert.equal(storage.count("append") - before, 2)
    assert.equal((await store.records.getEntry("a"))!.conflicted, false, "its context covers what came in between")
    assert.deepEqual(await other.refresh().then(() => other.records.get("a")), 4)
  })

  it("a group in which every write fails is judged on current views before it fails", async () => {
    const beneath = memoryAdapter()
    const { store } = await open({}, { watch: false }, beneath)
    const other = await openStore("notes", beneath)
    const { version } = await other.records.put("a", 1)
    // By this handle's old views the record is missing, so the write would fail; by the log it is there.
    await store.records.put("a", 2, { ifVersion: version })
    assert.equal(await store.records.delete("none"), false)
    await other.refresh()
    await other.records.put("none", 1)
    assert.equal(await store.records.delete("none"), true)
    await assert.rejects(store.records.put("a", 3, { ifVersion: version }), VersionMismatch)
  })

  // Goal: no increment is lost or doubled. Method: two stores on one log, whose appends interleave since each waits a random turn.
  it("two stores on one log that race thousands of increments end at the exact sum", async () => {
    const beneath = memoryAdapter()
    const sides = [await open({}, {}, beneath), await open({}, { watch: false }, beneath)]
    let seed = 1
    for (const { storage } of sides) {
      storage.always("append", async (call) => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
        for (let turns = (seed >>> 16) % 4; turns > 0; turns--) await Promise.resolve()
        return await call()
      })
    }
    const each = 1500
    await Promise.all(sides.map(async ({ store }) => {
      const written: Promise<unknown>[] = []
      for (let index = 0; index < each; index++) {
        written.push(store.records.update("sum", (sum = 0) => sum + 1))
        if (index % 5 === 0) await Promise.all(written.splice(0))
      }
      await Promise.all(written)
    }))
    const lost = sides.map(({ store, storage }) => storage.count("append") - store.status().head)
    for (const { store } of sides) await store.refresh()
    for (const { store } of sides) assert.equal(await store.records.get("sum"), each * 2)
    assert.equal(await sides[0]!.store.digest(), await sides[1]!.store.digest())
    assert.deepEqual(await storedIn(beneath), { sum: each * 2 })
    assert.ok(
      sides[0]!.storage.count("append") + sides[1]!.storage.count("append") > sides[0]!.store.status().head,
      `no race took place: ${lost}`,
    )
  })

  it("update() and batch() run again on what the winner wrote", async () => {
    const beneath = memoryAdapter()
    const { store } = await open({}, { watch: false }, beneath)
    const other = await openStore("notes", beneath)
    await other.records.put("sum", 1)
    const seen: unknown[] = []
    await store.records.update("sum", (sum) => {
      seen.push(sum)
      return (sum ?? 0) + 1
    })
    assert.deepEqual(seen, [undefined, 1])
    await other.refresh()
    await other.records.put("sum", 10)
    await store.batch((tx) => {
      seen.push(tx.peek("sum"))
      tx.update("sum", (sum) => sum + 1)
    })
    assert.deepEqual(seen, [undefined, 1, 2, 10])
    assert.equal(await store.records.get("sum"), 11)
  })

  it("is asked again for a while, not for ever, if no frame is to be seen there", async () => {
    const { store, storage } = await open({ platform: hastyPlatform() })
    storage.always("append", failBefore(new PositionTaken({ position: 1, head: 7 })))
    const [put] = await Promise.allSettled([store.records.put("a", 1)])
    assert.equal(put.status, "rejected")
    assert.ok(Object(put.status === "rejected" && put.reason).storedNothing)
    storage.always("append", undefined)
    await store.records.put("a", 2)
    assert.equal(await store.records.get("a"), 2)
  })
})

describe("an append whose outcome is not told", () => {
  it("is read back: a lost reply after the commit resolves, and is stored once", async () => {
    const { store, storage, adapter } = await open()
    storage.next("append", failAfter(failed()))
    const { version } = await store.records.put("a", 1)
    assert.match(version, /-1$/)
    await store.records.update("a", (value) => value + 1)
    assert.deepEqual(await storedIn(adapter), { a: 2 })
    assert.equal(store.status().head, 2)
    assert.deepEqual(await historyOf(store, "a"), [1, 2])
  })

  it("is read back whatever was thrown: a string, undefined, a plain object", async () => {
    const { store, storage } = await open()
    for (const thrown of ["odd", undefined, null, 7, { storedNothing: true }, new TypeError("x is not a function")]) {
      storage.next("append", failAfter(thrown))
      await store.records.update("sum", (sum = 0) => sum + 1)
      storage.next("append", failBefore(thrown))
      await store.records.update("sum", (sum = 0) => sum + 1)
    }
    assert.equal(await store.records.get("sum"), 12)
    assert.equal(store.status().head, 12)
  })

  it("that stored nothing is appended again with the same bytes, under the same frame id", async () => {
    const { store, storage } = await open()
    const frames: Uint8Array[] = []
    storage.next("append", (_, _position, frame) => {
      frames.push(frame)
      throw failed()
    })
    storage.next("append", (call, _position, frame) => {
      frames.push(frame)
      return call()
    })
    await store.records.put("a", 1)
    assert.equal(frames.length, 2)
    assert.deepEqual(frames[0], frames[1])
    assert.equal(store.status().head, 1)
  })

  // S2: it was not there when it was read; another frame is built, then the first one lands: twice.
  it("that lands after the read found nothing is stored once", async () => {
    for (const alsoTheSecond of [false, true]) {
      const { store, storage, adapter } = await open()
      const gate = new Gate()
      const failures: unknown[] = []
      storage.next("append", landLater(gate, failed(), (failure) => failures.push(failure)))
      storage.next(
        "append",
        alsoTheSecond ? landLater(gate, failed(), (failure) => failures.push(failure)) : async (call) => {
          gate.open()
          await turn()
          return await call()
        },
      )
      const write = store.records.update("sum", (sum = 0) => sum + 1)
      const next = store.records.update("sum", (sum = 0) => sum + 10)
      await turn()
      gate.open()
      await Promise.all([write, next])
      assert.deepEqual(await storedIn(adapter), { sum: 11 })
      assert.ok(failures.filter((failure) => failure === undefined).length <= 1)
    }
  })

  it("whose position is taken between the look at the head and the next try is decided by what is there", async () => {
    for (const own of [true, false]) {
      const beneath = memoryAdapter()
      const platform = hastyPlatform()
      platform.stepMillis = 6000 // one look decides
      const { store, storage, adapter } = await open({ platform }, { watch: false }, beneath)
      const other = await openStore("notes", beneath)
      storage.next("append", own ? failAfter(failed()) : failBefore(failed()))
      storage.next("head", async () => {
        if (!own) await other.records.put("b", 2)
        return 0 // as it was a moment ago
      })
      await store.records.put("a", 1)
      assert.deepEqual(await storedIn(adapter), own ? { a: 1 } : { a: 1, b: 2 })
    }
  })

  it("that lost against another handle is built again on what that one wrote", async () => {
    const beneath = memoryAdapter()
    const { store, storage } = await open({}, { watch: false }, beneath)
    const other = await openStore("notes", beneath)
    storage.next("append", async () => {
      await other.records.put("sum", 100)
      throw failed()
    })
    await store.records.update("sum", (sum = 0) => sum + 1)
    assert.equal(await store.records.get("sum"), 101)
    assert.equal(store.status().head, 2)
  })

  it("is waited for while the storage cannot be read, for some seconds", async () => {
    const { store, storage } = await open()
    storage.next("append", failAfter(failed()))
    storage.next("head", failBefore(failed()), failBefore("odd"), () => "not a number")
    storage.next("read", failBefore(failed()), () => undefined, () => [])
    await store.records.put("a", 1)
    assert.equal(await store.records.get("a"), 1)
    assert.equal(store.status().head, 1)
  })

  it("rejects with OutcomeUnknown when time is over; what is behind it with StoreUncertain, and refresh() decides", async () => {
    for (const wasStored of [true, false]) {
      const logger = new RecordingLogger()
      const { store, storage, adapter } = await open({ platform: hastyPlatform(), logger })
      await store.records.put("before", 1)
      const gate = new Gate()
      storage.next("append", async (call) => {
        await gate.pass()
        if (wasStored) await call()
        throw failed()
      })
      storage.always("head", failBefore(failed()))
      storage.always("read", failBefore(failed()))
      const group = [store.records.put("a", 1), store.records.put("b", 1)]
      await gate.reached
      const behind = store.records.put("c", 1)
      gate.open()
      const ends = await Promise.allSettled([...group, behind])
      assert.deepEqual(codes(ends), ["outcome_unknown", "outcome_unknown", "store_uncertain"])
      assert.equal(store.status().state, "uncertain")
      assert.equal(store.status().pendingWrites, 0)
      assert.equal(await store.records.get("before"), 1, "reads go on")
      await assert.rejects(store.records.put("d", 1), StoreUncertain)
      await assert.rejects(store.refresh(), OutcomeUnknown)
      assert.equal(store.status().state, "uncertain")
      assert.deepEqual(logger.entries.map((entry) => entry.level), ["error"])

      storage.always("head", undefined)
      storage.always("read", undefined)
      await store.refresh()
      assert.equal(store.status().state, "open")
      // Where nothing was there, the same bytes are appended: rejected callers were told "unknown", not "not stored".
      assert.deepEqual(await storedIn(adapter), { before: 1, a: 1, b: 1 })
      assert.equal(await store.records.get("a"), 1)
      await store.records.put("e", 1)
      assert.equal(store.status().head, 3)
    }
  })

  it("is decided by the next write, if nobody calls refresh()", async () => {
    const { store, storage, adapter } = await open({ platform: hastyPlatform() })
    storage.next("append", failAfter(failed()))
    storage.always("read", failBefore(failed()))
    await assert.rejects(store.records.put("a", 1), OutcomeUnknown)
    storage.always("read", undefined)
    await store.records.update("a", (value) => value + 1)
    assert.equal(store.status().state, "open")
    assert.deepEqual(await storedIn(adapter), { a: 2 })
  })

  it("while it is undecided, close() frees everything and the log shows it at the next open", async () => {
    const { store, storage, adapter } = await open({ platform: hastyPlatform() })
    storage.next("append", failAfter(failed()))
    storage.always("read", failBefore(failed()))
    const write = store.records.put("a", 1)
    const closed = store.close()
    await assert.rejects(write, OutcomeUnknown)
    await closed
    assert.equal(store.status().state, "closed")
    assert.equal(storage.count("close"), 1)
    assert.deepEqual(await storedIn(adapter), { a: 1 })
  })
})

describe("a flush that failed", () => {
  const capabilities: Partial<Capabilities> = { levels: ["normal", "full"], durable: true }

  it("poisons the handle: every later write rejects with it, reads go on, opening again heals", async () => {
    const { store, storage, adapter } = await open({}, capabilities)
    await store.records.put("a", 1)
    storage.next("flush", failBefore(flushFailed()))
    await assert.rejects(store.flush(), FlushFailed)
    assert.equal(store.status().state, "poisoned")
    const ends = await Promise.allSettled([
      store.records.put("b", 1),
      store.records.delete("a"),
      store.records.update("a", () => 2),
      store.records.batch([]),
      store.batch(() => {}),
      store.records.clear(),
      store.flush(),
    ])
    assert.deepEqual(codes(ends), Array(7).fill("flush_failed"))
    assert.equal(await store.records.get("a"), 1)
    assert.equal(store.records.peek("a"), 1)
    await store.refresh()
    await store.close()
    const again = await openStore("notes", adapter)
    await again.records.put("b", 1)
    assert.equal(again.status().state, "open")
  })

  it("inside an append poisons too, and rejects the group and what is behind it", async () => {
    const { store, storage } = await open({ durability: "full" }, capabilities)
    const gate = new Gate()
    storage.next("append", async (call) => {
      await gate.pass()
      await call()
      throw flushFailed()
    })
    const first = store.records.put("a", 1)
    await gate.reached
    const second = store.records.put("b", 1)
    gate.open()
    assert.deepEqual(codes(await Promise.allSettled([first, second])), ["flush_failed", "flush_failed"])
    assert.equal(store.status().state, "poisoned")
    assert.equal(store.status().pendingWrites, 0)
    assert.equal(storage.count("append"), 1)
  })

  it("while an append is under way: that one ends as it ends, everything behind it rejects, and close() returns", async () => {
    for (const appendFails of [false, true]) {
      const { store, storage } = await open({}, capabilities)
      const gate = new Gate()
      await store.records.put("before", 1)
      const flushGate = new Gate()
      storage.next("flush", async () => {
        await flushGate.pass()
        throw flushFailed()
      })
      const flushed = store.flush()
      await flushGate.reached
      storage.next(
        "append",
        appendFails
          ? async () => {
            await gate.pass()
            throw full()
          }
          : hold(gate),
      )
      const first = [store.records.put("a", 1), store.records.put("b", 1)]
      await gate.reached
      const behind = store.records.put("c", 1)
      flushGate.open()
      await assert.rejects(flushed, FlushFailed)
      gate.open()
      const ends = codes(await Promise.allSettled([...first, behind]))
      assert.deepEqual(ends, appendFails ? Array(3).fill("storage_full") : ["stored", "stored", "flush_failed"])
      assert.equal(store.status().pendingWrites, 0)
      await assert.rejects(store.records.put("d", 1), FlushFailed)
      storage.next("flush", () => {})
      await store.close()
    }
  })

  it("in the background is told to the logger and by the state", async () => {
    const logger = new RecordingLogger()
    const { store, storage } = await open({ logger }, capabilities)
    const reached = new Gate()
    storage.next("flush", async () => {
      await reached.pass()
      throw flushFailed()
    })
    await store.records.put("a", 1)
    const alive = setInterval(() => {}, 1000) // the store's own timer keeps no process alive
    await reached.reached // within a second, by the limit
    clearInterval(alive)
    reached.open()
    await turn()
    assert.equal(store.status().state, "poisoned")
    assert.ok(logger.entries.length > 0)
    await assert.rejects(store.records.put("b", 1), FlushFailed)
    await store.close()
  })

  it("for another reason than the device leaves the store open", async () => {
    const { store, storage } = await open({}, capabilities)
    storage.next("flush", failBefore(new StoreBusy({ store: "notes", waitedMillis: 5000 })))
    await assert.rejects(store.flush(), StoreBusy)
    await store.records.put("a", 1)
    await store.flush()
    await store.close()
  })
})

async function historyOf(store: Store, key: string): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const { value } of store.records.history(key)) values.push(value)
  return values
}
