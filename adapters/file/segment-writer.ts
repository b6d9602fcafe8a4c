/**
 * Writing frames into the last segment of a log.
 *
 *   ├ … frames ┤├──── zeros, preallocated ────┤
 *              end                            size
 *
 * A frame is written in place, header and all, by one call, into zeros that were written before: the device's tables do not change,
 * so a flush costs one write and not three; and a full disk shows while zeros are written, when nothing is at stake. The file starts
 * small, doubles, then grows by 4 MiB.
 *
 * A write that fails half-way is wiped out again with zeros. Only if that fails too is the outcome unknown: the rest of the frame
 * might be zeros, and then it is all there.
 */
import { StorageFailed } from "../../kernel/errors.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { systemError, withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { checksum } from "./checksum.ts"
import { encodeSegmentHead, SEGMENT_HEAD_BYTES } from "./file-heads.ts"
import { allocate, openFile, tryClose, tryRemove, writeFully, writeSome } from "./files.ts"
import { FRAME_HEADER_BYTES, writeFrameHeader } from "./frame-header.ts"
import type { Segment } from "./segment.ts"

const GROWTH_BYTES_MIN = 64 * 1024
const GROWTH_BYTES_MAX = 4 * 1024 * 1024
/**
 * Zeros are written in pieces of this size. In one piece, Linux keeps a MiB as one large folio, and each small write into it then
 * takes 1 µs longer (2.4 against 1.25 µs; ext4, Linux 6.18).
 */
const ZEROS = new Uint8Array(64 * 1024)
/** Frames up to this size are put behind their header by copying; larger ones are gathered by `writev`. */
const COPIED_BYTES_MAX = 64 * 1024

export class SegmentWriter {
  readonly segment: Segment
  readonly descriptor: number
  readonly #calls: FileCalls
  readonly #scratch: Bytes = allocate(FRAME_HEADER_BYTES + COPIED_BYTES_MAX)
  /** Byte offset where the next frame goes. */
  #end: number
  /** Bytes that the file has. */
  #size: number
  /** Bytes of a failed frame may lie from `#end` up to here. */
  #dirtyEnd: number

  private constructor(calls: FileCalls, segment: Segment, descriptor: number, end: number, size: number) {
    this.#calls = calls
    this.segment = segment
    this.descriptor = descriptor
    this.#end = end
    this.#size = size
    this.#dirtyEnd = end
    segment.end = end
  }

  /** Makes the file of a new segment. Throws with `storedNothing`, and no file stays. */
  static create(calls: FileCalls, segment: Segment, storeId: Bytes): SegmentWriter {
    const descriptor = withSystemErrors("make", segment.path, () => openFile(calls, segment.path, "wx+"), true)
    try {
      writeFully(calls, descriptor, encodeSegmentHead(storeId, segment.number, segment.first), 0)
    } catch (cause) {
      tryClose(calls, descriptor)
      tryRemove(calls, segment.path)
      throw systemError(cause, "write to", segment.path, true, SEGMENT_HEAD_BYTES)
    }
    return new SegmentWriter(calls, segment, descriptor, SEGMENT_HEAD_BYTES, SEGMENT_HEAD_BYTES)
  }

  /** Opens a segment that was scanned, to write on at `end`. Changes nothing. */
  static open(calls: FileCalls, segment: Segment, end: number): SegmentWriter {
    return withSystemErrors("open", segment.path, () => {
      const descriptor = openFile(calls, segment.path, "r+")
      return new SegmentWriter(calls, segment, descriptor, end, calls.fstatSync(descriptor).size)
    }, true)
  }

  get end(): number {
    return this.#end
  }

