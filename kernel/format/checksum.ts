/**
 * CRC-32 of IEEE 802.3 (section 3.2.9): reflected polynomial 0xEDB88320, initial value and final exclusive-or 0xFFFFFFFF. Check value:
 * 0xCBF43926 for the nine bytes "123456789". Computed eight bytes a step ("slicing-by-8", M. Kounavis and F. Berry, 2005) from eight
 * tables of 256 entries; table k holds the remainder of a byte that k more bytes follow.
 */

/** Checksum of `bytes` from `start` up to `end`, unsigned 32 bits. */
export type Checksum = (bytes: Uint8Array, start: number, end: number) => number

/** From this many bytes on, a runtime's own CRC-32 is faster than ours. */
const NATIVE_BYTES = 128

const makeTables = (): readonly Int32Array[] => {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
    tables[0]![byte] = remainder
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let table = 1; table < 8; table++) {
      const remainder = tables[table - 1]![byte]!
      tables[table]![byte] = (remainder >>> 8) ^ tables[0]![remainder & 0xff]!
    }
  }
  return tables
}
const [T0, T1, T2, T3, T4, T5, T6, T7] = makeTables() as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array]

/** CRC-32 of `bytes` from `start` up to `end`, unsigned; `seed` is the sum of the bytes before them. */
export const crc32 = (bytes: Uint8Array, start: number = 0, end: number = bytes.length, seed: number = 0): number => {
  let sum = ~seed
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    sum = T7[sum & 0xff]! ^ T6[(sum >>> 8) & 0xff]! ^ T5[(sum >>> 16) & 0xff]! ^ T4[sum >>> 24]! ^
      T3[bytes[at + 4]!]! ^ T2[bytes[at + 5]!]! ^ T1[bytes[at + 6]!]! ^ T0[bytes[at + 7]!]!
  }
  for (; at < end; at++) sum = (sum >>> 8) ^ T0[(sum ^ bytes[at]!) & 0xff]!
  return ~sum >>> 0
}

/**
 * The fastest checksum here: ours for short ranges, `native` (such as `zlib.crc32` or `Bun.hash.crc32`) for long ones.
 *
 * Throws if `native` does not compute this CRC: the stored sums would be wrong on every other runtime.
 */
export const chooseChecksum = (native?: (bytes: Uint8Array, seed?: number) => number): Checksum => {
  if (native === undefined) return (bytes, start, end) => crc32(bytes, start, end)
  const check = new TextEncoder().encode("123456789")
  if (native(check) >>> 0 !== 0xcbf43926) throw new Error("chooseChecksum: the native function does not compute CRC-32 (IEEE 802.3)")
  return (bytes, start, end) =>
    end - start < NATIVE_BYTES ? crc32(bytes, start, end) : native(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)) >>> 0
}
