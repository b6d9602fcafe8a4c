/**
 * What the adapter asks of an SQLite library: a few calls, all of them synchronous. Which library answers is chosen by the import condition
 * `#sqlite-driver`:
 *
 *   bun                 bun-sqlite.ts    bun:sqlite
 *   browser, workerd    unavailable.ts   DriverMissing
 *   all others          node-sqlite.ts   node:sqlite, else the npm package libsql (libsql.ts)
 *
 * A driver translates values and finds the result code of an error; it knows no table and decides nothing.
 */
import type { Awaitable } from "../../../kernel/ports/log-storage.ts"

/** What can be bound to a parameter. Integers beyond 2^53 never leave SQL: the statements shift and mask. */
export type SqlValue = number | string | null | Uint8Array
/** One row by column name. BLOBs are `Uint8Array`s, not `Buffer`s; whoever reads a column checks its type. */
export type Row = Readonly<Record<string, unknown>>

/** A prepared statement; it is ready again after each call. */
export interface Statement {
  /** Runs a statement that answers no rows. */
  run(...values: readonly SqlValue[]): void
  /** The first row. */
  get(...values: readonly SqlValue[]): Row | undefined
  /** Every row; steps a pragma that works row by row to its end. */
  all(...values: readonly SqlValue[]): readonly Row[]
}

/** One connection. */
export interface Database {
  /** Runs statements without parameters that answer at most one row each. */
  execute(sql: string): void
  prepare(sql: string): Statement
  /** Finalizes every statement and closes; the last connection of a database also removes its write-ahead log. */
  close(): void
}

export interface DatabaseOptions {
  /** Never writes, not even the checkpoint of a last connection. */
  readonly readOnly: boolean
}

/** One library. */
export interface Driver {
  /** Opens the file at an absolute path, which should exist. */
  open(path: string, options: DatabaseOptions): Database
  /** Extended result code of an error that a call threw; undefined if the error is none of SQLite's. */
  codeOf(cause: unknown): number | undefined
}

/** What each driver module exports as `loadDriver`: finds the library, and touches no file. Rejects with `DriverMissing`. */
export type LoadDriver = () => Awaitable<Driver>

/** Result codes by the words of `sqlite3_errstr`: Deno's `exec` and every failed open carry words only. */
const CODES_BY_MESSAGE: readonly (readonly [string, number])[] = [
  ["database is locked", 5],
  ["database table is locked", 6],
  ["attempt to write a readonly database", 8],
  ["disk I/O error", 10],
  ["database disk image is malformed", 11],
  ["database or disk is full", 13],
  ["unable to open database file", 14],
  ["locking protocol", 15],
  ["file is not a database", 26],
]

/** The primary result code that an error message names; undefined if it names none. */
export const codeOfMessage = (cause: unknown): number | undefined => {
  if (!(cause instanceof Error)) return undefined
  const { message } = cause
  return CODES_BY_MESSAGE.find(([words]) => message.includes(words))?.[1]
}
