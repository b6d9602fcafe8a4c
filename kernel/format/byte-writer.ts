/**
 * Writing of the primitives of `bytes.ts` into a buffer that grows. The caller is ours and trusted; what would corrupt the layout is asserted.
 */
import type { Bytes } from "../ports/log-storage.ts"
import { writeUtf8 } from "./utf8.ts"

/** Below this many bytes a loop copies faster than `set(subarray)`. */
const LOOP_COPY_BYTES = 48
const ROOM_BYTES_MIN = 64
const TWO_32 = 0x1_0000_0000

/** A growing scratch buffer. `buffer` is replaced when it grows; bytes from `length` on are rubbish. */
export class ByteWriter {
  buffer: Bytes
  length: number = 0
  #view: DataView
  #lentAt = -1

  constructor(roomBytes: number = 1024) {
    this.buffer = new Uint8Array(Math.max(roomBytes, ROOM_BYTES_MIN))
    this.#view = new DataView(this.buffer.buffer)
  }

  /** The same bytes as `buffer`. */
  get view(): DataView {
    if (this.#view.buffer !== this.buffer.buffer) this.#view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length)
    return this.#view
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.#refuseWhileLent()
    this.length = 0
  }

  /** Whether someone else writes into the buffer at the moment. */
  get isLent(): boolean {
    return this.#lentAt >= 0
  }

  /**
   * Lends the buffer to one who writes behind `length`, which is answered, by himself; until `takeBack`, writing here is a defect that
   * throws. For code that calls the user's between two bytes.
   */
  lend(): number {
    this.#refuseWhileLent()
    // A full buffer: whatever is written meets `grow` first, so that writing costs nothing more in all other cases.
    this.#lentAt = this.length
    this.length = this.buffer.length
    return this.#lentAt
  }

  /** Ends `lend`: the bytes are in `buffer`, or nothing was added if that is undefined. */
  takeBack(buffer: Bytes | undefined, length: number): void {
    if (buffer !== undefined) this.buffer = buffer
    this.length = buffer === undefined ? this.#lentAt : length
    this.#lentAt = -1
  }

  #refuseWhileLent(): void {
    if (this.#lentAt >= 0) throw new Error("ByteWriter: its buffer is lent, so it cannot be written")
  }

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    const needed = this.length + n
    if (needed > this.buffer.length) this.#grow(needed)
  }

