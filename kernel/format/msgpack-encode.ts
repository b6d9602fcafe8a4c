/**
 * From values to the profile of `msgpack.ts`, in one walk: each value is judged and written at once, so every property is read exactly once
 * and what was judged is what is stored, whatever getters and proxies answer. `toJSON` is never called.
 *
 * The walk writes into a scratch buffer of its own. A getter may run anything, even another `encodeValue` with the same writer; bytes reach
 * the writer only when the walk is over, in one piece behind whatever was written meanwhile. Recursion ends at a depth of 64.
 */
import { InvalidValue, ValueTooLarge } from "../errors.ts"
import { MAP_MEMBERS_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX } from "../limits.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { type ByteWriter, writeMsgStr } from "./bytes.ts"
import { utf8Length } from "./utf8.ts"

/** Room for any scalar but text and binaries: the longest timestamp has 15 bytes. */
const SCALAR_ROOM = 16
const SCRATCH_BYTES = 8192
/** A scratch buffer above this is not kept. */
const SCRATCH_KEPT_BYTES_MAX = 262_144
const TWO_32 = 0x1_0000_0000
const TWO_34 = 0x4_0000_0000

const number = new DataView(new ArrayBuffer(8))
const numberBytes = new Uint8Array(number.buffer)

/** What is walked at the moment; a walk that begins inside another (from a getter) puts it back. */
let target: Bytes = new Uint8Array(SCRATCH_BYTES)
let nodes = 0

/** Set by what answers -1; the levels above add to the path on the way out. */
let refusedPath = ""
let refusedReason = ""
let refusedBytes = 0

/**
 * Appends the bytes of `value` to `writer`.
 *
 * Members that are undefined are left out, -0 becomes 0. Throws `InvalidValue` (with the path inside the value) for anything outside the
 * domain and `ValueTooLarge` for more than {@link VALUE_BYTES_MAX} bytes (`bytes` is then how far it came); `writer` is unchanged by both.
 * `key` is for that message alone.
 */
export const encodeValue = (value: unknown, writer: ByteWriter, key: string): void => {
  const outerTarget = target
  const outerNodes = nodes
  if (outerNodes !== 0) target = new Uint8Array(SCRATCH_BYTES)
  nodes = 0
  try {
    const end = write(value, 0, 0)
    if (end < 0 || end > VALUE_BYTES_MAX) throw failure(end, key)
    writer.bytes(target, 0, end)
  } finally {
    if (outerNodes !== 0 || target.length > SCRATCH_KEPT_BYTES_MAX) target = outerTarget
    nodes = outerNodes
  }
}

const failure = (end: number, key: string): InvalidValue | ValueTooLarge => {
  const bytes = end < 0 ? refusedBytes : end
  if (bytes > VALUE_BYTES_MAX) return new ValueTooLarge({ key, bytes, bytesMax: VALUE_BYTES_MAX })
  return new InvalidValue({ path: refusedPath, reason: refusedReason })
}

const refuse = (reason: string): -1 => {
  refusedPath = ""
  refusedReason = reason
  refusedBytes = 0
  return -1
}

const refuseBytes = (bytes: number): -1 => {
  refusedBytes = bytes
  return -1
}

const PLAIN_NAME = /^[A-Za-z_$][\w$]*$/
const refuseMember = (name: string): -1 => {
  const step = PLAIN_NAME.test(name) ? name : `[${JSON.stringify(name)}]`
  refusedPath = refusedPath === "" || refusedPath.startsWith("[") ? step + refusedPath : `${step}.${refusedPath}`
  return -1
}
const refuseElement = (index: number): -1 => {
  refusedPath = refusedPath === "" || refusedPath.startsWith("[") ? `[${index}]${refusedPath}` : `[${index}].${refusedPath}`
  return -1
}

/** Makes room for `bytes` at `at`; answers false if the value is too large already. */
const makeRoom = (at: number, bytes: number): boolean => {
  if (at > VALUE_BYTES_MAX) {
    refuseBytes(at)
    return false
  }
  const larger = new Uint8Array(Math.max(at + bytes, target.length * 2))
  larger.set(target.subarray(0, at))
  target = larger
  return true
}

