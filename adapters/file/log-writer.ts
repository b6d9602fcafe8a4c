/**
 * The end of an open log: appends to the last segment, begins the next one, flushes.
 *
 *   ┌ 1 … 420 ┐┌ 421 … 803 ┐┌ 804 … 811 ─ ─ ─
 *   ├──── on the device ────┤├── not yet ──┤
 *                     durable head        head
 *
 * A full segment keeps its file open until it is flushed. Flushes run beside the event loop, one at a time; only `full` waits for its
 * own in place. After a flush that nothing followed, a mark behind the last frame says so on disk.
 *
 * A flush that fails is final: the system may have dropped the pages and forgotten that they were dirty, so a second flush that
 * succeeds proves nothing. Every later call rejects with the same `FlushFailed`.
 */
import { FlushFailed } from "../../kernel/errors.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder } from "../system/folders.ts"
import { SEGMENT_HEAD_BYTES } from "./file-heads.ts"
import { tryClose } from "./files.ts"
import { FRAME_HEADER_BYTES } from "./frame-header.ts"
import { Segment } from "./segment.ts"
import { SegmentWriter } from "./segment-writer.ts"

export interface LogWriterOptions {
  readonly calls: FileCalls
  readonly folder: string
  readonly storeId: Bytes
  /** In order; new ones are put behind them. */
  readonly segments: Segment[]
  /** All up to here is on the device. */
  readonly head: Position
  /** The greatest position of which the files say so. */
  readonly durableHead: Position
  /** A segment is full when the next frame would make it longer than this. */
  readonly segmentBytesMax: number
  /** Flush each append before it returns. */
  readonly isFull: boolean
}

/** A full segment that may not be on the device yet. */
interface Unflushed {
  readonly descriptor: number
  readonly path: string
}

