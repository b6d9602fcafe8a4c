/**
 * The strict check of stored and received values against the profile of `msgpack.ts`: one pass, no recursion, no copy.
 *
 * Containers that are open stand on a stack of counts, the keys of open maps on the stack of `msgpack-keys.ts`; when a map closes, its keys
 * are compared and taken off.
 */
import { CorruptBytes } from "../errors.ts"
import { MAP_MEMBERS_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX } from "../limits.ts"
import { pushKey, releaseKeys, repeatedKey } from "./msgpack-keys.ts"
import { compareBytes, isUtf8 } from "./utf8.ts"

const TWO_32 = 0x1_0000_0000
const TWO_34 = 0x4_0000_0000
const DATE_MILLIS_MAX = 8.64e15

const number = new DataView(new ArrayBuffer(8))

/** Of each open container: values that are still to come, whether it is a map, and where its keys begin; index 0 is the value itself. */
const open = new Int32Array(VALUE_DEPTH_MAX + 2)
const openMaps = new Uint8Array(VALUE_DEPTH_MAX + 2)
const openKeys = new Int32Array(VALUE_DEPTH_MAX + 2)

const corrupt = (byteOffset: number, reason: string): never => {
  throw new CorruptBytes({ what: "a value", byteOffset, reason })
}
const notShortest = (byteOffset: number): never => corrupt(byteOffset, "it is not in its shortest form")

const u32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

