/** From a place to connections: loads what the place needs when a store is opened, and touches nothing before. */
import type { Database } from "./database.ts"
import type { Store } from "./open-store.ts"
import { locationOf, type Place, type RemotePlace } from "./place.ts"
import type { Tables } from "./schema.ts"
import { Tokens, type TokenSource } from "./tokens.ts"

export interface ConnectOptions {
  readonly token: TokenSource | undefined
  readonly tables: Tables
  readonly createFolders: boolean
  readonly timeoutMillis: number
  readonly pollMillis: number
}

/** What loads the place. Rejects with `DriverMissing`. */
export const connectorOf = (place: Place, options: ConnectOptions): () => Promise<Store> => {
  const { token, tables, createFolders, timeoutMillis, pollMillis } = options
  const common = { location: locationOf(place), tables, createFolders, pollMillis, isReplica: place.kind === "replica", file: undefined }
  const toServer = async (server: RemotePlace, tokens: Tokens): Promise<Database> => {
    const { openRemote } = await import("./clients/remote.ts")
    return await openRemote(server, { tokens, timeoutMillis })
  }
  switch (place.kind) {
    case "memory": {
      const connect = shared(async () => (await import("#libsql-local")).openMemory(), { isKept: true })
      return () => Promise.resolve({ ...common, connect })
    }
    case "remote": {
      const tokens = new Tokens(token ?? place.token)
      return () => Promise.resolve({ ...common, connect: () => toServer(place, tokens) })
    }
    case "replica": {
      const { path, primary } = place
      const tokens = new Tokens(token ?? primary.token)
      const open = async (): Promise<Database> => {
        const { openReplica } = await import("#libsql-local")
        const database = await toServer(primary, tokens)
        return await openReplica({ path, syncUrl: primary.url, primary: database, tokens, timeoutMillis, createFolders })
      }
      const connect = shared(open, { isKept: false })
      return () => Promise.resolve({ ...common, connect })
    }
    default:
      return async () => {
        const { fileOf } = await import("#libsql-local")
        const file = fileOf(place.path)
        return { ...common, file, connect: (how) => file.open(how) }
      }
  }
}

/**
 * One database for all who connect, made by the first and, unless it `isKept`, closed by the last: a file that a replica copies into may be
 * open once, and each connection to `:memory:` is a database of its own.
 */
const shared = (open: () => Promise<Database>, { isKept }: { readonly isKept: boolean }): () => Promise<Database> => {
  let current: { readonly database: Promise<Database>; users: number } | undefined
  return async () => {
    const mine = current ??= { database: open(), users: 0 }
    mine.users++
    const leave = async (): Promise<void> => {
      mine.users--
      if (mine.users > 0 || isKept) return
      if (current === mine) current = undefined
      await (await mine.database).close()
    }
    let database: Database
    try {
      database = await mine.database
    } catch (cause) {
      if (current === mine) current = undefined
      throw cause
    }
    let leaving: Promise<void> | undefined
    return {
      execute: (statement, access) => database.execute(statement, access),
      batch: (statements, access) => database.batch(statements, access),
      maintain: (statements) => database.maintain(statements),
      configure: (pragmas) => database.configure(pragmas),
      close: () => leaving ??= leave(),
    }
  }
}
