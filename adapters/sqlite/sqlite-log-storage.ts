/**
 * One handle on a store in a database: a connection of its own, the store's frames and snapshots, and how calls are run.
 *
 *   call ──▶ closed? ──▶ attempt ──▶ busy: again, beside the event loop (connection.ts)
 *                           │
 *                           ├──▶ failed: an error of ours (errors.ts); damage with its position; a failed sync is final (flusher.ts)
 *                           └──▶ written ──▶ Flusher
 *
 * `close` stops what listens, settles the calls that were made before, drops snapshots that are half written, flushes and frees.
 */
import { setImmediate as nextTurn } from "node:timers/promises"
import {
  CorruptFrame,
  FrameTooLarge,
  InvalidOption,
  type PersistError,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  StorageFailed,
  StorageFull,
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
import { reasonOf } from "./errors.ts"
import { Flusher } from "./flusher.ts"
import type { FrameTable } from "./frame-table.ts"
import { POSITION_MAX, type Tables } from "./schema.ts"
import type { Draft, SnapshotTable } from "./snapshot-table.ts"
import { vacuum } from "./vacuum.ts"
import { Watcher } from "./watcher.ts"

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
  readonly #flusher: Flusher
  readonly #watcher: Watcher
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #drafts = new Set<Draft>()
  /** Why this handle takes no writes, not even if every flush works. */
  readonly #readOnly: ReadOnly | undefined
  #closing: Promise<void> | undefined

  constructor(parts: LogStorageParts) {
    const { connection, frames, tables, store } = parts
    this.#parts = parts
    this.#connection = connection
    this.#frames = frames
    this.opened = parts.opened
    this.#flusher = new Flusher(connection, tables, store, parts.durability)
    const version = connection.prepare("PRAGMA data_version")
    this.#watcher = new Watcher(() => version.get()?.data_version)
    if (parts.readPrefix) {
      this.#readOnly = new ReadOnly({
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
    if (this.#isRefusing) throw this.#refusalOf("append")
    const { length } = frame
    if (length === 0 || length > FRAME_BYTES_MAX) throw unusableFrame(length)
    if (!Number.isInteger(position) || position < 1 || position > POSITION_MAX) return this.#appendNowhere(position)
    try {
      this.#frames.append(position, frame)
    } catch (cause) {
      return this.#appendAfter(cause, position, frame)
    }
    this.#flusher.wrote(length)
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
      this.#flusher.wrote(0)
      await nextTurn()
    }
    if (this.#parts.tables.meta === undefined && this.#closing === undefined) {
      await this.#track(vacuum(this.#connection, () => this.#closing !== undefined))
    }
    if (this.#closing === undefined) this.#flusher.checkpoint()
    return base
  }

  watch(listener: () => void): () => void {
    this.#requireOpen("watch")
    return this.#watcher.add(listener)
  }

  flush(): Awaitable<void> {
    this.#requireOpen("flush")
    return this.#track(this.#flusher.flush())
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  // Appending

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
    return appended instanceof Promise ? appended.then(() => this.#flusher.wrote(frame.length)) : this.#flusher.wrote(frame.length)
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
        this.#flusher.wrote(slice.length)
      }
      await change(() => snapshots.finish(draft, this.#frames.head()))
      this.#flusher.wrote(0)
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

  // Closing

  async #close(): Promise<void> {
    const { durability, readPrefix, onClose } = this.#parts
    let failure: unknown
    try {
      this.#watcher.stop()
      // Calls that were made before are settled first; `#closing` is set, so no new ones begin.
      await Promise.allSettled(this.#underWay)
      for (const draft of this.#drafts) await this.#discard(draft)
      if (this.#flusher.failure === undefined && durability !== "relaxed") await this.#flusher.flush()
    } catch (cause) {
      failure = cause
    }
    try {
      if (this.#flusher.failure === undefined && !readPrefix) this.#connection.emptyLog()
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
        if (meaning === "no-flush") throw this.#flusher.fail(cause)
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
    if (this.#isRefusing) throw this.#refusalOf(call)
  }

  get #isRefusing(): boolean {
    return this.#closing !== undefined || this.#flusher.failure !== undefined || this.#readOnly !== undefined
  }

  #refusalOf(call: string): PersistError {
    this.#requireOpen(call)
    return this.#flusher.failure ?? this.#readOnly!
  }
}

const unusableFrame = (bytes: number): PersistError =>
  bytes === 0
    ? new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
    : new FrameTooLarge({ bytes, bytesMax: FRAME_BYTES_MAX })
