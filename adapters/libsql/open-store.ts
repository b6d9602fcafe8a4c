/**
 * From a place and a name to an open store: what is looked at before anything is changed, and what is made.
 *
 *   a file is missing        made empty, if a store may be made
 *   the database is there    judged (schema.ts): not ours, too new ─▶ closed, as it was
 *   it has no tables         ours are made, in one transaction
 *   the store is missing     made, if `create` allows it: beside other stores only when spelled out
 *
 * A crash between any two steps leaves what the next open takes up at the same place.
 */
import { FormatTooNew, NotAStore, StoreBusy, StoreNotFound } from "../../kernel/errors.ts"
import type { Durability, LogStorage, OpenOptions, Recovery } from "../../kernel/ports/log-storage.ts"
import type { DatabaseFile } from "./clients/local.ts"
import type { Database } from "./database.ts"
import { persistError } from "./errors.ts"
import { FileFlusher, noFlusher } from "./flusher.ts"
import { FrameTable } from "./frame-table.ts"
import { LibsqlLogStorage } from "./libsql-log-storage.ts"
import { holdsTables, makeTables, refuseSqliteStores, type Tables } from "./schema.ts"
import { Session, type Subject } from "./session.ts"
import { SnapshotTable } from "./snapshot-table.ts"
import { findStore, makeStore, storeNames } from "./store-table.ts"

/** Where stores are kept, and how a connection is had. */
export interface Store {
  /** For people; undefined for memory. */
  readonly location: string | undefined
  readonly tables: Tables
  /** The file, where there is one that is opened here. */
  readonly file: DatabaseFile | undefined
  /** It opens without its server, too. */
  readonly isReplica: boolean
  readonly createFolders: boolean
  readonly pollMillis: number
  /** A connection for one handle; `close` of it frees what belongs to that handle. */
  connect(options: { readonly readOnly: boolean }): Promise<Database>
}

export const openStore = async (place: Store, storeName: string, options: OpenOptions, onClose: () => void): Promise<LogStorage> => {
  const { tables, file } = place
  const { durability, create, signal, readPrefix = false } = options
  const location = place.location ?? "memory"
  const mayMake = create !== false && !readPrefix
  if (file !== undefined && !file.isThere()) {
    if (!mayMake) throw new StoreNotFound({ store: storeName, location, stores: [] })
    file.make(place.createFolders)
  }
  if (!readPrefix) file?.requireWritable()
  const { session, hasTables } = await openJudged(place, storeName, { signal, unchanged: readPrefix })
  try {
    if (!hasTables && !mayMake) throw new StoreNotFound({ store: storeName, location, stores: [] })
    if (file !== undefined && !readPrefix) await prepareFile(session, durability)
    if (!hasTables) {
      await session.batch("write", makeTables(tables))
      // Another may have made other tables of these names meanwhile.
      await holdsTables(session, tables)
    }
    const { id, created } = await findOrMake(session, tables, storeName, mayMake ? create : false)
    // From here on the signal says nothing any more: it was to give up opening.
    const own = new Session(session.database, session.subject)
    const frames = new FrameTable(own, tables, id)
    let recovery: Recovery | undefined
    if (readPrefix) {
      const damage = await frames.firstDamage()
      if (damage !== undefined) {
        frames.endBefore(damage.position)
        recovery = { kind: "prefix_only", position: damage.position, bytes: 0, reason: damage.reason }
      }
    }
    signal?.throwIfAborted()
    const storage = new LibsqlLogStorage({
      session: own,
      frames,
      snapshots: new SnapshotTable(own, tables, id),
      flusher: file === undefined ? noFlusher : new FileFlusher(own, tables, id, durability),
      opened: { created, location: place.location, recovery },
      durability,
      isReplica: place.isReplica,
      pollMillis: place.pollMillis,
      readPrefix,
      shrink: (isOver) => (file === undefined ? Promise.resolve() : shrink(own, isOver)),
      async free() {
        try {
          if (file !== undefined && !readPrefix) await emptyLog(own)
          await own.database.close()
        } finally {
          onClose()
        }
      },
    })
    // Damage that shows at once is said at once.
    await storage.head()
    return storage
  } catch (cause) {
    await abandon(session)
    throw cause === signal?.reason ? cause : session.errorOf(cause, "open")
  }
}

/** A connection to a database, and whether our tables are in it; if not, they may be made. */
export interface Judged {
  readonly session: Session
  readonly hasTables: boolean
}

