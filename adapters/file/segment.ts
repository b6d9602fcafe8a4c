/**
 * One segment of a log, as it is read: a file of frames in order, and a sparse index of where they lie.
 *
 *   ├ head 64 ┤├ header 28 ┤├ frame ┤├ header ┤├ frame ┤ … ├ mark ┤ 0 0 0 0 0 …  preallocated
 *                                                         end
 *
 * The index keeps one (position, byte offset) for each 128 KiB or so, never an object a frame; what lies between is found by
 * walking the headers. It fills as the segment is scanned, written or read.
 */
import { join } from "node:path"
import { CorruptFrame } from "../../kernel/errors.ts"
import type { Bytes, Position, ReadLimits } from "../../kernel/ports/log-storage.ts"
import { withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { checksum } from "./checksum.ts"
import { SEGMENT_HEAD_BYTES, segmentFileName } from "./file-heads.ts"
import { FileWindow } from "./file-window.ts"
import { openFile, tryClose } from "./files.ts"
import { FRAME_HEADER_BYTES, FrameHeader, headerSeed } from "./frame-header.ts"

const INDEX_STEP_BYTES = 128 * 1024
const WALK_READ_BYTES = 64 * 1024
const PAGE_BYTES_MIN = 16 * 1024

export class Segment {
  readonly path: string
  readonly first: Position
  readonly number: number
  /** What the sums of its headers start from. */
  readonly seed: number
  readonly #calls: FileCalls
  readonly #positions: Position[]
  readonly #offsets: number[] = [SEGMENT_HEAD_BYTES]
  readonly #header = new FrameHeader()
  /** Where the last page ended: a reader that goes on needs no walk. */
  #nextPosition: Position
  #nextOffset = SEGMENT_HEAD_BYTES
  #descriptor: number | undefined
  /** Byte offset behind the last frame; of a segment that was not scanned, the size of the file once it is open. */
  end: number | undefined

  constructor(calls: FileCalls, folder: string, storeId: Bytes, first: Position, number: number) {
    this.#calls = calls
    this.path = join(folder, segmentFileName(first))
    this.first = first
    this.number = number
    this.seed = headerSeed(storeId, first)
    this.#positions = [first]
    this.#nextPosition = first
  }

  /** Remembers where a frame begins, if the index has none near it. Offsets come in ascending order. */
  note(position: Position, byteOffset: number): void {
    if (byteOffset < this.#offsets.at(-1)! + INDEX_STEP_BYTES) return
    this.#positions.push(position)
    this.#offsets.push(byteOffset)
  }

  /**
   * The frames from `position` on, as far as the limits allow, each checked; at least one. `last` is the last one of this segment.
   *
   * Frames share one buffer, made for this page. A bad frame ends the page before it; at its start it is `CorruptFrame`.
   */
  readPage(position: Position, last: Position, limits: ReadLimits): Bytes[] {
    const start = this.#locate(position)
    const count = Math.min(last - position + 1, Math.max(1, limits.maxFrames))
    const window = this.#window((end) => {
      const expected = count * (FRAME_HEADER_BYTES + 1.25 * (end - SEGMENT_HEAD_BYTES) / (last - this.first + 1))
      return Math.ceil(Math.min(Math.max(expected, PAGE_BYTES_MIN), limits.maxBytes + count * FRAME_HEADER_BYTES, end - start))
    })
    const header = this.#header
    const frames: Bytes[] = []
    let at = start
    let bytes = 0
    for (let expected = position; expected < position + count; expected++) {
      const isFirst = frames.length === 0
      if (!isFirst && !window.has(at, FRAME_HEADER_BYTES)) break
      const fault = this.#readHeader(window, at, expected)
      if (fault !== undefined) {
        if (isFirst) throw this.#corrupt(expected, fault)
        break
      }
      const { length, sum } = header
      if (!isFirst && (bytes + length > limits.maxBytes || !window.has(at, FRAME_HEADER_BYTES + length))) break
      // The header is read again where the first frame is longer than the window.
      const index = window.reach(at, FRAME_HEADER_BYTES + length)
      const from = (index ?? 0) + FRAME_HEADER_BYTES
      if (index === undefined || checksum(window.bytes, from, from + length) !== sum) {
        if (isFirst) throw this.#corrupt(expected, index === undefined ? "the file ends inside it" : "its checksum does not match")
        break
      }
      this.note(expected, at)
      frames.push(window.bytes.subarray(from, from + length))
      at += FRAME_HEADER_BYTES + length
      bytes += length
    }
    this.#nextPosition = position + frames.length
    this.#nextOffset = at
    return frames
  }

  /** Closes the file; the next read opens it again. */
  close(): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#descriptor = undefined
    tryClose(this.#calls, descriptor)
  }

  /** A window over what is readable now; `capacity` is told where that ends. */
  #window(capacity: (end: number) => number): FileWindow {
    const calls = this.#calls
    const descriptor = this.#descriptor ??= withSystemErrors("open", this.path, () => openFile(calls, this.path, "r"), true)
    const end = this.end ??= withSystemErrors("open", this.path, () => calls.fstatSync(descriptor).size, true)
    return new FileWindow(calls, descriptor, this.path, end, capacity(end))
  }

  /** Byte offset of a frame that is in this segment. */
  #locate(position: Position): number {
    if (position === this.#nextPosition) return this.#nextOffset
    let low = 0
    for (let high = this.#positions.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      if (this.#positions[middle]! <= position) low = middle
      else high = middle
    }
    let at = this.#offsets[low]!
    let expected = this.#positions[low]!
    if (expected === position) return at
    const window = this.#window(() => WALK_READ_BYTES)
    for (; expected < position; expected++) {
      const fault = this.#readHeader(window, at, expected)
      if (fault !== undefined) throw this.#corrupt(expected, fault)
      this.note(expected, at)
      at += FRAME_HEADER_BYTES + this.#header.length
    }
    return at
  }

  /** Takes the header of a frame into `#header`; answers what is wrong with it. */
  #readHeader(window: FileWindow, at: number, expected: Position): string | undefined {
    const header = this.#header
    const index = window.reach(at, FRAME_HEADER_BYTES)
    if (index === undefined) return "the file ends before it"
    if (!header.read(window.bytes, index, this.seed) || header.isMark) return "its header is damaged"
    if (header.position !== expected) return `position ${header.position} is in its place`
    if (at + FRAME_HEADER_BYTES + header.length > window.size) return "the file ends inside it"
    return undefined
  }

  #corrupt(position: Position, reason: string): CorruptFrame {
    return new CorruptFrame({ location: this.path, position, reason })
  }
}
