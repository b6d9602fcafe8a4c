/**
 * Driver over the npm package `libsql`, for Node 20.
 *
 * It differs from the others in four ways, each met here: parameters travel as one array (a lone `Uint8Array` would be taken for the list
 * itself); BLOBs come as `Buffer`s or `ArrayBuffer`s; its option `readonly` does nothing, the mode in a URI does; closing leaves statements open.
 */
import { pathToFileURL } from "node:url"
import { codeOfMessage, type Database, type DatabaseOptions, type Driver, type Row, type SqlValue, type Statement } from "./driver.ts"

/** What is used of the package; its own declarations are those of better-sqlite3. */
interface Library {
  readonly default: new (path: string) => NativeDatabase
}
interface NativeDatabase {
  exec(sql: string): void
  prepare(sql: string): NativeStatement
  close(): void
}
interface NativeStatement {
  run(values: readonly SqlValue[]): unknown
  get(values: readonly SqlValue[]): Record<string, unknown> | undefined
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
      return {
        run: (...values) => void statement.run(values),
        get: (...values) => {
          const row = statement.get(values)
          return row && withoutBuffers(row)
        },
        all: (...values) => statement.all(values).map(withoutBuffers),
      }
    },
    close: () => database.close(),
  }
}

/** Every BLOB as a plain `Uint8Array`: `get` answers `Buffer`s, `all` answers `ArrayBuffer`s. */
const withoutBuffers = (row: Record<string, unknown>): Row => {
  for (const column in row) {
    const value = row[column]
    if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value)
    else if (value instanceof Uint8Array) row[column] = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
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