  /** Writes a frame behind the last one. What it throws says whether nothing was stored. */
  write(position: Position, durableHead: Position, frame: Bytes): void {
    const { length } = frame
    const total = FRAME_HEADER_BYTES + length
    if (this.#dirtyEnd > this.#end) this.#wipe()
    if (this.#end + total > this.#size) this.#grow(total)
    const scratch = this.#scratch
    writeFrameHeader(scratch, 0, length, checksum(frame, 0, length), position, durableHead, this.segment.seed)
    let written = 0
    try {
      if (length <= COPIED_BYTES_MAX) {
        scratch.set(frame, FRAME_HEADER_BYTES)
        written = this.#calls.writeSync(this.descriptor, scratch, 0, total, this.#end)
      } else {
        written = this.#calls.writevSync(this.descriptor, [scratch.subarray(0, FRAME_HEADER_BYTES), frame], this.#end)
      }
      if (written !== total) this.#writeRest(frame, written)
    } catch (cause) {
      this.#undo(cause, total)
    }
    this.segment.note(position, this.#end)
    this.#end += total
    this.#dirtyEnd = this.#end
    this.segment.end = this.#end
  }

  /** Records that the device has all up to `head`, the last frame here. Answers the byte offset behind the mark. */
  writeMark(head: Position): number {
    const mark = this.#scratch.subarray(0, FRAME_HEADER_BYTES)
    writeFrameHeader(mark, 0, 0, 0, head, head, this.segment.seed)
    // Before the write: if it fails half-way, what it left has to be wiped or written over.
    this.#dirtyEnd = Math.max(this.#dirtyEnd, this.#end + FRAME_HEADER_BYTES)
    this.#size = Math.max(this.#size, this.#end + FRAME_HEADER_BYTES)
    writeFully(this.#calls, this.descriptor, mark, this.#end)
    // Every frame is longer than a mark, so it is written over whole and not dirt.
    this.#dirtyEnd = this.#end
    return this.#end + FRAME_HEADER_BYTES
  }

  /** Whether a mark has room without making the file larger. */
  get hasRoomForMark(): boolean {
    return this.#end + FRAME_HEADER_BYTES <= this.#size
  }

  /** Cuts what was preallocated behind `byteOffset`. */
  truncate(byteOffset: number): void {
    if (this.#size <= byteOffset) return
    this.#calls.ftruncateSync(this.descriptor, byteOffset)
    this.#size = byteOffset
  }

  close(): void {
    withSystemErrors("close", this.segment.path, () => this.#calls.closeSync(this.descriptor))
  }

  /** Goes on after a short write, which happens where a disk is nearly full or a limit is near. */
  #writeRest(frame: Bytes, written: number): void {
    let done = written
    if (done < FRAME_HEADER_BYTES) {
      writeFully(this.#calls, this.descriptor, this.#scratch.subarray(done, FRAME_HEADER_BYTES), this.#end + done)
      done = FRAME_HEADER_BYTES
    }
    writeFully(this.#calls, this.descriptor, frame.subarray(done - FRAME_HEADER_BYTES), this.#end + done)
  }

  #undo(cause: unknown, total: number): never {
    this.#dirtyEnd = this.#end + total
    try {
      this.#wipe()
    } catch {
      throw systemError(cause, "write to", this.segment.path, false)
    }
    throw systemError(cause, "write to", this.segment.path, true, total)
  }

  /** Writes zeros over what a failed frame may have left. */
  #wipe(): void {
    const { segment } = this
    try {
      for (let at = this.#end; at < this.#dirtyEnd; at += ZEROS.length) {
        writeFully(this.#calls, this.descriptor, ZEROS.subarray(0, Math.min(ZEROS.length, this.#dirtyEnd - at)), at)
      }
    } catch (cause) {
      throw new StorageFailed({ location: segment.path, call: "wipe a failed frame in", reason: String(cause) }, { cause })
    }
    this.#dirtyEnd = this.#end
  }

  /** Makes room for `bytes` at the end, by zeros; takes less than the usual step where no more is to be had. */
  #grow(bytes: number): void {
    const needed = this.#end + bytes
    const before = this.#size
    const usual = before < GROWTH_BYTES_MIN ? GROWTH_BYTES_MIN : before + Math.min(before, GROWTH_BYTES_MAX)
    const target = Math.ceil(Math.max(usual, needed) / GROWTH_BYTES_MIN) * GROWTH_BYTES_MIN
    let size = before
    try {
      // To the next multiple first, so that pieces lie on the pages of the file.
      while (size < target) {
        const piece = Math.min(ZEROS.length - size % ZEROS.length, target - size)
        size += writeSome(this.#calls, this.descriptor, ZEROS, 0, piece, size)
      }
    } catch (cause) {
      if (size < needed) {
        this.#giveBack(before)
        throw systemError(cause, "write to", this.segment.path, true, bytes)
      }
    }
    this.#size = size
  }

  /** Zeros behind the frames are no data, so one failure to cut them off is as good as none. */
  #giveBack(size: number): void {
    try {
      this.#calls.ftruncateSync(this.descriptor, size)
    } catch {
      // The error that is being reported is the one that counts.
    }
  }
}
