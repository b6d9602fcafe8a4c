/**
 * A second reader of logs, written from `docs/format.md` alone: the proof that the page suffices. It shares no code with the kernel and
 * prefers being short to being fast. The rules that a line follows are named in it or behind it.
 *
 *   bytes ─▶ cursor.ts ("Notation") ─▶ frame.ts (sections 2, 3) ─▶ fold.ts (4 to 6) ─▶ records, vector, digest (7)
 *                                  └─▶ value.ts (section 1)
 */

/** Bytes that the format refuses: `damaged`, or `too new` for this reader. */
export class Refused extends Error {
  readonly refusal: "damaged" | "too new"
  /** Number of the rule that is broken. */
  readonly rule: string
  constructor(refusal: "damaged" | "too new", rule: string) {
    super(`${refusal} (${rule})`)
    this.refusal = refusal
    this.rule = rule
  }
}
export const damaged = (rule: string): never => {
  throw new Refused("damaged", rule)
}
export const tooNew = (rule: string): never => {
  throw new Refused("too new", rule)
}
export const check = (holds: boolean, rule: string): void => {
  if (!holds) damaged(rule)
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
export const toHex = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += HEX[byte]!
  return text
}
export const toText = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return damaged("F-4")
  }
}

/** CRC-32, bit by bit (F-5). */
export function crc32(bytes: Uint8Array): number {
  let sum = 0xffff_ffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0xedb8_8320 : sum >>> 1
  }
  return ~sum >>> 0
}

/** Reads numbers and MessagePack heads, each in its shortest form (F-1 to F-4). */
export class Cursor {
  readonly bytes: Uint8Array
  at: number = 0
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  get left(): number {
    return this.bytes.length - this.at
  }
  take(length: number): Uint8Array {
    check(length <= this.left, "F-50")
    return this.bytes.subarray(this.at, this.at += length)
  }
  /** A big-endian number of 1, 2, 4 or 8 bytes that must not be below `least`. */
  number(length: number, least: number): number {
    const number = this.take(length).reduce((sum, byte) => sum * 256 + byte, 0)
    check(number >= least, "F-1")
    check(Number.isSafeInteger(number), "F-4")
    return number
  }
  varint(): number {
    let number = 0n
    for (let shift = 0n;; shift += 7n) {
      const [byte] = this.take(1)
      number |= BigInt(byte! & 0x7f) << shift
      check(number <= 2n ** 53n - 1n, "F-2")
      if (byte! >= 0x80) continue
      check(byte !== 0 || shift === 0n, "F-2")
      return Number(number)
    }
  }
  zigzag(): number {
    const number = this.varint()
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2
  }
  /** Takes nil, if it is next. */
  nil(): boolean {
    check(this.left > 0, "F-50")
    if (this.bytes[this.at] !== 0xc0) return false
    this.at++
    return true
  }
  uint(): number {
    const [head] = this.take(1)
    if (head! < 0x80) return head!
    const size = head! - 0xcc
    return size >= 0 && size < 4 ? this.number(1 << size, [0x80, 0x100, 0x1_0000, 2 ** 32][size]!) : damaged("F-1")
  }
  array(): number {
    const [head] = this.take(1)
    const count = head! >> 4 === 9
      ? head! & 15
      : head === 0xdc
      ? this.number(2, 16)
      : head === 0xdd
      ? this.number(4, 0x1_0000)
      : damaged("F-1")
    check(count <= this.left, "F-50")
    return count
  }
  bin(): Uint8Array {
    const [head] = this.take(1)
    const size = head! - 0xc4
    return size >= 0 && size < 3 ? this.take(this.number(1 << size, [0, 0x100, 0x1_0000][size]!)) : damaged("F-1")
  }
  str(): string {
    const [head] = this.take(1)
    const size = head! - 0xd9
    const length = head! >> 5 === 5
      ? head! & 31
      : size >= 0 && size < 3
      ? this.number(1 << size, [32, 0x100, 0x1_0000][size]!)
      : damaged("F-1")
    return toText(this.take(length))
  }
  /** Reads a column to its end, with `entry` once for each of `rows` (F-3); answers undefined for nil. */
  column<T>(rows: number, entry: (column: Cursor) => T): T[] | undefined {
    if (this.nil()) return undefined
    const column = new Cursor(this.bin()), entries: T[] = []
    for (let row = 0; rows < 0 ? column.left > 0 : row < rows; row++) entries.push(entry(column))
    check(column.left === 0, "F-3")
    return entries
  }
}
/** For {@link Cursor.column}: entries until the column ends. */
export const TO_THE_END = -1
