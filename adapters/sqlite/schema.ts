/**
 * The tables of a database, and whether a file that is already there has them as we make them.
 *
 *   stores       id 1, 2, 3 …, never used again · name as UTF-8 · base: last position dropped by trim · flushes: commits made to flush
 *   frames       id = store << 40 | position · bytes                one B-tree: every append is an insert at the end of a store
 *   snapshots    id, never used again · store · at · slices: how many, NULL while it is being written · touched: ms, then
 *   slices       id = snapshot << 24 | index · bytes
 *   meta         key · value: only under a prefix, ("format", 1)
 *
 * That a position is taken once is the primary key of `frames`, whoever writes it. Ids stay within 63 bits and are shifted and masked in
 * SQL: no driver ever sees an integer beyond 2^53, which node:sqlite refuses and others round.
 *
 *   the file has                                      without tablePrefix         with tablePrefix
 *   nothing                                           ours is made                prefixed tables and meta are made
 *   application_id PRST, user_version 1               used                        NotAStore
 *   application_id PRST, user_version above 1         FormatTooNew                NotAStore
 *   tables of another program                         NotAStore                   prefixed tables are made beside them, or used;
 *                                                                                 by the version in meta: FormatTooNew
 *
 * Tables count as ours only with exactly the text that made them: no view in their place, no generated column, no other constraint; and
 * with no trigger or index of others on them. So reading a database never runs anything that came with it.
 */
import { FormatTooNew, NotAStore } from "../../kernel/errors.ts"
import { quote } from "../../kernel/text.ts"
import type { Connection } from "./connection.ts"

/** "PRST". */
export const APPLICATION_ID = 0x50525354
/** Format version 0 is stored as 1, so that it differs from the 0 of every other database. */
const USER_VERSION = 1

export const PAGE_BYTES = 4096
/** Bits of a frame's id that are its position: the rest, 23, are its store. */
export const POSITION_BITS = 40
export const POSITION_MAX: number = 2 ** POSITION_BITS - 1
export const STORE_ID_MAX: number = 2 ** 23 - 1
/** Bits of a slice's id that are its index. */
export const SLICE_INDEX_BITS = 24
export const SLICES_MAX: number = 2 ** SLICE_INDEX_BITS

/** The names of our tables under a prefix, which has passed the check of the options: letters, digits and `_` alone. */
export interface Tables {
  readonly stores: string
  readonly frames: string
  readonly snapshots: string
  readonly slices: string
  /** Undefined in a database of ours, where the header says it. */
  readonly meta: string | undefined
}

export const tablesOf = (prefix: string | undefined): Tables => ({
  stores: `${prefix ?? ""}stores`,
  frames: `${prefix ?? ""}frames`,
  snapshots: `${prefix ?? ""}snapshots`,
  slices: `${prefix ?? ""}slices`,
  meta: prefix === undefined ? undefined : `${prefix}meta`,
})

/** Every table with the text that makes it. */
const definitionsOf = (tables: Tables): ReadonlyMap<string, string> => {
  const columns: [string, string][] = [
    [tables.stores, "id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, base INTEGER NOT NULL, flushes INTEGER NOT NULL"],
    [tables.frames, "id INTEGER PRIMARY KEY, bytes BLOB NOT NULL"],
    [
      tables.snapshots,
      "id INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL, at INTEGER NOT NULL, slices INTEGER, touched INTEGER NOT NULL",
    ],
    [tables.slices, "id INTEGER PRIMARY KEY, bytes BLOB NOT NULL"],
  ]
  if (tables.meta !== undefined) columns.push([tables.meta, "key TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL"])
  return new Map(columns.map(([name, text]) => [name, `CREATE TABLE ${name} (${text})`]))
}

/**
 * Whether the database holds our tables; `false` if they may be made. Reads only. In a transaction.
 *
 * Throws `NotAStore` or `FormatTooNew` where they may be neither used nor made.
 */
export const holdsTables = (connection: Connection, tables: Tables): boolean => {
  const { location } = connection.subject
  const refuse = (reason: string): never => {
    throw new NotAStore({ location, reason })
  }
  const isOurs = connection.pragma("application_id") === APPLICATION_ID
  if (tables.meta === undefined) {
    if (!isOurs) {
      if (connection.pragma("page_count") === 0) return false
      refuse("it is an SQLite database of another program; to keep stores in it, pass tablePrefix")
    }
    checkVersion(location, connection.pragma("user_version"))
  } else if (isOurs) {
    refuse("it is a database of Persist itself; open it without tablePrefix")
  }
  const definitions = definitionsOf(tables)
  const found = new Map<string, unknown>()
  for (const { type, name, on, text } of connection.prepare('SELECT type, name, tbl_name AS "on", sql AS text FROM sqlite_schema').all()) {
    const owner = String(on).toLowerCase()
    if (!definitions.has(owner) && !definitions.has(String(name).toLowerCase())) continue
    // Indexes that SQLite makes by itself for a key have no text.
    if (type === "index" && text === null) continue
    if (type !== "table" || name !== owner) refuse(`it has a ${String(type)} ${quote(String(name))} on a table of ours`)
    found.set(owner, text)
  }
  if (tables.meta !== undefined && found.size === 0) return false
  if (tables.meta !== undefined && found.get(tables.meta) === definitions.get(tables.meta)) {
    checkVersion(location, connection.query(`SELECT value FROM ${tables.meta} WHERE key = 'format'`)?.value)
  }
  for (const [name, text] of definitions) {
    if (found.get(name) !== text) {
      refuse(found.has(name) ? `its table "${name}" is not the one of this format` : `its table "${name}" is missing`)
    }
  }
  return true
}

const checkVersion = (location: string, found: unknown): void => {
  if (typeof found !== "number" || found < USER_VERSION) throw new NotAStore({ location, reason: "it has no format version" })
  if (found > USER_VERSION) throw new FormatTooNew({ location, found: found - 1, known: USER_VERSION - 1 })
}

/**
 * Makes our tables, whole or not at all, unless another process has made them meanwhile. Throws what SQLite throws.
 *
 * An empty database is made ours in the one transaction that also makes its first page: at no moment does a database lie there that no
 * next open would know.
 */
export const makeTables = (connection: Connection, tables: Tables): void => {
  if (connection.pragma("page_count") !== 0) {
    connection.inTransaction(() => holdsTables(connection, tables) || makeAll(connection, tables))
    return
  }
  connection.setPragma(`page_size = ${PAGE_BYTES}`)
  connection.inDeferredTransaction(() => {
    // Takes the write lock, like BEGIN IMMEDIATE, which would be too late for it: that makes the first page itself.
    connection.setPragma("auto_vacuum = INCREMENTAL")
    // The first page is there now, so the database is empty if it has neither application nor tables.
    const isEmpty = connection.pragma("application_id") === 0 && connection.query("SELECT 1 FROM sqlite_schema") === undefined
    if (isEmpty || !holdsTables(connection, tables)) makeAll(connection, tables)
  })
}

const makeAll = (connection: Connection, tables: Tables): void => {
  for (const text of definitionsOf(tables).values()) connection.execute(text)
  if (tables.meta !== undefined) {
    connection.execute(`INSERT INTO ${tables.meta} (key, value) VALUES ('format', ${USER_VERSION})`)
  } else {
    connection.setPragma(`application_id = ${APPLICATION_ID}`)
    connection.setPragma(`user_version = ${USER_VERSION}`)
  }
}
