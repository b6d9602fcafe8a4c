/**
 * An embedded replica: a file here that copies the database of a server, its primary.
 *
 *   write    the primary
 *   read     the primary
 *   known    the primary; where it cannot be reached, the file
 *   stored   the file, if it has an answer; else the primary, and the file is brought up to date behind it
 *
 * So a large store opens from the file, what is written is decided where all others write too, and nothing that was acknowledged is ever
 * missing from an answer that must be of now. Without the primary a store opens and is read as the file has it, and writes are refused.
 */
import { dirname } from "node:path"
import { URL } from "node:url"
import { Worker } from "node:worker_threads"
import { makeFolder } from "../../system/folders.ts"
import type { Access, Database, Row, Statement } from "../database.ts"
import { answerOf, DatabaseError, meaningOf } from "../errors.ts"
import type { Tokens } from "../tokens.ts"
import type { ReplicaAnswer, ReplicaCall, ReplicaSetup } from "./replica-worker.ts"

type Answers = readonly (readonly Row[])[]

export interface ReplicaOptions extends ReplicaSetup {
  readonly primary: Database
  readonly tokens: Tokens
  readonly timeoutMillis: number
  readonly createFolders: boolean
}

/** Opens the file, and copies what the primary has, if it can be reached in time. */
export const openReplica = async (options: ReplicaOptions): Promise<Database> => {
  makeFolder(dirname(options.path), options.createFolders)
  const database = new ReplicaDatabase(options)
  try {
    await database.sync()
  } catch {
    // Then the file says what it has, or the primary why it is not there.
  }
  return database
}

class ReplicaDatabase implements Database {
  readonly #options: ReplicaOptions
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: ReplicaAnswer) => void>()
  #calls = 0
  #syncing: Promise<void> | undefined

  constructor(options: ReplicaOptions) {
    this.#options = options
    const { path, syncUrl } = options
    this.#worker = new Worker(new URL(import.meta.resolve("#libsql-replica")), { workerData: { path, syncUrl } satisfies ReplicaSetup })
    this.#worker.on("message", (answer: ReplicaAnswer) => {
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    })
    this.#worker.on("error", (cause) => this.#fail(String(cause)))
    this.#worker.on("exit", () => this.#fail("the thread of the replica has ended"))
    this.#worker.unref()
  }

  async execute(statement: Statement, access: Access): Promise<readonly Row[]> {
    return (await this.batch([statement], access))[0] ?? []
  }

  async batch(statements: readonly Statement[], access: Access): Promise<Answers> {
    const { primary } = this.#options
    if (access === "write" || access === "read") return await primary.batch(statements, access)
    const here = access === "stored" ? await this.#here(statements) : undefined
    if (here !== undefined && (here.at(-1)?.length ?? 0) > 0) return here
    try {
      const answers = await primary.batch(statements, "read")
      if (access === "stored" && (answers.at(-1)?.length ?? 0) > 0) this.sync().catch(() => {}) // the next read says why, if it matters
      return answers
    } catch (cause) {
      const meaning = meaningOf(cause)
      const instead = meaning === "unreachable" || meaning === "failed" ? here ?? await this.#here(statements) : undefined
      if (instead === undefined) throw cause
      return instead
    }
  }

  /** What the file says; undefined if it says nothing. */
  async #here(statements: readonly Statement[]): Promise<Answers | undefined> {
    try {
      return (await this.#ask((id) => ({ id, call: "batch", statements }))).value
    } catch {
      return undefined
    }
  }

  /** Copies what the primary has. One at a time; bounded, though the thread may go on for longer. */
  sync(): Promise<void> {
    return this.#syncing ??= this.#sync().finally(() => this.#syncing = undefined)
  }

  async #sync(): Promise<void> {
    const token = await this.#options.tokens.current()
    await this.#ask((id) => ({ id, call: "sync", token }))
  }

  async #ask(callOf: (id: number) => ReplicaCall): Promise<ReplicaAnswer> {
    const id = this.#calls++
    const { timeoutMillis } = this.#options
    let timer: ReturnType<typeof setTimeout> | undefined
    const answer = await new Promise<ReplicaAnswer>((resolve) => {
      const late = { message: `the replica did not answer within ${timeoutMillis} ms`, code: undefined, rawCode: undefined }
      timer = setTimeout(() => resolve({ id, error: late }), timeoutMillis)
      this.#waiting.set(id, resolve)
      this.#worker.postMessage(callOf(id))
    })
    clearTimeout(timer)
    this.#waiting.delete(id)
    const { error } = answer
    if (error === undefined) return answer
    throw answerOf(Object.assign(new Error(error.message), error)) ?? new DatabaseError("failed", error.message)
  }

  #fail(message: string): void {
    for (const [id, settle] of this.#waiting) settle({ id, error: { message, code: undefined, rawCode: undefined } })
    this.#waiting.clear()
  }

  maintain(): Promise<void> {
    return Promise.reject(new DatabaseError("rejected", "a replica is maintained by its primary"))
  }

  async configure(): Promise<void> {}

  async close(): Promise<void> {
    await this.#worker.terminate()
    await this.#options.primary.close()
  }
}
