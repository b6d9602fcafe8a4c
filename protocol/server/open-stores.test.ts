import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { FlushFailed, StorageFailed, StoreNotFound } from "../../kernel/errors.ts"
import { Gate, turn } from "../../kernel/testing/gate.ts"
import { RecordingLogger } from "../../kernel/testing/recording-logger.ts"
import { WireError, wireError } from "../errors.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "./limits.ts"
import { OpenStores, type StoreLease } from "./open-stores.ts"
import { type DoubleLog, DoubleLogs } from "./testing/double-log.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

/** Open stores over doubles. */
class Bench {
  readonly logs = new DoubleLogs()
  readonly platform = new HandPlatform()
  readonly logger = new RecordingLogger()
  readonly stores: OpenStores

  constructor(limits: Partial<ServerLimits> = {}) {
    const { platform, logger, logs } = this
    this.stores = new OpenStores({ limits: { ...DEFAULT_SERVER_LIMITS, ...limits }, platform, logger, openLog: logs.open })
  }

  acquire(name: string, mayCreate: boolean = true): Promise<StoreLease> {
    return this.stores.acquire({ namespace: "n", name, adapter: this.logs.adapter }, mayCreate)
  }

  /** The logs of a store, in the order of their opening. */
  of(name: string): readonly DoubleLog[] {
    return this.logs.opened.get(`n/${name}`) ?? []
  }
}

const isOverloaded = (error: unknown): boolean => error instanceof WireError && error.code === "overloaded"

