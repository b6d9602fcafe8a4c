import { loadDriver } from "#sqlite-driver"
import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import {
  FlushFailed,
  FrameTooLarge,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  SnapshotMissing,
  StorageFailed,
  StorageFull,
  StoreBusy,
  StoreClosed,
  StoreNotFound,
} from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes, Durability, LogStorage } from "../../kernel/ports/log-storage.ts"
import type { Database, Driver, SqlValue, Statement } from "./drivers/driver.ts"
import { sqliteAdapter, sqliteAdapterOver } from "./mod.ts"

const driver: Driver = await loadDriver()
const root = mkdtempSync(join(tmpdir(), "persist-sqlite-log-"))
after(() => rmSync(root, { recursive: true }))
let folders = 0
const newPath = (): string => {
  const folder = join(root, `${folders++}`)
  mkdirSync(folder)
  return join(folder, "stores.db")
}

const bytes = (...values: number[]): Bytes => new Uint8Array(values)
const all = { maxFrames: 10_000, maxBytes: 100_000_000 } as const
const open = async (path: string, durability: Durability = "normal"): Promise<LogStorage> =>
  await sqliteAdapter({ path }).open("notes", { durability, create: undefined })
const rawDatabase = (path: string): Database => driver.open(path, { readOnly: false })

/** Something that happens to a statement, by its text, before it runs; throws to let it fail. */
type Fault = (sql: string, values: readonly SqlValue[]) => void
class InjectedError extends Error {
  readonly resultCode: number
  constructor(resultCode: number) {
    super(`injected result code ${resultCode}`)
    this.resultCode = resultCode
  }
}
/** A store over a driver whose statements fail as `fault.now` says. */
const openFaulty = async (path: string, fault: { now: Fault }, durability: Durability = "normal"): Promise<LogStorage> => {
  const faulty: Driver = {
    codeOf: (cause) => cause instanceof InjectedError ? cause.resultCode : driver.codeOf(cause),
    open(location, options) {
      const database = driver.open(location, options)
      return {
        close: () => database.close(),
        execute(sql) {
          fault.now(sql, [])
          database.execute(sql)
        },
        prepare(sql): Statement {
          const statement = database.prepare(sql)
          const before = <T>(run: (...values: SqlValue[]) => T) => (...values: SqlValue[]): T => {
            fault.now(sql, values)
            return run(...values)
          }
          return { run: before(statement.run), get: before(statement.get), all: before(statement.all) }
        },
      }
    },
  }
  return await sqliteAdapterOver(() => faulty, { path }).open("notes", { durability, create: undefined })
}
const isInsert = (sql: string): boolean => sql.startsWith("INSERT INTO frames")
const isCheckpoint = (sql: string): boolean => sql.includes("wal_checkpoint(PASSIVE)")
const failing = (code: number, matches: (sql: string) => boolean): Fault => (sql) => {
  if (matches(sql)) throw new InjectedError(code)
}
const nothing: Fault = () => {}

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

describe("busy", () => {
  it("A81 a short holder is waited for without losing the turn of others", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    let turns = 0
    const ticking = setInterval(() => turns++, 5)
    setTimeout(() => holder.execute("COMMIT"), 300)
    const started = performance.now()
    await storage.append(2, bytes(2))
    clearInterval(ticking)
    assert.ok(performance.now() - started >= 200)
    assert.ok(turns >= 10, `${turns} turns`)
    assert.equal(await storage.head(), 2)
    holder.close()
    await storage.close()
  })

  it("A81 a holder that stays is StoreBusy after 5 s, nothing is stored, and the same call works later", { timeout: 30_000 }, async () => {
    const path = newPath()
    const storage = await open(path)
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    const outcomes = await Promise.allSettled([
      (async () => await storage.append(1, bytes(1)))(),
      sqliteAdapter({ path }).open("other", { durability: "normal", create: true }),
    ])
    for (const outcome of outcomes) {
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof StoreBusy, JSON.stringify(outcome))
      assert.ok(outcome.reason.storedNothing && outcome.reason.retryable && outcome.reason.details.waitedMillis >= 4900)
    }
    // Reading needs no lock, and neither does flushing what was written.
    assert.equal(await storage.head(), 0)
    holder.execute("ROLLBACK")
    holder.close()
    await storage.append(1, bytes(1))
    await storage.close()
  })

  it("close() settles an append that waits", async () => {
    const path = newPath()
    const storage = await open(path)
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    const appended = (async () => await storage.append(1, bytes(1)))()
    const closed = storage.close()
    setTimeout(() => holder.execute("COMMIT"), 100)
    await appended
    await closed
    holder.close()
    const again = await open(path)
    assert.equal(await again.head(), 1)
    await again.close()
  })
})

