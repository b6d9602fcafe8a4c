/**
 * One open store: the members of the port over a writer, segments, snapshots and a lock.
 *
 *   append ─▶ LogWriter ─▶ last Segment            read ─▶ Segment that holds the position
 *   trim ───▶ base file, then the files of covered segments
 *
 * Everything but flushes and snapshot writes is answered at once.
 */
import {
  FramesTrimmed,
  FrameTooLarge,
  InvalidOption,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  StoreClosed,
} from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes, Durability, LogStorage, Opened, Position, ReadLimits, SnapshotStorage } from "../../kernel/ports/log-storage.ts"
import { systemError, withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder } from "../system/folders.ts"
import { BASE_FILE, encodeBaseFile } from "./file-heads.ts"
import { removeFile, writeFileWhole } from "./files.ts"
import type { Lock } from "./lock.ts"
import type { LogWriter } from "./log-writer.ts"
import type { Segment } from "./segment.ts"
import type { Snapshots } from "./snapshots.ts"

/** Frames below the base that the last segment may keep before the next frame begins another one. */
const COVERED_BYTES_MAX = 1024 * 1024

export interface FileLogParts {
  readonly calls: FileCalls
  readonly storeName: string
  readonly storeId: Bytes
  readonly folder: string
  readonly durability: Durability
  readonly opened: Opened
  /** In order; shared with the writer, which puts new ones behind. */
  readonly segments: Segment[]
  readonly head: Position
  readonly base: Position
  readonly snapshots: Snapshots
  /** Undefined: for reading only. */
  readonly writer: LogWriter | undefined
  /** Undefined: the medium takes no lock, and no writes either. */
  readonly lock: Lock | undefined
}

export class FileLogStorage implements LogStorage {
  readonly opened: Opened
  readonly snapshots: SnapshotStorage
  readonly #parts: FileLogParts
  readonly #segments: Segment[]
  readonly #writer: LogWriter | undefined
  #base: Position
  /** The segment that was read last; the file of another one is closed when this changes. */
  #reading: Segment | undefined
  #closing: Promise<void> | undefined

  constructor(parts: FileLogParts) {
    this.#parts = parts
    this.opened = parts.opened
    this.#segments = parts.segments
    this.#writer = parts.writer
    this.#base = parts.base
    const { snapshots } = parts
    this.snapshots = {
      list: () => {
        this.#checkOpen("snapshots.list")
        return snapshots.list(this.#head)
      },
      readSlice: (at, index) => {
        this.#checkOpen("snapshots.readSlice")
        return snapshots.readSlice(at, index)
      },
      write: (at, slices) =>
        snapshots.write(at, slices, {
          head: () => this.#head,
          checkWritable: () => void this.#writable("snapshots.write"),
          flush: () => this.#writable("snapshots.write").flush(),
        }),
    }
  }

  head(): Position {
    this.#checkOpen("head")
    return this.#head
  }

  append(position: Position, frame: Bytes): void {
    const writer = this.#writable("append")
    if (frame.length === 0) throw new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
    if (frame.length > FRAME_BYTES_MAX) throw new FrameTooLarge({ bytes: frame.length, bytesMax: FRAME_BYTES_MAX })
    if (position !== writer.head + 1) throw new PositionTaken({ position, head: writer.head })
    writer.append(frame)
  }

  read(after: Position, limits: ReadLimits): readonly Bytes[] {
    this.#checkOpen("read")
    const head = this.#head
    if (!Number.isSafeInteger(after) || after < 0 || after > head) throw new PositionOutOfRange({ position: after, head })
    if (after < this.#base) throw new FramesTrimmed({ after, base: this.#base })
    if (after === head) return []
    const index = this.#indexOf(after + 1)
    const segment = this.#segments[index]!
    if (this.#reading !== segment) {
      this.#reading?.close()
      this.#reading = segment
    }
    return segment.readPage(after + 1, Math.min(head, (this.#segments[index + 1]?.first ?? Infinity) - 1), limits)
  }

  trim(through: Position): Position {
    this.#writable("trim")
    if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head: this.#head })
    const { calls, folder, storeId, snapshots } = this.#parts
    const base = Math.min(through, snapshots.older)
    if (base <= this.#base) return this.#base
    // First the promise that nobody reads below, then the files: a crash in between leaves files, which the next open removes.
    writeFileWhole(calls, folder, BASE_FILE, [encodeBaseFile(storeId, base)])
    this.#base = base
    this.#dropCovered()
    return base
  }

  watch(): () => void {
    this.#checkOpen("watch")
    // No other handle can append while this one has the lock.
    return () => undefined
  }

  async flush(): Promise<void> {
    this.#checkOpen("flush")
    if (this.#writer === undefined) return
    this.#parts.lock?.check()
    await this.#writable("flush").flush()
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  async #close(): Promise<void> {
    const { lock, snapshots, durability } = this.#parts
    try {
      if (lock?.check() === undefined) await this.#writer?.close(durability !== "relaxed")
      else await this.#writer?.abandon()
    } finally {
      for (const segment of this.#segments) segment.close()
      snapshots.close()
      // Whatever has failed: what is not released now stays locked for as long as this process runs.
      withSystemErrors("unlock", this.#parts.folder, () => lock?.release())
    }
  }

  get #head(): Position {
    return this.#writer?.head ?? this.#parts.head
  }

  #checkOpen(call: string): void {
    if (this.#closing !== undefined) throw new StoreClosed({ store: this.#parts.storeName, call })
  }

  /** The writer, if this handle may write. */
  #writable(call: string): LogWriter {
    this.#checkOpen(call)
    const { lock, folder } = this.#parts
    const writer = this.#writer
    if (writer === undefined) throw new ReadOnly({ location: folder, reason: "it was opened with readPrefix" })
    const lost = lock?.keep()
    if (lost !== undefined) throw lost
    if (writer.failure !== undefined) throw writer.failure
    return writer
  }

  /** Index of the segment that holds a position from the base on. */
  #indexOf(position: Position): number {
    // Nearly always the last one, or the one that was read last.
    const segments = this.#segments
    if (position >= segments.at(-1)!.first) return segments.length - 1
    let low = 0
    for (let high = segments.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      if (segments[middle]!.first <= position) low = middle
      else high = middle
    }
    return low
  }

  /** Removes segments of which the base covers every frame; of the last one, asks the writer to begin another. */
  #dropCovered(): void {
    const { calls, folder } = this.#parts
    const last = this.#segments.at(-1)!
    if (this.#base >= last.first && last.end! > COVERED_BYTES_MAX) this.#writer!.wantRoll()
    const count = this.#segments.findIndex((_, index) =>
      index + 1 === this.#segments.length || this.#segments[index + 1]!.first > this.#base + 1
    )
    if (count === 0) return
    try {
      for (const segment of this.#segments.splice(0, count)) {
        segment.close()
        removeFile(calls, segment.path)
      }
    } catch (cause) {
      throw systemError(cause, "remove a trimmed segment of", folder)
    }
    flushFolder(folder, calls)
  }
}
