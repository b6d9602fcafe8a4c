/**
 * One connection to a database: its statements, its transactions, and what happens while others keep it busy.
 *
 *   attempt ──▶ done
 *      │ busy: SQLite itself has waited up to 50 ms, the event loop with it
 *      ▼
 *   attempts 1 to 20 ms apart, without waiting inside SQLite ──▶ done
 *      │ 5 s are over
 *      ▼
 *   StoreBusy
 *
 * Transactions are synchronous from begin to end, so none ever holds the database across a turn of the event loop.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { PersistError, StoreBusy } from "../../kernel/errors.ts"
import { BUSY_RETRY_MILLIS_MAX } from "../../kernel/limits.ts"
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import type { Database, Driver, Row, SqlValue, Statement } from "./drivers/driver.ts"
import { type Meaning, meaningOf, sqliteError } from "./errors.ts"

/** SQLite waits this long for a lock before it says that it is busy. The event loop waits with it. */
const BUSY_TIMEOUT_MILLIS = 50
const RETRY_MILLIS_MIN = 1
const RETRY_MILLIS_MAX = 20

/** What a connection is about, for errors. */
export interface Subject {
  readonly store: string
  readonly location: string
}

export class Connection {
  readonly subject: Subject
  readonly readOnly: boolean
  readonly #driver: Driver
  readonly #database: Database
  readonly #begin: Statement
  readonly #beginDeferred: Statement
  readonly #commit: Statement
  readonly #rollback: Statement
  readonly #statements = new Map<string, Statement>()
  #retriesRunning = 0

  private constructor(driver: Driver, database: Database, subject: Subject, readOnly: boolean) {
    this.#driver = driver
    this.#database = database
    this.subject = subject
    this.readOnly = readOnly
    this.setPragma(`busy_timeout = ${BUSY_TIMEOUT_MILLIS}`)
    // A database from outside: nothing in its schema may call functions with side effects, and damaged pages are found when read.
    this.setPragma("trusted_schema = OFF")
    this.setPragma("cell_size_check = ON")
    // A failed checkpoint must be heard; SQLite keeps the failures of its own ones to itself.
    this.setPragma("wal_autocheckpoint = 0")
    // On macOS a plain fsync leaves the data in the drive's cache; elsewhere these change nothing.
    this.setPragma("fullfsync = ON")
    this.setPragma("checkpoint_fullfsync = ON")
    this.#begin = database.prepare("BEGIN IMMEDIATE")
    this.#beginDeferred = database.prepare("BEGIN")
    this.#commit = database.prepare("COMMIT")
    this.#rollback = database.prepare("ROLLBACK")
  }

  /** Opens the file at `subject.location`, which exists. */
  static open(driver: Driver, subject: Subject, options: { readonly readOnly: boolean }): Connection {
    let database: Database | undefined
    try {
      database = driver.open(subject.location, options)
      return new Connection(driver, database, subject, options.readOnly)
    } catch (cause) {
      try {
        database?.close()
      } catch {
        // Why it could not be used says more.
      }
      throw sqliteError(cause, driver.codeOf(cause), "open", subject.location)
    }
  }

  prepare(sql: string): Statement {
    return this.#database.prepare(sql)
  }

  /** Runs statements that take no parameters and answer nothing. */
  execute(sql: string): void {
    this.#database.execute(sql)
  }

  /** The first row. The statement is kept: for texts of which there are few. */
  query(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    let statement = this.#statements.get(sql)
    if (statement === undefined) this.#statements.set(sql, statement = this.prepare(sql))
    return statement.get(...values)
  }

  /** What a pragma says. */
  pragma(name: string): unknown {
    return this.query(`PRAGMA ${name}`)?.[name]
  }

  /** Sets or does what a pragma says. Never a kept statement: many pragmas take effect when they are prepared, and only then. */
  setPragma(words: string): void {
    this.execute(`PRAGMA ${words}`)
  }

  meaningOf(cause: unknown): Meaning {
    return cause instanceof PersistError ? "failed" : meaningOf(this.#driver.codeOf(cause))
  }

  /** Our error for what a call threw. */
  errorOf(cause: unknown, call: string, neededBytes: number = 0): PersistError {
    return sqliteError(cause, this.#driver.codeOf(cause), call, this.subject.location, neededBytes)
  }

  /** Runs `change` in a transaction of its own that holds the write lock from its start. Throws what SQLite throws. */
  inTransaction<T>(change: () => T): T {
    return this.#transact(this.#begin, change)
  }

  /** Runs `run` on one state of the database; locks are taken when a statement needs them. Throws what SQLite throws. */
  inDeferredTransaction<T>(run: () => T): T {
    return this.#transact(this.#beginDeferred, run)
  }

  #transact<T>(begin: Statement, run: () => T): T {
    begin.run()
    try {
      const result = run()
      this.#commit.run()
      return result
    } catch (cause) {
      try {
        this.#rollback.run()
      } catch {
        // After some failures SQLite has rolled back by itself; a connection that still could not is useless and shows it at its next call.
      }
      throw cause
    }
  }

  /**
   * Calls `attempt` until the database is not busy; at once if it can. `attempt` must leave nothing behind when it finds it busy.
   *
   * Throws or rejects with what `attempt` throws, with `StoreBusy`, or with the signal's reason.
   */
  whenFree<T>(attempt: () => T, signal?: AbortSignal): Awaitable<T> {
    const startedAt = performance.now()
    try {
      return attempt()
    } catch (cause) {
      if (this.meaningOf(cause) !== "busy") throw cause
      return this.#retry(attempt, startedAt, cause, signal)
    }
  }

  async #retry<T>(attempt: () => T, startedAt: number, firstCause: unknown, signal: AbortSignal | undefined): Promise<T> {
    let cause = firstCause
    if (this.#retriesRunning++ === 0) this.setPragma("busy_timeout = 0")
    try {
      while (performance.now() - startedAt < BUSY_RETRY_MILLIS_MAX) {
        // Random, so that two that wait for each other do not stay in step.
        await sleep(RETRY_MILLIS_MIN + Math.random() * (RETRY_MILLIS_MAX - RETRY_MILLIS_MIN))
        signal?.throwIfAborted()
        try {
          return attempt()
        } catch (again) {
          if (this.meaningOf(again) !== "busy") throw again
          cause = again
        }
      }
      throw new StoreBusy({ store: this.subject.store, waitedMillis: Math.round(performance.now() - startedAt) }, { cause })
    } finally {
      if (--this.#retriesRunning === 0) this.setPragma(`busy_timeout = ${BUSY_TIMEOUT_MILLIS}`)
    }
  }

  /** Leaves no log behind if this is the last connection: SQLite does so itself, but not where a driver keeps statements open. */
  emptyLog(): void {
    try {
      this.setPragma("busy_timeout = 0")
      this.setPragma("wal_checkpoint(TRUNCATE)")
    } catch {
      // Tidiness alone: what was promised has been flushed, and the next open reads the log.
    }
  }

  /** Settles nothing and flushes nothing: frees the connection. */
  close(): void {
    this.#database.close()
  }

  /** As `close`, where the reason for closing says more than a failure to close could. */
  abandon(): void {
    try {
      this.close()
    } catch {
      // Nothing was promised yet over this connection.
    }
  }
}