describe("flush", () => {
  /** The statements that a call runs. */
  const statementsOf = async (fault: { now: Fault }, call: () => unknown): Promise<readonly string[]> => {
    const seen: string[] = []
    fault.now = (sql) => void seen.push(sql)
    await call()
    fault.now = nothing
    return seen
  }

  it("is a checkpoint that reached the end of the log", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault)
    await storage.append(1, bytes(1))
    assert.deepEqual(await statementsOf(fault, () => storage.flush()), ["PRAGMA wal_checkpoint(PASSIVE)"])
    assert.deepEqual(await statementsOf(fault, () => storage.flush()), [], "nothing was appended since")
    await storage.close()
  })

  it("commits with a sync where a reader of an old state holds the checkpoint back", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault)
    await storage.append(1, bytes(1))
    const reader = rawDatabase(path)
    reader.execute("BEGIN")
    reader.prepare("SELECT count(*) FROM frames").get()
    await storage.append(2, bytes(2))
    const seen = await statementsOf(fault, () => storage.flush())
    assert.deepEqual(seen.slice(1, 2), ["PRAGMA synchronous = EXTRA"])
    assert.match(seen[2]!, /^UPDATE stores SET flushes = flushes \+ 1/)
    assert.deepEqual(seen.slice(3), ["PRAGMA synchronous = NORMAL"])
    reader.close()
    await storage.close()
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT flushes FROM stores").get()?.flushes, 1)
    database.close()
  })

  it("has nothing to do where every append is synced", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault, "full")
    await storage.append(1, bytes(1))
    assert.deepEqual(await statementsOf(fault, () => storage.flush()), [])
    await storage.close()
  })

  it("that failed is FlushFailed for good: the handle takes no more writes and can still read", async () => {
    for (const code of [10, 1034, 778, 1]) {
      const fault: { now: Fault } = { now: nothing }
      const storage = await openFaulty(newPath(), fault)
      await storage.append(1, bytes(1))
      fault.now = failing(code, isCheckpoint)
      await assert.rejects(
        async () => await storage.flush(),
        (error) => error instanceof FlushFailed && error.cause instanceof InjectedError,
      )
      fault.now = nothing
      await assert.rejects(async () => await storage.flush(), FlushFailed)
      await assert.rejects(async () => await storage.append(2, bytes(2)), FlushFailed)
      await assert.rejects(async () => await storage.trim(1), FlushFailed)
      assert.deepEqual(await storage.read(0, all), [bytes(1)])
      await storage.close()
    }
  })

  it("by an own checkpoint between appends that failed is heard at the next call", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault)
    fault.now = failing(1034, isCheckpoint)
    const frame = new Uint8Array(1_000_000)
    let position = 0
    await assert.rejects(async () => {
      for (;;) await storage.append(position + 1, frame), position++
    }, FlushFailed)
    assert.ok(position >= 10 && position <= 20, String(position))
    fault.now = nothing
    assert.equal(await storage.head(), position)
    await storage.close()
  })

  it("is done where the pages do not fit the database: the log was synced before", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault)
    await storage.append(1, bytes(1))
    fault.now = failing(13, isCheckpoint)
    await storage.flush()
    fault.now = nothing
    await storage.append(2, bytes(2))
    await storage.close()
  })

  it("close() tells of a flush that failed, and frees everything all the same", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault)
    await storage.append(1, bytes(1))
    fault.now = failing(1034, isCheckpoint)
    await assert.rejects(async () => await storage.close(), FlushFailed)
    await sqliteAdapter({ path }).destroy("notes")
  })

  it("keeps the log from growing without end", async () => {
    const path = newPath()
    const storage = await open(path)
    const frame = new Uint8Array(100_000)
    for (let position = 1; position <= 600; position++) await storage.append(position, frame)
    assert.ok(statSync(`${path}-wal`).size < 24_000_000)
    await storage.close()
  })
})

