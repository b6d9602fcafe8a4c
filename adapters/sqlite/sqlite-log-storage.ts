/**
 * One handle on a store in a database: a connection of its own, the store's frames and snapshots, and what is durable.
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
import { setImmediate as nextTurn } from "node:timers/promises"
import {
  CorruptFrame,
  FlushFailed,
  FrameTooLarge,
  InvalidOption,
  type PersistError,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  StorageFailed,
  StorageFull,
  StoreBusy,
  StoreClosed,
} from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type {
  Awaitable,
  Bytes,
  Durability,
  LogStorage,
  Opened,
  Position,
  ReadLimits,
  SnapshotStorage,
} from "../../kernel/ports/log-storage.ts"
import type { Connection } from "./connection.ts"
import type { Statement } from "./drivers/driver.ts"
import { reasonOf } from "./errors.ts"
import type { FrameTable } from "./frame-table.ts"
import { PAGE_BYTES, POSITION_MAX, type Tables } from "./schema.ts"
import type { Draft, SnapshotTable } from "./snapshot-table.ts"
import { vacuum } from "./vacuum.ts"
import { Watcher } from "./watcher.ts"

/**
 * A handle checkpoints after it has written about this much. Four times SQLite's own 1,000 pages: in one-row appends the same page is in
 * the log some twenty times, and the three syncs are paid once for all of them.
 */
const CHECKPOINT_BYTES = 16_777_216
/** Where every append syncs the log: the sooner it is full and written over, the sooner a sync need not carry a new file length too. */
const CHECKPOINT_BYTES_FULL = 4_194_304

/** What a handle is made of. */
export interface LogStorageParts {
  readonly connection: Connection
  readonly tables: Tables
  readonly store: number
  readonly frames: FrameTable
  readonly snapshots: SnapshotTable
  readonly opened: Opened
  readonly durability: Durability
  /** Only what comes before a damaged frame is read, and nothing is written. */
  readonly readPrefix: boolean
  /** Called once, when the handle is closed. */
  readonly onClose: () => void
}

export class SqliteLogStorage implements LogStorage {
  readonly opened: Opened
  readonly snapshots: SnapshotStorage
  readonly #parts: LogStorageParts
  readonly #connection: Connection
  readonly #frames: FrameTable
  readonly #checkpointPassively: Statement
  readonly #countFlush: Statement
  readonly #watcher: Watcher
  readonly #checkpointBytes: number
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #drafts = new Set<Draft>()
  /** Why this handle takes no writes. */
  #refusal: PersistError | undefined
  #isUnflushed = false
  #bytesSinceCheckpoint = 0
  #closing: Promise<void> | undefined