/** Throws `CorruptBytes` (with the byte offset in `bytes`) unless the range is exactly one value of the profile. */
export const checkValue = (bytes: Uint8Array, start: number, end: number): void => {
  if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError(`checkValue: ${start} to ${end} of ${bytes.length} bytes`)
  if (end - start > VALUE_BYTES_MAX) corrupt(start, `it has ${end - start} bytes, at most ${VALUE_BYTES_MAX} are allowed`)
  let at = start
  let nodes = 0
  let keys = 0
  let depth = 0
  let left = 1
  let inMap = false
  for (;;) {
    if (inMap) {
      const from = at
      if (at >= end) corrupt(at, "it is cut short")
      const marker = bytes[at++]!
      let length = marker & 0x1f
      if (marker >> 5 !== 5) {
        if (marker === 0xd9) {
          if (end - at < 1) corrupt(from, "it is cut short")
          length = bytes[at]!
          if (length < 0x20) notShortest(from)
          at += 1
        } else if (marker === 0xda) {
          if (end - at < 2) corrupt(from, "it is cut short")
          length = (bytes[at]! << 8) | bytes[at + 1]!
          if (length < 0x100) notShortest(from)
          at += 2
        } else if (marker === 0xdb) {
          if (end - at < 4) corrupt(from, "it is cut short")
          length = u32(bytes, at)
          if (length < 0x10000) notShortest(from)
          at += 4
        } else {
          corrupt(from, "a key is no string")
        }
      }
      if (length > end - at) corrupt(from, `a key of ${length} bytes is announced, ${end - at} are left`)
      const stop = at + length
      pushKey(keys++, bytes, at, stop)
      if (length === 9 && isProto(bytes, at)) corrupt(from, '"__proto__" is no key')
      while (at < stop && bytes[at]! < 0x80) at++
      if (at < stop) {
        if (!isUtf8(bytes, at, stop)) corrupt(from, "a key is not well-formed UTF-8")
        at = stop
      }
    }
    if (++nodes > VALUE_NODES_MAX) corrupt(at, `it has more than ${VALUE_NODES_MAX} values in all`)
    if (at >= end) corrupt(at, "it is cut short")
    const from = at
    const marker = bytes[at++]!
    // Bytes of text that follow, or members of a container; -1 for neither.
    let text = -1
    let members = -1
    let map = false
    if (marker < 0x80 || marker >= 0xe0) {
      // A small integer.
    } else if (marker < 0x90) {
      members = marker & 0x0f
      map = true
    } else if (marker < 0xa0) {
      members = marker & 0x0f
    } else if (marker < 0xc0) {
      text = marker & 0x1f
    } else {
      const room = end - at
      switch (marker) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          break
        case 0xc4: {
          if (room < 1) corrupt(from, "it is cut short")
          const length = bytes[at]!
          if (length > room - 1) corrupt(from, `a binary of ${length} bytes is announced, ${room - 1} are left`)
          at += 1 + length
          break
        }
        case 0xc5: {
          if (room < 2) corrupt(from, "it is cut short")
          const length = (bytes[at]! << 8) | bytes[at + 1]!
          if (length > room - 2) corrupt(from, `a binary of ${length} bytes is announced, ${room - 2} are left`)
          if (length < 0x100) notShortest(from)
          at += 2 + length
          break
        }
        case 0xc6: {
          if (room < 4) corrupt(from, "it is cut short")
          const length = u32(bytes, at)
          if (length > room - 4) corrupt(from, `a binary of ${length} bytes is announced, ${room - 4} are left`)
          if (length < 0x10000) notShortest(from)
          at += 4 + length
          break
        }
        case 0xc7:
          if (room < 14) corrupt(from, bytes[at] === 12 ? "it is cut short" : "an extension is no timestamp")
          if (bytes[at] !== 12 || bytes[at + 1] !== 0xff) corrupt(from, "an extension is no timestamp")
          checkTimestamp96(bytes, at + 2, from)
          at += 14
          break
        case 0xca:
          corrupt(from, "float 32 is not used")
          break
        case 0xcb:
          if (room < 8) corrupt(from, "it is cut short")
          checkFloat64(bytes, at, from)
          at += 8
          break
        case 0xcc:
          if (room < 1) corrupt(from, "it is cut short")
          if (bytes[at]! < 0x80) notShortest(from)
          at += 1
          break
        case 0xcd:
          if (room < 2) corrupt(from, "it is cut short")
          if (bytes[at] === 0) notShortest(from)
          at += 2
          break
        case 0xce:
          if (room < 4) corrupt(from, "it is cut short")
          if (bytes[at] === 0 && bytes[at + 1] === 0) notShortest(from)
          at += 4
          break
        case 0xcf:
          if (room < 8) corrupt(from, "it is cut short")
          if (bytes[at]! < 0x80) notShortest(from)
          at += 8
          break
        case 0xd0:
          if (room < 1) corrupt(from, "it is cut short")
          if (bytes[at]! < 0x80 || bytes[at]! >= 0xe0) notShortest(from)
          at += 1
          break
        case 0xd1: {
          if (room < 2) corrupt(from, "it is cut short")
          const n = (bytes[at]! << 8) | bytes[at + 1]!
          if (n < 0x8000 || n >= 0xff80) notShortest(from)
          at += 2
          break
        }
        case 0xd2: {
          if (room < 4) corrupt(from, "it is cut short")
          const n = u32(bytes, at)
          if (n < 0x8000_0000 || n >= 0xffff_8000) notShortest(from)
          at += 4
          break
        }
        case 0xd3:
          if (room < 8) corrupt(from, "it is cut short")
          at += 8
          break
        case 0xd6:
          if (room < 5) corrupt(from, "it is cut short")
          if (bytes[at] !== 0xff) corrupt(from, "an extension is no timestamp")
          at += 5
          break
        case 0xd7:
          if (room < 9) corrupt(from, "it is cut short")
          if (bytes[at] !== 0xff) corrupt(from, "an extension is no timestamp")
          checkTimestamp64(bytes, at + 1, from)
          at += 9
          break
        case 0xd9:
          if (room < 1) corrupt(from, "it is cut short")
          text = bytes[at]!
          if (text < 0x20) notShortest(from)
          at += 1
          break
        case 0xda:
          if (room < 2) corrupt(from, "it is cut short")
          text = (bytes[at]! << 8) | bytes[at + 1]!
          if (text < 0x100) notShortest(from)
          at += 2
          break
        case 0xdb:
          if (room < 4) corrupt(from, "it is cut short")
          text = u32(bytes, at)
          if (text < 0x10000) notShortest(from)
          at += 4
          break
        case 0xdc:
        case 0xde:
          if (room < 2) corrupt(from, "it is cut short")
          members = (bytes[at]! << 8) | bytes[at + 1]!
          if (members < 0x10) notShortest(from)
          map = marker === 0xde
          at += 2
          break
        case 0xdd:
        case 0xdf:
          if (room < 4) corrupt(from, "it is cut short")
          members = u32(bytes, at)
          if (members < 0x10000) notShortest(from)
          map = marker === 0xdf
          at += 4
          break
        case 0xc1:
          corrupt(from, "byte 0xC1 has no meaning")
          break
        default:
          corrupt(from, "an extension is no timestamp")
      }
    }
    if (text > 0) {
      if (text > end - at) corrupt(from, `a string of ${text} bytes is announced, ${end - at} are left`)
      const stop = at + text
      while (at < stop && bytes[at]! < 0x80) at++
      if (at < stop) {
        if (!isUtf8(bytes, at, stop)) corrupt(from, "a string is not well-formed UTF-8")
        at = stop
      }
    }
    left--
    if (members >= 0) {
      if (depth >= VALUE_DEPTH_MAX) corrupt(from, `it is nested deeper than ${VALUE_DEPTH_MAX}`)
      if (members * (map ? 2 : 1) > end - at) corrupt(from, `${members} members are announced, ${end - at} bytes are left`)
      if (map && members > MAP_MEMBERS_MAX) corrupt(from, `a map has ${members} members, at most ${MAP_MEMBERS_MAX} are allowed`)
      if (members > 0) {
        open[depth] = left
        openMaps[depth] = inMap ? 1 : 0
        depth++
        left = members
        inMap = map
        openKeys[depth] = keys
        continue
      }
    }
    while (left === 0) {
      if (inMap) {
        const first = openKeys[depth]!
        const twice = keys - first > 1 ? repeatedKey(bytes, first, keys) : -1
        if (twice >= 0) corrupt(twice, "a key stands in its map twice")
        keys = first
      }
      if (depth === 0) {
        if (at !== end) corrupt(at, `${end - at} bytes are left over`)
        releaseKeys()
        return
      }
      depth--
      left = open[depth]!
      inMap = openMaps[depth] === 1
    }
  }
}

