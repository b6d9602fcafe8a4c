/**
 * The header before each frame in a segment, and the mark that may stand behind the last one. Little-endian.
 *
 *    0  4  length of the frame, 1 … 4,000,000         mark: 0
 *    4  4  CRC-32 of the frame's bytes                mark: 0
 *    8  8  position of the frame                      mark: position of the frame before it
 *   16  8  durable head: the last position that was known to be on the device when this was written, below the position
 *   24  4  CRC-32 of bytes 0–23, continued from the seed of the segment
 *   28  n  the frame
 *
 * The seed is the CRC-32 of the store's id and the segment's first position. So a header that was copied from another store,
 * segment or place is no header here, and whatever old bytes a disk gives back cannot be taken for frames.
 *
 * A mark records a durable head when no frame follows that could (after a flush, at close). The next frame overwrites it.
 */
import { crc32 } from "../../kernel/format/checksum.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { getUint32, getUint64, setUint32, setUint64, STORE_ID_BYTES } from "./file-heads.ts"

export const FRAME_HEADER_BYTES = 28
const SUMMED_BYTES = 24

/** What the checksums of the headers in one segment start from. */
export const headerSeed = (storeId: Bytes, first: Position): number => {
  const bytes = new Uint8Array(STORE_ID_BYTES + 8)
  bytes.set(storeId)
  setUint64(bytes, STORE_ID_BYTES, first)
  return crc32(bytes)
}

/** Writes the header of a frame, or with `length` and `sum` 0 a mark, into `bytes` at `at`. */
export const writeFrameHeader = (
  bytes: Uint8Array,
  at: number,
  length: number,
  sum: number,
  position: Position,
  durableHead: Position,
  seed: number,
): void => {
  setUint32(bytes, at, length)
  setUint32(bytes, at + 4, sum)
  setUint64(bytes, at + 8, position)
  setUint64(bytes, at + 16, durableHead)
  setUint32(bytes, at + 24, crc32(bytes, at, at + SUMMED_BYTES, seed))
}

/** One header as it was read; an instance is used again for each, so that a scan makes no objects. */
export class FrameHeader {
  length: number = 0
  sum: number = 0
  position: Position = 0
  durableHead: Position = 0

  /** Takes the header at `at`. Answers false, with the fields undefined, if no header of this segment is there. */
  read(bytes: Uint8Array, at: number, seed: number): boolean {
    if (getUint32(bytes, at + SUMMED_BYTES) !== crc32(bytes, at, at + SUMMED_BYTES, seed)) return false
    this.length = getUint32(bytes, at)
    this.sum = getUint32(bytes, at + 4)
    this.position = getUint64(bytes, at + 8)
    this.durableHead = getUint64(bytes, at + 16)
    // A writer never wrote these; a sum that matches by accident is not to be built on.
    return this.length <= FRAME_BYTES_MAX && Number.isSafeInteger(this.position) &&
      (this.isMark ? this.sum === 0 && this.durableHead <= this.position : this.durableHead < this.position)
  }

  get isMark(): boolean {
    return this.length === 0
  }
}

/** Whether a header could be at `at`, told from bytes that are zero in all of them: cheap, before the checksum is tried. */
export const mayBeHeader = (bytes: Uint8Array, at: number): boolean =>
  bytes[at + 3] === 0 && bytes[at + 15] === 0 && bytes[at + 23] === 0 && bytes[at + 2]! <= FRAME_BYTES_MAX >>> 16 &&
  bytes[at + 14]! < 0x20 &&
  (bytes[at + 8] !== 0 || bytes[at + 9] !== 0 || bytes[at + 10] !== 0 || bytes[at + 11] !== 0 || bytes[at + 12] !== 0 ||
    bytes[at + 13] !== 0 ||
    bytes[at + 14] !== 0)
