/**
 * From the profile of `msgpack.ts` to values. The bytes have passed `checkValue` or come from `encodeValue`; for others nothing is promised
 * but an end: either some value or `CorruptBytes`.
 */
import { CorruptBytes } from "../errors.ts"
import { VALUE_DEPTH_MAX } from "../limits.ts"
import { readUtf8 } from "./utf8.ts"

const TWO_32 = 0x1_0000_0000

const number = new DataView(new ArrayBuffer(8))
const numberBytes = new Uint8Array(number.buffer)

/** The bytes that are read at the moment; none are kept afterwards. */
const NOTHING = new Uint8Array(0)
let source: Uint8Array = NOTHING
let at = 0
let stop = 0

/**
 * The value in `bytes` from `start` up to `end`; fresh, sharing nothing with `bytes` or with an earlier answer.
 *
 * Binaries are plain Uint8Arrays, also where the runtime has Buffers; objects are plain, with their members as own properties.
 */
export const decodeValue = (bytes: Uint8Array, start: number, end: number): unknown => {
  source = bytes
  at = start
  stop = end
  const value = read(0)
  if (at !== end) corrupt("it does not end where it should")
  source = NOTHING
  return value
}

const corrupt = (reason: string): never => {
  source = NOTHING
  throw new CorruptBytes({ what: "a value", byteOffset: at, reason })
}

const read = (depth: number): unknown => {
  if (at >= stop) corrupt("it is cut short")
  const marker = source[at++]!
  if (marker < 0x80) return marker
  if (marker < 0x90) return readMap(marker & 0x0f, depth)
  if (marker < 0xa0) return readArray(marker & 0x0f, depth)
  if (marker < 0xc0) return readText(marker & 0x1f)
  if (marker >= 0xe0) return marker - 0x100
  switch (marker) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
      return readBinary(readU8())
    case 0xc5:
      return readBinary(readU16())
    case 0xc6:
      return readBinary(readU32())
    case 0xc7:
      return readTimestamp96()
    case 0xcb:
      readEight()
      return number.getFloat64(0)
    case 0xcc:
      return readU8()
    case 0xcd:
      return readU16()
    case 0xce:
      return readU32()
    case 0xcf:
      readEight()
      return number.getBigUint64(0)
    case 0xd0:
      return (readU8() << 24) >> 24
    case 0xd1:
      return (readU16() << 16) >> 16
    case 0xd2:
      return readU32() | 0
    case 0xd3:
      readEight()
      return number.getBigInt64(0)
    case 0xd6:
      at++
      return new Date(readU32() * 1000)
    case 0xd7: {
      at++
      const high = readU32()
      return new Date(((high & 3) * TWO_32 + readU32()) * 1000 + (high >>> 2) / 1_000_000)
    }
    case 0xd9:
      return readText(readU8())
    case 0xda:
      return readText(readU16())
    case 0xdb:
      return readText(readU32())
    case 0xdc:
      return readArray(readU16(), depth)
    case 0xdd:
      return readArray(readU32(), depth)
    case 0xde:
      return readMap(readU16(), depth)
    case 0xdf:
      return readMap(readU32(), depth)
    default:
      return corrupt(`byte 0x${marker.toString(16)} is no value`)
  }
}

const need = (bytes: number): void => {
  if (bytes > stop - at) corrupt("it is cut short")
}

const readU8 = (): number => {
  need(1)
  return source[at++]!
}

const readU16 = (): number => {
  need(2)
  at += 2
  return (source[at - 2]! << 8) | source[at - 1]!
}

const readU32 = (): number => {
  need(4)
  at += 4
  return ((source[at - 4]! << 24) | (source[at - 3]! << 16) | (source[at - 2]! << 8) | source[at - 1]!) >>> 0
}

/** Moves the next eight bytes to where `number` reads them. */
const readEight = (): void => {
  need(8)
  numberBytes[0] = source[at]!
  numberBytes[1] = source[at + 1]!
  numberBytes[2] = source[at + 2]!
  numberBytes[3] = source[at + 3]!
  numberBytes[4] = source[at + 4]!
  numberBytes[5] = source[at + 5]!
  numberBytes[6] = source[at + 6]!
  numberBytes[7] = source[at + 7]!
  at += 8
}

const readTimestamp96 = (): Date => {
  need(14)
  at += 2
  const nanos = readU32()
  const seconds = (readU32() | 0) * TWO_32 + readU32()
  return new Date(seconds * 1000 + nanos / 1_000_000)
}

const readText = (length: number): string => {
  need(length)
  at += length
  return readUtf8(source, at - length, at)
}

const readBinary = (length: number): Uint8Array => {
  need(length)
  at += length
  // Not `slice`: that of a Buffer gives a view.
  const bytes = new Uint8Array(length)
  bytes.set(source.subarray(at - length, at))
  return bytes
}

const readArray = (length: number, depth: number): unknown[] => {
  if (depth >= VALUE_DEPTH_MAX) corrupt("it is nested too deeply")
  need(length)
  const array: unknown[] = []
  for (let index = 0; index < length; index++) array.push(read(depth + 1))
  return array
}

const readMap = (members: number, depth: number): Record<string, unknown> => {
  if (depth >= VALUE_DEPTH_MAX) corrupt("it is nested too deeply")
  need(members * 2)
  const object: Record<string, unknown> = {}
  for (let index = 0; index < members; index++) {
    const key = readKey()
    const inherited = isInherited
    const member = read(depth + 1)
    // Assignment would run a setter of Object.prototype, and fail where that is frozen.
    if (inherited) Object.defineProperty(object, key, { value: member, writable: true, enumerable: true, configurable: true })
    else object[key] = member
  }
  return object
}

/**
 * Keys that were read lately, by length and three of their bytes. A hit costs no new string, and the one that is found is already known to
 * the runtime as a name of a property. Keys that `Object.prototype` has too are never here, so `isInherited` is judged once a name.
 */
const CACHED_KEYS = 1024
const CACHED_KEY_BYTES = 16
const cachedKeys: string[] = new Array(CACHED_KEYS).fill("")
const cachedLengths = new Uint8Array(CACHED_KEYS).fill(0xff)
const cachedBytes = new Uint8Array(CACHED_KEYS * CACHED_KEY_BYTES)
const plain: object = {}

/** Whether the key that was read last is one of `Object.prototype` too. */
let isInherited = false

const readKey = (): string => {
  if (at >= stop) corrupt("it is cut short")
  const length = source[at]! ^ 0xa0
  if (length === 0 || length > CACHED_KEY_BYTES || length >= stop - at) return readNewKey(-1)
  const from = at + 1
  const place = (source[from]! * 31 + source[from + (length >> 1)]! * 7 + source[from + length - 1]! + (length << 6)) & (CACHED_KEYS - 1)
  if (cachedLengths[place] !== length) return readNewKey(place)
  const base = place * CACHED_KEY_BYTES
  for (let index = 0; index < length; index++) {
    if (cachedBytes[base + index] !== source[from + index]) return readNewKey(place)
  }
  at = from + length
  isInherited = false
  return cachedKeys[place]!
}

const readNewKey = (place: number): string => {
  const from = at
  const key = read(VALUE_DEPTH_MAX)
  if (typeof key !== "string") return corrupt("a key is no string")
  isInherited = key in plain
  if (isInherited) {
    if (key === "__proto__") corrupt('"__proto__" is no key')
  } else if (place >= 0) {
    cachedKeys[place] = key
    cachedLengths[place] = at - from - 1
    cachedBytes.set(source.subarray(from + 1, at), place * CACHED_KEY_BYTES)
  }
  return key
}
