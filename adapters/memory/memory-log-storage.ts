/**
 * A store in memory, and a handle on it.
 *
 * The store holds the truth; a handle adds whether it is open and who watches. One store has any number of handles, so each
 * sees the others' appends at once.
 */
import {
  FramesTrimmed,
  FrameTooLarge,
  InvalidOption,
  PositionOutOfRange,
  PositionTaken,
  SnapshotMissing,
  StoreClosed,
} from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes, LogStorage, Opened, Position, ReadLimits, SnapshotInfo, SnapshotStorage } from "../../kernel/ports/log-storage.ts"
import { FrameList } from "./frame-list.ts"

const SNAPSHOTS_KEPT = 2

interface Snapshot {
  readonly at: Position
  readonly slices: readonly Bytes[]
}

/** What stays when every handle is closed. */
export class MemoryStore {
  readonly name: string
  readonly frames: FrameList = new FrameList()
  /** Newest first, at most {@link SNAPSHOTS_KEPT}. */
  snapshots: readonly Snapshot[] = []
  readonly handles: Set<MemoryLogStorage> = new Set()

  constructor(name: string) {
    this.name = name
  }
}

/** One open handle. */
export class MemoryLogStorage implements LogStorage {
  readonly opened: Opened
  readonly snapshots: SnapshotStorage
  readonly #store: MemoryStore
  readonly #listeners = new Set<() => void>()

  constructor(store: MemoryStore, opened: Opened) {
    this.#store = store
    this.opened = opened
    this.snapshots = {
      list: () => this.#listSnapshots(),
      write: (at, slices) => this.#writeSnapshot(at, slices),
      readSlice: (at, index) => this.#readSlice(at, index),
    }
    store.handles.add(this)
  }

  head(): Position {
    return this.#open("head").frames.head
  }

  append(position: Position, frame: Bytes): void {
    const { frames } = this.#open("append")
    if (frame.length === 0) throw new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
    if (frame.length > FRAME_BYTES_MAX) throw new FrameTooLarge({ bytes: frame.length, bytesMax: FRAME_BYTES_MAX })
    if (position !== frames.head + 1) throw new PositionTaken({ position, head: frames.head })
    frames.push(frame)
    for (const handle of this.#store.handles) if (handle !== this) handle.#notify()
  }

  read(after: Position, limits: ReadLimits): readonly Bytes[] {
    const { frames } = this.#open("read")
    if (!Number.isSafeInteger(after) || after < 0 || after > frames.head) {
      throw new PositionOutOfRange({ position: after, head: frames.head })
    }
    if (after < frames.base) throw new FramesTrimmed({ after, base: frames.base })
    return frames.page(after, limits)
  }

  trim(through: Position): Position {
    const { frames, snapshots } = this.#open("trim")
    if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head: frames.head })
    const older = snapshots[SNAPSHOTS_KEPT - 1]
    const base = Math.min(through, older?.at ?? 0)
    if (base > frames.base) frames.drop(base)
    return frames.base
  }

  watch(listener: () => void): () => void {
    this.#open("watch")
    // One entry a call, so that the same function given twice is stopped once for each.
    const entry = (): void => listener()
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  flush(): void {
    this.#open("flush")
  }

  close(): void {
    this.#listeners.clear()
    this.#store.handles.delete(this)
  }

  #open(call: string): MemoryStore {
    if (!this.#store.handles.has(this)) throw new StoreClosed({ store: this.#store.name, call })
    return this.#store
  }

  /** Tells the listeners in a later microtask: none of them runs inside the other handle's `append`. */
  #notify(): void {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (!this.#listeners.has(listener)) return
        try {
          listener()
        } catch {
          // A call that only says "look again" has nobody to report to; listeners report their own failures.
        }
      })
    }
  }

  #listSnapshots(): readonly SnapshotInfo[] {
    return this.#open("snapshots.list").snapshots
      .map(({ at, slices }) => ({ at, sliceBytes: slices.map((slice) => slice.length) }))
  }

  #writeSnapshot(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>): void | Promise<void> {
    this.#checkSnapshotPosition(at)
    if (Symbol.asyncIterator in slices) return this.#writeSnapshotLater(at, slices)
    const copies: Bytes[] = []
    for (const slice of slices) copies.push(new Uint8Array(slice))
    this.#keepSnapshot(at, copies)
  }

  async #writeSnapshotLater(at: Position, slices: AsyncIterable<Bytes>): Promise<void> {
    const copies: Bytes[] = []
    for await (const slice of slices) {
      this.#open("snapshots.write")
      copies.push(new Uint8Array(slice))
    }
    this.#keepSnapshot(at, copies)
  }

  #keepSnapshot(at: Position, slices: readonly Bytes[]): void {
    // Again: while the slices came, this handle may have been closed, or another snapshot been written.
    const store = this.#checkSnapshotPosition(at)
    store.snapshots = [{ at, slices }, ...store.snapshots.filter((kept) => kept.at !== at)].slice(0, SNAPSHOTS_KEPT)
  }

  #checkSnapshotPosition(at: Position): MemoryStore {
    const store = this.#open("snapshots.write")
    const head = store.frames.head
    if (!Number.isSafeInteger(at) || at < (store.snapshots[0]?.at ?? 0) || at > head) throw new PositionOutOfRange({ position: at, head })
    return store
  }

  #readSlice(at: Position, index: number): Bytes {
    const slice = this.#open("snapshots.readSlice").snapshots.find((kept) => kept.at === at)?.slices[index]
    if (slice === undefined) throw new SnapshotMissing({ at, index })
    return slice
  }
}