  constructor(parts: LogStorageParts) {
    const { connection, frames, tables, store } = parts
    this.#parts = parts
    this.#connection = connection
    this.#frames = frames
    this.opened = parts.opened
    this.#checkpointBytes = parts.durability === "full" ? CHECKPOINT_BYTES_FULL : CHECKPOINT_BYTES
    this.#checkpointPassively = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")
    this.#countFlush = connection.prepare(`UPDATE ${tables.stores} SET flushes = flushes + 1 WHERE id = ${store}`)
    const version = connection.prepare("PRAGMA data_version")
    this.#watcher = new Watcher(() => version.get()?.data_version)
    if (parts.readPrefix) {
      this.#refusal = new ReadOnly({
        location: connection.subject.location,
        reason: "it is open for reading what comes before a damaged frame",
      })
    }
    this.snapshots = {
      list: () => this.#run("snapshots.list", () => connection.inDeferredTransaction(() => parts.snapshots.list())),
      write: (at, slices) => this.#writeSnapshot(at, slices),
      readSlice: (at, index) => this.#run("snapshots.readSlice", () => parts.snapshots.readSlice(at, index)),
    }
  }

  head(): Awaitable<Position> {
    return this.#run("head", () => this.#frames.head())
  }

  append(position: Position, frame: Bytes): Awaitable<void> {
    // From here to the end of `try` is the hot path: one statement, and nothing else.
    if (this.#refusal !== undefined || this.#closing !== undefined) throw this.#refusalOf("append")
    const { length } = frame
    if (length === 0 || length > FRAME_BYTES_MAX) throw unusableFrame(length)
    if (!Number.isInteger(position) || position < 1 || position > POSITION_MAX) return this.#appendNowhere(position)
    try {
      this.#frames.append(position, frame)
    } catch (cause) {
      return this.#appendAfter(cause, position, frame)
    }
    this.#wrote(length)
  }

  read(after: Position, limits: ReadLimits): Awaitable<readonly Bytes[]> {
    return this.#run("read", () => {
      if (!Number.isSafeInteger(after) || after < 0) throw new PositionOutOfRange({ position: after, head: this.#frames.head() })
      return this.#frames.read(after, limits)
    })
  }

  async trim(through: Position): Promise<Position> {
    const { snapshots } = this.#parts
    const trimmable = (): Position => Math.min(through, snapshots.trimmableThrough())
    this.#requireWritable("trim")
    if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head: await this.head() })
    let base = 0
    let isDone = await this.#run("trim", () => (base = this.#frames.base()) >= trimmable())
    if (isDone) return base
    while (!isDone) {
      await this.#run("trim", () =>
        this.#connection.inTransaction(() => {
          // Each time anew: another handle may have trimmed, or have written a snapshot over one of them.
          base = this.#frames.base()
          const last = trimmable()
          if (base < last) base = this.#frames.dropSome(base, last)
          isDone = base >= last
        }))
      this.#wrote(0)
      await nextTurn()
    }
    if (this.#parts.tables.meta === undefined && this.#closing === undefined) {
      await this.#track(vacuum(this.#connection, () => this.#closing !== undefined))
    }
    if (this.#closing === undefined) this.#checkpoint()
    return base
  }

  watch(listener: () => void): () => void {
    this.#requireOpen("watch")
    return this.#watcher.add(listener)
  }

  flush(): Awaitable<void> {
    this.#requireOpen("flush")
    return this.#flush()
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  // Appending

  #wrote(bytes: number): void {
    this.#isUnflushed = true
    this.#bytesSinceCheckpoint += bytes + PAGE_BYTES
    if (this.#bytesSinceCheckpoint >= this.#checkpointBytes) this.#checkpoint()
  }

  /** `position` can never be the one after the head. */
  #appendNowhere(position: Position): Awaitable<void> {
    return this.#run("append", () => {
      const head = this.#frames.head()
      if (position !== head + 1) throw new PositionTaken({ position, head })
      const { location } = this.#connection.subject
      throw new StorageFull({ location, neededBytes: 0, reason: `a store has at most ${POSITION_MAX} frames` })
    })
  }

  /** What became of an append whose first attempt threw `cause`. */
  #appendAfter(cause: unknown, position: Position, frame: Bytes): Awaitable<void> {
    let thrown: unknown = cause
    const appended = this.#run("append", () => {
      try {
        if (thrown !== undefined) throw thrown
        this.#frames.append(position, frame)
      } catch (again) {
        thrown = undefined
        const meaning = this.#connection.meaningOf(again)
        if (meaning === "constraint") throw new PositionTaken({ position, head: this.#frames.head() })
        if (meaning === "damaged") throw this.#corrupt(position, again)
        if (meaning === "full") throw this.#connection.errorOf(again, "append to", frame.length)
        throw again
      }
    })
    return appended instanceof Promise ? appended.then(() => this.#wrote(frame.length)) : this.#wrote(frame.length)
  }

  // Snapshots

  async #writeSnapshot(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<void> {
    const { snapshots } = this.#parts
    this.#requireWritable("snapshots.write")
    const change = <T>(run: () => T): Awaitable<T> => this.#run("snapshots.write", () => this.#connection.inTransaction(run))
    const draft = await change(() => snapshots.begin(at, this.#frames.head()))
    this.#drafts.add(draft)
    try {
      for await (const slice of slices) {
        await change(() => snapshots.add(draft, slice))
        draft.slices++
        this.#wrote(slice.length)
      }
      await change(() => snapshots.finish(draft, this.#frames.head()))
      this.#wrote(0)
    } catch (cause) {
      // A handle that was closed has discarded it already.
      if (this.#closing === undefined) await this.#discard(draft)
      throw cause
    } finally {
      this.#drafts.delete(draft)
    }
  }

  async #discard(draft: Draft): Promise<void> {
    try {
      await this.#connection.whenFree(() => this.#connection.inTransaction(() => this.#parts.snapshots.discard(draft.id)))
    } catch {
      // It stays invisible and is swept later; why it was given up is what the caller should hear.
    }
  }

  // Flushing

  #flush(): Awaitable<void> {
    if (this.#refusal instanceof FlushFailed) throw this.#refusal
    if (!this.#isUnflushed || this.#parts.durability === "full") return
    if (this.#checkpoint()) return
    if (this.#refusal !== undefined) throw this.#refusal
    this.#isUnflushed = false
    const failed = (cause: unknown): PersistError => {
      this.#isUnflushed = true
      return cause instanceof StoreBusy ? cause : this.#poison(cause)
    }
    try {
      const committed = this.#track(this.#connection.whenFree(() => this.#commitDurably()))
      if (committed instanceof Promise) {
        return committed.catch((cause) => {
          throw failed(cause)
        })
      }
    } catch (cause) {
      throw failed(cause)
    }
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

  /** Copies the log into the database as far as readers allow. Answers whether everything is durable; a failure poisons the handle. */
  #checkpoint(): boolean {
    this.#bytesSinceCheckpoint = 0
    try {
      // Without a log, as in a rollback journal's database, both counts are -1.
      const { busy, log, checkpointed } = this.#checkpointPassively.get() as { busy: number; log: number; checkpointed: number }
      if (busy !== 0 || log !== checkpointed || log < 0) return false
    } catch (cause) {
      const meaning = this.#connection.meaningOf(cause)
      if (meaning === "busy") return false
      // No room for the pages: the log, which holds them all, was synced before the first one was copied.
      if (meaning !== "full") {
        this.#poison(cause)
        return false
      }
    }
    this.#isUnflushed = false
    return true
  }

  #poison(cause: unknown): PersistError {
    const { location } = this.#connection.subject
    return this.#refusal = cause instanceof FlushFailed
      ? cause
      : new FlushFailed({ location, reason: reasonOf(cause, undefined) }, { cause })
  }

  // Closing

  async #close(): Promise<void> {
    const { durability, readPrefix, onClose } = this.#parts
    let failure: unknown
    try {
      this.#watcher.stop()
      // Calls that were made before are settled first; `#closing` is set, so no new ones begin.
      await Promise.allSettled(this.#underWay)
      for (const draft of this.#drafts) await this.#discard(draft)
      if (this.#refusal === undefined && durability !== "relaxed") await this.#flush()
    } catch (cause) {
      failure = cause
    }
    try {
      if (this.#refusal === undefined && !readPrefix) this.#connection.emptyLog()
      this.#connection.close()
    } catch (cause) {
      failure ??= this.#connection.errorOf(cause, "close")
    } finally {
      onClose()
    }
    if (failure !== undefined) throw failure
  }

  // All calls

  #run<T>(call: string, attempt: () => T): Awaitable<T> {
    this.#requireOpen(call)
    return this.#track(this.#connection.whenFree(() => {
      try {
        return attempt()
      } catch (cause) {
        const meaning = this.#connection.meaningOf(cause)
        if (meaning === "busy") throw cause
        if (meaning === "no-flush") throw this.#poison(cause)
        if (meaning === "damaged") throw this.#damage(call, cause)
        throw this.#connection.errorOf(cause, `run ${call} on`)
      }
    }))
  }

  #track<T>(result: Awaitable<T>): Awaitable<T> {
    if (result instanceof Promise) {
      const forget = (): void => void this.#underWay.delete(result)
      this.#underWay.add(result)
      result.then(forget, forget)
    }
    return result
  }

  #damage(call: string, cause: unknown): PersistError {
    const { location } = this.#connection.subject
    if (call.startsWith("snapshots.")) {
      return new StorageFailed({ location, call: `run ${call} on`, reason: reasonOf(cause, undefined) }, { cause })
    }
    return this.#corrupt(this.#frames.firstDamage()?.position ?? 1, cause)
  }

  #corrupt(position: Position, cause: unknown): CorruptFrame {
    return new CorruptFrame({ location: this.#connection.subject.location, position, reason: reasonOf(cause, undefined) }, { cause })
  }

  #requireOpen(call: string): void {
    if (this.#closing !== undefined) throw new StoreClosed({ store: this.#connection.subject.store, call })
  }

  #requireWritable(call: string): void {
    if (this.#refusal !== undefined || this.#closing !== undefined) throw this.#refusalOf(call)
  }

  #refusalOf(call: string): PersistError {
    this.#requireOpen(call)
    return this.#refusal!
  }
}

const unusableFrame = (bytes: number): PersistError =>
  bytes === 0
    ? new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
    : new FrameTooLarge({ bytes, bytesMax: FRAME_BYTES_MAX })
