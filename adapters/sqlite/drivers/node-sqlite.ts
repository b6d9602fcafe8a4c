/** Driver over `node:sqlite` (Node from 22.5 on, Deno); where that is missing, over the npm package `libsql`. */
import process from "node:process"
import { DriverMissing } from "../../../kernel/errors.ts"
import { codeOfMessage, type Database, type DatabaseOptions, type Driver, type Row, type Statement } from "./driver.ts"
import { loadLibsql } from "./libsql.ts"

type Library = typeof import("node:sqlite")

export const loadDriver = async (): Promise<Driver> => {
  const library = loadQuietly()
  if (library !== undefined) return { open: (path, options) => open(library, path, options), codeOf }
  try {
    return await loadLibsql()
  } catch (cause) {
    throw new DriverMissing({ adapter: "sqlite", tried: ["node:sqlite", "libsql"] }, { cause })
  }
}

/**
 * The module, or undefined where it is not built in; no bundler and no older runtime stumbles over its name.
 *
 * Node 22 and 24 warn when it is first loaded that it is experimental. A user of ours can do nothing about that, so that one warning is
 * dropped; nothing else can warn meanwhile, since loading is synchronous.
 */
const loadQuietly = (): Library | undefined => {
  const { emitWarning } = process
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).includes("SQLite is an experimental feature")) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }
  try {
    return process.getBuiltinModule("node:sqlite")
  } finally {
    process.emitWarning = emitWarning
  }
}

const open = (library: Library, path: string, { readOnly }: DatabaseOptions): Database => {
  const database = new library.DatabaseSync(path, { readOnly, allowExtension: false })
  // Node 26 has it on by default; older ones do not know the call.
  database.enableDefensive?.(true)
  return {
    execute: (sql) => database.exec(sql),
    prepare(sql: string): Statement {
      const statement = database.prepare(sql)
      return {
        // Not `run`: it answers the last row's id, and throws after it has inserted one that is beyond 2^53.
        run: (...values) => void statement.get(...values),
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values) as readonly Row[],
      }
    },
    close: () => database.close(),
  }
}

const codeOf = (cause: unknown): number | undefined => {
  const { errcode } = (cause ?? {}) as { readonly errcode?: unknown }
  return typeof errcode === "number" ? errcode : codeOfMessage(cause)
}
