/** Goal: a record that only the base holds is read and written like one in memory, though its look-up takes a promise. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { NotLoaded, VersionMismatch } from "../errors.ts"
import { fromHex } from "../format/block-notation.ts"
import { HybridClock } from "../model/clock.ts"
import { NO_DOTS, OperationKind } from "../model/operation.ts"
import type { LogStorage } from "../ports/log-storage.ts"
import { Collection } from "../store/collection.ts"
import { StoreCore } from "../store/store-core.ts"
import { runTransaction } from "../store/transaction.ts"
import { FakeBase } from "../testing/fake-base.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { Gate, turn } from "../testing/gate.ts"
import { anyHistory } from "../testing/histories.ts"
import { encodeOracleFrame, foldBytes, newViews, showKernel } from "../testing/oracle-frames.ts"
import { TestPlatform } from "../testing/platform.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import { encodedHex, ViewFeeder } from "../testing/view-feeder.ts"
import { DecodedValues } from "./decoded-values.ts"
import type { BaseVersion } from "./records-base.ts"
import { StoreViews } from "./store-views.ts"

const ID_OF_BASE = new Uint8Array(16).fill(0xbb)

/** A version of the base's writer, which has index 0 wherever it is used. */
const baseVersion = (seq: number, value: unknown, more: Partial<BaseVersion> = {}): BaseVersion => ({
  kind: OperationKind.put,
  writer: 0,
  seq,
  millis: 10 + seq,
  counter: 0,
  context: NO_DOTS,
  keeps: NO_DOTS,
  settles: undefined,
  value: fromHex(encodedHex(value)),
  ...more,
})

/** Views over a base that has "a" and two siblings under "c". */
function feederOver(): { readonly feeder: ViewFeeder; readonly base: FakeBase; load(key: string): void | Promise<void> } {
  const base = new FakeBase(), feeder = new ViewFeeder(base), { records, writers } = feeder.views
  writers.indexOf(ID_OF_BASE)
  base.set(0, "a", [baseVersion(1, "base")])
  base.set(0, "c", [baseVersion(2, "left"), baseVersion(3, "right")])
  return {
    feeder,
    base,
    load: (key) => {
      const bytes = new TextEncoder().encode(key)
      return records.load(bytes, 0, bytes.length, 0)
    },
  }
}

const isLoaded = ({ views }: ViewFeeder, key: string): boolean => {
  const bytes = new TextEncoder().encode(key)
  return views.records.isKeyLoaded(bytes, 0, bytes.length, 0)
}
const dotsOf = ({ views: { records } }: ViewFeeder, row: number): string[] =>
  records.versionsOf(row).map(({ writer, seq }) => `${writer}:${seq}`).sort()

