import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { describe, it } from "node:test"
import {
  FlushFailed,
  FrameTooLarge,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  StorageFailed,
  StorageFull,
  StoreClosed,
  StoreNotFound,
} from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Driver } from "./drivers/driver.ts"
import { sqliteAdapter, sqliteAdapterOver } from "./mod.ts"
import {
  all,
  bytes,
  driver,
  failing,
  type Fault,
  InjectedError,
  isInsert,
  nothing,
  open,
  openFaulty,
  rawDatabase,
  temporaryPaths,
} from "./testing/workbench.ts"

const newPath = temporaryPaths()

describe("append", () => {
  it("A83 a position is unique in the database itself", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const database = rawDatabase(path)
    assert.throws(() => database.execute("INSERT INTO frames (id, bytes) SELECT id, x'00' FROM frames"))
    database.close()
    await storage.close()
  })

  it("answers at once, without a promise", async () => {
    const storage = await open(newPath())
    assert.equal(storage.append(1, bytes(1)), undefined)
    assert.equal(storage.append(2, bytes(2)), undefined)
    await storage.close()
  })

  it("refuses every position but the one after the head, and says where the head is", async () => {
    const storage = await open(newPath())
    await storage.append(1, bytes(1))
    await storage.append(2, bytes(2))
    for (const position of [-1, 0, 1, 2, 4, 1.5, NaN, Infinity, 2 ** 40 - 1, 2 ** 40, 2 ** 40 + 3, 2 ** 53 - 1]) {
      await assert.rejects(
        async () => await storage.append(position, bytes(9)),
        (error) => error instanceof PositionTaken && error.details.head === 2,
        String(position),
      )
    }
    assert.deepEqual(await storage.read(0, all), [bytes(1), bytes(2)])
    await storage.close()
  })

  it("reaches no other store of the database by any position", async () => {
    const path = newPath()
    const adapter = sqliteAdapter({ path })
    const [a, b] = [
      await adapter.open("a", { durability: "normal", create: true }),
      await adapter.open("b", { durability: "normal", create: true }),
    ]
    await b.append(1, bytes(1))
    for (const position of [2 ** 40, 2 ** 40 + 1, 2 ** 40 + 2]) {
      await assert.rejects(async () => await a.append(position, bytes(9)), PositionTaken)
    }
    assert.equal(await a.head(), 0)
    assert.equal(await b.head(), 1)
    await a.close()
    await b.close()
  })

  it("works in the store with the last id, and to the last position", async () => {
    const path = newPath()
    await (await open(path)).close()
    const database = rawDatabase(path)
    // As after 8 million stores, with a log that is nearly used up.
    const last = 2 ** 40 - 1
    database.execute(`UPDATE stores SET id = 8388607, base = ${last - 2}`)
    database.execute(`INSERT INTO frames (id, bytes) VALUES ((8388607 << 40) | ${last - 1}, x'07')`)
    database.close()
    const storage = await open(path)
    assert.equal(await storage.head(), last - 1)
    await storage.append(last, bytes(8))
    assert.equal(await storage.head(), last)
    assert.deepEqual(await storage.read(last - 2, all), [bytes(7), bytes(8)])
    await assert.rejects(async () => await storage.append(last + 1, bytes(9)), StorageFull)
    await storage.close()
  })

  it("takes frames of 1 byte up to the limit, and none beyond", async () => {
    const storage = await open(newPath())
    const largest = new Uint8Array(FRAME_BYTES_MAX).fill(7)
    await storage.append(1, bytes(0))
    await storage.append(2, largest)
    await assert.rejects(async () => await storage.append(3, new Uint8Array(FRAME_BYTES_MAX + 1)), FrameTooLarge)
    await assert.rejects(async () => await storage.append(3, bytes()))
    // A part of a larger buffer, which is written over at once.
    const buffer = new Uint8Array(100).fill(1)
    await storage.append(3, buffer.subarray(10, 12))
    buffer.fill(2)
    assert.deepEqual(await storage.read(0, all), [bytes(0), largest, bytes(1, 1)])
    await storage.close()
  })

  it("of two handles one wins each position, and the other learns the head", async () => {
    const path = newPath()
    const handles = [await open(path), await open(path)]
    for (let position = 1; position <= 100; position++) {
      const winner = handles[position % 2]!
      const loser = handles[(position + 1) % 2]!
      await winner.append(position, bytes(position % 2))
      await assert.rejects(
        async () => await loser.append(position, bytes(7)),
        (error) => error instanceof PositionTaken && error.details.head === position,
      )
    }
    assert.deepEqual(await handles[0]!.read(0, all), await handles[1]!.read(0, all))
    for (const handle of handles) await handle.close()
  })

  it("to a store that another process destroyed stores nothing, even if the name lives again", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 3; position++) await storage.append(position, bytes(position))
    const database = rawDatabase(path)
    database.execute("DELETE FROM frames; DELETE FROM stores")
    await assert.rejects(async () => await storage.append(4, bytes(4)), StoreNotFound)
    await assert.rejects(async () => await storage.append(1, bytes(4)), StoreNotFound)
    await assert.rejects(async () => await storage.head(), StoreNotFound)
    const reborn = await open(path)
    await reborn.append(1, bytes(9))
    await assert.rejects(async () => await storage.append(2, bytes(4)), StoreNotFound)
    assert.deepEqual(await reborn.read(0, all), [bytes(9)])
    database.close()
    await reborn.close()
    await storage.close()
  })

  it("to a full database is StorageFull, and works again when there is room", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault)
    await storage.append(1, bytes(1))
    await storage.close()
    // A real SQLITE_FULL: the connection may not let the file grow.
    let limit: ((pages: number) => void) | undefined
    const limiting: Driver = {
      codeOf: driver.codeOf,
      open(location, options) {
        const database = driver.open(location, options)
        limit = (pages) => database.execute(`PRAGMA max_page_count = ${pages}`)
        return database
      },
    }
    const full = await sqliteAdapterOver(() => limiting, { path }).open("notes", { durability: "normal", create: undefined })
    limit!(statSync(path).size / 4096 + 2)
    await assert.rejects(async () => await full.append(2, new Uint8Array(100_000)), (error) => {
      return error instanceof StorageFull && error.storedNothing && error.details.neededBytes === 100_000
    })
    assert.equal(await full.head(), 1)
    await full.append(2, bytes(2))
    limit!(1_000_000)
    await full.append(3, new Uint8Array(100_000))
    assert.equal(await full.head(), 3)
    await full.close()
  })

  it("translates what the driver says, and keeps the original as cause", async () => {
    const cases: [number, new (...values: never[]) => Error, boolean][] = [
      [8, ReadOnly, true],
      [1032, ReadOnly, true],
      [10, StorageFailed, false],
      [778, StorageFailed, false],
      [1, StorageFailed, false],
    ]
    for (const [code, kind, storedNothing] of cases) {
      const fault: { now: Fault } = { now: nothing }
      const storage = await openFaulty(newPath(), fault)
      await storage.append(1, bytes(1))
      fault.now = failing(code, isInsert)
      await assert.rejects(async () => await storage.append(2, bytes(2)), (error) => {
        assert.ok(error instanceof kind, String(error))
        assert.ok(error.cause instanceof InjectedError)
        return (error as StorageFailed).storedNothing === storedNothing
      })
      fault.now = nothing
      assert.equal(await storage.head(), 1)
      await storage.append(2, bytes(2))
      await storage.close()
    }
  })

  it("whose sync failed poisons the handle until it is opened again", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault, "full")
    await storage.append(1, bytes(1))
    fault.now = failing(1034, isInsert)
    await assert.rejects(async () => await storage.append(2, bytes(2)), FlushFailed)
    fault.now = nothing
    await assert.rejects(async () => await storage.append(2, bytes(2)), FlushFailed)
    await assert.rejects(async () => await storage.flush(), FlushFailed)
    assert.equal(await storage.head(), 1)
    await storage.close()
    const again = await open(path)
    await again.append(2, bytes(2))
    await again.close()
  })
})

