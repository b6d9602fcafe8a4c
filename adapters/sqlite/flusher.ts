/**
 * What of a handle's writes is on the device, and checkpoints.
 *
 *   level      synchronous   an append that resolved is           flush()
 *   full       EXTRA         on the device                        nothing left to do
 *   normal     NORMAL        in the write-ahead log, at the OS    checkpoint, else a commit that syncs
 *   relaxed    NORMAL        the same                             the same, only when called
 *
 * A passive checkpoint syncs the log, copies pages into the database and syncs that. It proves that all is durable only if it got to the
 * end of the log: a reader of an old state, or another checkpoint under way, can keep it from doing anything at all. Then one more commit,
 * with `synchronous = EXTRA`, syncs the whole log. In a user's database with a rollback journal there is no log; the same commit syncs there.
 *
 * Checkpoints are ours: SQLite's automatic ones keep a failed sync to themselves, after which nobody could know what the device holds.
 */
import { FlushFailed, StoreBusy } from "../../kernel/errors.ts"
import type { Awaitable, Durability } from "../../kernel/ports/log-storage.ts"
import type { Connection } from "./connection.ts"
import type { Statement } from "./drivers/driver.ts"
import { reasonOf } from "./errors.ts"
import { PAGE_BYTES, type Tables } from "./schema.ts"

/**
 * A handle checkpoints after it has written about this much. Four times SQLite's own 1,000 pages: in one-row appends the same page is in
 * the log some twenty times, and the three syncs are paid once for all of them.
 */
const CHECKPOINT_BYTES = 16_777_216
/**
 * Where every append syncs the log: the sooner it is full and written over, the sooner a sync need not carry a new file length too. That counts
 * where syncs are many; a few large appends have the same bound as above, or each of them would wait for a checkpoint.
 */
const CHECKPOINT_BYTES_FULL = 4_194_304, CHECKPOINT_COMMITS_FULL = 16

export class Flusher {
  readonly #connection: Connection
  readonly #isEveryWriteSynced: boolean
  readonly #checkpointPassively: Statement
  readonly #countFlush: Statement
  #isUnflushed = false
  #bytesSinceCheckpoint = 0
  #commitsSinceCheckpoint = 0
  #failure: FlushFailed | undefined

  constructor(connection: Connection, { stores }: Tables, store: number, durability: Durability) {
    this.#connection = connection
    this.#isEveryWriteSynced = durability === "full"
    this.#checkpointPassively = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")
    this.#countFlush = connection.prepare(`UPDATE ${stores} SET flushes = flushes + 1 WHERE id = ${store}`)
  }

  /** Why what the device holds is not known any more. Final: only a new handle reads what is there. */
  get failure(): FlushFailed | undefined {
    return this.#failure
  }

  /** To be called after every commit; `bytes` is about what it wrote. A checkpoint that is due and fails shows in `failure`. */
  wrote(bytes: number): void {
    this.#isUnflushed = true
    this.#bytesSinceCheckpoint += bytes + PAGE_BYTES
    this.#commitsSinceCheckpoint++
    const isDue = this.#isEveryWriteSynced && this.#commitsSinceCheckpoint >= CHECKPOINT_COMMITS_FULL
      ? this.#bytesSinceCheckpoint >= CHECKPOINT_BYTES_FULL
      : this.#bytesSinceCheckpoint >= CHECKPOINT_BYTES
    if (isDue) this.checkpoint()
  }

  /**
   * Resolves when all that was written before is on the device.
   *
   * Rejects with `FlushFailed`, for good; or with `StoreBusy`, which only says "not yet": a reader kept the checkpoint back and a writer
   * the commit.
   */
  flush(): Awaitable<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#isUnflushed || this.#isEveryWriteSynced || this.checkpoint()) return
    if (this.#failure !== undefined) throw this.#failure
    this.#isUnflushed = false
    const failed = (cause: unknown): FlushFailed | StoreBusy => {
      this.#isUnflushed = true
      return cause instanceof StoreBusy ? cause : this.fail(cause)
    }
    try {
      const committed = this.#connection.whenFree(() => this.#commitDurably())
      if (committed instanceof Promise) {
        return committed.catch((cause) => {
          throw failed(cause)
        })
      }
    } catch (cause) {
      throw failed(cause)
    }
  }

  /** Copies the log into the database as far as readers allow. Answers whether everything is durable; a failure shows in `failure`. */
  checkpoint(): boolean {
    this.#bytesSinceCheckpoint = this.#commitsSinceCheckpoint = 0
    try {
      // Without a log, as in a rollback journal's database, both counts are -1.
      const { busy, log, checkpointed } = this.#checkpointPassively.get() as { busy: number; log: number; checkpointed: number }
      if (busy !== 0 || log !== checkpointed || log < 0) return false
    } catch (cause) {
      const meaning = this.#connection.meaningOf(cause)
      if (meaning === "busy") return false
      // No room for the pages: the log, which holds them all, was synced before the first one was copied.
      if (meaning !== "full") {
        this.fail(cause)
        return false
      }
    }
    this.#isUnflushed = false
    return true
  }

  /** A sync has failed: from now on `failure` says so. */
  fail(cause: unknown): FlushFailed {
    const { location } = this.#connection.subject
    return this.#failure = cause instanceof FlushFailed
      ? cause
      : new FlushFailed({ location, reason: reasonOf(cause, undefined) }, { cause })
  }

  /** One commit that syncs all before it; it must change something, or SQLite would write nothing. */
  #commitDurably(): void {
    this.#connection.setPragma("synchronous = EXTRA")
    try {
      this.#countFlush.run()
    } finally {
      this.#connection.setPragma("synchronous = NORMAL")
    }
  }
}
