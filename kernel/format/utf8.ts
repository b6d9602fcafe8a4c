/**
 * Text as UTF-8 bytes, strictly: what is not well-formed in UTF-16 (a lone surrogate) is not written, and what is not well-formed in
 * UTF-8 (overlong forms, surrogates, values above U+10FFFF, cut sequences) is not read. Nothing is ever replaced by U+FFFD, and a byte
 * order mark is a character like any other. RFC 3629, section 4:
 *
 *   code points          byte 1   byte 2   byte 3   byte 4
 *   U+0000  – U+007F     00–7F
 *   U+0080  – U+07FF     C2–DF    80–BF
 *   U+0800  – U+FFFF     E0–EF    80–BF *  80–BF             * A0–BF after E0, 80–9F after ED
 *   U+10000 – U+10FFFF   F0–F4    80–BF *  80–BF    80–BF    * 90–BF after F0, 80–8F after F4
 *
 * Short texts are handled by loops of our own: a call into the runtime's codec costs more than the loop up to the lengths below, which were
 * measured on Node 26, Deno 2.9 and Bun 1.4.
 */
import { CorruptBytes } from "../errors.ts"

/** From this many UTF-16 units on, `TextEncoder` is faster than the loop. */
const NATIVE_WRITE_UNITS = 48
/** From this many bytes on, ASCII is read faster by a call of the runtime: by `latin1Slice` where there is one, else by `TextDecoder`. */
const NATIVE_READ_BYTES = 13
const DECODER_READ_BYTES = 32
/** Up to this many bytes, text beyond ASCII is checked here and sliced; above it `TextDecoder` wins, whatever a call of it costs. */
const SLICE_READ_BYTES = 256

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

type Slice = (this: Uint8Array, start: number, end: number) => string
/**
 * Two methods that Node, Deno and Bun have for their Buffers and that work on any Uint8Array: a third to a sixth of the price of a
 * `TextDecoder`, which also needs a subarray. They replace what is not well-formed, so they get bytes that were checked. Browsers do
 * without.
 */
const { latin1Slice, utf8Slice } = ((globalThis as { Buffer?: { prototype?: object } }).Buffer?.prototype ?? {}) as {
  readonly latin1Slice?: Slice
  readonly utf8Slice?: Slice
}

/** ES2024, which the library of this project does not declare; every supported runtime has it. */
interface WellFormed {
  isWellFormed(): boolean
}
const isWellFormed = (text: string): boolean => (text as string & WellFormed).isWellFormed()

/**
 * Writes `text` at `at` and answers the byte offset behind it, or -1 if `text` is not well-formed; bytes from `at` on may then have changed.
 *
 * The caller guarantees that `target` has room for `text.length * 3` bytes.
 */
export const writeUtf8 = (text: string, target: Uint8Array, at: number): number => {
  const length = text.length
  if (length >= NATIVE_WRITE_UNITS) {
    const { written } = encoder.encodeInto(text, target.subarray(at))
    // As many bytes as units is ASCII; only in longer ones may something have been replaced.
    return written === length || isWellFormed(text) ? at + written : -1
  }
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return writeBeyondAscii(text, index, target, at)
    target[at++] = unit
  }
  return at
}

const writeBeyondAscii = (text: string, from: number, target: Uint8Array, at: number): number => {
  const length = text.length
  for (let index = from; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      target[at++] = unit
    } else if (unit < 0x800) {
      target[at++] = 0xc0 | (unit >> 6)
      target[at++] = 0x80 | (unit & 0x3f)
    } else if ((unit & 0xf800) !== 0xd800) {
      target[at++] = 0xe0 | (unit >> 12)
      target[at++] = 0x80 | ((unit >> 6) & 0x3f)
      target[at++] = 0x80 | (unit & 0x3f)
    } else {
      const low = index + 1 < length ? text.charCodeAt(index + 1) : 0
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) return -1
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff)
      target[at++] = 0xf0 | (point >> 18)
      target[at++] = 0x80 | ((point >> 12) & 0x3f)
      target[at++] = 0x80 | ((point >> 6) & 0x3f)
      target[at++] = 0x80 | (point & 0x3f)
      index++
    }
  }
  return at
}

