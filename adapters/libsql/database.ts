/**
 * What the adapter asks of a database, wherever it lies: statements, one by one or some as one transaction. No transaction is ever held
 * open across a turn: a server ends one after 5 s, and a local client has no other connection beside it.
 *
 *   memory, file   clients/local.ts     @libsql/client/sqlite3   one connection; SQLite runs inside the call
 *   remote         clients/remote.ts    @libsql/client/web       requests over HTTP, or a WebSocket
 *   replica        clients/replica.ts   both                     reads from the file, all else at the primary
 *
 * A database translates values and finds out what a failure means (errors.ts); it knows no table.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"

/** What can be bound. Numbers may arrive as reals, so statements cast them; integers beyond 2^53 never leave SQL. */
export type Value = number | string | null | Bytes
/** One row by column name: never `length`, which the library hides, and no word of SQL's (`last`), which a replica writes in capitals. BLOBs are `Uint8Array`s. Whoever reads a column checks its type. */
export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  readonly sql: string
  readonly values?: readonly Value[]
}

/**
 * What a call may do, and how old an answer may be. All but `write` may be sent again if the answer was lost.
 *
 * - `write`: is sent once.
 * - `read`: what is there now.
 * - `known`: the same; from a replica, if its primary cannot be reached, what that has.
 * - `stored`: rows that never change once they are there. From a replica what it has, if its last statement answers any.
 */
export type Access = "read" | "write" | "known" | "stored"

export interface Database {
  /** Runs one statement. Rejects with a `DatabaseError`. */
  execute(statement: Statement, access: Access): Promise<readonly Row[]>
  /** Runs statements as one transaction, all or none. Rejects with a `DatabaseError`. */
  batch(statements: readonly Statement[], access: Access): Promise<readonly (readonly Row[])[]>
  /** Runs statements that answer nothing, each to its end; only where SQLite is here. Rejects with a `DatabaseError`. */
  maintain(statements: string): Promise<void>
  /** Runs pragmas, now and on every connection that takes the place of this one; elsewhere it does nothing. */
  configure(pragmas: string): Promise<void>
  /** Frees everything. Idempotent; what is under way fails. */
  close(): Promise<void>
}

/** What is used of a client of the library; its types are no part of ours, since the package is optional. */
export interface Client {
  execute(statement: ClientStatement): Promise<ClientResult>
  batch(statements: ClientStatement[], mode: "read" | "write"): Promise<ClientResult[]>
  executeMultiple(sql: string): Promise<void>
  sync(): Promise<unknown>
  close(): void
}
interface ClientStatement {
  sql: string
  args: Value[]
}
interface ClientResult {
  readonly rows: readonly Record<string, unknown>[]
}

export const toClient = ({ sql, values = [] }: Statement): ClientStatement => ({ sql, args: [...values] })

/** The rows, every BLOB as bytes; they are ours alone. */
export const fromClient = ({ rows }: ClientResult): readonly Row[] => {
  for (const row of rows) {
    for (const name in row) {
      const value = row[name]
      if (value instanceof ArrayBuffer) row[name] = new Uint8Array(value)
    }
  }
  return rows
}
