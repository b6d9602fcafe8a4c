import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { StoreBusy } from "../../kernel/errors.ts"
import type { Durability } from "../../kernel/ports/log-storage.ts"
import type { Database } from "./drivers/driver.ts"
import { sqliteAdapter, sqliteAdapterOver } from "./mod.ts"
import {
  beforeAttempt,
  bytes,
  driver,
  faultyDriver,
  isInsert,
  nothing,
  open,
  openFaulty,
  rawDatabase,
  temporaryPaths,
} from "./testing/workbench.ts"

const newPath = temporaryPaths()

describe("a connection", () => {
  /** What pragmas say over the connection of a handle. */
  const pragmasOf = async (durability: Durability, names: readonly string[]): Promise<Record<string, unknown>> => {
    let database: Database | undefined
    const adapter = sqliteAdapterOver(() => ({ ...driver, open: (...given) => database = driver.open(...given) }), {
      path: newPath(),
    })
    const storage = await adapter.open("notes", { durability, create: true })
    const pragmas = Object.fromEntries(names.map((name) => [name, Object.values(database!.prepare(`PRAGMA ${name}`).get() ?? {})[0]]))
    await storage.close()
    return pragmas
  }

  it("syncs what the level says: every commit with full, the log before each checkpoint with the others", async () => {
    const EXTRA = 3, NORMAL = 1
    for (const [level, synchronous] of [["full", EXTRA], ["normal", NORMAL], ["relaxed", NORMAL]] as const) {
      assert.deepEqual(await pragmasOf(level, ["synchronous", "journal_mode", "wal_autocheckpoint", "fullfsync", "checkpoint_fullfsync"]), {
        synchronous,
        journal_mode: "wal",
        wal_autocheckpoint: 0,
        fullfsync: 1,
        checkpoint_fullfsync: 1,
      })
    }
  })

  it("T27 trusts no schema, finds damaged cells when it reads them, and maps no file into memory", async () => {
    assert.deepEqual(await pragmasOf("normal", ["trusted_schema", "cell_size_check", "mmap_size"]), {
      trusted_schema: 0,
      cell_size_check: 1,
      mmap_size: 0,
    })
  })

  it("waits for a lock within SQLite for 50 ms, not longer: the event loop waits with it", async () => {
    assert.deepEqual(await pragmasOf("normal", ["busy_timeout"]), { busy_timeout: 50 })
  })
})

describe("busy", () => {
  const isBegin = (sql: string): boolean => sql === "BEGIN IMMEDIATE"

  it("A81 a short holder is waited for without losing the turn of others", async () => {
    const path = newPath()
    const fault = { now: nothing }
    const storage = await openFaulty(path, fault)
    await storage.append(1, bytes(1))
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    let turns = 0, turnsWhileHeld = 0
    const ticking = setInterval(() => turns++, 0)
    fault.now = beforeAttempt(20, isInsert, () => {
      turnsWhileHeld = turns
      holder.execute("COMMIT")
    })
    try {
      await storage.append(2, bytes(2))
    } finally {
      clearInterval(ticking)
    }
    assert.ok(turnsWhileHeld >= 10, `${turnsWhileHeld} turns in 20 attempts`)
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
    const fault = { now: nothing }
    const storage = await openFaulty(path, fault)
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    let isClosing = false, wasClosing = false
    fault.now = beforeAttempt(5, isInsert, () => {
      wasClosing = isClosing
      holder.execute("COMMIT")
    })
    const appended = (async () => await storage.append(1, bytes(1)))()
    const closed = storage.close()
    isClosing = true
    await appended
    await closed
    assert.ok(wasClosing, "the append waited still when close() was called")
    holder.close()
    const again = await open(path)
    assert.equal(await again.head(), 1)
    await again.close()
  })

  it("A81 an open that waits gives up when its signal says so, and leaves nothing", async () => {
    const path = newPath()
    await (await open(path)).close()
    const holder = rawDatabase(path)
    holder.execute("BEGIN IMMEDIATE")
    const controller = new AbortController(), reason = new Error("enough")
    const fault = { now: beforeAttempt(5, isBegin, () => controller.abort(reason)) }
    const adapter = sqliteAdapterOver(() => faultyDriver(fault), { path })
    const opening = adapter.open("other", { durability: "normal", create: true, signal: controller.signal })
    await assert.rejects(async () => await opening, (error) => error === reason)
    holder.execute("ROLLBACK")
    holder.close()
    assert.deepEqual(await sqliteAdapter({ path }).list(), ["notes"])
  })
})
