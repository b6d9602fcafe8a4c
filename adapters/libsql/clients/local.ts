/**
 * A database in a local file or in memory: the library's client over SQLite, with one connection, so that what a pragma sets stays set.
 *
 * SQLite runs inside the call and never waits for a lock: busy is said at once, and session.ts tries again beside the event loop. After any
 * failure but that of a constraint the connection is made anew.
 */
import { accessSync, constants } from "node:fs"
import { dirname } from "node:path"
import { pathToFileURL } from "node:url"
import { DriverMissing } from "../../../kernel/errors.ts"
import { hasLeftovers, identityOf, isFileThere, makeFile, requireWritable } from "../../system/database-file.ts"
import { withSystemErrors } from "../../system/errors.ts"
import { type Access, type Client, type Database, fromClient, type Row, type Statement, toClient } from "../database.ts"
import { answerOf, DatabaseError } from "../errors.ts"

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

/** The file at an absolute path. */
export const fileOf = (path: string): DatabaseFile => ({
  identity: () => identityOf(path),
  isThere: () => isFileThere(path),
  hasLeftovers: () => hasLeftovers(path),
  make: (createFolders) => makeFile(path, createFolders),
  requireWritable() {
    requireWritable(path)
    // Log and journal are made beside it.
    withSystemErrors("write to", dirname(path), () => accessSync(dirname(path), constants.W_OK | constants.X_OK))
  },
  async open({ readOnly }) {
    const library = await loadLibrary()
    // SQLite's own URI inside the library's, which knows no mode: `rw` makes no file that is not there.
    return open(library, `file:${encodeURIComponent(`${pathToFileURL(path).href}?mode=${readOnly ? "ro" : "rw"}`)}`)
  },
})

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
