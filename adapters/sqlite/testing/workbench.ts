/** What tests of the sqlite adapter share: databases in temporary folders, connections beside the adapter, and drivers whose calls fail. */
import { loadDriver } from "#sqlite-driver"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after } from "node:test"
import type { Bytes, Durability, LogStorage } from "../../../kernel/ports/log-storage.ts"
import type { Database, Driver, SqlValue, Statement } from "../drivers/driver.ts"
import { sqliteAdapter, sqliteAdapterOver, type SqliteOptions } from "../mod.ts"

export const driver: Driver = await loadDriver()

/** Answers a function that gives paths of databases, each in a folder of its own; they are removed after the file's tests. */
export const temporaryPaths = (): () => string => {
  const root = mkdtempSync(join(tmpdir(), "persist-sqlite-"))
  after(() => rmSync(root, { recursive: true }))
  let folders = 0
  return () => {
    const folder = join(root, `${folders++}`)
    mkdirSync(folder)
    return join(folder, "stores.db")
  }
}

export const bytes = (...values: number[]): Bytes => new Uint8Array(values)
export const all = { maxFrames: 10_000, maxBytes: 100_000_000 } as const

/** The store "notes" of a database. */
export const open = async (path: string, durability: Durability = "normal"): Promise<LogStorage> =>
  await sqliteAdapter({ path }).open("notes", { durability, create: undefined })
/** A connection of its own. */
export const rawDatabase = (path: string): Database => driver.open(path, { readOnly: false })

/** Something that happens to a statement, by its text, before it runs; throws to let it fail. */
export type Fault = (sql: string, values: readonly SqlValue[]) => void
export const nothing: Fault = () => {}

export class InjectedError extends Error {
  readonly resultCode: number
  constructor(resultCode: number) {
    super(`injected result code ${resultCode}`)
    this.resultCode = resultCode
  }
}

/** A driver whose statements fail as `fault.now` says. */
export const faultyDriver = (fault: { now: Fault }): Driver => ({
  codeOf: (cause) => cause instanceof InjectedError ? cause.resultCode : driver.codeOf(cause),
  open(location, options) {
    const database = driver.open(location, options)
    return {
      close: () => database.close(),
      execute(sql) {
        fault.now(sql, [])
        database.execute(sql)
      },
      prepare(sql): Statement {
        const statement = database.prepare(sql)
        const before = <T>(run: (...values: SqlValue[]) => T) => (...values: SqlValue[]): T => {
          fault.now(sql, values)
          return run(...values)
        }
        return { run: before(statement.run), get: before(statement.get), all: before(statement.all) }
      },
    }
  },
})

/** A store over a driver whose statements fail as `fault.now` says. */
export const openFaulty = async (
  path: string,
  fault: { now: Fault },
  durability: Durability = "normal",
  options: Partial<SqliteOptions> = {},
): Promise<LogStorage> =>
  await sqliteAdapterOver(() => faultyDriver(fault), { path, ...options }).open("notes", { durability, create: undefined })

export const isInsert = (sql: string): boolean => sql.startsWith("INSERT INTO frames")
export const isCheckpoint = (sql: string): boolean => sql.includes("wal_checkpoint(PASSIVE)")
export const failing = (code: number, matches: (sql: string) => boolean): Fault => (sql) => {
  if (matches(sql)) throw new InjectedError(code)
}

/** Calls `then` before what `matches` is tried as number `attempt` from now on, counted from 1. */
export const beforeAttempt = (attempt: number, matches: (sql: string) => boolean, then: () => void): Fault => {
  let attempts = 0
  return (sql) => {
    if (matches(sql) && ++attempts === attempt) then()
  }
}