export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #calls: FileCalls
  #writer: SegmentWriter
  #unflushed: readonly Unflushed[] = []
  #isFolderFlushed = true
  #head: Position
  #durableHead: Position
  #flushing: { readonly head: Position; readonly done: Promise<void> } | undefined
  #failure: FlushFailed | undefined
  /** The last segment is not as a clean close leaves it. */
  #isUntidy: boolean
  #isRollWanted = false

  constructor(options: LogWriterOptions) {
    const { calls, segments, head } = options
    const last = segments.at(-1)!
    this.#options = options
    this.#calls = calls
    this.#head = head
    this.#durableHead = head
    this.#isUntidy = options.durableHead < head
    this.#writer = SegmentWriter.open(calls, last, last.end!)
  }

  get head(): Position {
    return this.#head
  }

  /** The flush that failed, if one did. */
  get failure(): FlushFailed | undefined {
    return this.#failure
  }

  /** Writes a frame at `head + 1`. What it throws says whether nothing was stored. */
  append(frame: Bytes): void {
    if (this.#failure !== undefined) throw this.#failure
    const { end } = this.#writer
    const isTooLong = end + FRAME_HEADER_BYTES + frame.length > this.#options.segmentBytesMax
    if ((isTooLong || this.#isRollWanted) && end > SEGMENT_HEAD_BYTES) this.#roll()
    this.#isUntidy = true
    const position = this.#head + 1
    this.#writer.write(position, this.#durableHead, frame)
    if (this.#options.isFull) this.#flushNow(position)
    this.#head = position
  }

  /** Begins a new segment with the next frame: so that the one before can be dropped once it is covered. */
  wantRoll(): void {
    this.#isRollWanted = true
  }

  /** Resolves when all frames that are here now are on the device. */
  flush(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#flushing?.head === this.#head) return this.#flushing.done
    if (this.#flushing !== undefined) return this.#flushing.done.then(() => this.flush())
    if (this.#durableHead >= this.#head && this.#isFolderFlushed) return Promise.resolve()
    const done = this.#flushAll(this.#head).finally(() => this.#flushing = undefined)
    this.#flushing = { head: this.#head, done }
    return done
  }

  /** Flushes if `isFlushed`, cuts what was preallocated, closes the files. They are closed even if it rejects. */
  async close(isFlushed: boolean): Promise<void> {
    try {
      await this.#endFlushes()
      if (isFlushed) await this.flush()
      if (this.#failure === undefined && this.#isUntidy) this.#tidy(isFlushed)
    } finally {
      this.#closeFiles()
    }
  }

  /** Closes the files and writes nothing more: they are another's now. */
  async abandon(): Promise<void> {
    await this.#endFlushes()
    this.#closeFiles()
  }

  /** Flushes that are under way, and those that wait behind them, use the files. How they end is known from `failure`. */
  async #endFlushes(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing.done.catch(() => undefined)
  }

  #closeFiles(): void {
    const full = this.#unflushed
    this.#unflushed = []
    try {
      for (const { descriptor, path } of full) withSystemErrors("close", path, () => this.#calls.closeSync(descriptor))
    } finally {
      this.#writer.close()
    }
  }

  /** Leaves the last segment as long as its frames and, if they are on the device, a mark that says so. */
  #tidy(isFlushed: boolean): void {
    const writer = this.#writer
    withSystemErrors("close", writer.segment.path, () => {
      let { end } = writer
      if (this.#head > 0 && this.#durableHead === this.#head) {
        try {
          end = writer.writeMark(this.#head)
        } catch {
          // On a full disk it has no room; the frames are on the device without it. What there is of it is cut off.
        }
      }
      writer.truncate(end)
      if (isFlushed) this.#calls.fdatasyncSync(writer.descriptor)
    })
  }

  #roll(): void {
    const { calls, folder, storeId, segments, isFull } = this.#options
    const full = this.#writer
    const segment = new Segment(calls, folder, storeId, this.#head + 1, full.segment.number + 1)
    this.#writer = SegmentWriter.create(calls, segment, storeId)
    segments.push(segment)
    this.#isRollWanted = false
    this.#isFolderFlushed = false
    this.#unflushed = [...this.#unflushed, { descriptor: full.descriptor, path: full.segment.path }]
    try {
      full.truncate(full.end)
    } catch {
      // Zeros behind the frames take room, and nothing else.
    }
    // In `full` the frame that comes flushes all. Else whoever appends or flushes next is told if this fails.
    if (!isFull) this.flush().catch(() => undefined)
  }

  /** For `full`: all up to `position` is on the device when this returns. */
  #flushNow(position: Position): void {
    try {
      for (const { descriptor } of this.#unflushed) this.#calls.fdatasyncSync(descriptor)
      this.#calls.fdatasyncSync(this.#writer.descriptor)
      if (!this.#isFolderFlushed) flushFolder(this.#options.folder, this.#calls)
    } catch (cause) {
      throw this.#fail(cause)
    }
    // One that is under way beside us uses the files, and forgets them when it ends.
    if (this.#unflushed.length > 0 && this.#flushing === undefined) this.#forget(this.#unflushed)
    this.#isFolderFlushed = true
    this.#durableHead = position
  }

  async #flushAll(head: Position): Promise<void> {
    const writer = this.#writer
    const full = this.#unflushed
    try {
      // All have ended before one that failed is told: what is closed then is used by none.
      const flushed = await Promise.allSettled([...full, writer].map(({ descriptor }) => this.#flushFile(descriptor)))
      for (const one of flushed) if (one.status === "rejected") throw one.reason
      // In place: it also covers a segment that was begun while the files were flushed.
      if (!this.#isFolderFlushed) flushFolder(this.#options.folder, this.#calls)
    } catch (cause) {
      throw this.#fail(cause)
    }
    this.#isFolderFlushed = true
    this.#forget(full)
    this.#durableHead = Math.max(this.#durableHead, head)
    if (this.#head === head && head > 0 && writer === this.#writer && writer.hasRoomForMark) this.#markFlushed(head)
  }

  /** Closes full segments that are on the device. */
  #forget(flushed: readonly Unflushed[]): void {
    const done = this.#unflushed.filter((each) => flushed.includes(each))
    this.#unflushed = this.#unflushed.filter((each) => !done.includes(each))
    for (const { descriptor } of done) tryClose(this.#calls, descriptor)
  }

  #markFlushed(head: Position): void {
    this.#isUntidy = true
    try {
      this.#writer.writeMark(head)
    } catch {
      // A mark only helps to tell bit rot from a torn tail; the frames are on the device without it.
    }
  }

  #flushFile(descriptor: number): Promise<void> {
    return new Promise((resolve, reject) => this.#calls.fdatasync(descriptor, (cause) => cause ? reject(cause) : resolve()))
  }

  #fail(cause: unknown): FlushFailed {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return this.#failure ??= new FlushFailed({ location: this.#writer.segment.path, reason }, { cause })
  }
}
