/**
 * From values to the profile of `msgpack.ts`, in one walk: each value is judged and written at once, so every property is read exactly once
 * and what was judged is what is stored, whatever getters and proxies answer. `toJSON` is never called. Own enumerable members count, as in
 * JSON; other properties of arrays, dates and binaries are not looked at. Recursion ends at a depth of 64.
 *
 * The walk writes into the buffer of the writer, which lends it until the walk is over. A getter may run anything, even an `encodeValue` of
 * its own; only the same writer is closed to it.
 */
import { InvalidValue, ValueTooLarge } from "../errors.ts"
import { MAP_MEMBERS_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX } from "../limits.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { quote } from "../text.ts"
import { type ByteWriter, writeMsgStr } from "./byte-writer.ts"
import { byteLengthOf, classNameOf, isBinary, millisOf } from "./true-types.ts"

/** Room for any scalar but text and binaries (the longest timestamp has 15 bytes), and for a key from the memo. */
const SCALAR_ROOM = 32
const TWO_32 = 0x1_0000_0000
const TWO_34 = 0x4_0000_0000

/** What is written at the moment: the buffer of the writer that lent it, and where the value begins. Nothing while no walk is under way. */
const NOTHING: Bytes = new Uint8Array(0)
const NO_VIEW = new DataView(NOTHING.buffer)
let target = NOTHING
let view: DataView = NO_VIEW
let base = 0
let nodes = 0

/**
 * Keys of the value before, in the order of the walk, with their encoded bytes: records of a collection mostly have the same members in the
 * same order, so a key is mostly written by comparing two pointers and storing a few words.
 */
const MEMO_KEYS = 64
const MEMO_WORDS = 4
const EMPTY_KEY = 0xa000_0000 | 0
const memoKeys: string[] = new Array(MEMO_KEYS).fill("")
const memoSizes = new Uint8Array(MEMO_KEYS).fill(1)
const memoWords = new Int32Array(MEMO_KEYS * MEMO_WORDS).fill(EMPTY_KEY)
let slot = 0

/** Set by what answers -1; the levels above add to the path on the way out. */
let refusedPath = ""
let refusedReason = ""
let refusedBytes = 0
let refusedCause: unknown

/**
 * Appends the bytes of `value` to `writer`.
 *
 * Members that are undefined are left out, -0 becomes 0. Throws `InvalidValue` (with the path inside the value) for anything outside the
 * domain and `ValueTooLarge` for more than {@link VALUE_BYTES_MAX} bytes (`bytes` is then how far it came); `writer` is unchanged by both.
 * `key` is for that message alone.
 */
export const encodeValue = (value: unknown, writer: ByteWriter, key: string): void => {
  if (target !== NOTHING) return encodeInside(value, writer, key)
  view = writer.view
  target = writer.buffer
  base = writer.lend()
  nodes = 1
  slot = 0
  const end = walk(value)
  const problem = end < 0 || end - base > VALUE_BYTES_MAX ? problemOf(end, key) : undefined
  writer.takeBack(problem === undefined ? target : undefined, end)
  target = NOTHING
  view = NO_VIEW
  if (problem !== undefined) throw problem
}

/** Getters and proxies are the caller's code, and may throw. */
const walk = (value: unknown): number => {
  try {
    return write(value, base, 0)
  } catch (cause) {
    refuse("reading it threw an error")
    refusedCause = cause
    return -1
  }
}

/** A value that is encoded by a getter of another: the outer walk goes on afterwards. */
const encodeInside = (value: unknown, writer: ByteWriter, key: string): void => {
  if (writer.isLent) throw new InvalidValue({ path: "", reason: "it is stored by a getter of a value that is being stored" })
  const outer = { target, view, base, nodes }
  target = NOTHING
  try {
    encodeValue(value, writer, key)
  } finally {
    ;({ target, view, base, nodes } = outer)
  }
}

