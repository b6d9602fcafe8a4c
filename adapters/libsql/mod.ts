/**
 * Adapter `libsql`: stores in a libSQL database, at a server, in a file, or in memory; one row a frame, for any number of processes.
 *
 *   options ──▶ place.ts ──▶ open-store.ts ──▶ LibsqlLogStorage (one a handle) ─┬─ FrameTable ────┐
 *                            judge, make       durability, close                ├─ SnapshotTable ─┤─ Session ── Database
 *                            schema.ts                                          └─ Watcher ───────┘  busy       clients/
 *
 * Which append gets a position is decided by the database, in one statement. Needs the package `@libsql/client`, which is loaded when a
 * store is opened: `@libsql/client/web` for servers, `@libsql/client/sqlite3` for files and memory.
 */
import { InvalidOption, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import type { Adapter, Durability, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import { checkStoreName } from "../system/check-store-name.ts"
import { connectorOf } from "./connect.ts"
import { abandon, emptyLog, type Judged, openJudged, openStore, rewrite, shrink, type Store } from "./open-store.ts"
import { locationOf, type Place, placeOf } from "./place.ts"
import { DEFAULT_PREFIX, holdsNothing, tablesOf } from "./schema.ts"
import { findStore, removeStore, storeNames } from "./store-table.ts"
import type { TokenSource } from "./tokens.ts"

export type { TokenSource } from "./tokens.ts"

export interface LibsqlOptions {
  /**
   * `file:notes.db`, `:memory:`, `http:`, `https:`, `ws:`, `wss:` or `libsql:` (https). Either this or `path`.
   *
   * A database in memory lives as long as the adapter object.
   */
  readonly url?: string | undefined
  /** A database file; relative to the working directory of now. It is made if it is missing, and the last folder of its path with it. */
  readonly path?: string | undefined
  /** The server's token, or what answers one: asked at the first request, and once more when the server refuses what it has. */
  readonly token?: TokenSource | undefined
  /**
   * Prefix of the tables' names, so that they may lie beside others. One lower-case letter or `_`, then at most 31 letters, digits or `_`;
   * not `sqlite_`. Default `persist_`.
   */
  readonly tablePrefix?: string | undefined
  /**
   * `http:`, `https:` or `libsql:` URL of a server, the primary, of which the file named by `path` or `url` is to be a replica: stores are
   * read from the file, and written at the primary. One process at a time may have the file open.
   */
  readonly syncUrl?: string | undefined
  /** Makes every missing folder of the path. Default false. */
  readonly createFolders?: boolean | undefined
  /** A request that has no answer by then has failed, in milliseconds. Default 10,000. */
  readonly timeoutMillis?: number | undefined
  /** How often a watching store asks for the head, in milliseconds. Default 100 for files and memory, 1,000 for servers. */
  readonly pollMillis?: number | undefined
}

const TIMEOUT_MILLIS = 10_000
const POLL_MILLIS = 100
const POLL_MILLIS_REMOTE = 1000
/** What each kind of place promises; the first level is the default. */
const LEVELS: Readonly<Record<Place["kind"], readonly Durability[]>> = {
  memory: ["none"],
  file: ["normal", "full", "relaxed"],
  // A server acknowledges what its operating system has, and no client can make it flush.
  remote: ["relaxed"],
  replica: ["relaxed"],
}

/** How many handles of this process are open, by database, prefix and name. */
const openHandles = new Map<string, number>()
let memories = 0

/** A place for stores in a libSQL database. Opens and connects to nothing before a store is opened. Throws `InvalidOption`. */
export const libsqlAdapter = (options: LibsqlOptions): Adapter => {
  const place = placeOf(options)
  const tables = tablesOf(checkPrefix(options.tablePrefix))
  const location = locationOf(place)
  const isLocal = place.kind === "memory" || place.kind === "file"
  const memory = `memory ${memories += 1}`
  const timeoutMillis = checkMillis("timeoutMillis", options.timeoutMillis) ?? TIMEOUT_MILLIS
  const pollMillis = checkMillis("pollMillis", options.pollMillis) ?? (isLocal ? POLL_MILLIS : POLL_MILLIS_REMOTE)

  const prepare = connectorOf(place, {
    token: options.token,
    tables,
    createFolders: options.createFolders ?? false,
    timeoutMillis,
    pollMillis,
  })
  const handleKey = (store: Store, storeName: string): string =>
    JSON.stringify([store.file?.identity() ?? location ?? memory, tables.frames, storeName])

  /** Runs `use` on a database with our tables; `otherwise` if there is none. Makes nothing. */
  const withTables = async <T>(store: Store, storeName: string, use: (judged: Judged) => Promise<T>, otherwise: () => T): Promise<T> => {
    if (store.file?.isThere() === false) return otherwise()
    const judged = await openJudged(store, storeName, { unchanged: false })
    try {
      return judged.hasTables ? await use(judged) : otherwise()
    } catch (cause) {
      throw judged.session.errorOf(cause, "use")
    } finally {
      await abandon(judged.session)
    }
  }

  return {
    name: "libsql",
    capabilities: {
      durable: place.kind !== "memory",
      levels: LEVELS[place.kind],
      // A replica: others may write to the same stores, with files of their own.
      multiProcess: place.kind === "file" || place.kind === "remote",
      multiHandle: true,
      watch: true,
      snapshots: true,
      sliceReads: true,
    },

    async open(storeName: string, openOptions: OpenOptions): Promise<LogStorage> {
      openOptions.signal?.throwIfAborted()
      checkStoreName(storeName)
      const store = await prepare()
      // Counted before it is open, so that no `destroy` of this process comes in between.
      const key = handleKey(store, storeName)
      const count = (difference: number): void => {
        const handles = (openHandles.get(key) ?? 0) + difference
        if (handles === 0) openHandles.delete(key)
        else openHandles.set(key, handles)
      }
      count(1)
      try {
        return await openStore(store, storeName, openOptions, () => count(-1))
      } catch (cause) {
        count(-1)
        throw cause
      }
    },

    async list(): Promise<readonly string[]> {
      return await withTables(await prepare(), "", ({ session }) => storeNames(session, tables), () => [])
    },

    async destroy(storeName: string): Promise<void> {
      checkStoreName(storeName)
      const store = await prepare()
      const shown = location ?? "memory"
      if (openHandles.has(handleKey(store, storeName))) {
        throw new StoreLocked({ store: storeName, location: shown, holder: "an open handle of this process" })
      }
      const missing = (stores: readonly string[]): never => {
        throw new StoreNotFound({ store: storeName, location: shown, stores })
      }
      await withTables(store, storeName, async ({ session }) => {
        const id = await findStore(session, tables, storeName) ?? missing(await storeNames(session, tables))
        // What is dropped is overwritten, not only unlinked; pages that become free are given back below, if they can be.
        if (isLocal) await session.execute("write", { sql: "PRAGMA secure_delete = ON" })
        // One transaction: at no moment is half of a store there, and a handle in another process finds its head gone.
        await session.batch("write", removeStore(tables, id))
        if (store.file === undefined) return
        // Dropped rows leave their bytes in pages that are still in use, `secure_delete` or not.
        if (await holdsNothing(session, tables)) await rewrite(session)
        else await shrink(session)
        await emptyLog(session)
      }, () => missing([]))
    },
  }
}

const checkPrefix = (prefix: string = DEFAULT_PREFIX): string => {
  if (/^[a-z_][a-z0-9_]{0,31}$/.test(prefix) && !prefix.startsWith("sqlite_")) return prefix
  throw new InvalidOption({
    option: "tablePrefix",
    found: String(prefix).slice(0, 80),
    expected: "one lower-case letter or _, then at most 31 letters, digits or _, not sqlite_",
  })
}

const checkMillis = (option: string, millis: number | undefined): number | undefined => {
  if (millis === undefined || (Number.isInteger(millis) && millis >= 1 && millis <= 0x7fff_ffff)) return millis
  throw new InvalidOption({ option, found: String(millis), expected: "a whole number of milliseconds, at least 1" })
}
