import { loadDriver } from "#sqlite-driver"
import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import type { Durability } from "../../kernel/ports/log-storage.ts"
import type { Database, Driver } from "./drivers/driver.ts"
import { sqliteAdapterOver } from "./mod.ts"

const driver: Driver = await loadDriver()
const root = mkdtempSync(join(tmpdir(), "persist-sqlite-connection-"))
after(() => rmSync(root, { recursive: true }))

describe("a connection", () => {
  /** What pragmas say over the connection of a handle. */
  const pragmasOf = async (durability: Durability, names: readonly string[]): Promise<Record<string, unknown>> => {
    let database: Database | undefined
    const adapter = sqliteAdapterOver(() => ({ ...driver, open: (...given) => database = driver.open(...given) }), {
      path: join(root, `${durability}.db`),
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