const problemOf = (end: number, key: string): InvalidValue | ValueTooLarge => {
  const bytes = end < 0 ? refusedBytes : end - base
  if (bytes > VALUE_BYTES_MAX) return new ValueTooLarge({ key, bytes, bytesMax: VALUE_BYTES_MAX })
  const options = refusedCause === undefined ? undefined : { cause: refusedCause }
  refusedCause = undefined
  return new InvalidValue({ path: refusedPath, reason: refusedReason }, options)
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
  if (at - base > VALUE_BYTES_MAX) {
    refuseBytes(at - base)
    return false
  }
  const larger = new Uint8Array(Math.max(at + bytes, target.length * 2))
  larger.set(target.subarray(0, at))
  target = larger
  view = new DataView(larger.buffer)
  return true
}

/** Writes `value` at `at` and answers the byte offset behind it, or -1 if it is refused. */
const write = (value: unknown, at: number, depth: number): number => {
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

const refuseNodes = (): -1 => refuse(`it has more than ${VALUE_NODES_MAX} values in all`)
const refuseDepth = (): -1 => refuse(`it is nested deeper than ${VALUE_DEPTH_MAX}, or holds itself`)

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
    refuseBytes(at - base + text.length)
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
      view.setUint16(at + 1, value)
      return at + 3
    }
    target[at] = 0xce
    view.setUint32(at + 1, value)
    return at + 5
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
      view.setInt16(at + 1, value)
      return at + 3
    }
    target[at] = 0xd2
    view.setInt32(at + 1, value)
    return at + 5
  }
  target[at] = 0xcb
  if (value === value) {
    view.setFloat64(at + 1, value)
  } else {
    // Machines differ in the bits of a NaN; it has one form here.
    view.setUint32(at + 1, 0x7ff8_0000)
    view.setUint32(at + 5, 0)
  }
  return at + 9
}

const writeBigInt = (value: bigint, at: number): number => {
  if (BigInt.asIntN(64, value) === value) {
    target[at] = 0xd3
    view.setBigInt64(at + 1, value)
  } else {
    if (BigInt.asUintN(64, value) !== value) return refuse("the bigint does not fit 64 bits")
    target[at] = 0xcf
    view.setBigUint64(at + 1, value)
  }
  return at + 9
}

const writeObject = (value: object, at: number, depth: number): number => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return prototype === Array.prototype ? writeArray(value, at, depth) : refuseClass(value)
  if (prototype === Object.prototype || prototype === null) return writeMap(value as Record<string, unknown>, at, depth)
  if (prototype === Date.prototype) return writeDate(value, at)
  if (isBinary(value, prototype)) return writeBinary(value, at)
  return refuseClass(value)
}

const refuseClass = (value: object): -1 => refuse(`it is no plain object but one of class ${quote(classNameOf(value))}`)

const writeArray = (value: readonly unknown[], at: number, depth: number): number => {
  if (depth >= VALUE_DEPTH_MAX) return refuseDepth()
  const length = value.length
  // A proxy of an array may claim any length.
  if (length >>> 0 !== length || (nodes += length) > VALUE_NODES_MAX) return refuseNodes()
  at = writeHead(length, at, 0x90, 0xdc, 0xdd)
  for (let index = 0; index < length; index++) {
    at = write(value[index], at, depth + 1)
    if (at < 0) return refuseElement(index)
  }
  return at
}

/** The head of a container. */
const writeHead = (length: number, at: number, small: number, marker16: number, marker32: number): number => {
  if (length < 0x10) {
    target[at] = small | length
    return at + 1
  }
  if (length < 0x10000) {
    target[at] = marker16
    view.setUint16(at + 1, length)
    return at + 3
  }
  target[at] = marker32
  view.setUint32(at + 1, length)
  return at + 5
}

const isOwn = Object.prototype.hasOwnProperty
const isEnumerable = Object.prototype.propertyIsEnumerable

