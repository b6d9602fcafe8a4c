/**
 * A database at a server, by HTTP or over a WebSocket; for every runtime, browsers too.
 *
 *   http   each call is one request (http.ts)
 *   ws     calls share a connection, which is dropped when anything goes wrong with it and made anew by the next call
 *
 * A WebSocket tells little: a server that refuses a token or a right just closes it. Then one harmless write by HTTP asks for the reason:
 * 403 says that this token never wrote anything, 401 that the token must be asked for again. Whatever is not proved stays unknown.
 */
import { DriverMissing } from "../../../kernel/errors.ts"
import { type Access, type Client, type Database, fromClient, type Row, type Statement, toClient } from "../database.ts"
import { answerOf, DatabaseError } from "../errors.ts"
import type { RemotePlace } from "../place.ts"
import { Tokens } from "../tokens.ts"
import { hide, isUnsent, sendRequest } from "./http.ts"

export interface RemoteOptions {
  readonly tokens: Tokens
  /** A call that has no answer by then has failed. */
  readonly timeoutMillis: number
}

interface Library {
  createClient(config: { url: string; authToken?: string; concurrency: number; fetch?: (request: Request) => Promise<Response> }): Client
}
type Call<T> = (client: Client) => Promise<T>

const loadLibrary = async (): Promise<Library> => {
  try {
    // What has no file system in it: under Deno it asks for the network alone.
    return await import("@libsql/client/web")
  } catch (cause) {
    throw new DriverMissing({ adapter: "libsql", tried: ["@libsql/client"] }, { cause })
  }
}

/** Connects at the first call. Rejects with `DriverMissing`. */
export const openRemote = async (place: RemotePlace, options: RemoteOptions): Promise<Database> => {
  const library = await loadLibrary()
  const { tokens, timeoutMillis } = options
  return place.url.startsWith("ws")
    ? new SocketDatabase(library, place.url, tokens, timeoutMillis)
    : new Requests(library, place.url, tokens, timeoutMillis)
}

/** By HTTP. */
class Requests implements Database {
  readonly #client: Client
  readonly #closing = new AbortController()

