/**
 * The tables of a database, and whether a database that is already there has them as we make them.
 *
 *   stores       id 1, 2, 3 …, never used again · name as UTF-8 · base: last position dropped by trim · flushes: commits made to flush
 *   frames       id = store << 40 | position · bytes                one B-tree: every append is an insert at the end of a store
 *   snapshots    id, never used again · store · at · slices and bytes: how many, NULL while it is being written · touched: ms, then
 *   pieces       id = snapshot << 32 | slice << 10 | piece · bytes  a slice is cut where a row would be too large for a server
 *   meta         key · value: ("format", 1)
 *
 * Always under a prefix, `persist_` unless told otherwise: a database of libSQL belongs to its user, so there is neither an application_id
 * nor a user_version of ours, and `meta` says the version. That a position is taken once is the primary key of `frames`, whoever writes it.
 * Ids stay within 63 bits and are shifted and masked in SQL: no client ever sees an integer beyond 2^53.
 *
 *   the database has                        then
 *   none of the tables                      they are made, in one transaction
 *   all of them, version 1                  used
 *   all of them, another version            FormatTooNew
 *   only some, or others of these names     NotAStore
 *   the application_id of a `sqlite` store  NotAStore
 *
 * Tables count as ours only with exactly the text that made them, and with no trigger or index of others on them: reading a database never
 * runs anything that came with it. All of this is judged before anything is changed.
 */
import { FormatTooNew, NotAStore } from "../../kernel/errors.ts"
import { quote } from "../../kernel/text.ts"
import type { Row, Statement } from "./database.ts"
import type { Session } from "./session.ts"

export const DEFAULT_PREFIX = "persist_"
/** Of the adapter `sqlite`: "PRST". */
const SQLITE_APPLICATION_ID = 0x50525354
/** Format version 0 is stored as 1. */
const STORED_VERSION = 1

/** Bits of a frame's id that are its position: the rest, 23, are its store. */
export const POSITION_BITS = 40
export const POSITION_MAX: number = 2 ** POSITION_BITS - 1
export const STORE_ID_MAX: number = 2 ** 23 - 1
/** Bits of a piece's id that are its number in its slice, and its slice's in its snapshot. */
export const PIECE_BITS = 10
export const SLICE_BITS = 22
export const PIECES_MAX: number = 2 ** PIECE_BITS
export const SLICES_MAX: number = 2 ** SLICE_BITS

/** The names of our tables under a prefix, which has passed the check of the options: letters, digits and `_` alone. */
export interface Tables {
  readonly stores: string
  readonly frames: string
  readonly snapshots: string
  readonly pieces: string
  readonly meta: string
}

export const tablesOf = (prefix: string): Tables => ({
  stores: `${prefix}stores`,
  frames: `${prefix}frames`,
  snapshots: `${prefix}snapshots`,
  pieces: `${prefix}pieces`,
  meta: `${prefix}meta`,
})

/** The columns of every table. */
const columnsOf = (tables: Tables): ReadonlyMap<string, string> =>
  new Map([
    [tables.stores, "id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL UNIQUE, base INTEGER NOT NULL, flushes INTEGER NOT NULL"],
    [tables.frames, "id INTEGER PRIMARY KEY, bytes BLOB NOT NULL"],
    [
      tables.snapshots,
      "id INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL, at INTEGER NOT NULL, slices INTEGER, bytes INTEGER, touched INTEGER NOT NULL",
    ],
    [tables.pieces, "id INTEGER PRIMARY KEY, bytes BLOB NOT NULL"],
    [tables.meta, "key TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL"],
  ])

/** Whether the database holds our tables; `false` if they may be made. Reads only. Rejects with `NotAStore` or `FormatTooNew`. */
export const holdsTables = async (session: Session, tables: Tables): Promise<boolean> => {
  const { location } = session.subject
  const refuse = (reason: string): never => {
    throw new NotAStore({ location, reason })
  }
  const columns = columnsOf(tables)
  const found = new Map<string, unknown>()
  const owned = await session.execute("known", {
    sql: 'SELECT type, name, tbl_name AS "on", sql AS text FROM sqlite_schema WHERE lower(tbl_name) IN (?1, ?2, ?3, ?4, ?5) ' +
      "OR lower(name) IN (?1, ?2, ?3, ?4, ?5)",
    values: [...columns.keys()],
  })
  for (const { type, name, on, text } of owned) {
    const owner = String(on).toLowerCase()
    // Indexes that SQLite makes by itself for a key have no text.
    if (type === "index" && text === null) continue
    if (type !== "table" || name !== owner) refuse(`it has a ${String(type)} ${quote(String(name))} on a table of ours`)
    found.set(owner, text)
  }
  if (found.size === 0) return false
  const isAsMade = (name: string): boolean => found.get(name) === `CREATE TABLE ${name} (${columns.get(name)})`
  if (isAsMade(tables.meta)) {
    const [row] = await session.execute("known", { sql: `SELECT value FROM ${tables.meta} WHERE key = 'format'` })
    checkVersion(location, row)
  }
  for (const name of columns.keys()) {
    if (!isAsMade(name)) refuse(found.has(name) ? `its table "${name}" is not the one of this format` : `its table "${name}" is missing`)
  }
  return true
}

const checkVersion = (location: string, row: Row | undefined): void => {
  const found = row?.value
  if (typeof found !== "number" || found < STORED_VERSION) throw new NotAStore({ location, reason: "it has no format version" })
  if (found > STORED_VERSION) throw new FormatTooNew({ location, found: found - 1, known: STORED_VERSION - 1 })
}

/** Whether there is not one store, nor anything of anybody else. */
export const holdsNothing = async (session: Session, tables: Tables): Promise<boolean> => {
  const [row] = await session.execute("read", {
    sql:
      `SELECT EXISTS (SELECT 1 FROM ${tables.stores}) OR EXISTS (SELECT 1 FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ` +
      "AND tbl_name NOT IN (?1, ?2, ?3, ?4, ?5)) AS holds",
    values: [...columnsOf(tables).keys()],
  })
  return row?.holds === 0
}

/** Refuses a file of the adapter `sqlite`: two kinds of tables in it would each be taken for all that is there. */
export const refuseSqliteStores = async (session: Session): Promise<void> => {
  const [row] = await session.execute("read", { sql: "PRAGMA application_id" })
  if (row?.application_id !== SQLITE_APPLICATION_ID) return
  throw new NotAStore({ location: session.subject.location, reason: "it is a database of the adapter sqlite; open it with that" })
}

/** The transaction that makes our tables; it changes nothing where another process has made them meanwhile. */
export const makeTables = (tables: Tables): readonly Statement[] => [
  ...Array.from(columnsOf(tables), ([name, columns]): Statement => ({ sql: `CREATE TABLE IF NOT EXISTS ${name} (${columns})` })),
  { sql: `INSERT OR IGNORE INTO ${tables.meta} (key, value) VALUES ('format', ${STORED_VERSION})` },
]
