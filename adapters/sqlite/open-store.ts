/**
 * From a path and a name to an open store: what is looked at before anything is changed, and what is made.
 *
 *   the file is missing      made empty, if a store may be made
 *   it is there              opened without changing it, and judged (schema.ts): not ours, too new ─▶ closed, byte for byte as it was
 *   it is empty              our tables are made, in one transaction; then the log is switched on
 *   the store is missing     made, if `create` allows it: beside other stores only when spelled out
 *
 * A crash between any two steps leaves what the next open takes up at the same place.
 */
import { FormatTooNew, NotAStore, StoreNotFound } from "../../kernel/errors.ts"
import type { LogStorage, OpenOptions, Recovery } from "../../kernel/ports/log-storage.ts"
import { Connection } from "./connection.ts"
import type { Driver } from "./drivers/driver.ts"
import { FrameTable } from "./frame-table.ts"
import { hasLeftovers, isFileThere, makeFile, requireWritable } from "../system/database-file.ts"
import { holdsTables, makeTables, type Tables } from "./schema.ts"
import { SnapshotTable } from "./snapshot-table.ts"
import { SqliteLogStorage } from "./sqlite-log-storage.ts"
import { findStore, makeStore, storeNames } from "./store-table.ts"

/** A database as the adapter's options name it. */
export interface Place {
  readonly location: string
  readonly tables: Tables
  readonly createFolders: boolean
}

export const openStore = async (
  place: Place,
  driver: Driver,
  storeName: string,
  options: OpenOptions,
  onClose: () => void,
): Promise<LogStorage> => {
  const { location, tables } = place
  const { durability, create, signal, readPrefix = false } = options
  const mayMake = create !== false && !readPrefix
  if (!isFileThere(location)) {
    if (!mayMake) throw new StoreNotFound({ store: storeName, location, stores: [] })
    makeFile(location, place.createFolders)
  }
  if (!readPrefix) requireWritable(location)
  const { connection, hasTables } = await openJudged(place, driver, storeName, { signal, unchanged: readPrefix })
  const whenFree = async <T>(attempt: () => T): Promise<T> => await connection.whenFree(attempt, signal)
  const missing = (stores: readonly string[]): StoreNotFound => new StoreNotFound({ store: storeName, location, stores })
  try {
    if (!hasTables && !mayMake) throw missing([])
    if (readPrefix) {
      connection.setPragma("query_only = ON")
    } else {
      const isEmpty = connection.pragma("page_count") === 0
      if (!hasTables) await whenFree(() => makeTables(connection, tables))
      // Not the journal of a user's database. Not yet on in one of ours: the process that made it was killed before.
      const isOurs = isEmpty || tables.meta === undefined
      if (isOurs && connection.pragma("journal_mode") !== "wal") await whenFree(() => connection.setPragma("journal_mode = WAL"))
      connection.setPragma(`synchronous = ${durability === "full" ? "EXTRA" : "NORMAL"}`)
    }
    const found = await whenFree(() => findStore(connection, tables, storeName))
    if (found === undefined && !mayMake) throw missing(storeNames(connection, tables))
    const { id, created } = found === undefined
      ? await whenFree(() => connection.inTransaction(() => findOrMake(connection, tables, storeName, create)))
      : { id: found, created: false }
    const frames = new FrameTable(connection, tables, id)
    const snapshots = new SnapshotTable(connection, tables, id)
    let recovery: Recovery | undefined
    if (readPrefix) {
      const damage = await whenFree(() => frames.firstDamage())
      if (damage !== undefined) {
        frames.endBefore(damage.position)
        recovery = { kind: "prefix_only", position: damage.position, bytes: 0, reason: damage.reason }
      }
    } else if (await whenFree(() => snapshots.hasAbandoned())) {
      await whenFree(() => connection.inTransaction(() => snapshots.sweep()))
    }
    signal?.throwIfAborted()
    const storage = new SqliteLogStorage({
      connection,
      tables,
      store: id,
      frames,
      snapshots,
      opened: { created, location, recovery },
      durability,
      readPrefix,
      onClose,
    })
    // Damage that shows at once is said at once.
    await storage.head()
    return storage
  } catch (cause) {
    connection.abandon()
    throw cause === signal?.reason ? cause : connection.errorOf(cause, "open")
  }
}

/** A connection to a database, and whether our tables are in it; if not, they may be made. */
export interface Judged {
  readonly connection: Connection
  readonly hasTables: boolean
}

/**
 * A connection to the file, after it was found to be ours, or empty, or another's in which our tables may be made. If it is refused, the
 * file is as it was: with leftovers of another process beside it, it is judged over a connection that cannot write, which is also the
 * answer if all is to stay `unchanged`.
 */
export const openJudged = async (
  { location, tables }: Place,
  driver: Driver,
  storeName: string,
  { signal, unchanged }: { readonly signal?: AbortSignal | undefined; readonly unchanged: boolean },
): Promise<Judged> => {
  const judge = async (readOnly: boolean): Promise<Judged> => {
    const connection = Connection.open(driver, { store: storeName, location }, { readOnly })
    try {
      const hasTables = await connection.whenFree(() => connection.inDeferredTransaction(() => holdsTables(connection, tables)), signal)
      return { connection, hasTables }
    } catch (cause) {
      connection.abandon()
      throw cause === signal?.reason ? cause : connection.errorOf(cause, "open")
    }
  }
  if (hasLeftovers(location)) {
    try {
      const judged = await judge(true)
      if (unchanged) return judged
      judged.connection.abandon()
    } catch (cause) {
      // Anything else says nothing about the file: an interrupted transaction, for one, cannot be read before it was rolled back.
      if (unchanged || cause instanceof NotAStore || cause instanceof FormatTooNew || cause === signal?.reason) throw cause
    }
  }
  return await judge(false)
}

/** In a transaction: another handle may have made it meanwhile. */
const findOrMake = (
  connection: Connection,
  tables: Tables,
  storeName: string,
  create: boolean | undefined,
): { readonly id: number; readonly created: boolean } => {
  const id = findStore(connection, tables, storeName)
  if (id !== undefined) return { id, created: false }
  const stores = storeNames(connection, tables)
  if (create === undefined && stores.length > 0) {
    throw new StoreNotFound({ store: storeName, location: connection.subject.location, stores })
  }
  return { id: makeStore(connection, tables, storeName), created: true }
}
