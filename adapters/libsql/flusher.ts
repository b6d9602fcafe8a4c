/**
 * What of a handle's writes is on the device, and checkpoints; for files.
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
 *
 * At a server nothing is left to do here and nothing could be done: no statement of a client reaches its device (docs/durability.md).
 */
import { FlushFailed, StoreBusy } from "../../kernel/errors.ts"
import type { Durability } from "../../kernel/ports/log-storage.ts"
import type { Tables } from "./schema.ts"
import type { Session } from "./session.ts"

/** A handle checkpoints after it has written about this much. */
const CHECKPOINT_BYTES = 16_777_216
/** Where every append syncs the log: the sooner it is full and written over, the sooner a sync need not carry a new file length too. */
const CHECKPOINT_BYTES_FULL = 4_194_304
/** About what a commit adds to its frame. */
const PAGE_BYTES = 4096

/** What a handle asks about the device. */
export interface Flusher {
  /** Why what the device holds is not known any more. Final: only a new handle reads what is there. */
  readonly failure: FlushFailed | undefined
  /** To be called after every commit; `bytes` is about what it wrote. Answers whether a checkpoint is due. */
  wrote(bytes: number): boolean
  /** Copies the log into the database as far as readers allow; a failure shows in `failure`. */
  checkpoint(): Promise<boolean>
  /**
   * Resolves when all that was written before is on the device. Rejects with `FlushFailed`, for good; or with `StoreBusy`, which only says
   * "not yet".
   */
  flush(): Promise<void>
  /** A sync has failed: from now on `failure` says so. */
  fail(cause: unknown): FlushFailed
}

/** For what has no device of ours. */
export const noFlusher: Flusher = {
  failure: undefined,
  wrote: () => false,
  checkpoint: () => Promise.resolve(true),
  flush: () => Promise.resolve(),
  fail: (cause) => new FlushFailed({ location: "memory", reason: String(cause) }, { cause }),
}

export class FileFlusher implements Flusher {
  readonly #session: Session
  readonly #isEveryWriteSynced: boolean
  readonly #checkpointBytes: number
  readonly #countFlush: string
  #unflushed = 0
  #bytesSinceCheckpoint = 0
  #failure: FlushFailed | undefined

  constructor(session: Session, { stores }: Tables, store: number, durability: Durability) {
    this.#session = session
    this.#isEveryWriteSynced = durability === "full"
    this.#checkpointBytes = this.#isEveryWriteSynced ? CHECKPOINT_BYTES_FULL : CHECKPOINT_BYTES
    this.#countFlush = `UPDATE ${stores} SET flushes = flushes + 1 WHERE id = ${store}`
  }

  get failure(): FlushFailed | undefined {
    return this.#failure
  }

  wrote(bytes: number): boolean {
    this.#unflushed++
    this.#bytesSinceCheckpoint += bytes + PAGE_BYTES
    return this.#bytesSinceCheckpoint >= this.#checkpointBytes
  }

  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#unflushed === 0 || this.#isEveryWriteSynced || await this.checkpoint()) return
    if (this.#failure !== undefined) throw this.#failure
    await this.#commitDurably()
  }

  async checkpoint(): Promise<boolean> {
    const covered = this.#unflushed
    this.#bytesSinceCheckpoint = 0
    try {
      const [row] = await this.#session.execute("write", { sql: "PRAGMA wal_checkpoint(PASSIVE)" })
      const { busy, log, checkpointed } = Object(row)
      // Without a log, as in a rollback journal's database, both counts are -1.
      if (busy !== 0 || log !== checkpointed || log < 0) return false
    } catch (cause) {
      if (cause instanceof StoreBusy) return false
      // No room for the pages: the log, which holds them all, was synced before the first one was copied.
      if (this.#session.meaningOf(cause) !== "full") {
        this.fail(cause)
        return false
      }
    }
    this.#unflushed -= covered
    return true
  }

  fail(cause: unknown): FlushFailed {
    if (cause instanceof FlushFailed) return this.#failure = cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    return this.#failure = new FlushFailed({ location: this.#session.subject.location, reason }, { cause })
  }

  /** One commit that syncs all before it; it must change something, or SQLite would write nothing. */
  async #commitDurably(): Promise<void> {
    const covered = this.#unflushed
    try {
      // One call, so that nothing comes in between; if it fails, the connection is made anew with its own level.
      await this.#session.maintain(`PRAGMA synchronous = EXTRA; ${this.#countFlush}; PRAGMA synchronous = NORMAL`)
    } catch (cause) {
      throw cause instanceof StoreBusy ? cause : this.fail(cause)
    }
    this.#unflushed -= covered
  }
}