describe("RecordsView over a base", () => {
  it("load() brings a record into the overlay, once, however many ask for it at the same time", async () => {
    const { feeder, base, load } = feederOver(), { records } = feeder.views
    const heard: number[] = []
    records.onChange = (row) => heard.push(row)
    assert.equal(feeder.rowOf("a"), -1)
    const loads = [load("a"), load("a"), load("c")]
    assert.ok(loads.every((load) => load instanceof Promise))
    await Promise.all(loads)
    assert.deepEqual([dotsOf(feeder, feeder.rowOf("a")), dotsOf(feeder, feeder.rowOf("c"))], [["0:1"], ["0:2", "0:3"]])
    assert.deepEqual([records.rows.count, records.liveCount(0)], [2, 2])
    assert.equal(load("a"), undefined, "at once")
    assert.deepEqual(base.asked, ["0:a", "0:a", "0:c"])
    assert.deepEqual(heard, [], "to be loaded is no change")
    assert.equal(new DecodedValues(records, feeder.names).fresh(feeder.rowOf("c")), "right")
  })

  it("load() answers at once where the base does", () => {
    const { feeder, base, load } = feederOver()
    base.waitsFor = undefined
    assert.equal(load("a"), undefined)
    assert.deepEqual(dotsOf(feeder, feeder.rowOf("a")), ["0:1"])
  })

  it("a key that the base does not have is asked for once", async () => {
    const { feeder, base, load } = feederOver()
    assert.equal(isLoaded(feeder, "new"), false)
    await load("new")
    assert.equal(load("new"), undefined)
    assert.deepEqual([base.asked, isLoaded(feeder, "new"), feeder.rowOf("new")], [["0:new"], true, -1])
    feeder.put("new", 1)
    assert.ok(isLoaded(feeder, "new"))
    assert.equal(load("new"), undefined)
    assert.deepEqual(base.asked, ["0:new"])
  })

  it("a record that was folded before anybody asked for it gets the siblings that the base has, and tells of the change", async () => {
    const { feeder, load } = feederOver(), { records } = feeder.views
    const a = feeder.feed("put", "a", "01", { millis: 5 }), c = feeder.feed("put", "c", "02", { writer: 2, context: [[0xbb, 3]] })
    assert.deepEqual([isLoaded(feeder, "a"), dotsOf(feeder, a), dotsOf(feeder, c)], [false, ["1:1"], ["2:1"]])
    const heard: number[] = []
    records.onChange = (row) => heard.push(row)
    await load("a")
    await load("c")
    assert.deepEqual([dotsOf(feeder, a), dotsOf(feeder, c)], [["0:1", "1:1"], ["2:1"]], "what the base has of c is covered")
    assert.deepEqual([heard, isLoaded(feeder, "a"), isLoaded(feeder, "c")], [[a], true, true])
    assert.equal(new DecodedValues(records, feeder.names).fresh(a), "base", "the greater one")
    assert.equal(records.liveCount(0), 2)
  })

  it("a write that is folded while its slice is read is not lost, nor is what the slice held", async () => {
    const { feeder, base, load } = feederOver(), gate = new Gate()
    base.waitsFor = () => gate.pass()
    const loading = load("a")
    await gate.reached
    const row = feeder.feed("put", "a", "01")
    gate.open()
    await loading
    assert.deepEqual([dotsOf(feeder, row), isLoaded(feeder, "a")], [["0:1", "1:1"], true])
  })

  it("a look-up that fails leaves the key to be asked for again", async () => {
    const { feeder, base, load } = feederOver()
    base.waitsFor = () => Promise.reject(new Error("the medium is gone"))
    await assert.rejects(async () => await load("a"), /the medium is gone/)
    assert.equal(isLoaded(feeder, "a"), false)
    base.waitsFor = () => Promise.resolve()
    await load("a")
    assert.deepEqual(dotsOf(feeder, feeder.rowOf("a")), ["0:1"])
  })

  it("S6 base and overlay together show what one replay shows, wherever the snapshot was taken", async () => {
    await fc.assert(fc.asyncProperty(anyHistory, fc.nat(), async (blocks, cut) => {
      const at = cut % (blocks.length + 1), whole = newViews(), snapshot = newViews()
      blocks.forEach((block, i) => {
        foldBytes(whole, encodeOracleFrame([block], i + 1))
        if (i < at) foldBytes(snapshot, encodeOracleFrame([block], i + 1))
      })
      const base = new FakeBase(), feeder = new ViewFeeder(base), { views } = feeder, { records, writers } = snapshot
      for (let index = 0; index < writers.size; index++) views.writers.indexOf(writers.idOf(index))
      for (const { w, from, links } of blocks.slice(0, at)) {
        const index = (name: string): number => views.writers.indexOf(new TextEncoder().encode(name.padEnd(16, "\0")))
        if (from === 0) views.lineage.add(index(w), Object.entries(links).flatMap(([name, seq]) => [index(name), seq]))
      }
      for (const [writer, pair] of snapshot.vector.entries) views.vector.set(writer, { ...pair })
      const keys = new Set(blocks.flatMap(({ ops }) => ops.map(({ key }) => key)))
      for (let row = 0; row < records.rows.count; row++) {
        const key = new TextDecoder().decode(
          records.arena.chunks[records.rows.chunkOf(row)]!.subarray(
            records.rows.keyAt(row),
            records.rows.keyAt(row) + records.rows.keyBytes(row),
          ),
        )
        base.set(
          0,
          key,
          records.versionsOf(row).map((version) => ({
            ...version,
            value: records.arena.chunks[version.chunk]!.slice(version.valueAt, version.valueAt + version.valueBytes),
          })),
        )
      }
      const load = async (key: string): Promise<void> => {
        const bytes = new TextEncoder().encode(key)
        await views.records.load(bytes, 0, bytes.length, 0)
      }
      // Some keys are loaded before, the others after the rest of the log was folded.
      if (cut % 3 === 0) await load("k0")
      blocks.slice(at).forEach((block, i) => foldBytes(views, encodeOracleFrame([block], i + 1)))
      for (const key of keys) await load(key)
      assert.deepEqual(showKernel(views), showKernel(whole))
    }))
  })
})