const PROTO = new TextEncoder().encode("__proto__")
const isProto = (bytes: Uint8Array, at: number): boolean => compareBytes(bytes, at, at + 9, PROTO, 0, 9) === 0

const checkFloat64 = (bytes: Uint8Array, at: number, from: number): void => {
  const high = u32(bytes, at)
  const low = u32(bytes, at + 4)
  number.setUint32(0, high)
  number.setUint32(4, low)
  const value = number.getFloat64(0)
  // The first test also finds -0.
  if (value >>> 0 === value || value >> 0 === value) notShortest(from)
  if (value !== value && (high !== 0x7ff8_0000 || low !== 0)) corrupt(from, "a NaN is not in its one form")
}

const checkTimestamp64 = (bytes: Uint8Array, at: number, from: number): void => {
  const high = u32(bytes, at)
  const nanos = high >>> 2
  if (nanos > 999_000_000 || nanos % 1_000_000 !== 0) corrupt(from, "a date is not in whole milliseconds")
  if (nanos === 0 && (high & 3) === 0) notShortest(from)
}

const checkTimestamp96 = (bytes: Uint8Array, at: number, from: number): void => {
  const nanos = u32(bytes, at)
  if (nanos > 999_000_000 || nanos % 1_000_000 !== 0) corrupt(from, "a date is not in whole milliseconds")
  const seconds = (u32(bytes, at + 4) | 0) * TWO_32 + u32(bytes, at + 8)
  if (seconds >= 0 && seconds < TWO_34) notShortest(from)
  if (!(Math.abs(seconds * 1000 + nanos / 1_000_000) <= DATE_MILLIS_MAX)) corrupt(from, "a date is out of range")
}