/**
 * A connection to a database, after it was found to be ours, or to have none of our tables. If it is refused, it is as it was: a file with
 * leftovers of another process beside it is judged over a connection that cannot write, which is also the answer if all is to stay
 * `unchanged`.
 */
export const openJudged = async (
  place: Store,
  storeName: string,
  { signal, unchanged }: { readonly signal?: AbortSignal | undefined; readonly unchanged: boolean },
): Promise<Judged> => {
  const subject: Subject = { store: storeName, location: place.location ?? "memory" }
  const judge = async (readOnly: boolean): Promise<Judged> => {
    let session: Session | undefined
    try {
      session = new Session(await place.connect({ readOnly }), subject, signal)
      if (place.file !== undefined) await refuseSqliteStores(session)
      return { session, hasTables: await holdsTables(session, place.tables) }
    } catch (cause) {
      if (session !== undefined) await abandon(session)
      throw cause === signal?.reason ? cause : persistError(cause, "open", subject.location)
    }
  }
  if (place.file?.hasLeftovers() === true) {
    try {
      const judged = await judge(true)
      if (unchanged) return judged
      await abandon(judged.session)
    } catch (cause) {
      // Anything else says nothing about the file: an interrupted transaction, for one, cannot be read before it was rolled back.
      if (unchanged || cause instanceof NotAStore || cause instanceof FormatTooNew || cause === signal?.reason) throw cause
    }
  }
  return await judge(place.file !== undefined && unchanged)
}

const findOrMake = async (
  session: Session,
  tables: Tables,
  storeName: string,
  create: boolean | undefined,
): Promise<{ readonly id: number; readonly created: boolean }> => {
  const found = await findStore(session, tables, storeName)
  if (found !== undefined) return { id: found, created: false }
  if (create !== false) {
    const made = await makeStore(session, tables, storeName, { beside: create === true })
    if (made !== undefined) return { id: made, created: true }
    // Another handle made it meanwhile, or there are others.
    const id = await findStore(session, tables, storeName)
    if (id !== undefined) return { id, created: false }
  }
  throw new StoreNotFound({ store: storeName, location: session.subject.location, stores: await storeNames(session, tables) })
}

/** Sets what this connection needs, and what an empty file is to be. */
const prepareFile = async (session: Session, durability: Durability): Promise<void> => {
  const [row] = await session.execute("read", { sql: "PRAGMA page_count" })
  if (row?.page_count === 0) await session.maintain("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
  await session.configure([
    // A database from outside: nothing in its schema may call functions with side effects, and damaged pages are found when read.
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    // A failed checkpoint must be heard; SQLite keeps the failures of its own ones to itself.
    "PRAGMA wal_autocheckpoint = 0",
    // On macOS a plain fsync leaves the data in the drive's cache; elsewhere these change nothing.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    `PRAGMA synchronous = ${durability === "full" ? "EXTRA" : "NORMAL"}`,
  ].join("; "))
}

/** Pages that one step of `shrink` moves: others wait for it. */
const STEP_PAGES = 512

/** Gives pages that were freed back to the file system, a step at a time, unless others want to write or there is no room to do it. */
export const shrink = (session: Session, isOver: () => boolean = () => false): Promise<void> =>
  unlessBusy(session, async () => {
    const freePages = async (): Promise<number> => {
      const [row] = await session.execute("read", { sql: "PRAGMA freelist_count" })
      return Number(row?.freelist_count)
    }
    for (let pages = await freePages(), left = 0; pages > 0 && !isOver(); pages = left) {
      await session.maintain(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
      left = await freePages()
      // A file that was made without incremental vacuum keeps its pages for later frames.
      if (left === pages) return
    }
  })

/** Writes a file anew. */
export const rewrite = (session: Session): Promise<void> => unlessBusy(session, () => session.maintain("VACUUM"))

const unlessBusy = async (session: Session, run: () => Promise<void>): Promise<void> => {
  try {
    await run()
  } catch (cause) {
    if (!(cause instanceof StoreBusy) && session.meaningOf(cause) !== "full") throw cause
  }
}

/** Leaves no log behind if this is the last connection. */
export const emptyLog = async (session: Session): Promise<void> => {
  try {
    await session.database.execute({ sql: "PRAGMA wal_checkpoint(TRUNCATE)" }, "write")
  } catch {
    // Tidiness alone: what was promised has been flushed, and the next open reads the log.
  }
}

/** Closes where the reason for closing says more than a failure to close could. */
export const abandon = async (session: Session): Promise<void> => {
  try {
    await session.database.close()
  } catch {
    // Nothing was promised yet over this connection.
  }
}