/** Writes `value` at `at` and answers the byte offset behind it, or -1 if it is refused. */
const write = (value: unknown, at: number, depth: number): number => {
  if (++nodes > VALUE_NODES_MAX) return refuse(`it has more than ${VALUE_NODES_MAX} values in all`)
  if (at + SCALAR_ROOM > target.length && !makeRoom(at, SCALAR_ROOM)) return -1
  switch (typeof value) {
    case "string":
      return writeText(value, at)
    case "number":
      return writeNumber(value, at)
    case "boolean":
      target[at] = value ? 0xc3 : 0xc2
      return at + 1
    case "object":
      if (value === null) {
        target[at] = 0xc0
        return at + 1
      }
      return writeObject(value, at, depth)
    case "bigint":
      return writeBigInt(value, at)
    case "undefined":
      return refuse(depth === 0 ? "undefined is no value" : "undefined and holes are no elements")
    default:
      return refuse(`a ${typeof value} is no data`)
  }
}

const writeText = (text: string, at: number): number => {
  const units = text.length
  if (at + units * 3 + 5 > target.length && !makeTextRoom(text, at)) return -1
  if (units < 0x20) {
    let end = at + 1
    let index = 0
    for (; index < units; index++) {
      const unit = text.charCodeAt(index)
      if (unit >= 0x80) break
      target[end++] = unit
    }
    if (index === units) {
      target[at] = 0xa0 | units
      return end
    }
  }
  const end = writeMsgStr(text, target, at)
  return end < 0 ? refuse("the string holds half of a surrogate pair") : end
}

const makeTextRoom = (text: string, at: number): boolean => {
  if (text.length > VALUE_BYTES_MAX) {
    refuseBytes(at + text.length)
    return false
  }
  return makeRoom(at, text.length * 3 + 5)
}

const writeNumber = (value: number, at: number): number => {
  // -0 passes the first test, and storing it as a byte makes it 0.
  if (value >>> 0 === value) {
    if (value < 0x80) {
      target[at] = value
      return at + 1
    }
    if (value < 0x100) {
      target[at] = 0xcc
      target[at + 1] = value
      return at + 2
    }
    if (value < 0x10000) {
      target[at] = 0xcd
      target[at + 1] = value >>> 8
      target[at + 2] = value & 0xff
      return at + 3
    }
    target[at] = 0xce
    return writeU32(value, at + 1)
  }
  if (value >> 0 === value) {
    if (value >= -0x20) {
      target[at] = value & 0xff
      return at + 1
    }
    if (value >= -0x80) {
      target[at] = 0xd0
      target[at + 1] = value & 0xff
      return at + 2
    }
    if (value >= -0x8000) {
      target[at] = 0xd1
      target[at + 1] = (value >>> 8) & 0xff
      target[at + 2] = value & 0xff
      return at + 3
    }
    target[at] = 0xd2
    return writeU32(value, at + 1)
  }
  // Machines differ in the bits of a NaN; it has one form here.
  if (value === value) number.setFloat64(0, value)
  else number.setBigUint64(0, 0x7ff8_0000_0000_0000n)
  return writeEight(0xcb, at)
}

const writeBigInt = (value: bigint, at: number): number => {
  if (BigInt.asIntN(64, value) === value) {
    number.setBigInt64(0, value)
    return writeEight(0xd3, at)
  }
  if (BigInt.asUintN(64, value) !== value) return refuse("the bigint does not fit 64 bits")
  number.setBigUint64(0, value)
  return writeEight(0xcf, at)
}

const writeEight = (marker: number, at: number): number => {
  target[at] = marker
  for (let index = 0; index < 8; index++) target[at + 1 + index] = numberBytes[index]!
  return at + 9
}

const writeU32 = (value: number, at: number): number => {
  target[at] = value >>> 24
  target[at + 1] = (value >>> 16) & 0xff
  target[at + 2] = (value >>> 8) & 0xff
  target[at + 3] = value & 0xff
  return at + 4
}

const writeObject = (value: object, at: number, depth: number): number => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return prototype === Array.prototype ? writeArray(value, at, depth) : refuseClass(value)
  if (prototype === Object.prototype || prototype === null) return writeMap(value as Record<string, unknown>, at, depth)
  if (prototype === Date.prototype) return writeDate(value, at)
  if (ArrayBuffer.isView(value) && isBinaryPrototype(prototype)) return writeBinary(value, at)
  return refuseClass(value)
}

/** Uint8Array itself, and Buffer where there is one: a Uint8Array with more methods. */
const isBinaryPrototype = (prototype: unknown): boolean =>
  prototype === Uint8Array.prototype || prototype === (globalThis as { Buffer?: { prototype?: unknown } }).Buffer?.prototype