interface Opened {
  readonly core: StoreCore
  readonly storage: LogStorage
  readonly records: Collection<unknown>
  readonly base: FakeBase
}

/** A store's core over a base, with a collection of it. */
async function openOver(prepare: (base: FakeBase) => void): Promise<Opened> {
  const platform = new TestPlatform(), base = new FakeBase(), adapter = memoryAdapter()
  const storage = await adapter.open("notes", { durability: "none", create: true })
  const core = new StoreCore({
    name: "notes",
    storage,
    platform,
    logger: new RecordingLogger(),
    durability: "none",
    exclusive: false,
    frameBytesMax: 4_000_000,
    label: undefined,
    readOnly: false,
  })
  prepare(base)
  // As a store that found a snapshot would begin.
  const views = core.author.views = new StoreViews(core.names, new HybridClock(), platform.now, 1, base)
  const decoded = core.decoded = new DecodedValues(views.records, core.names)
  views.records.onChange = (row) => decoded.forget(row)
  views.writers.indexOf(ID_OF_BASE)
  views.vector.set(0, { seq: 9, withheld: [] })
  return { core, storage, records: new Collection(core, ""), base }
}

const VERSION = `${"bb".repeat(16)}-1`

describe("a store over a base", () => {
  const withA = (base: FakeBase): void => base.set(0, "a", [baseVersion(1, { n: 1 })])

  it("reads wait for the look-up; peek() cannot, and says so", async () => {
    const { records } = await openOver(withA)
    assert.throws(() => records.peek("a"), NotLoaded)
    assert.deepEqual(await records.get("a"), { n: 1 })
    assert.deepEqual(records.peek("a"), { n: 1 })
    const other = await openOver(withA)
    assert.deepEqual(await other.records.getMany(["x", "a"]), [undefined, { n: 1 }])
    assert.equal((await other.records.getEntry("a"))!.version, VERSION)
    assert.equal(await other.records.has("x"), false)
  })

  it("a put covers what only the base has, so there is no conflict", async () => {
    const { core, records } = await openOver(withA)
    await records.put("a", { n: 2 })
    const row = core.rowOf(0, "a")
    assert.deepEqual(core.records.versionsOf(row).map(({ context }) => [...context]), [[0, 1]])
    assert.deepEqual([await records.get("a"), await records.conflicts({ settled: true })], [{ n: 2 }, []])
  })

  it("delete() knows that the record exists, and update() what it holds", async () => {
    const { records } = await openOver(withA)
    assert.equal(await records.delete("a"), true)
    assert.equal(await records.delete("x"), false)
    const other = await openOver(withA)
    await other.records.update("a", (value) => ({ n: (value as { n: number }).n + 1 }))
    assert.deepEqual(await other.records.get("a"), { n: 2 })
  })

  it("ifVersion is judged against what the base has", async () => {
    const { records } = await openOver(withA)
    await assert.rejects(records.put("a", 1, { ifVersion: null }), (error) => {
      assert.ok(error instanceof VersionMismatch)
      assert.equal(error.details.found, VERSION)
      return true
    })
    await records.put("a", 1, { ifVersion: VERSION })
    await records.put("b", 1, { ifVersion: null })
  })

  it("a batch loads all its keys before it is built", async () => {
    const { core, records, base } = await openOver(withA)
    await records.putMany([{ key: "a", value: 1 }, { key: "b", value: 2 }])
    assert.deepEqual([base.asked, core.records.versionsOf(core.rowOf(0, "a")).length], [["0:a", "0:b"], 1])
  })

  it("a transaction runs again when what it asked for was loaded, and sees it all", async () => {
    const { core, records, base } = await openOver(withA)
    let runs = 0
    await new Promise((resolve, reject) => {
      core.writeInBuild("batch", "operations", () =>
        runTransaction<unknown>(core, (tx) => {
          runs++
          const { n } = tx.peek("a") as { n: number }
          tx.put("b", { n: n + 1 })
          tx.delete("x")
        })).then(resolve, reject)
    })
    assert.deepEqual([runs, base.asked], [4, ["0:a", "0:b", "0:x"]])
    assert.deepEqual([await records.get("b"), records.peek("a")], [{ n: 2 }, { n: 1 }])
    assert.equal(core.log.head, 1)
  })

  it("a transaction that catches what stops it runs again all the same", async () => {
    const { core, records } = await openOver(withA)
    await core.writeInBuild("batch", "operations", () =>
      runTransaction<unknown>(core, (tx) => {
        try {
          tx.put("seen", tx.peek("a"))
        } catch {
          tx.put("seen", "nothing")
        }
      }))
    assert.deepEqual(await records.get("seen"), { n: 1 })
  })

  it("update() keeps its place among other writes while its record is looked up", async () => {
    const gate = new Gate(), { records, base } = await openOver(withA)
    base.waitsFor = () => gate.pass()
    const first = records.update("a", (value) => ({ n: (value as { n: number }).n + 1 }))
    await gate.reached
    base.waitsFor = undefined
    const second = records.put("a", { n: 10 })
    gate.open()
    await Promise.all([first, second])
    assert.deepEqual(await records.get("a"), { n: 10 })
  })

  it("writes that were called together end in the order of the calls, however slow the first look-up is", async () => {
    const gate = new Gate(), ended: string[] = []
    const { records, base } = await openOver(withA)
    base.waitsFor = () => gate.pass()
    const first = records.put("a", 2).then(() => ended.push("a"))
    await gate.reached
    base.waitsFor = undefined
    const second = records.put("b", 1).then(() => ended.push("b"))
    await turn()
    assert.deepEqual(ended, [])
    gate.open()
    await Promise.all([first, second])
    assert.deepEqual([ended, await records.get("a"), await records.get("b")], [["a", "b"], 2, 1])
  })

  it("S2 a write whose position was taken while its slice was read covers both: what the other wrote, and what the base has", async () => {
    const gate = new Gate(), { core, storage, records, base } = await openOver(withA)
    base.waitsFor = () => gate.pass()
    const put = records.put("a", "mine")
    await gate.reached
    await new ForeignWriter(0xcc).put("a", "theirs").append(storage)
    gate.open()
    await put
    assert.deepEqual(core.records.versionsOf(core.rowOf(0, "a")).length, 1)
    assert.equal(await records.get("a"), "mine")
  })

  it("a write whose slice cannot be read rejects, stores nothing, and works when it can be", async () => {
    const { core, records, base } = await openOver(withA)
    base.waitsFor = () => Promise.reject(new Error("the medium is gone"))
    await assert.rejects(records.put("a", 1), /the medium is gone/)
    await assert.rejects(records.get("a"), /the medium is gone/)
    assert.equal(core.log.head, 0)
    base.waitsFor = () => Promise.resolve()
    await records.put("a", 2)
    assert.deepEqual([await records.get("a"), core.log.head], [2, 1])
  })
})