describe("OpenStores", () => {
  it("acquire() opens a store once for all who ask at the same time", async () => {
    const bench = new Bench(), gate = new Gate()
    bench.logs.beforeOpen = () => gate.pass()
    const asking = [bench.acquire("a"), bench.acquire("a"), bench.acquire("a")]
    await gate.reached
    gate.open()
    const leases = await Promise.all(asking)
    assert.equal(bench.of("a").length, 1)
    assert.equal(new Set(leases.map(({ log }) => log)).size, 1)
  })

  it("T57 acquire() makes no store for who may not make one", async () => {
    const bench = new Bench()
    for (let n = 0; n < 100; n++) await assert.rejects(bench.acquire(`s${n}`, false), StoreNotFound)
    assert.deepEqual(await bench.logs.adapter.list(), [])
    assert.equal(bench.stores.size, 0)
  })

  it("acquire() makes a store for who may, also where somebody asked before who may not", async () => {
    const bench = new Bench(), gate = new Gate()
    bench.logs.beforeOpen = () => gate.pass()
    const reader = assert.rejects(bench.acquire("a", false), StoreNotFound)
    await gate.reached
    const writer = bench.acquire("a", true)
    gate.open()
    await reader
    await writer
    assert.deepEqual(await bench.logs.adapter.list(), ["n/a"])
  })

  it("T57 acquire() makes as many stores of a namespace as may be", async () => {
    const bench = new Bench({ storesMax: 2 })
    for (const name of ["a", "b"]) (await bench.acquire(name)).release()
    await assert.rejects(bench.acquire("c"), (error) => error instanceof WireError && error.code === "quota_exceeded")
    assert.equal((await bench.logs.adapter.list()).length, 2)
    ;(await bench.acquire("a")).release()
  })

  it("a failed opening is not remembered, and takes no place", async () => {
    const bench = new Bench({ openStoresMax: 1, storesMax: 1 })
    const failed = new StorageFailed({ location: "x", call: "open", reason: "broken" })
    for (const isFailing of [() => true, (create: boolean) => create]) {
      bench.logs.beforeOpen = (_, create) => isFailing(create) ? Promise.reject(failed) : Promise.resolve()
      for (let n = 0; n < 3; n++) await assert.rejects(bench.acquire("a"), StorageFailed)
    }
    bench.logs.beforeOpen = () => Promise.resolve()
    ;(await bench.acquire("a")).release()
    assert.equal(bench.stores.size, 1)
  })

  it("at the bound the store used longest ago is closed for another one", async () => {
    const bench = new Bench({ openStoresMax: 2 })
    for (const name of ["a", "b", "a", "c"]) (await bench.acquire(name)).release()
    assert.deepEqual(["a", "b", "c"].map((name) => bench.of(name).map(({ isClosed }) => isClosed)), [[false], [true], [false]])
    assert.equal(bench.stores.size, 2)
  })

  it("a store at work is not closed for another one; when all are, the answer is overloaded", async () => {
    const bench = new Bench({ openStoresMax: 2 })
    const [a, b] = [await bench.acquire("a"), await bench.acquire("b")]
    await assert.rejects(bench.acquire("c"), isOverloaded)
    b.release()
    b.release()
    await bench.acquire("c")
    assert.deepEqual([bench.of("a")[0]?.isClosed, bench.of("b")[0]?.isClosed], [false, true])
    await assert.rejects(bench.acquire("b"), isOverloaded)
    a.release()
  })

  it("no more stores than may be are open, being opened or being closed, whatever happens at once", async () => {
    const openStoresMax = 3, bench = new Bench({ openStoresMax })
    let most = 0
    const look = (): void => void (most = Math.max(most, bench.stores.size, bench.logs.openCount))
    bench.logs.onOpened = (log) => {
      look()
      log.onClose = () => turn()
    }
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, async (_, n) => {
      await turn()
      const lease = await bench.acquire(`s${n % 12}`)
      look()
      await turn()
      lease.release()
    }))
    assert.ok(most <= openStoresMax, String(most))
    assert.ok(outcomes.some(({ status }) => status === "fulfilled"))
    for (const outcome of outcomes) if (outcome.status === "rejected") assert.ok(isOverloaded(outcome.reason))
    await bench.stores.close()
    assert.deepEqual([bench.stores.size, bench.logs.openCount], [0, 0])
  })

  it("who listens is told to come again when the place is needed", async () => {
    const bench = new Bench({ openStoresMax: 1 }), lease = await bench.acquire("a")
    let told = 0
    lease.listen(() => told++)
    ;(await bench.acquire("b")).release()
    assert.deepEqual([told, bench.of("a")[0]?.isClosed], [1, true])
    const again = await bench.acquire("a")
    const stop = again.listen(() => told++)
    stop()
    stop()
    ;(await bench.acquire("b")).release()
    assert.equal(told, 1)
  })

  it("a store that is being closed is opened again only when it is closed", async () => {
    const bench = new Bench({ openStoresMax: 2 }), gate = new Gate()
    ;(await bench.acquire("a")).release()
    bench.of("a")[0]!.onClose = () => gate.pass()
    ;(await bench.acquire("b")).release()
    const c = bench.acquire("c") // needs the place of a
    await gate.reached
    const a = bench.acquire("a")
    await turn()
    assert.equal(bench.of("a").length, 1)
    gate.open()
    await Promise.all([a.then((lease) => lease.release()), c.then((lease) => lease.release())])
    assert.equal(bench.of("a").length, 2)
  })

  it("a store that nobody uses is closed after a while, and not while somebody works or listens", async () => {
    const bench = new Bench({ idleStoreMillis: 1000 }), lease = await bench.acquire("a")
    await bench.platform.advance(5000)
    assert.equal(bench.of("a")[0]?.isClosed, false)
    const stop = lease.listen(() => {})
    await bench.platform.advance(5000)
    assert.equal(bench.of("a")[0]?.isClosed, false)
    stop()
    await bench.platform.advance(999)
    assert.equal(bench.of("a")[0]?.isClosed, false)
    ;(await bench.acquire("a")).release()
    await bench.platform.advance(999)
    assert.equal(bench.of("a")[0]?.isClosed, false)
    await bench.platform.advance(2)
    assert.deepEqual([bench.of("a")[0]?.isClosed, bench.stores.size], [true, 0])
  })

  it("failed() opens a log anew that cannot go on, and leaves one alone whose request was wrong", async () => {
    const bench = new Bench(), flush = new FlushFailed({ location: "x", reason: "broken" })
    for (const [error, openings] of [[wireError("forbidden", "x"), 1], [flush, 2], [new TypeError("a defect"), 3]] as const) {
      const lease = await bench.acquire("a")
      lease.failed(error)
      lease.release()
      ;(await bench.acquire("a")).release()
      assert.equal(bench.of("a").length, openings, String(error))
    }
    assert.equal(bench.logs.openCount, 1)
  })

  it("a store that cannot be closed is told of, and takes no place", async () => {
    const bench = new Bench({ openStoresMax: 1 })
    ;(await bench.acquire("a")).release()
    bench.of("a")[0]!.onClose = () => Promise.reject(new FlushFailed({ location: "secret-place", reason: "broken" }))
    ;(await bench.acquire("b")).release()
    assert.match(bench.logger.text, /could not be closed.*flush_failed/)
    assert.equal(bench.stores.size, 1)
  })

  it("close() closes all, those at work and those being opened too", async () => {
    const bench = new Bench(), gate = new Gate()
    await bench.acquire("a")
    bench.logs.beforeOpen = () => gate.pass()
    const opening = bench.acquire("b")
    await gate.reached
    const closing = bench.stores.close()
    gate.open()
    await Promise.all([opening, closing])
    assert.deepEqual([bench.stores.size, bench.logs.openCount, bench.platform.timers], [0, 0, 1])
  })
})