const refuseClass = (value: object): -1 => {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  let name = tag
  try {
    const maker: unknown = (value as { constructor?: unknown }).constructor
    if (typeof maker === "function" && maker.name !== "" && tag === "Object") name = maker.name
  } catch {
    // A getter or proxy that throws has no better name than its tag.
  }
  return refuse(`it is no plain object (${name})`)
}

const writeArray = (value: readonly unknown[], at: number, depth: number): number => {
  if (depth >= VALUE_DEPTH_MAX) return refuse(`it is nested deeper than ${VALUE_DEPTH_MAX}, or holds itself`)
  const length = value.length
  if (length > VALUE_NODES_MAX - nodes) return refuse(`it has more than ${VALUE_NODES_MAX} values in all`)
  if (length < 0x10) {
    target[at++] = 0x90 | length
  } else if (length < 0x10000) {
    target[at] = 0xdc
    target[at + 1] = length >>> 8
    target[at + 2] = length & 0xff
    at += 3
  } else {
    target[at] = 0xdd
    at = writeU32(length, at + 1)
  }
  for (let index = 0; index < length; index++) {
    at = write(value[index], at, depth + 1)
    if (at < 0) return refuseElement(index)
  }
  return at
}

const writeMap = (value: Record<string, unknown>, at: number, depth: number): number => {
  if (depth >= VALUE_DEPTH_MAX) return refuse(`it is nested deeper than ${VALUE_DEPTH_MAX}, or holds itself`)
  if (Object.getOwnPropertySymbols(value).length !== 0) return refuse("it has a symbol as key")
  const keys = Object.keys(value)
  const head = at
  const headRoom = headBytes(keys.length)
  at += headRoom
  let members = 0
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    const member = value[key]
    if (member === undefined) continue
    if (key === "__proto__") {
      refuse('"__proto__" is no key')
      return refuseMember(key)
    }
    if (++members > MAP_MEMBERS_MAX) return refuse(`it has more than ${MAP_MEMBERS_MAX} members`)
    at = writeText(key, at)
    if (at < 0) return refuseMember(key)
    at = write(member, at, depth + 1)
    if (at < 0) return refuseMember(key)
  }
  const needed = headBytes(members)
  if (needed !== headRoom) {
    target.copyWithin(head + needed, head + headRoom, at)
    at += needed - headRoom
  }
  if (needed === 1) {
    target[head] = 0x80 | members
  } else if (needed === 3) {
    target[head] = 0xde
    target[head + 1] = members >>> 8
    target[head + 2] = members & 0xff
  } else {
    target[head] = 0xdf
    writeU32(members, head + 1)
  }
  return at
}

const headBytes = (count: number): number => count < 0x10 ? 1 : count < 0x10000 ? 3 : 5

const writeBinary = (value: ArrayBufferView, at: number): number => {
  // The view's own getters may be shadowed by properties; a new view over the same bytes cannot.
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  const length = bytes.length
  if (length > VALUE_BYTES_MAX) return refuseBytes(at + length)
  if (at + length + 5 > target.length && !makeRoom(at, length + 5)) return -1
  if (length < 0x100) {
    target[at] = 0xc4
    target[at + 1] = length
    at += 2
  } else if (length < 0x10000) {
    target[at] = 0xc5
    target[at + 1] = length >>> 8
    target[at + 2] = length & 0xff
    at += 3
  } else {
    target[at] = 0xc6
    at = writeU32(length, at + 1)
  }
  target.set(bytes, at)
  return at + length
}

const timeOf = Date.prototype.getTime

const writeDate = (value: object, at: number): number => {
  let millis: number
  try {
    millis = timeOf.call(value as Date)
  } catch {
    return refuse("it is no real date")
  }
  if (millis !== millis) return refuse("the date is invalid")
  const seconds = Math.floor(millis / 1000)
  const nanos = (millis - seconds * 1000) * 1_000_000
  if (seconds >= 0 && seconds < TWO_34) {
    if (nanos === 0 && seconds < TWO_32) {
      target[at] = 0xd6
      target[at + 1] = 0xff
      return writeU32(seconds, at + 2)
    }
    target[at] = 0xd7
    target[at + 1] = 0xff
    at = writeU32(nanos * 4 + Math.floor(seconds / TWO_32), at + 2)
    return writeU32(seconds >>> 0, at)
  }
  target[at] = 0xc7
  target[at + 1] = 12
  target[at + 2] = 0xff
  at = writeU32(nanos, at + 3)
  at = writeU32(Math.floor(seconds / TWO_32) >>> 0, at)
  return writeU32(seconds >>> 0, at)
}
