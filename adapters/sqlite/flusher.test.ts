import assert from "node:assert/strict"
import { statSync, writeFileSync } from "node:fs"
import { describe, it } from "node:test"
import { FlushFailed, StoreBusy } from "../../kernel/errors.ts"
import { sqliteAdapter } from "./mod.ts"
import {
  all,
  bytes,
  failing,
  type Fault,
  InjectedError,
  isCheckpoint,
  nothing,
  open,
  openFaulty,
  rawDatabase,
  temporaryPaths,
} from "./testing/workbench.ts"

const newPath = temporaryPaths()

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

  it("commits with a sync in a database with a rollback journal, which has no log", async () => {
    const path = newPath()
    writeFileSync(path, "")
    const user = rawDatabase(path)
    user.execute("CREATE TABLE mine (a)")
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault, "normal", { tablePrefix: "p_" })
    await storage.append(1, bytes(1))
    const seen = await statementsOf(fault, () => storage.flush())
    assert.deepEqual(seen.filter((sql) => sql.includes("EXTRA") || sql.startsWith("UPDATE p_stores")).length, 2, seen.join("; "))
    user.close()
    await storage.close()
  })

  it("whose checkpoint and commit find the database busy is StoreBusy, poisons nothing, and is tried again", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault)
    await storage.append(1, bytes(1))
    // Each attempt takes a second, so that the time for them is over soon.
    const now = performance.now.bind(performance)
    let passed = 0
    performance.now = () => now() + passed
    try {
      fault.now = (sql) => {
        passed += 1000
        if (isCheckpoint(sql) || sql.startsWith("UPDATE stores")) throw new InjectedError(5)
      }
      await assert.rejects(async () => await storage.flush(), StoreBusy)
    } finally {
      performance.now = now
    }
    assert.deepEqual(await statementsOf(fault, () => storage.flush()), ["PRAGMA wal_checkpoint(PASSIVE)"])
    await storage.append(2, bytes(2))
    await storage.close()
  })

  it("commits with a sync where another checkpoint is under way", async () => {
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(newPath(), fault)
    await storage.append(1, bytes(1))
    fault.now = failing(5, isCheckpoint)
    await storage.flush()
    fault.now = nothing
    assert.deepEqual(await statementsOf(fault, () => storage.flush()), [], "the commit was synced")
    await storage.append(2, bytes(2))
    await storage.close()
  })
})
