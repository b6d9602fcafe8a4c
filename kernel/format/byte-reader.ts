/**
 * Reading of the primitives of `bytes.ts`. Nothing is trusted: every length is compared with the bytes that are left before anything is done
 * with it, and what is refused is `CorruptBytes` with the byte offset.
 */
import { CorruptBytes } from "../errors.ts"
import { readUtf8 } from "./utf8.ts"

const TWO_32 = 0x1_0000_0000

/**
 * Reads a range of bytes from `at` on, which each read moves behind what it read; a read that throws leaves `at` unspecified.
 *
 * `what` names the range in errors. Numbers and lengths that are not in their shortest form are refused.
 */
export class ByteReader {
  buffer: Uint8Array = new Uint8Array(0)
  at: number = 0
  end: number = 0
  readonly what: string

  constructor(what: string = "bytes") {
    this.what = what
  }

  /** Reads `bytes` from `start` up to `end` from now on. */
  point(bytes: Uint8Array, start: number, end: number): void {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`ByteReader.point: ${start} to ${end} of ${bytes.length} bytes`)
    }
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
    const byte = this.u8()
    return byte < 0x80 ? byte : this.#longVarint(byte, start)
  }

  #longVarint(byte: number, start: number): number {
    let n = byte & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
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
    if (byte === 0) this.refuse("a number is not in its shortest form", start)
    return n
  }

  zigzag(): number {
    const n = this.varint()
    return n % 2 === 0 ? n / 2 : -((n + 1) / 2)
  }

  /** Moves over nil if it is next; answers whether it was. */
  takeNil(): boolean {
    if (this.at >= this.end) this.refuse("it is cut short")
    if (this.buffer[this.at] !== 0xc0) return false
    this.at++
    return true
  }

  msgUint(): number {
    const start = this.at
    const marker = this.u8()
    if (marker < 0x80) return marker
    if (marker === 0xcc) return this.#length8(start, 0x80)
    if (marker === 0xcd) return this.#length16(start, 0x100)
    if (marker === 0xce) return this.#length32(start, 0x10000)
    if (marker !== 0xcf) this.refuse("an unsigned integer is expected", start)
    const high = this.#length32(start, 0)
    const n = high * TWO_32 + this.#length32(start, 0)
    if (n > Number.MAX_SAFE_INTEGER) this.refuse("an integer is above 2^53 - 1", start)
    if (high === 0) this.refuse("a number is not in its shortest form", start)
    return n
  }

  /** Members of an array; each has at least one byte, so more than are left is refused. */
  msgArray(): number {
    const start = this.at
    const marker = this.u8()
    let count = marker & 0x0f
    if (marker === 0xdc) count = this.#length16(start, 0x10)
    else if (marker === 0xdd) count = this.#length32(start, 0x10000)
    else if (marker >> 4 !== 0x9) this.refuse("an array is expected", start)
    if (count > this.end - this.at) this.refuse(`${count} members are announced, ${this.end - this.at} bytes are left`, start)
    return count
  }

  /** Bytes of a binary, which start at `at` afterwards and are all there; `skip` moves over them. */
  msgBin(): number {
    const start = this.at
    const marker = this.u8()
    const length = marker === 0xc4
      ? this.#length8(start, 0)
      : marker === 0xc5
      ? this.#length16(start, 0x100)
      : marker === 0xc6
      ? this.#length32(start, 0x10000)
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
      ? this.#length8(start, 0x20)
      : marker === 0xda
      ? this.#length16(start, 0x100)
      : marker === 0xdb
      ? this.#length32(start, 0x10000)
      : this.refuse("a string is expected", start)
    if (length > bytesMax) this.refuse(`a string has ${length} bytes, at most ${bytesMax} are allowed`, start)
    const from = this.skip(length)
    return readUtf8(this.buffer, from, this.at)
  }

  /** A length of one byte; below `least` a shorter form exists. */
  #length8(start: number, least: number): number {
    const n = this.u8()
    if (n < least) this.refuse("a number is not in its shortest form", start)
    return n
  }

  #length16(start: number, least: number): number {
    const at = this.skip(2)
    const n = (this.buffer[at]! << 8) | this.buffer[at + 1]!
    if (n < least) this.refuse("a number is not in its shortest form", start)
    return n
  }

  #length32(start: number, least: number): number {
    const at = this.skip(4)
    const buffer = this.buffer
    const n = ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
    if (n < least) this.refuse("a number is not in its shortest form", start)
    return n
  }
}