describe("snapshots and trim", () => {
  it("a snapshot whose slices fail leaves nothing", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 4; position++) await storage.append(position, bytes(position))
    const reason = new Error("no more")
    await assert.rejects(
      async () =>
        await storage.snapshots.write(
          2,
          (function* () {
            yield bytes(1)
            throw reason
          })(),
        ),
      (error) => error === reason,
    )
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT count(*) AS n FROM snapshots").get()?.n, 0)
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 0)
    database.close()
    await storage.close()
  })

  it("a snapshot does not keep others from writing while its slices come", async () => {
    const path = newPath()
    const [one, two] = [await open(path), await open(path)]
    await one.append(1, bytes(1))
    let position = 1
    await one.snapshots.write(
      1,
      (async function* () {
        for (let slice = 0; slice < 5; slice++) {
          yield bytes(slice)
          await two.append(++position, bytes(2))
          assert.deepEqual(await two.snapshots.list(), [])
        }
      })(),
    )
    assert.deepEqual(await two.snapshots.list(), [{ at: 1, sliceBytes: [1, 1, 1, 1, 1] }])
    await one.close()
    await two.close()
  })

  it("close() in the middle of a snapshot drops it and does not wait for its slices", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    let release = (): void => {}
    const held = new Promise<void>((resolve) => release = resolve)
    const writing = storage.snapshots.write(
      1,
      (async function* () {
        yield bytes(1)
        await held
        yield bytes(2)
      })(),
    ) as Promise<void>
    writing.catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await storage.close()
    release()
    await assert.rejects(writing, StoreClosed)
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT (SELECT count(*) FROM snapshots) + (SELECT count(*) FROM slices) AS n").get()?.n, 0)
    database.close()
  })

  it("one that a dead process left unfinished is invisible, and swept once it is old", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 4; position++) await storage.append(position, bytes(position))
    await storage.snapshots.write(1, [bytes(1)])
    const database = rawDatabase(path)
    const count = (): unknown => database.prepare("SELECT count(*) AS n FROM slices").get()?.n
    const leave = (touched: number): void =>
      database.execute(
        `INSERT INTO snapshots (store, at, touched) VALUES (1, 2, ${touched}); INSERT INTO slices (id, bytes) VALUES (last_insert_rowid() << 24, x'01')`,
      )
    leave(Date.now())
    assert.deepEqual(await storage.snapshots.list(), [{ at: 1, sliceBytes: [1] }])
    await assert.rejects(async () => await storage.snapshots.readSlice(2, 0), SnapshotMissing)
    await (await open(path)).close()
    assert.equal(count(), 2, "it may still be at work")
    leave(Date.now() - 3_600_000)
    leave(Date.now() + 3_600_000)
    await (await open(path)).close()
    assert.equal(count(), 2)
    database.close()
    await storage.close()
  })

  it("one that was swept while its writer slept is given up", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const database = rawDatabase(path)
    await assert.rejects(async () =>
      await storage.snapshots.write(
        1,
        (function* () {
          yield bytes(1)
          database.execute("DELETE FROM snapshots; DELETE FROM slices")
          yield bytes(2)
        })(),
      ), StorageFailed)
    assert.deepEqual(await storage.snapshots.list(), [])
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 0)
    database.close()
    await storage.close()
  })

  it("a snapshot with a slice that is missing or no BLOB is none, and nothing is trimmed by it", async () => {
    for (
      const sql of [
        "DELETE FROM slices WHERE id & 255 = 1 AND id >> 24 = 2",
        "UPDATE slices SET bytes = 'x' WHERE id >> 24 = 2",
        "UPDATE snapshots SET at = 'x' WHERE id = 2",
      ]
    ) {
      const path = newPath()
      const storage = await open(path)
      for (let position = 1; position <= 6; position++) await storage.append(position, bytes(position))
      await storage.snapshots.write(3, [bytes(1), bytes(2)])
      await storage.snapshots.write(5, [bytes(1), bytes(2)])
      const database = rawDatabase(path)
      database.execute(sql)
      database.close()
      assert.deepEqual(await storage.snapshots.list(), [{ at: 3, sliceBytes: [1, 1] }])
      assert.equal(await storage.trim(6), 0)
      await storage.snapshots.write(6, [])
      assert.deepEqual(await storage.snapshots.list(), [{ at: 6, sliceBytes: [] }, { at: 3, sliceBytes: [1, 1] }])
      assert.equal(await storage.trim(6), 3)
      await storage.close()
    }
  })

  it("trim() gives the space back", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 3000; position++) await storage.append(position, new Uint8Array(3000))
    await storage.snapshots.write(2990, [bytes(1)])
    await storage.snapshots.write(2995, [bytes(1)])
    await storage.flush()
    const before = statSync(path).size
    assert.equal(await storage.trim(5000), 2990)
    await storage.flush()
    assert.ok(statSync(path).size < before / 20, `${before} to ${statSync(path).size} bytes`)
    assert.equal(await storage.head(), 3000)
    assert.equal((await storage.read(2990, all)).length, 10)
    await storage.close()
  })

  it("trim() that is closed or fails in the middle has dropped a prefix", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault, "relaxed")
    for (let position = 1; position <= 3000; position++) await storage.append(position, bytes(1))
    await storage.snapshots.write(2990, [])
    await storage.snapshots.write(2995, [])
    let drops = 0
    fault.now = (sql) => {
      if (sql.startsWith("DELETE FROM frames") && ++drops === 2) throw new InjectedError(10)
    }
    await assert.rejects(async () => await storage.trim(2990), StorageFailed)
    fault.now = nothing
    assert.equal((await storage.read(1024, all)).length, 1976)
    assert.equal(await storage.trim(2990), 2990)
    await storage.close()
  })

  it("trim() refuses what is no position", async () => {
    const storage = await open(newPath())
    for (const through of [-1, 1.5, NaN]) await assert.rejects(async () => await storage.trim(through), PositionOutOfRange)
    await storage.close()
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
  it("A72 A73 A74 hears of appends of other handles, not of own ones, until it is stopped", async () => {
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
