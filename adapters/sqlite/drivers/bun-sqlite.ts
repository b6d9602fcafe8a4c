/** Driver over `bun:sqlite`. */
import { DriverMissing } from "../../../kernel/errors.ts"
import { codeOfMessage, type Database, type DatabaseOptions, type Driver, type Row, type SqlValue, type Statement } from "./driver.ts"

type Library = typeof import("bun:sqlite")

export const loadDriver = async (): Promise<Driver> => {
  let library: Library
  try {
    // Not a static import: a file that names it cannot even be loaded by other runtimes.
    library = await import("bun:sqlite")
  } catch (cause) {
    throw new DriverMissing({ adapter: "sqlite", tried: ["bun:sqlite"] }, { cause })
  }
  return { open: (path, options) => open(library, path, options), codeOf }
}

const open = (library: Library, path: string, { readOnly }: DatabaseOptions): Database => {
  const database = new library.Database(path, readOnly ? { readonly: true } : { readwrite: true, create: false })
  const statements: { finalize(): void }[] = []
  return {
    execute: (sql) => void database.run(sql),
    prepare(sql: string): Statement {
      const statement = database.prepare<Row, SqlValue[]>(sql)
      statements.push(statement)
      return {
        run: (...values) => void statement.run(...values),
        get: (...values) => statement.get(...values) ?? undefined,
        all: (...values) => statement.all(...values),
      }
    },
    close(): void {
      // Else the connection lives on as a "zombie" until they are collected, and leaves its write-ahead log behind.
      for (const statement of statements.splice(0)) statement.finalize()
      database.close(true)
    },
  }
}

const codeOf = (cause: unknown): number | undefined => {
  const { errno } = (cause ?? {}) as { readonly errno?: unknown }
  return cause instanceof Error && cause.name === "SQLiteError" && typeof errno === "number" ? errno : codeOfMessage(cause)
}
