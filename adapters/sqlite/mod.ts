/**
 * Adapter `sqlite`: stores in a database file, one row a frame, for any number of processes.
 *
 *   options ──▶ location.ts ──▶ open-store.ts ──▶ SqliteLogStorage (one a handle) ─┬─ FrameTable ────┐
 *               path, file      judge, make       durability, close                ├─ SnapshotTable ─┤─ Connection ── driver
 *                               schema.ts                                          └─ Watcher ───────┘  busy         bun, node, libsql
 *
 * Several processes may write to one store: which append gets a position is decided by the database. Not for network file systems.
 */
import { loadDriver } from "#sqlite-driver"
import { InvalidOption, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import type { Adapter, Awaitable, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import { checkStoreName } from "../system/store-names.ts"
import type { LoadDriver } from "./drivers/driver.ts"
import { FrameTable } from "./frame-table.ts"
import { identityOf, isFileThere } from "../system/database-file.ts"
import { locationOf } from "./location.ts"
import { type Judged, openJudged, openStore, type Place } from "./open-store.ts"
import { tablesOf } from "./schema.ts"
import { SnapshotTable } from "./snapshot-table.ts"
import { findStore, removeStore, storeNames } from "./store-table.ts"
import { vacuum, vacuumEmpty } from "./vacuum.ts"

export interface SqliteOptions {
  /** The database file; relative to the working directory of now. It is made if it is missing, and the last folder of its path with it. */
  readonly path: string
  /** Makes every missing folder of the path. Default false. */
  readonly createFolders?: boolean
  /**
   * Keeps the stores in tables with this prefix, so that they may lie in a database of your own: header, journal mode and other tables
   * stay as they are. One lower-case letter or `_`, then at most 31 letters, digits or `_`; not `sqlite_`.
   */
  readonly tablePrefix?: string
}

/** How many handles of this process are open, by database, prefix and name. */
const openHandles = new Map<string, number>()

/**
 * A place for stores in an SQLite database.
 *
 * Every level but `none` is offered. A database that is not ours is not changed: `NotAStore` without `tablePrefix`. Throws `InvalidOption`.
 */
export const sqliteAdapter = (options: SqliteOptions): Adapter => sqliteAdapterOver(loadDriver, options)

/** The same over a driver of one's choice. */
export const sqliteAdapterOver = (load: LoadDriver, options: SqliteOptions): Adapter => {
  const place: Place = {
    location: locationOf(options.path),
    tables: tablesOf(checkPrefix(options.tablePrefix)),
    createFolders: options.createFolders ?? false,
  }
  const handleKey = (storeName: string): string => JSON.stringify([identityOf(place.location), place.tables.frames, storeName])

  /** Runs `use` on a database with our tables; `otherwise` if there is none. Makes nothing. */
  const withTables = async <T>(storeName: string, use: (judged: Judged) => Awaitable<T>, otherwise: () => T): Promise<T> => {
    const driver = await load()
    if (!isFileThere(place.location)) return otherwise()
    const judged = await openJudged(place, driver, storeName, { unchanged: false })
    const { connection, hasTables } = judged
    try {
      return hasTables ? await use(judged) : otherwise()
    } catch (cause) {
      throw connection.errorOf(cause, "use")
    } finally {
      connection.abandon()
    }
  }

  return {
    name: "sqlite",
    capabilities: {
      durable: true,
      levels: ["normal", "full", "relaxed"],
      multiProcess: true,
      multiHandle: true,
      watch: true,
      snapshots: true,
      sliceReads: true,
    },

    async open(storeName: string, openOptions: OpenOptions): Promise<LogStorage> {
      openOptions.signal?.throwIfAborted()
      checkStoreName(storeName)
      const driver = await load()
      // Counted before it is open, so that no `destroy` of this process comes in between.
      const key = handleKey(storeName)
      const count = (difference: number): void => {
        const handles = (openHandles.get(key) ?? 0) + difference
        if (handles === 0) openHandles.delete(key)
        else openHandles.set(key, handles)
      }
      count(1)
      try {
        return await openStore(place, driver, storeName, openOptions, () => count(-1))
      } catch (cause) {
        count(-1)
        throw cause
      }
    },

    list(): Promise<readonly string[]> {
      return withTables("", ({ connection }) => connection.whenFree(() => storeNames(connection, place.tables)), () => [])
    },

    async destroy(storeName: string): Promise<void> {
      checkStoreName(storeName)
      const { location, tables } = place
      if (openHandles.has(handleKey(storeName))) {
        throw new StoreLocked({ store: storeName, location, holder: "an open handle of this process" })
      }
      const missing = (stores: readonly string[]): never => {
        throw new StoreNotFound({ store: storeName, location, stores })
      }
      await withTables(storeName, async ({ connection }) => {
        // What is dropped is overwritten, not only unlinked; pages that become free are given back below, if they can be. Copies that
        // SQLite made when it moved rows from page to page stay until those pages are used again, or the last store goes.
        connection.setPragma(`secure_delete = ${tables.meta === undefined ? "FAST" : "ON"}`)
        // One transaction: at no moment is half of a store there, and a handle in another process finds its head gone.
        const isLast = await connection.whenFree(() =>
          connection.inTransaction(() => {
            const id = findStore(connection, tables, storeName) ?? missing(storeNames(connection, tables))
            new FrameTable(connection, tables, id).dropAll()
            new SnapshotTable(connection, tables, id).dropAll()
            removeStore(connection, tables, id)
            return storeNames(connection, tables).length === 0
          })
        )
        if (tables.meta === undefined) await (isLast ? vacuumEmpty(connection) : vacuum(connection))
        connection.emptyLog()
      }, () => missing([]))
    },
  }
}

const checkPrefix = (prefix: string | undefined): string | undefined => {
  if (prefix === undefined || (/^[a-z_][a-z0-9_]{0,31}$/.test(prefix) && !prefix.startsWith("sqlite_"))) return prefix
  throw new InvalidOption({
    option: "tablePrefix",
    found: String(prefix).slice(0, 80),
    expected: "one lower-case letter or _, then at most 31 letters, digits or _, not sqlite_",
  })
}
