/**
 * Reading a segment from its start to find where its frames end, why, and what was on the device.
 *
 *   head ─▶ frame ─▶ frame ─▶ … ─▶ nothing but zeros, or the end of the file        whole
 *                              └─▶ anything else: a fault at the next position
 *
 * Every header and mark that is intact is evidence: its durable head says how far the log was on the device when it was written.
 * That holds for intact headers *behind* a fault as well. They prove nothing by themselves (pages that were not flushed reach a
 * device in any order, so after a power cut a later frame may be there without an earlier one), but their durable heads do: a fault
 * at or below one was not left by a crash. So behind a fault the rest of the file is searched, byte by byte, for intact headers.
 */
import type { Position } from "../../kernel/ports/log-storage.ts"
import { withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { checksum } from "./checksum.ts"
import { SEGMENT_HEAD_BYTES } from "./file-heads.ts"
import { FileWindow } from "./file-window.ts"
import { openFile, tryClose } from "./files.ts"
import { FRAME_HEADER_BYTES, FrameHeader, mayBeHeader } from "./frame-header.ts"
import type { Segment } from "./segment.ts"

const READ_BYTES = 1024 * 1024
const ZEROS = new Uint8Array(64 * 1024)

/** What a scan found. */
export interface Scan {
  /** Position of the last intact frame in an unbroken row; one before the segment's first if there is none. */
  readonly last: Position
  /** Byte offset behind that frame. */
  readonly end: number
  /** Greatest durable head in any intact header or mark, 0 without one. */
  readonly durableHead: Position
  /** Byte offset behind that frame, and behind the mark that follows it, if one does. */
  readonly markEnd: number
  /** Why the row of frames ends; undefined if nothing but zeros follows. */
  readonly fault: string | undefined
  /** Byte offset behind the last byte that is not zero, at least `markEnd`. */
  readonly dataEnd: number
}

/** Scans a segment from its first frame. `headFault` is what is wrong with its head: then no frame counts, but each is evidence. */
export const scanSegment = (calls: FileCalls, segment: Segment, headFault?: string): Scan => {
  const descriptor = withSystemErrors("open", segment.path, () => openFile(calls, segment.path, "r"), true)
  try {
    const size = withSystemErrors("open", segment.path, () => calls.fstatSync(descriptor).size, true)
    return new Scanner(new FileWindow(calls, descriptor, segment.path, size, READ_BYTES), segment).run(headFault)
  } finally {
    tryClose(calls, descriptor)
  }
}

class Scanner {
  readonly #window: FileWindow
  readonly #segment: Segment
  readonly #header = new FrameHeader()
  #expected: Position
  #at = SEGMENT_HEAD_BYTES
  #durableHead: Position = 0

  constructor(window: FileWindow, segment: Segment) {
    this.#window = window
    this.#segment = segment
    this.#expected = segment.first
  }

  run(headFault: string | undefined): Scan {
    let fault = headFault
    while (fault === undefined && this.#window.size - this.#at >= FRAME_HEADER_BYTES) {
      const found = this.#step()
      if (found === "end") break
      if (found !== "frame") fault = found.fault
    }
    const end = this.#at
    const markEnd = fault === undefined && this.#isMarkHere() ? end + FRAME_HEADER_BYTES : end
    const dataEnd = Math.max(markEnd, this.#findDataEnd(markEnd))
    if (dataEnd > markEnd) fault ??= "bytes that are no frame are in its place"
    if (fault !== undefined) this.#searchEvidence(headFault === undefined ? end : 0, dataEnd)
    return { last: this.#expected - 1, end, markEnd, durableHead: this.#durableHead, fault, dataEnd }
  }

  /** Takes the frame at `#at`, or says what is there instead: a mark or zeros, where frames end, or a fault. */
  #step(): "frame" | "end" | { readonly fault: string } {
    const window = this.#window
    const header = this.#header
    const at = this.#at
    let index = window.reach(at, FRAME_HEADER_BYTES)
    if (index === undefined) return { fault: "the file ends inside its header" }
    if (isZero(window.bytes, index, index + FRAME_HEADER_BYTES)) return "end"
    if (!header.read(window.bytes, index, this.#segment.seed)) return { fault: "its header is damaged" }
    if (header.isMark) return this.#isMarkHere() ? "end" : { fault: "a mark of another position is in its place" }
    if (header.position !== this.#expected) return { fault: `position ${header.position} is in its place` }
    const { length, sum, durableHead } = header
    // Against the file before anything is allocated for it: the length may be forged.
    index = window.reach(at, FRAME_HEADER_BYTES + length)
    if (index === undefined) return { fault: "the file ends inside it" }
    const from = index + FRAME_HEADER_BYTES
    if (checksum(window.bytes, from, from + length) !== sum) return { fault: "its checksum does not match" }
    this.#durableHead = Math.max(this.#durableHead, durableHead)
    this.#segment.note(this.#expected, at)
    this.#at = at + FRAME_HEADER_BYTES + length
    this.#expected++
    return "frame"
  }

  #isMarkHere(): boolean {
    const index = this.#window.reach(this.#at, FRAME_HEADER_BYTES)
    if (index === undefined || !this.#header.read(this.#window.bytes, index, this.#segment.seed)) return false
    if (!this.#header.isMark || this.#header.position !== this.#expected - 1) return false
    this.#durableHead = Math.max(this.#durableHead, this.#header.durableHead)
    return true
  }

  /** Byte offset behind the last byte from `from` on that is not zero; 0 without one. */
  #findDataEnd(from: number): number {
    let dataEnd = 0
    for (let at = from; at < this.#window.size;) {
      const index = this.#window.reach(at, 1)
      if (index === undefined) break
      const count = Math.min(this.#window.available(at), ZEROS.length)
      if (!isZero(this.#window.bytes, index, index + count)) {
        let end = index + count
        while (this.#window.bytes[end - 1] === 0) end--
        dataEnd = at + end - index
      }
      at += count
    }
    return dataEnd
  }

  /** Takes the durable heads of intact headers in a range; those of frames before the expected one are copies inside values. */
  #searchEvidence(from: number, to: number): void {
    const header = this.#header
    for (let at = from; at + FRAME_HEADER_BYTES <= to;) {
      let index = this.#window.reach(at, FRAME_HEADER_BYTES)
      if (index === undefined) return
      const { bytes } = this.#window
      const candidates = this.#window.available(at) - FRAME_HEADER_BYTES + 1
      for (let left = candidates; left > 0; left--, index++, at++) {
        if (!mayBeHeader(bytes, index) || !header.read(bytes, index, this.#segment.seed)) continue
        if (header.position >= (header.isMark ? this.#expected - 1 : this.#expected)) {
          this.#durableHead = Math.max(this.#durableHead, header.durableHead)
        }
      }
    }
  }
}

const isZero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to;) {
    const count = Math.min(to - at, ZEROS.length)
    if (count < 64) {
      for (; at < to; at++) if (bytes[at] !== 0) return false
    } else {
      if (Buffer.compare(bytes.subarray(at, at + count), count === ZEROS.length ? ZEROS : ZEROS.subarray(0, count)) !== 0) return false
      at += count
    }
  }
  return true
}