/** Bytes of `text` in UTF-8, or -1 if it is not well-formed. */
export const utf8Length = (text: string): number => {
  const length = text.length
  let bytes = length
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) continue
    if (unit < 0x800) {
      bytes++
    } else if ((unit & 0xf800) !== 0xd800) {
      bytes += 2
    } else {
      const low = index + 1 < length ? text.charCodeAt(index + 1) : 0
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00) return -1
      bytes += 2
      index++
    }
  }
  return bytes
}

/** The text in `bytes` from `start` up to `end`. Throws `CorruptBytes` unless it is well-formed UTF-8. */
export const readUtf8 = (bytes: Uint8Array, start: number, end: number): string => {
  const length = end - start
  if (length > SLICE_READ_BYTES) return readLong(bytes, start, end)
  let at = start
  while (at < end && bytes[at]! < 0x80) at++
  if (at < end) {
    if (utf8Slice === undefined) return readLong(bytes, start, end)
    return isUtf8(bytes, at, end) ? utf8Slice.call(bytes, start, end) : refuse(start)
  }
  if (length < NATIVE_READ_BYTES) {
    return length <= 8 ? readAscii8(bytes, start, length) : readAscii8(bytes, start, 8) + readAscii8(bytes, start + 8, length - 8)
  }
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, start, end)
  if (length >= DECODER_READ_BYTES) return readLong(bytes, start, end)
  let text = ""
  for (at = start; at < end; at += 8) text += readAscii8(bytes, at, end - at < 8 ? end - at : 8)
  return text
}

/** At most eight ASCII bytes. One call with all characters makes one flat string, where adding them up makes a tree. */
const readAscii8 = (bytes: Uint8Array, at: number, length: number): string => {
  const of = String.fromCharCode
  switch (length) {
    case 0:
      return ""
    case 1:
      return of(bytes[at]!)
    case 2:
      return of(bytes[at]!, bytes[at + 1]!)
    case 3:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!)
    case 4:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!)
    case 5:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!)
    case 6:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!, bytes[at + 5]!)
    case 7:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!)
    default:
      return of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!, bytes[at + 5]!, bytes[at + 6]!, bytes[at + 7]!)
  }
}

const readLong = (bytes: Uint8Array, start: number, end: number): string => {
  try {
    return decoder.decode(bytes.subarray(start, end))
  } catch (cause) {
    return refuse(start, { cause })
  }
}

const refuse = (start: number, options?: ErrorOptions): never => {
  throw new CorruptBytes({ what: "text", byteOffset: start, reason: "it is not well-formed UTF-8" }, options)
}

/** Whether `bytes` from `start` up to `end` are well-formed UTF-8. Allocates nothing. */
export const isUtf8 = (bytes: Uint8Array, start: number, end: number): boolean => {
  let at = start
  while (at < end) {
    const byte = bytes[at++]!
    if (byte < 0x80) continue
    // The second byte has the narrow ranges; those after it are plain continuations.
    let low = 0x80
    let high = 0xbf
    let more: number
    if (byte >= 0xc2 && byte <= 0xdf) {
      more = 0
    } else if (byte >= 0xe0 && byte <= 0xef) {
      more = 1
      if (byte === 0xe0) low = 0xa0
      else if (byte === 0xed) high = 0x9f
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      more = 2
      if (byte === 0xf0) low = 0x90
      else if (byte === 0xf4) high = 0x8f
    } else {
      return false
    }
    if (at + more >= end) return false
    const second = bytes[at++]!
    if (second < low || second > high) return false
    for (; more > 0; more--) if ((bytes[at++]! & 0xc0) !== 0x80) return false
  }
  return true
}

/** Order of two ranges as unsigned bytes, the shorter one first where one begins the other: negative, 0 or positive. */
export const compareBytes = (a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number => {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shared = aLength < bLength ? aLength : bLength
  for (let index = 0; index < shared; index++) {
    const difference = a[aStart + index]! - b[bStart + index]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}