const writeMap = (value: Record<string, unknown>, at: number, depth: number): number => {
  if (depth >= VALUE_DEPTH_MAX) return refuseDepth()
  const symbols = Object.getOwnPropertySymbols(value)
  if (symbols.length !== 0 && symbols.some((symbol) => isEnumerable.call(value, symbol))) return refuse("it has a symbol as key")
  const head = at
  let members = 0
  at++
  // A loop over names is several times faster than Object.keys; it also meets what a changed Object.prototype would add.
  for (const key in value) {
    if (!isOwn.call(value, key)) continue
    const member = value[key]
    if (member === undefined) continue
    if (++members >= 0x10) {
      // The head has one byte up to 15 members, three up to 65,535, and then five.
      if (members === 0x10 || members === 0x10000) at = widenHead(head, at)
      if (members > MAP_MEMBERS_MAX) return refuse(`it has more than ${MAP_MEMBERS_MAX} members`)
    }
    at = writeKey(key, at)
    if (at < 0) return refuseMember(key)
    at = write(member, at, depth + 1)
    if (at < 0) return refuseMember(key)
  }
  if ((nodes += members) > VALUE_NODES_MAX) return refuseNodes()
  writeHead(members, head, 0x80, 0xde, 0xdf)
  return at
}

/** Moves everything behind the first byte of a head by two bytes; the rest of the head is written at the end. */
const widenHead = (head: number, at: number): number => {
  if (at + 2 > target.length && !makeRoom(at, SCALAR_ROOM)) return at
  target.copyWithin(head + 3, head + 1, at)
  return at + 2
}

const writeKey = (key: string, at: number): number => {
  if (at + SCALAR_ROOM > target.length && !makeRoom(at, SCALAR_ROOM)) return -1
  const memo = slot++
  if (memo >= MEMO_KEYS) return writeNewKey(key, at)
  if (memoKeys[memo] === key) {
    const size = memoSizes[memo]!
    const words = memo * MEMO_WORDS
    view.setInt32(at, memoWords[words]!)
    if (size > 4) {
      view.setInt32(at + 4, memoWords[words + 1]!)
      if (size > 8) {
        view.setInt32(at + 8, memoWords[words + 2]!)
        view.setInt32(at + 12, memoWords[words + 3]!)
      }
    }
    return at + size
  }
  const end = writeNewKey(key, at)
  const size = end - at
  if (end > 0 && size <= MEMO_WORDS * 4 && end + SCALAR_ROOM <= target.length) {
    memoKeys[memo] = key
    memoSizes[memo] = size
    for (let word = 0; word < MEMO_WORDS; word++) memoWords[memo * MEMO_WORDS + word] = view.getInt32(at + word * 4)
  }
  return end
}

const writeNewKey = (key: string, at: number): number => key === "__proto__" ? refuse('"__proto__" is no key') : writeText(key, at)

const writeBinary = (bytes: Uint8Array, at: number): number => {
  const length = byteLengthOf(bytes)
  if (length > VALUE_BYTES_MAX) return refuseBytes(at - base + length)
  if (at + length + 5 > target.length && !makeRoom(at, length + 5)) return -1
  if (length < 0x100) {
    target[at] = 0xc4
    target[at + 1] = length
    at += 2
  } else {
    at = writeHead(length, at, 0, 0xc5, 0xc6)
  }
  target.set(bytes, at)
  return at + length
}

const writeDate = (value: object, at: number): number => {
  const millis = millisOf(value)
  if (millis === undefined) return refuse("it is no real date")
  if (millis !== millis) return refuse("the date is invalid")
  const seconds = Math.floor(millis / 1000)
  const nanos = (millis - seconds * 1000) * 1_000_000
  if (seconds >= 0 && seconds < TWO_34) {
    if (nanos === 0 && seconds < TWO_32) {
      view.setUint16(at, 0xd6ff)
      view.setUint32(at + 2, seconds)
      return at + 6
    }
    view.setUint16(at, 0xd7ff)
    view.setUint32(at + 2, nanos * 4 + Math.floor(seconds / TWO_32))
    view.setUint32(at + 6, seconds)
    return at + 10
  }
  view.setUint16(at, 0xc70c)
  target[at + 2] = 0xff
  view.setUint32(at + 3, nanos)
  view.setInt32(at + 7, Math.floor(seconds / TWO_32))
  view.setUint32(at + 11, seconds)
  return at + 15
}
