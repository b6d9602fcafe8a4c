/**
 * Frame: one atomic commit as bytes, itself one MessagePack value: an array of ten elements.
 *
 *   0  format version  uint   0 until the first release
 *   1  position        uint   place in this log, from 1
 *   2  id              bin    16 random bytes
 *   3  previous        bin    id of the frame before it; 16 zero bytes at position 1
 *   4  kind            uint   0: commit
 *   5  flags           uint   1: written by this log itself (local); bits 1–7 must be understood, higher ones may be ignored
 *   6  parts           array  of [type uint, bin32]; types from 128 may be ignored, lower ones must be understood
 *   7  change          any    one change of the remotes view (change.ts); nil: none
 *   8  receipt         any    of the log that took it from somebody: who and when (receipt.ts); never handed on; nil: none
 *   9  checksum        uint32 five bytes (0xce, big-endian): CRC-32 of all bytes before it
 *
 * The place, extent and algorithm of the checksum are the same in every format version, so that a newer frame can be told from
 * a damaged one. A reader that finds an unknown version, kind, low flag or low part type refuses the log with `FormatTooNew`.
 */
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import { FRAME_ID_BYTES } from "../model/identifiers.ts"
import type { Bytes, Position } from "../ports/log-storage.ts"
import { ByteReader, type ByteWriter } from "./bytes.ts"
import { readChange, type RemoteChange, writeChange } from "./change.ts"
import type { Checksum } from "./checksum.ts"
import { readReceipt, type Receipt, writeReceipt } from "./receipt.ts"

/** The format version that this release writes and reads. */
export const FORMAT_VERSION = 0
/** The only frame kind so far. */
export const FRAME_KIND_COMMIT = 0
/** Flag: the frame was written by this log itself; its writers are own. */
export const FRAME_FLAG_LOCAL = 1
/** Parts of types from here on may be ignored. */
export const OPTIONAL_PART_MIN = 128
/** Types of parts. 2 and 3 are reserved: a part of a state, the end of transfers. Settings are this log's own, and never handed on. */
export const PartType = { block: 1, state: 2, close: 3, settings: 4 } as const

const ELEMENTS = 10
const CHECKSUM_BYTES = 5
const UINT32 = 0xce
const BIN32 = 0xc6
const CRITICAL_FLAGS = 0xff

/** What stands at the head of a frame. */
export interface FrameHead {
  readonly position: Position
  readonly id: Bytes
  readonly previous: Bytes
  readonly flags: number
}

/** Empties `out` and writes the head of a frame with `parts` parts. */
export function beginFrame(out: ByteWriter, head: FrameHead, parts: number): void {
  out.reset()
  out.msgArray(ELEMENTS)
  out.msgUint(FORMAT_VERSION)
  out.msgUint(head.position)
  out.msgBin(FRAME_ID_BYTES)
  out.bytes(head.id, 0, FRAME_ID_BYTES)
  out.msgBin(FRAME_ID_BYTES)
  out.bytes(head.previous, 0, FRAME_ID_BYTES)
  out.msgUint(FRAME_KIND_COMMIT)
  out.msgUint(head.flags)
  out.msgArray(parts)
}

/** Begins a part; answers a mark for {@link endPart}. */
export function beginPart(out: ByteWriter, type: number): number {
  out.msgArray(2)
  out.msgUint(type)
  out.reserve(5)
  out.buffer[out.length] = BIN32
  out.length += 5
  return out.length
}

/** Ends a part: fills in how long it became. */
export function endPart(out: ByteWriter, mark: number): void {
  writeUint32(out.buffer, mark - 4, out.length - mark)
}

/** Writes a part whose content is there. */
export function writePart(out: ByteWriter, type: number, content: Uint8Array): void {
  const mark = beginPart(out, type)
  out.bytes(content, 0, content.length)
  endPart(out, mark)
}

