/**
 * Writing into and reading from ranges of bytes: the primitives of every layout in this folder.
 *
 *   u8       one byte
 *   varint   unsigned LEB128, 0 to 2^53 - 1, in the fewest bytes (1 to 8): seven bits a byte, lowest first, the top bit says "more"
 *   zigzag   a varint of 2n for n >= 0 and of -2n - 1 for n < 0, so -2^52 to 2^52 - 1
 *   msg…     MessagePack (its specification, "Formats"), always in the shortest form
 *
 * A writer trusts its caller and asserts what would corrupt the layout. A reader trusts nothing: every length is compared with the
 * bytes that are left before anything is done with it, and what is refused is `CorruptBytes` with the byte offset. Both are made once and
 * used again (`reset`, `point`); no method of the hot path allocates.
 */
import { CorruptBytes } from "../errors.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { readUtf8, writeUtf8 } from "./utf8.ts"

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
    if (needed > this.buffer.length) this.grow(needed)
  }

  private grow(needed: number): void {
    this.#refuseWhileLent()
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2, ROOM_BYTES_MIN))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
  }

  u8(byte: number): void {
    if (this.length === this.buffer.length) this.grow(this.length + 1)
    this.buffer[this.length++] = byte
  }

  varint(n: number): void {
    if (this.length + 8 > this.buffer.length) this.grow(this.length + 8)
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
    if (this.length + length > this.buffer.length) this.grow(this.length + length)
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
      else this.header(n, 0xcc, 0xcd, 0xce)
      return
    }
    if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`ByteWriter.msgUint: ${n} is not an integer from 0 to 2^53 - 1`)
    if (this.length + 9 > this.buffer.length) this.grow(this.length + 9)
    const buffer = this.buffer
    const high = Math.floor(n / TWO_32)
    let at = this.length
    buffer[at++] = 0xcf
    at = writeU32(buffer, at, high)
    this.length = writeU32(buffer, at, n >>> 0)
  }

  msgArray(n: number): void {
    if ((n & 0x0f) === n) this.u8(0x90 | n)
    else this.header(n, 0, 0xdc, 0xdd)
  }

  msgMap(n: number): void {
    if ((n & 0x0f) === n) this.u8(0x80 | n)
    else this.header(n, 0, 0xde, 0xdf)
  }

  /** The header of a binary of `n` bytes; its content is the caller's to write. */
  msgBin(n: number): void {
    this.header(n, 0xc4, 0xc5, 0xc6)
  }

  /** The caller has checked that `text` is well-formed. */
  msgStr(text: string): void {
    const bytesMax = text.length * 3
    if (this.length + bytesMax + 5 > this.buffer.length) this.grow(this.length + bytesMax + 5)
    const end = writeMsgStr(text, this.buffer, this.length)
    if (end < 0) throw new Error("ByteWriter.msgStr: the text is not well-formed")
    this.length = end
  }

  /** A marker with a length of 1, 2 or 4 bytes; a marker of 0 does not exist for the type. */
  private header(n: number, marker8: number, marker16: number, marker32: number): void {
    if (n >>> 0 !== n) throw new RangeError(`ByteWriter: ${n} is not a length from 0 to 2^32 - 1`)
    if (this.length + 5 > this.buffer.length) this.grow(this.length + 5)
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

/** Open containers that `skipValue` can count. */
const SKIP_DEPTH_MAX = 256
const pending = new Float64Array(SKIP_DEPTH_MAX + 1)

/**
 * Reads a range of bytes from `at` on, which each read moves behind what it read; a read that throws leaves `at` unspecified.
 *
 * `what` names the range in errors. With `canonical` (the default) numbers and lengths that are not in their shortest form are refused.
 */
export class ByteReader {
  buffer: Uint8Array = new Uint8Array(0)
  at: number = 0
  end: number = 0
  readonly what: string
  readonly canonical: boolean

  constructor(what: string = "bytes", canonical: boolean = true) {
    this.what = what
    this.canonical = canonical
  }

  /** Reads `bytes` from `start` up to `end` from now on. */
  point(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError(`ByteReader.point: ${start} to ${end} of ${bytes.length} bytes`)
    this.buffer = bytes
    this.at = start
    this.end = end
  }

  /** Bytes that are left. */
  get left(): number {
    return this.end - this.at
  }

  /** Throws `CorruptBytes` at `byteOffset`, by default where the reader stands. */
  refuse(reason: string, byteOffset: number = this.at): never {
    throw new CorruptBytes({ what: this.what, byteOffset, reason })
  }

  /** Refuses bytes behind the last value. */
  expectEnd(): void {
    if (this.at !== this.end) this.refuse(`${this.end - this.at} bytes are left over`)
  }

  /** Moves over `n` bytes and answers where they start. */
  skip(n: number): number {
    if (n > this.end - this.at) this.refuse(`${n} bytes are announced, ${this.end - this.at} are left`)
    const start = this.at
    this.at = start + n
    return start
  }

  u8(): number {
    if (this.at >= this.end) this.refuse("it is cut short")
    return this.buffer[this.at++]!
  }

  varint(): number {
    const start = this.at
    let byte = this.u8()
    if (byte < 0x80) return byte
    let n = byte & 0x7f
    let shift = 7
    for (; shift < 28; shift += 7) {
      byte = this.u8()
      n |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    if (byte >= 0x80) {
      for (let scale = 0x1000_0000;; scale *= 0x80) {
        byte = this.u8()
        n += (byte & 0x7f) * scale
        if (n > Number.MAX_SAFE_INTEGER || scale > 2 ** 49) this.refuse("a number is above 2^53 - 1", start)
        if (byte < 0x80) break
      }
    }
    if (byte === 0 && this.canonical) this.refuse("a number is not in its shortest form", start)
    return n
  }

  zigzag(): number {
    const n = this.varint()
    return n % 2 === 0 ? n / 2 : -((n + 1) / 2)
  }

  /** Whether the next value is nil; does not move. */
  peekNil(): boolean {
    return this.at < this.end && this.buffer[this.at] === 0xc0
  }

  /** Moves over nil if it is next; answers whether it was. */
  takeNil(): boolean {
    if (this.at >= this.end) this.refuse("it is cut short")
    if (this.buffer[this.at] !== 0xc0) return false
    this.at++
    return true
  }

  msgNil(): void {
    const start = this.at
    if (this.u8() !== 0xc0) this.refuse("nil is expected", start)
  }

  msgUint(): number {
    const start = this.at
    const marker = this.u8()
    if (marker < 0x80) return marker
    if (marker === 0xcc) return this.length8(start, 0x80)
    if (marker === 0xcd) return this.length16(start, 0x100)
    if (marker === 0xce) return this.length32(start, 0x10000)
    if (marker !== 0xcf) this.refuse("an unsigned integer is expected", start)
    const high = this.length32(start, 0)
    const n = high * TWO_32 + this.length32(start, 0)
    if (n > Number.MAX_SAFE_INTEGER) this.refuse("an integer is above 2^53 - 1", start)
    if (high === 0 && this.canonical) this.refuse("a number is not in its shortest form", start)
    return n
  }

  /** Members of an array; each has at least one byte, so more than are left is refused. */
  msgArray(): number {
    const start = this.at
    const marker = this.u8()
    let count = marker & 0x0f
    if (marker === 0xdc) count = this.length16(start, 0x10)
    else if (marker === 0xdd) count = this.length32(start, 0x10000)
    else if (marker >> 4 !== 0x9) this.refuse("an array is expected", start)
    if (count > this.end - this.at) this.refuse(`${count} members are announced, ${this.end - this.at} bytes are left`, start)
    return count
  }

  /** Members of a map; each has at least two bytes. */
  msgMap(): number {
    const start = this.at
    const marker = this.u8()
    let count = marker & 0x0f
    if (marker === 0xde) count = this.length16(start, 0x10)
    else if (marker === 0xdf) count = this.length32(start, 0x10000)
    else if (marker >> 4 !== 0x8) this.refuse("a map is expected", start)
    if (count * 2 > this.end - this.at) this.refuse(`${count} members are announced, ${this.end - this.at} bytes are left`, start)
    return count
  }

  /** Bytes of a binary, which start at `at` afterwards and are all there; `skip` moves over them. */
  msgBin(): number {
    const start = this.at
    const marker = this.u8()
    const length = marker === 0xc4
      ? this.length8(start, 0)
      : marker === 0xc5
      ? this.length16(start, 0x100)
      : marker === 0xc6
      ? this.length32(start, 0x10000)
      : this.refuse("a binary is expected", start)
    if (length > this.end - this.at) this.refuse(`${length} bytes are announced, ${this.end - this.at} are left`, start)
    return length
  }

  /** A string of at most `bytesMax` bytes. */
  msgStr(bytesMax: number = 0xffff_ffff): string {
    const start = this.at
    const marker = this.u8()
    const length = marker >> 5 === 5
      ? marker & 0x1f
      : marker === 0xd9
      ? this.length8(start, 0x20)
      : marker === 0xda
      ? this.length16(start, 0x100)
      : marker === 0xdb
      ? this.length32(start, 0x10000)
      : this.refuse("a string is expected", start)
    if (length > bytesMax) this.refuse(`a string has ${length} bytes, at most ${bytesMax} are allowed`, start)
    const from = this.skip(length)
    return readUtf8(this.buffer, from, this.at)
  }

  /**
   * Moves over one MessagePack value of any type, without recursion. Checks structure and bounds alone: no text, no extension.
   *
   * `depthMax` is at most 256; a scalar has depth 0.
   */
  skipValue(depthMax: number): void {
    if (depthMax > SKIP_DEPTH_MAX) throw new RangeError(`ByteReader.skipValue: depth ${depthMax} is above ${SKIP_DEPTH_MAX}`)
    let depth = 0
    pending[0] = 1
    for (;;) {
      const start = this.at
      const children = this.skipHead(start)
      pending[depth]!--
      if (children > 0) {
        if (depth >= depthMax) this.refuse(`it is nested deeper than ${depthMax}`, start)
        pending[++depth] = children
      } else {
        if (children === 0 && depth >= depthMax && isContainer(this.buffer[start]!)) this.refuse(`it is nested deeper than ${depthMax}`, start)
        while (pending[depth] === 0) {
          if (depth === 0) return
          depth--
        }
      }
    }
  }

  /** Moves over a scalar, or over the head of a container; answers how many values follow inside it. */
  private skipHead(start: number): number {
    const marker = this.u8()
    if (marker < 0x80 || marker >= 0xe0) return 0
    if (marker < 0x90) return this.children((marker & 0x0f) * 2, start)
    if (marker < 0xa0) return this.children(marker & 0x0f, start)
    if (marker < 0xc0) {
      this.skip(marker & 0x1f)
      return 0
    }
    switch (marker) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return 0
      case 0xc4:
        this.skip(this.length8(start, 0))
        return 0
      case 0xc5:
      case 0xda:
        this.skip(this.length16(start, 0x100))
        return 0
      case 0xc6:
      case 0xdb:
        this.skip(this.length32(start, 0x10000))
        return 0
      case 0xd9:
        this.skip(this.length8(start, 0x20))
        return 0
      case 0xc7:
        this.skip(this.length8(start, 0) + 1)
        return 0
      case 0xc8:
        this.skip(this.length16(start, 0x100) + 1)
        return 0
      case 0xc9:
        this.skip(this.length32(start, 0x10000) + 1)
        return 0
      case 0xcc:
      case 0xd0:
        this.skip(1)
        return 0
      case 0xcd:
      case 0xd1:
      case 0xd4:
        this.skip(2)
        return 0
      case 0xd5:
        this.skip(3)
        return 0
      case 0xca:
      case 0xce:
      case 0xd2:
        this.skip(4)
        return 0
      case 0xd6:
        this.skip(5)
        return 0
      case 0xcb:
      case 0xcf:
      case 0xd3:
        this.skip(8)
        return 0
      case 0xd7:
        this.skip(9)
        return 0
      case 0xd8:
        this.skip(17)
        return 0
      case 0xdc:
        return this.children(this.length16(start, 0x10), start)
      case 0xdd:
        return this.children(this.length32(start, 0x10000), start)
      case 0xde:
        return this.children(this.length16(start, 0x10) * 2, start)
      case 0xdf:
        return this.children(this.length32(start, 0x10000) * 2, start)
      default:
        return this.refuse("byte 0xC1 has no meaning", start)
    }
  }

  private children(count: number, start: number): number {
    if (count > this.end - this.at) this.refuse(`${count} values are announced, ${this.end - this.at} bytes are left`, start)
    return count
  }

  /** A length of one byte; below `least` a shorter form exists. */
  private length8(start: number, least: number): number {
    const n = this.u8()
    if (n < least && this.canonical) this.refuse("a number is not in its shortest form", start)
    return n
  }

  private length16(start: number, least: number): number {
    const at = this.skip(2)
    const n = (this.buffer[at]! << 8) | this.buffer[at + 1]!
    if (n < least && this.canonical) this.refuse("a number is not in its shortest form", start)
    return n
  }

  private length32(start: number, least: number): number {
    const at = this.skip(4)
    const buffer = this.buffer
    const n = ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
    if (n < least && this.canonical) this.refuse("a number is not in its shortest form", start)
    return n
  }
}

const isContainer = (marker: number): boolean => (marker >= 0x80 && marker < 0xa0) || (marker >= 0xdc && marker <= 0xdf)
