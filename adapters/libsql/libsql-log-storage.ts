/**
 * One handle on a store in a database: the store's frames and snapshots, and how calls are run.
 *
 *   call ──▶ closed? ──▶ attempt ──▶ busy: again, beside the event loop (session.ts)
 *                           │
 *                           ├──▶ failed: an error of ours (errors.ts); damage with its position; a failed sync is final (flusher.ts)
 *                           └──▶ written ──▶ Flusher
 *
 * An append that lost its race is `PositionTaken`, with one exception. Some transports send a request a second time when the connection
 * breaks; the second one then meets the frame of the first. So if the very bytes are found at the position, and this handle has not heard
 * before that the position is taken, the outcome is not known here: the kernel reads back and finds its own frame.
 *
 * `close` stops what listens, settles the calls that were made before, drops snapshots that are half written, flushes and frees.
 */
import {
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
import type { Bytes, Durability, LogStorage, Opened, Position, ReadLimits, SnapshotStorage } from "../../kernel/ports/log-storage.ts"
import type { Flusher } from "./flusher.ts"
import type { Extent, FrameTable } from "./frame-table.ts"
import { POSITION_MAX } from "./schema.ts"
import type { Session } from "./session.ts"
import type { Draft, SnapshotTable } from "./snapshot-table.ts"
import { Watcher } from "./watcher.ts"

/** What a handle is made of. */
export interface LogStorageParts {
  readonly session: Session
  readonly frames: FrameTable
  readonly snapshots: SnapshotTable
  readonly flusher: Flusher
  readonly opened: Opened
  readonly durability: Durability
  /** What is stored can be read without the server. */
  readonly isReplica: boolean
  /** How often a watching handle looks. */
  readonly pollMillis: number
  /** Only what comes before a damaged frame is read, and nothing is written. */
  readonly readPrefix: boolean
  /** Gives back room that `trim` has freed, where that can be done. */
  readonly shrink: (isOver: () => boolean) => Promise<void>
  /** Frees the database. Called once. */
  readonly free: () => Promise<void>
}

export class LibsqlLogStorage implements LogStorage {
  readonly opened: Opened
  readonly snapshots: SnapshotStorage
  readonly #parts: LogStorageParts
  readonly #session: Session
  readonly #frames: FrameTable
  readonly #flusher: Flusher
  readonly #watcher: Watcher
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #drafts = new Set<Draft>()
  /** Why this handle takes no writes, not even if every flush works. */
  readonly #readOnly: ReadOnly | undefined
  /** Up to here this handle knows positions to be taken: it stored or saw them. */
  #known: Position = 0
  #closing: Promise<void> | undefined

  constructor(parts: LogStorageParts) {
    this.#parts = parts
    this.#session = parts.session
    this.#frames = parts.frames
    this.#flusher = parts.flusher
    this.opened = parts.opened
    this.#watcher = new Watcher(async () => (await this.#frames.extent("read")).head, parts.pollMillis)
    if (parts.readPrefix) {
      this.#readOnly = new ReadOnly({
        location: this.#session.subject.location,
        reason: "it is open for reading what comes before a damaged frame",
      })
    }
    this.snapshots = {
      list: () => this.#run("snapshots.list", () => parts.snapshots.list()),
      write: (at, slices) => this.#writeSnapshot(at, slices),
      readSlice: (at, index) => this.#run("snapshots.readSlice", () => parts.snapshots.readSlice(at, index)),
    }
  }

  head(): Promise<Position> {
    return this.#run("head", () => this.#head())
  }

  async #head(): Promise<Position> {
    const { head } = await this.#extent()
    this.#known = Math.max(this.#known, head)
    return head
  }

  /** What the store has; from a replica without its primary, what that has, unless this handle has seen more. */
  async #extent(): Promise<Extent> {
    try {
      return await this.#frames.extent("read")
    } catch (cause) {
      if (!this.#parts.isReplica || this.#session.meaningOf(cause) !== "unreachable") throw cause
      const there = await this.#frames.extent("known")
      if (there.head < this.#known) throw cause
      return there
    }
  }

  async append(position: Position, frame: Bytes): Promise<void> {
    this.#requireWritable("append")
    const { length } = frame
    if (length === 0 || length > FRAME_BYTES_MAX) throw unusableFrame(length)
    await this.#run("append", async () => {
      if (!Number.isInteger(position) || position < 1 || position > POSITION_MAX) throw await this.#nowhere(position)
      try {
        await this.#frames.append(position, frame)
      } catch (cause) {
        const meaning = this.#session.meaningOf(cause)
        if (meaning === "constraint") throw await this.#lost(position, frame)
        if (meaning === "damaged") throw this.#frames.corruptBecause(position, cause)
        throw this.#session.errorOf(cause, "append to", length)
      }
      this.#known = Math.max(this.#known, position)
      this.#watcher.saw(position)
      if (this.#flusher.wrote(length)) await this.#flusher.checkpoint()
    })
  }

  async read(after: Position, limits: ReadLimits): Promise<readonly Bytes[]> {
    return await this.#run("read", async () => {
      if (!Number.isSafeInteger(after) || after < 0) throw new PositionOutOfRange({ position: after, head: await this.#head() })
      const page = await this.#frames.read(after, limits)
      this.#known = Math.max(this.#known, after + page.length)
      return page
    })
  }

  async trim(through: Position): Promise<Position> {
    this.#requireWritable("trim")
    return await this.#run("trim", async () => {
      let { base, head } = await this.#frames.extent("read")
      if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head })
      const before = base
      for (let isDone = false; !isDone;) {
        ;({ base, isDone } = await this.#parts.snapshots.trimSome(base, through))
        if (base > before) this.#flusher.wrote(0)
      }
      if (base > before && this.#closing === undefined) {
        await this.#parts.shrink(() => this.#closing !== undefined)
        await this.#flusher.checkpoint()
      }
      return base
    })
  }

  watch(listener: () => void): () => void {
    this.#requireOpen("watch")
    return this.#watcher.add(listener, this.#known)
  }

  async flush(): Promise<void> {
    await this.#run("flush", () => this.#flusher.flush())
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  // Appending

  /** Why nothing can be stored at what is no position of a log. */
  async #nowhere(position: Position): Promise<PersistError> {
    const head = await this.#head()
    if (position !== head + 1) return new PositionTaken({ position, head })
    const { location } = this.#session.subject
    return new StorageFull({ location, neededBytes: 0, reason: `a store has at most ${POSITION_MAX} frames` })
  }

  /** What a failed constraint of an append says. */
  async #lost(position: Position, frame: Bytes): Promise<PersistError> {
    const known = this.#known
    const { head, frame: there } = await this.#frames.extentAndFrame(position)
    this.#known = Math.max(this.#known, head)
    if (position > known && there instanceof Uint8Array && areSame(there, frame)) {
      const reason = "the position holds this very frame: the request may have been sent twice"
      return new StorageFailed({ location: this.#session.subject.location, call: "append to", reason })
    }
    return new PositionTaken({ position, head })
  }

  // Snapshots

  async #writeSnapshot(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>): Promise<void> {
    const { snapshots } = this.#parts
    this.#requireWritable("snapshots.write")
    const step = <T>(run: () => Promise<T>): Promise<T> => this.#run("snapshots.write", run)
    const draft = await step(async () => await snapshots.begin(at, await this.#head()))
    this.#drafts.add(draft)
    try {
      for await (const slice of slices) {
        await step(() => snapshots.add(draft, slice))
        this.#flusher.wrote(slice.length)
      }
      await step(async () => await snapshots.finish(draft, await this.#head()))
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
      await this.#parts.snapshots.discard(draft)
    } catch {
      // It stays invisible and is swept later; why it was given up is what the caller should hear.
    }
  }

  // Closing

  async #close(): Promise<void> {
    const { durability, free } = this.#parts
    let failure: unknown
    this.#watcher.stop()
    // Calls that were made before are settled first; `#closing` is set when this has returned its promise, so no new ones begin.
    await Promise.resolve()
    await Promise.allSettled(this.#underWay)
    for (const draft of this.#drafts) await this.#discard(draft)
    try {
      if (this.#flusher.failure === undefined && durability !== "relaxed" && this.#readOnly === undefined) await this.#flusher.flush()
    } catch (cause) {
      failure = cause
    }
    try {
      await free()
    } catch (cause) {
      failure ??= this.#session.errorOf(cause, "close")
    }
    if (failure !== undefined) throw failure
  }

  // All calls

  async #run<T>(call: string, attempt: () => Promise<T>): Promise<T> {
    this.#requireOpen(call)
    const running = this.#attempt(call, attempt)
    this.#underWay.add(running)
    try {
      return await running
    } finally {
      this.#underWay.delete(running)
    }
  }

  async #attempt<T>(call: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (cause) {
      const meaning = this.#session.meaningOf(cause)
      if (meaning === "no-flush") throw this.#flusher.fail(cause)
      if (meaning === "damaged") throw await this.#damage(call, cause)
      throw this.#session.errorOf(cause, `run ${call} on`)
    }
  }

  async #damage(call: string, cause: unknown): Promise<PersistError> {
    const { location } = this.#session.subject
    if (!call.startsWith("snapshots.")) return this.#frames.corruptBecause((await this.#frames.firstDamage())?.position ?? 1, cause)
    return new StorageFailed({ location, call: `run ${call} on`, reason: cause instanceof Error ? cause.message : String(cause) }, {
      cause,
    })
  }

  #requireOpen(call: string): void {
    if (this.#closing !== undefined) throw new StoreClosed({ store: this.#session.subject.store, call })
  }

  #requireWritable(call: string): void {
    this.#requireOpen(call)
    const refusal = this.#flusher.failure ?? this.#readOnly
    if (refusal !== undefined) throw refusal
  }
}

const unusableFrame = (bytes: number): PersistError =>
  bytes === 0
    ? new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
    : new FrameTooLarge({ bytes, bytesMax: FRAME_BYTES_MAX })

const areSame = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])