/** Ends a frame with its checksum; the frame is `out.buffer` up to `out.length`. */
export function endFrame(out: ByteWriter, checksum: Checksum, change?: RemoteChange, receipt?: Receipt): void {
  if (change === undefined) out.msgNil()
  else writeChange(out, change)
  if (receipt === undefined) out.msgNil()
  else writeReceipt(out, receipt)
  out.reserve(CHECKSUM_BYTES)
  const sum = checksum(out.buffer, 0, out.length)
  out.buffer[out.length] = UINT32
  writeUint32(out.buffer, out.length + 1, sum)
  out.length += CHECKSUM_BYTES
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

const readUint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/** Reads frames one after another; its fields tell of the last one that was read, so that replay allocates nothing. */
export class FrameReader {
  /** Positioned at the content of a part by {@link enterPart}. */
  readonly reader: ByteReader = new ByteReader("a frame")
  readonly id: Bytes = new Uint8Array(FRAME_ID_BYTES)
  readonly previous: Bytes = new Uint8Array(FRAME_ID_BYTES)
  position: Position = 0
  flags: number = 0
  parts: number = 0
  partType: number = 0
  change: RemoteChange | undefined = undefined
  receipt: Receipt | undefined = undefined
  readonly #checksum: Checksum
  #bytes: Uint8Array = new Uint8Array(0)
  #partAt = 0
  #partsStart = 0
  #partsEnd = 0

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** Was the frame written by this log itself? */
  get local(): boolean {
    return (this.flags & FRAME_FLAG_LOCAL) !== 0
  }

  /**
   * Checks and reads a frame up to its parts. Throws `CorruptBytes` if the checksum or the structure is wrong, `FormatTooNew`
   * if it is whole but not of this release's format.
   */
  read(bytes: Uint8Array): void {
    const end = bytes.length - CHECKSUM_BYTES
    if (end < 1 || bytes[end] !== UINT32 || readUint32(bytes, end + 1) !== this.#checksum(bytes, 0, end)) {
      throw new CorruptBytes({ what: "a frame", byteOffset: Math.max(end, 0), reason: "its checksum is wrong" })
    }
    const { reader } = this
    reader.point(bytes, 0, end)
    const elements = reader.msgArray(), version = reader.msgUint()
    if (version !== FORMAT_VERSION) throw new FormatTooNew({ location: "a frame", found: version, known: FORMAT_VERSION })
    if (elements !== ELEMENTS) this.#fail("it does not have 10 elements")
    this.position = reader.msgUint()
    this.#readId(this.id)
    this.#readId(this.previous)
    const kind = reader.msgUint()
    if (kind !== FRAME_KIND_COMMIT) throw new FormatTooNew({ location: "a frame's kind", found: kind, known: FRAME_KIND_COMMIT })
    this.flags = reader.msgUint()
    const unknown = this.flags % (CRITICAL_FLAGS + 1) & ~FRAME_FLAG_LOCAL
    if (unknown !== 0) throw new FormatTooNew({ location: "a frame's flags", found: this.flags, known: FRAME_FLAG_LOCAL })
    this.parts = reader.msgArray()
    this.#bytes = bytes
    this.#partAt = this.#partsStart = reader.at
    this.#skipParts(end)
  }

  /** Walks over the parts once, so that what comes later may rely on their lengths. */
  #skipParts(end: number): void {
    const { reader } = this
    for (let i = 0; i < this.parts; i++) {
      if (reader.msgArray() !== 2) this.#fail("a part does not have two elements")
      const type = reader.msgUint()
      if (type < OPTIONAL_PART_MIN && type !== PartType.block && type !== PartType.settings) {
        throw new FormatTooNew({ location: "a part of a frame", found: type, known: PartType.settings })
      }
      reader.skip(this.#partBytes())
    }
    this.#partsEnd = reader.at
    this.change = reader.takeNil() ? undefined : readChange(reader)
    this.receipt = reader.takeNil() ? undefined : readReceipt(reader)
    if (reader.at !== end) this.#fail("bytes follow its last element")
  }

  /** Goes back to before the first part. */
  rewind(): void {
    this.#partAt = this.#partsStart
  }

  /** Points `reader` at the next part's content and sets `partType`; answers false behind the last. */
  nextPart(): boolean {
    const { reader } = this
    if (this.#partAt >= this.#partsEnd) return false
    reader.point(this.#bytes, this.#partAt, this.#partsEnd)
    reader.msgArray()
    this.partType = reader.msgUint()
    this.#partAt = this.#partBytes() + reader.at
    reader.point(this.#bytes, reader.at, this.#partAt)
    return true
  }

  /** A part is always a bin32, so that its length can be written after its content. */
  #partBytes(): number {
    const { reader } = this
    if (reader.u8() !== BIN32) this.#fail("a part is not a bin32")
    const at = reader.skip(4)
    return readUint32(reader.buffer, at)
  }

  #readId(target: Bytes): void {
    const { reader } = this
    if (reader.msgBin() !== FRAME_ID_BYTES) this.#fail("an id does not have 16 bytes")
    for (let i = 0; i < FRAME_ID_BYTES; i++) target[i] = reader.buffer[reader.at + i]!
    reader.at += FRAME_ID_BYTES
  }

  #fail(reason: string): never {
    return this.reader.refuse(reason)
  }
}
