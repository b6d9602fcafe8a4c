/**
 * A database as one handle uses it: what happens while others keep it busy, and which error a failure becomes.
 *
 *   attempt ──▶ done
 *      │ busy
 *      ▼
 *   attempts 1 to 20 ms apart, never waiting inside SQLite, so the event loop stays free ──▶ done
 *      │ 5 s are over
 *      ▼
 *   StoreBusy
 */
import { PersistError, StoreBusy } from "../../kernel/errors.ts"
import { BUSY_RETRY_MILLIS_MAX } from "../../kernel/limits.ts"
import type { Access, Database, Row, Statement } from "./database.ts"
import { type Meaning, meaningOf, persistError } from "./errors.ts"

const RETRY_MILLIS_MIN = 1
const RETRY_MILLIS_MAX = 20

/** What a session is about, for errors. */
export interface Subject {
  readonly store: string
  readonly location: string
}

export class Session {
  readonly database: Database
  readonly subject: Subject
  readonly #signal: AbortSignal | undefined

  constructor(database: Database, subject: Subject, signal?: AbortSignal) {
    this.database = database
    this.subject = subject
    this.#signal = signal
  }

  /** Runs one statement. Rejects with `StoreBusy`, the signal's reason or a `DatabaseError`. */
  execute(access: Access, statement: Statement): Promise<readonly Row[]> {
    return this.#whenFree(() => this.database.execute(statement, access))
  }

  /** Runs statements as one transaction. Rejects with `StoreBusy`, the signal's reason or a `DatabaseError`. */
  batch(access: Access, statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> {
    return this.#whenFree(() => this.database.batch(statements, access))
  }

  /** Runs statements that answer nothing, each to its end. Rejects with `StoreBusy`, the signal's reason or a `DatabaseError`. */
  maintain(statements: string): Promise<void> {
    return this.#whenFree(() => this.database.maintain(statements))
  }

  /** Runs pragmas, now and on every connection that takes the place of this one. Rejects like `maintain`. */
  configure(pragmas: string): Promise<void> {
    return this.#whenFree(() => this.database.configure(pragmas))
  }

  meaningOf(cause: unknown): Meaning {
    return cause instanceof PersistError ? "failed" : meaningOf(cause)
  }

  /** Our error for what a call rejected with. */
  errorOf(cause: unknown, call: string, neededBytes: number = 0): PersistError {
    return persistError(cause, call, this.subject.location, neededBytes)
  }

  async #whenFree<T>(attempt: () => Promise<T>): Promise<T> {
    const startedAt = performance.now()
    for (;;) {
      this.#signal?.throwIfAborted()
      try {
        return await attempt()
      } catch (cause) {
        if (this.meaningOf(cause) !== "busy") throw cause
        const waitedMillis = Math.round(performance.now() - startedAt)
        if (waitedMillis >= BUSY_RETRY_MILLIS_MAX) throw new StoreBusy({ store: this.subject.store, waitedMillis }, { cause })
        // Random, so that two that wait for each other do not stay in step.
        const delayMillis = RETRY_MILLIS_MIN + Math.random() * (RETRY_MILLIS_MAX - RETRY_MILLIS_MIN)
        await new Promise((resolve) => setTimeout(resolve, delayMillis))
      }
    }
  }
}