  constructor(library: Library, url: string, tokens: Tokens, timeoutMillis: number) {
    const options = { tokens, timeoutMillis, signal: this.#closing.signal }
    // Not the token: the library would keep it for ever. No limit of its own either: what waits in it has no deadline yet.
    this.#client = library.createClient({ url, concurrency: Infinity, fetch: (request) => sendRequest(request, options) })
  }

  execute(statement: Statement, access: Access): Promise<readonly Row[]> {
    return this.#call(access, async (client) => fromClient(await client.execute(toClient(statement))))
  }

  batch(statements: readonly Statement[], access: Access): Promise<readonly (readonly Row[])[]> {
    return this.#call(access, async (client) => (await client.batch(statements.map(toClient), modeOf(access))).map(fromClient))
  }

  async #call<T>(access: Access, run: Call<T>): Promise<T> {
    for (let isFirst = true;; isFirst = false) {
      try {
        return await run(this.#client)
      } catch (cause) {
        const error = answerOf(cause) ?? new DatabaseError("failed", cause instanceof Error ? cause.message : String(cause), { cause })
        // A kept connection that the server has closed meanwhile shows only when it is used.
        if (access === "write" || !isFirst || error.meaning !== "failed" || this.#closing.signal.aborted) throw error
      }
    }
  }

  maintain(): Promise<void> {
    return notHere()
  }

  async configure(): Promise<void> {}

  async close(): Promise<void> {
    this.#closing.abort()
    this.#client.close()
  }
}

/** Over a WebSocket. */
class SocketDatabase implements Database {
  readonly #library: Library
  readonly #url: string
  readonly #tokens: Tokens
  readonly #timeoutMillis: number
  #connection: { readonly client: Client; readonly token: string | undefined } | undefined
  #isClosed = false

  constructor(library: Library, url: string, tokens: Tokens, timeoutMillis: number) {
    this.#library = library
    this.#url = url
    this.#tokens = tokens
    this.#timeoutMillis = timeoutMillis
  }

  execute(statement: Statement, access: Access): Promise<readonly Row[]> {
    return this.#call(access, async (client) => fromClient(await client.execute(copied(statement))))
  }

  batch(statements: readonly Statement[], access: Access): Promise<readonly (readonly Row[])[]> {
    return this.#call(access, async (client) => (await client.batch(statements.map(copied), modeOf(access))).map(fromClient))
  }

  async #call<T>(access: Access, run: Call<T>): Promise<T> {
    for (let isFirst = true;; isFirst = false) {
      const connection = this.#connection ?? this.#connect(await this.#tokens.current())
      try {
        return await this.#inTime(run(connection.client))
      } catch (cause) {
        const answer = answerOf(cause)
        if (answer !== undefined && answer.meaning !== "denied") throw answer
        this.#drop(connection)
        const { token } = connection
        const error = answer ?? await this.#reasonFor(cause, token)
        const isRefused = error.status === 401 || answer !== undefined
        // Asked for here too, so that the next call has a new one.
        const isRenewed = isRefused && await this.#tokens.refused(token)
        // A token that is refused by now may have been good when this write was sent.
        if (error.status === 401 && access === "write") throw lost(cause, token)
        const mayAgain = isFirst && !this.#isClosed && (isRenewed || access !== "write" && error.meaning === "failed")
        if (!mayAgain) throw error
      }
    }
  }

  #connect(token: string | undefined): { readonly client: Client; readonly token: string | undefined } {
    if (this.#isClosed) throw new DatabaseError("failed", "the client is closed")
    const config = { url: this.#url, concurrency: Infinity }
    return this.#connection ??= {
      client: this.#library.createClient(token === undefined ? config : { ...config, authToken: token }),
      token,
    }
  }

  #drop(connection: { readonly client: Client }): void {
    if (this.#connection === connection) this.#connection = undefined
    connection.client.close()
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const timeoutMillis = this.#timeoutMillis
    let timer: ReturnType<typeof setTimeout> | undefined
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the server did not answer within ${timeoutMillis} ms`)), timeoutMillis)
    })
    try {
      return await Promise.race([work, expired])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Why a connection was lost, as far as it can be known: with its token, one harmless write is tried by HTTP. */
  async #reasonFor(cause: unknown, token: string | undefined): Promise<DatabaseError> {
    if (isUnsent(cause)) return new DatabaseError("unreachable", wordsOf(cause, token), { cause })
    if (this.#isClosed) return lost(cause, token)
    const requests = new Requests(this.#library, this.#url.replace(/^ws/, "http"), new Tokens(token), this.#timeoutMillis)
    try {
      await requests.execute({ sql: "DELETE FROM sqlite_sequence WHERE 0" }, "write")
    } catch (error) {
      if (error instanceof DatabaseError && (error.status === 401 || error.status === 403)) return error
      // What else went wrong says nothing about the connection.
    } finally {
      await requests.close()
    }
    return lost(cause, token)
  }

  maintain(): Promise<void> {
    return notHere()
  }

  async configure(): Promise<void> {}

  async close(): Promise<void> {
    this.#isClosed = true
    this.#connection?.client.close()
    this.#connection = undefined
  }
}

const wordsOf = (cause: unknown, token: string | undefined): string => hide(cause instanceof Error ? cause.message : String(cause), token)

/** Nobody knows what became of the call. */
const lost = (cause: unknown, token: string | undefined): DatabaseError => new DatabaseError("failed", wordsOf(cause, token), { cause })

const modeOf = (access: Access): "read" | "write" => (access === "write" ? "write" : "read")

const notHere = (): Promise<never> => Promise.reject(new DatabaseError("rejected", "a server takes no maintenance of its clients"))

/** With bytes of its own: it may be sent late, when a caller that gave up has written over them. */
const copied = (statement: Statement): ReturnType<typeof toClient> => {
  const { sql, args } = toClient(statement)
  return { sql, args: args.map((value) => (value instanceof Uint8Array ? value.slice() : value)) }
}
