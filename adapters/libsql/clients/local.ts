/**
 * A database in a local file or in memory: the library's client over SQLite, with one connection, so that what a pragma sets stays set.
 *
 * SQLite runs inside the call and never waits for a lock: busy is said at once, and session.ts tries again beside the event loop. After any
 * failure but that of a constraint the connection is made anew.
 */
import { accessSync, closeSync, constants, fsyncSync, openSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { DriverMissing, NotAStore, PathNotFound } from "../../../kernel/errors.ts"
import { systemCode, systemError, withSystemErrors } from "../../system/errors.ts"
import { FILE_MODE, flushFolder, makeFolder } from "../../system/folders.ts"
import { type Access, type Client, type Database, fromClient, type Row, type Statement, toClient } from "../database.ts"
import { answerOf, DatabaseError } from "../errors.ts"

/** One page of the smallest size. */
const DATABASE_BYTES_MIN = 512

interface Library {
  createClient(config: { url: string; concurrency: number; timeout: number }): Client
}

const loadLibrary = async (): Promise<Library> => {
  try {
    return await import("@libsql/client/sqlite3")
  } catch (cause) {
    throw new DriverMissing({ adapter: "libsql", tried: ["@libsql/client"] }, { cause })
  }
}

const open = (library: Library, url: string): Database => {
  try {
    return new LocalDatabase(() => library.createClient({ url, concurrency: 1, timeout: 0 }))
  } catch (cause) {
    throw errorOf(cause)
  }
}

/** A database that is gone when it is closed. Rejects with `DriverMissing`. */
export const openMemory = async (): Promise<Database> => open(await loadLibrary(), ":memory:")

export { openReplica } from "./replica.ts"

/** A database file. */
export interface DatabaseFile {
  /** The path that all handles of this process agree on, whether the file is there yet or not. */
  identity(): string
  /** Whether it is there. Throws `NotAStore` if something else is. */
  isThere(): boolean
  /** Whether another process has left work behind that a writing connection would finish. */
  hasLeftovers(): boolean
  /** Makes an empty one, for its owner alone, and the last folder of its path; nothing if it is there by now. */
  make(createFolders: boolean): void
  /** Throws what keeps this process from writing to it: SQLite would open it for reading without a word, and fail at the first write. */
  requireWritable(): void
  /** Opens it; it must be there. Rejects with `DriverMissing` or a `DatabaseError`. */
  open(options: { readonly readOnly: boolean }): Promise<Database>
}

/**
 * Nothing here opens a database file that is already there but SQLite, not even to read its head: on POSIX, closing any descriptor of a
 * file drops all locks that the process holds on it, those of SQLite too.
 */
export const fileOf = (path: string): DatabaseFile => ({
  identity: () => identityOf(path),
  isThere: () => isFileThere(path),
  hasLeftovers: () => (statOf(`${path}-wal`)?.size ?? 0) > 0 || (statOf(`${path}-journal`)?.size ?? 0) > 0,
  make(createFolders) {
    makeFolder(dirname(path), createFolders)
    try {
      // Log, shared memory and journal get the mode of this file from SQLite.
      const descriptor = openSync(path, "wx", FILE_MODE)
      try {
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    } catch (cause) {
      if (systemCode(cause) !== "EEXIST") throw systemError(cause, "make", path)
      if (!isFileThere(path)) throw new PathNotFound({ location: path, reason: "it is a link to nothing" }, { cause })
      return
    }
    flushFolder(dirname(path))
  },
  requireWritable() {
    withSystemErrors("open", path, () => accessSync(path, constants.R_OK | constants.W_OK))
    // Log and journal are made beside it.
    withSystemErrors("write to", dirname(path), () => accessSync(dirname(path), constants.W_OK | constants.X_OK))
  },
  async open({ readOnly }) {
    const library = await loadLibrary()
    // SQLite's own URI inside the library's, which knows no mode: `rw` makes no file that is not there.
    return open(library, `file:${encodeURIComponent(`${pathToFileURL(path).href}?mode=${readOnly ? "ro" : "rw"}`)}`)
  },
})

const isFileThere = (path: string): boolean => {
  const found = statOf(path)
  if (found === undefined) return false
  if (!found.isFile()) throw new NotAStore({ location: path, reason: found.isDirectory() ? "it is a folder" : "it is no file" })
  // SQLite would take a single byte for an empty database.
  if (found.size > 0 && found.size < DATABASE_BYTES_MIN) throw new NotAStore({ location: path, reason: "it is too short for a database" })
  return true
}

const identityOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(path)
    return folder === path ? path : join(identityOf(folder), basename(path))
  }
}

const statOf = (path: string): ReturnType<typeof statSync> => {
  try {
    return statSync(path)
  } catch (cause) {
    const code = systemCode(cause)
    if (code === "ENOENT" || code === "NotFound") return undefined
    throw systemError(cause, "open", path)
  }
}

class LocalDatabase implements Database {
  readonly #connect: () => Client
  #client: Client
  #pragmas = ""
  #isClosed = false

  constructor(connect: () => Client) {
    this.#connect = connect
    this.#client = connect()
  }

  execute(statement: Statement): Promise<readonly Row[]> {
    return this.#call(async (client) => fromClient(await client.execute(toClient(statement))))
  }

  batch(statements: readonly Statement[], access: Access): Promise<readonly (readonly Row[])[]> {
    return this.#call(async (client) =>
      (await client.batch(statements.map(toClient), access === "write" ? "write" : "read")).map(fromClient)
    )
  }

  maintain(statements: string): Promise<void> {
    return this.#call((client) => client.executeMultiple(statements))
  }

  async configure(pragmas: string): Promise<void> {
    await this.maintain(pragmas)
    this.#pragmas = pragmas
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#client.close()
  }

  async #call<T>(run: (client: Client) => Promise<T>): Promise<T> {
    const client = this.#client
    try {
      return await run(client)
    } catch (cause) {
      const error = errorOf(cause)
      // A call that waited while another one failed has run on no connection at all.
      if (client !== this.#client && Object(cause).code === "CLIENT_CLOSED") throw new DatabaseError("busy", error.message, { cause })
      if (error.meaning !== "constraint" && client === this.#client) await this.#reconnect()
      throw error
    }
  }

  /**
   * The library leaves a statement that was busy unfinished. As long as it is, SQLite commits nothing of this connection, and says of the
   * next insert that it was done; so nothing may run on it any more.
   */
  async #reconnect(): Promise<void> {
    if (this.#isClosed) return
    const client = this.#connect()
    this.#client.close()
    this.#client = client
    if (this.#pragmas !== "") await client.executeMultiple(this.#pragmas)
  }
}

const errorOf = (cause: unknown): DatabaseError =>
  answerOf(cause) ?? new DatabaseError("failed", cause instanceof Error ? cause.message : String(cause), { cause })
