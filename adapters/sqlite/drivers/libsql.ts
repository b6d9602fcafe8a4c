/**
 * Driver over the npm package `libsql`, for Node 20.
 *
 * It differs from the others in six ways, each met here: parameters travel as one array (a lone `Uint8Array` would be taken for the list
 * itself); BLOBs come as `ArrayBuffer`s; its option `readonly` does nothing, the mode in a URI does; closing leaves statements open; its
 * `get` after `all` keeps the parameters of `all`, and answers the wrong row, so it is not used; and it leaves a statement unfinished that
 * found the database busy, which keeps all later writes from being committed.
 */
import { pathToFileURL } from "node:url"
import { codeOfMessage, type Database, type DatabaseOptions, type Driver, type Row, type SqlValue, type Statement } from "./driver.ts"

/** What is used of the package; its own declarations are those of better-sqlite3. */
interface Library {
  readonly default: new (path: string) => NativeDatabase
}
interface NativeDatabase {
  readonly inTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): NativeStatement
  close(): void
}
interface NativeStatement {
  run(values: readonly SqlValue[]): unknown
  all(values: readonly SqlValue[]): Record<string, unknown>[]
}

/** Rejects with the error of the import where the package is not installed. */
export const loadLibsql = async (): Promise<Driver> => {
  // The name stands in a variable, so that neither type-checker nor bundler asks for an optional package.
  const name = "libsql"
  const library = await import(name) as Library
  return { open: (path, options) => open(library, path, options), codeOf }
}

const open = (library: Library, path: string, { readOnly }: DatabaseOptions): Database => {
  const database = new library.default(`${pathToFileURL(path).href}?mode=${readOnly ? "ro" : "rw"}`)
  return {
    execute: (sql) => database.exec(sql),
    prepare(sql: string): Statement {
      const statement = database.prepare(sql)
      const all = (...values: readonly SqlValue[]): readonly Row[] => statement.all(values).map(withoutBuffers)
      const run = (...values: readonly SqlValue[]): void => void statement.run(values)
      if (/^(?:BEGIN|COMMIT|ROLLBACK)\b/.test(sql)) return { run: () => database.exec(sql), get: (...values) => all(...values)[0], all }
      if (/^(?:INSERT|UPDATE|DELETE)\b/.test(sql)) return { run: alone(database, run), get: (...values) => all(...values)[0], all }
      return { run, get: (...values) => all(...values)[0], all }
    },
    close: () => database.close(),
  }
}

/**
 * A write that never finds the database busy itself: libsql leaves a prepared statement that did unfinished, and while it is, SQLite commits
 * nothing of the connection, though it says of the next writes that they are done. What runs through `exec` is always finished.
 */
const alone = (database: NativeDatabase, run: (...values: readonly SqlValue[]) => void) => (...values: readonly SqlValue[]): void => {
  if (database.inTransaction) return run(...values)
  database.exec("BEGIN IMMEDIATE")
  try {
    run(...values)
    database.exec("COMMIT")
  } catch (cause) {
    try {
      database.exec("ROLLBACK")
    } catch {
      // After some failures SQLite has rolled back by itself.
    }
    throw cause
  }
}

/** Every BLOB as a `Uint8Array`. */
const withoutBuffers = (row: Record<string, unknown>): Row => {
  for (const column in row) {
    const value = row[column]
    if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value)
  }
  return row
}

const codeOf = (cause: unknown): number | undefined => {
  const { rawCode } = (cause ?? {}) as { readonly rawCode?: unknown }
  if (typeof rawCode === "number") return rawCode
  // A failed open has its code at the end of its words: `ConnectionFailed("Unable to open connection to local database …: 14")`.
  const opened = cause instanceof Error ? /^ConnectionFailed\(".*: (\d+)"\)$/s.exec(cause.message) : null
  return opened === null ? codeOfMessage(cause) : Number(opened[1])
}