describe("read", () => {
  it("ends a page before maxBytes is passed, with one frame at least", async () => {
    const storage = await open(newPath())
    for (let position = 1; position <= 9; position++) await storage.append(position, new Uint8Array(position * 10))
    const lengths = async (after: number, maxFrames: number, maxBytes: number): Promise<number[]> =>
      (await storage.read(after, { maxFrames, maxBytes })).map((frame) => frame.length)
    assert.deepEqual(await lengths(0, 3, 1000), [10, 20, 30])
    assert.deepEqual(await lengths(0, 9, 60), [10, 20, 30])
    assert.deepEqual(await lengths(0, 9, 59), [10, 20])
    assert.deepEqual(await lengths(4, 9, 1), [50])
    assert.deepEqual(await lengths(9, 9, 1000), [])
    await assert.rejects(lengths(10, 9, 1000), PositionOutOfRange)
    for (const after of [-1, 0.5, NaN, 2 ** 60]) await assert.rejects(lengths(after, 9, 1000), PositionOutOfRange)
    await storage.close()
  })
})

describe("watch", () => {
  it("A72 A73 A74 hears of appends of other handles, not of own ones, until it is stopped, and when it is begun again", async () => {
    const path = newPath()
    const [one, two] = [await open(path), await open(path)]
    // A watch alone keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    let calls = 0
    let heard = (): void => {}
    const next = (): Promise<void> => new Promise((resolve) => heard = resolve)
    const stopThrowing = one.watch(() => {
      throw new Error("a listener that fails")
    })
    const stop = one.watch(() => {
      calls++
      heard()
    })
    let hearing = next()
    await two.append(1, bytes(1))
    await hearing
    assert.equal(await one.head(), 1)
    const before = calls
    await one.append(2, bytes(2))
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.equal(calls, before)
    hearing = next()
    await two.append(3, bytes(3))
    await hearing
    stop()
    stopThrowing()
    const stopped = calls
    await two.append(4, bytes(4))
    await new Promise((resolve) => setTimeout(resolve, 250))
    assert.equal(calls, stopped)
    hearing = next()
    one.watch(() => heard())
    await two.append(5, bytes(5))
    await hearing
    clearInterval(alive)
    await one.close()
    await two.close()
  })
})

describe("close", () => {
  it("is idempotent, and every other call is StoreClosed", async () => {
    const storage = await open(newPath())
    await storage.append(1, bytes(1))
    await Promise.all([storage.close(), storage.close()])
    await storage.close()
    const calls = [
      () => storage.head(),
      () => storage.append(2, bytes(2)),
      () => storage.read(0, all),
      () => storage.trim(1),
      () => storage.flush(),
      () => storage.watch(() => {}),
      () => storage.snapshots.list(),
      () => storage.snapshots.write(1, []),
      () => storage.snapshots.readSlice(1, 0),
    ]
    for (const call of calls) await assert.rejects(async () => await call(), StoreClosed, String(call))
  })
})