  #grow(needed: number): void {
    this.#refuseWhileLent()
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2, ROOM_BYTES_MIN))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }

  u8(byte: number): void {
    if (this.length === this.buffer.length) this.#grow(this.length + 1)
    this.buffer[this.length++] = byte
  }

  varint(n: number): void {
    if (this.length + 8 > this.buffer.length) this.#grow(this.length + 8)
    const buffer = this.buffer
    if ((n & 0x7f) === n) {
      buffer[this.length++] = n
      return
    }
    if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`ByteWriter.varint: ${n} is not an integer from 0 to 2^53 - 1`)
    let at = this.length
    // Bit operations are limited to 32 bits.
    while (n >= TWO_32) {
      buffer[at++] = (n % 0x80) | 0x80
      n = Math.floor(n / 0x80)
    }
    while (n >= 0x80) {
      buffer[at++] = (n & 0x7f) | 0x80
      n >>>= 7
    }
    buffer[at++] = n
    this.length = at
  }

  zigzag(n: number): void {
    if (!Number.isSafeInteger(n)) throw new RangeError(`ByteWriter.zigzag: ${n} is not an integer`)
    this.varint(n < 0 ? -2 * n - 1 : 2 * n)
  }

  /** Copies `source` from `start` up to `end`. */
  bytes(source: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (this.length + length > this.buffer.length) this.#grow(this.length + length)
    if (length < LOOP_COPY_BYTES) {
      const buffer = this.buffer
      let at = this.length
      for (let from = start; from < end; from++) buffer[at++] = source[from]!
    } else {
      this.buffer.set(source.subarray(start, end), this.length)
    }
    this.length += length
  }

  msgNil(): void {
    this.u8(0xc0)
  }

  /** 0 to 2^53 - 1; uint 64 from 2^32 on. */
  msgUint(n: number): void {
    if (n >>> 0 === n) {
      if (n < 0x80) this.u8(n)
      else this.#header(n, 0xcc, 0xcd, 0xce)
      return
    }
    if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`ByteWriter.msgUint: ${n} is not an integer from 0 to 2^53 - 1`)
    if (this.length + 9 > this.buffer.length) this.#grow(this.length + 9)
    const buffer = this.buffer
    const high = Math.floor(n / TWO_32)
    let at = this.length
    buffer[at++] = 0xcf
    at = writeU32(buffer, at, high)
    this.length = writeU32(buffer, at, n >>> 0)
  }

  msgArray(n: number): void {
    if ((n & 0x0f) === n) this.u8(0x90 | n)
    else this.#header(n, 0, 0xdc, 0xdd)
  }

  /** The header of a binary of `n` bytes; its content is the caller's to write. */
  msgBin(n: number): void {
    this.#header(n, 0xc4, 0xc5, 0xc6)
  }

  /** The caller has checked that `text` is well-formed. */
  msgStr(text: string): void {
    const bytesMax = text.length * 3
    if (this.length + bytesMax + 5 > this.buffer.length) this.#grow(this.length + bytesMax + 5)
    const end = writeMsgStr(text, this.buffer, this.length)
    if (end < 0) throw new Error("ByteWriter.msgStr: the text is not well-formed")
    this.length = end
  }

  /** A marker with a length of 1, 2 or 4 bytes; a marker of 0 does not exist for the type. */
  #header(n: number, marker8: number, marker16: number, marker32: number): void {
    if (n >>> 0 !== n) throw new RangeError(`ByteWriter: ${n} is not a length from 0 to 2^32 - 1`)
    if (this.length + 5 > this.buffer.length) this.#grow(this.length + 5)
    const buffer = this.buffer
    let at = this.length
    if (n < 0x100 && marker8 !== 0) {
      buffer[at++] = marker8
      buffer[at++] = n
    } else if (n < 0x10000) {
      buffer[at++] = marker16
      buffer[at++] = n >>> 8
      buffer[at++] = n & 0xff
    } else {
      buffer[at++] = marker32
      at = writeU32(buffer, at, n)
    }
    this.length = at
  }
}

const writeU32 = (target: Uint8Array, at: number, n: number): number => {
  target[at] = n >>> 24
  target[at + 1] = (n >>> 16) & 0xff
  target[at + 2] = (n >>> 8) & 0xff
  target[at + 3] = n & 0xff
  return at + 4
}

/**
 * Writes a MessagePack string in its shortest form at `at` and answers the byte offset behind it, or -1 if `text` is not well-formed.
 *
 * The caller guarantees room for `text.length * 3 + 5` bytes.
 */
export const writeMsgStr = (text: string, target: Uint8Array, at: number): number => {
  const units = text.length
  // The bytes are at least as many as the units, so a header made for the units is never too large; it may have to grow.
  const room = units < 0x20 ? 1 : units < 0x100 ? 2 : units < 0x10000 ? 3 : 5
  const start = at + room
  let end = writeUtf8(text, target, start)
  if (end < 0) return -1
  const length = end - start
  const needed = length < 0x20 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 5
  if (needed !== room) {
    target.copyWithin(at + needed, start, end)
    end += needed - room
  }
  if (needed === 1) {
    target[at] = 0xa0 | length
  } else if (needed === 2) {
    target[at] = 0xd9
    target[at + 1] = length
  } else if (needed === 3) {
    target[at] = 0xda
    target[at + 1] = length >>> 8
    target[at + 2] = length & 0xff
  } else {
    target[at] = 0xdb
    writeU32(target, at + 1, length)
  }
  return end
}
