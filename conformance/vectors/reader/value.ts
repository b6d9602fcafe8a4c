/**
 * Values (section 1 of `docs/format.md`), read by the second reader into the notation of the vectors (section 10).
 *
 * Since each value has exactly one encoding, the reader takes any MessagePack it understands, writes it again as F-6 says, and refuses
 * what does not come out the same.
 */
import { check, Cursor, damaged, toHex, toText } from "./cursor.ts"

/** A value as JSON; see section 10. */
export type Notation = null | boolean | number | string | readonly Notation[] | { readonly [name: string]: Notation }

const FORMS = { uint: [0xcc, 0xcd, 0xce], bin: [0xc4, 0xc5, 0xc6], str: [0xd9, 0xda, 0xdb], array: [0xdc, 0xdd], map: [0xde, 0xdf] }
const big = (number: number, length: number): number[] =>
  Array.from({ length }, (_, i) => Math.floor(number / 256 ** (length - 1 - i)) & 255)
const eight = (set: (view: DataView) => void): number[] => {
  const view = new DataView(new ArrayBuffer(8))
  set(view)
  return [...new Uint8Array(view.buffer)]
}
/** A head with a length or number in its shortest form. */
const shortest = (number: number, small: number, smallEnd: number, markers: readonly number[]): number[] => {
  if (number < smallEnd) return [small + number]
  const sizes = markers.length === 3 ? [1, 2, 4] : [2, 4], at = sizes.findIndex((size) => number < 256 ** size)
  return [markers[at]!, ...big(number, sizes[at]!)]
}
const writeNumber = (number: number): number[] => {
  if (Number.isInteger(number) && number >= 0 && number < 2 ** 32) return shortest(number, 0, 128, FORMS.uint)
  if (Number.isInteger(number) && number < 0 && number >= -(2 ** 31)) {
    if (number >= -32) return [256 + number]
    const size = number >= -128 ? 0 : number >= -32_768 ? 1 : 2
    return [0xd0 + size, ...big(number + 256 ** (1 << size), 1 << size)]
  }
  return [0xcb, ...(Number.isNaN(number) ? [0x7f, 0xf8, 0, 0, 0, 0, 0, 0] : eight((view) => view.setFloat64(0, number)))]
}
const writeInstant = (seconds: number, nanos: number): number[] => {
  if (seconds >= 0 && seconds < 2 ** 32 && nanos === 0) return [0xd6, 0xff, ...big(seconds, 4)]
  if (seconds >= 0 && seconds < 2 ** 34) {
    return [
      0xd7,
      0xff,
      ...eight((view) => view.setBigUint64(0, (BigInt(nanos) << 34n) | BigInt(seconds))),
    ]
  }
  return [0xc7, 0x0c, 0xff, ...big(nanos, 4), ...eight((view) => view.setBigInt64(0, BigInt(seconds)))]
}
const writeText = (text: string): number[] => {
  const bytes = [...new TextEncoder().encode(text)]
  return [...shortest(bytes.length, 0xa0, 32, FORMS.str), ...bytes]
}

/** What was read, and how it is written. */
interface Read {
  readonly value: Notation
  readonly bytes: readonly number[]
}
let nodes = 0

/** The value that fills `bytes`. */
export function readValue(bytes: Uint8Array): Notation {
  check(bytes.length <= 1_048_576, "F-7")
  const cursor = new Cursor(bytes), value = takeValue(cursor)
  check(cursor.left === 0, "F-6")
  return value
}

/** The value that is next. */
export function takeValue(cursor: Cursor): Notation {
  const start = cursor.at
  nodes = 0
  const { value, bytes } = read(cursor, 0), again = cursor.bytes.subarray(start, cursor.at)
  check(again.length <= 1_048_576, "F-7")
  check(bytes.length === again.length && bytes.every((byte, at) => byte === again[at]), "F-6")
  return value
}

function read(cursor: Cursor, depth: number): Read {
  check(++nodes <= 262_144, "F-7")
  const head = cursor.number(1, 0)
  const size = (markers: readonly number[]): number =>
    cursor.number(markers.length === 3 ? 1 << markers.indexOf(head) : 2 << markers.indexOf(head), 0)
  const number = (value: number): Read => ({
    value: Number.isFinite(value) ? value : { $number: String(value) },
    bytes: writeNumber(value),
  })
  const view = (length: number): DataView => new DataView(cursor.take(length).slice().buffer)
  if (head < 0x80) return number(head)
  if (head >= 0xe0) return number(head - 256)
  if (head >> 4 === 9 || FORMS.array.includes(head)) return readArray(cursor, head >> 4 === 9 ? head & 15 : size(FORMS.array), depth)
  if (head >> 4 === 8 || FORMS.map.includes(head)) return readMap(cursor, head >> 4 === 8 ? head & 15 : size(FORMS.map), depth)
  if (head >> 5 === 5 || FORMS.str.includes(head)) {
    const value = toText(cursor.take(head >> 5 === 5 ? head & 31 : size(FORMS.str)))
    return { value, bytes: writeText(value) }
  }
  if (FORMS.bin.includes(head)) {
    const content = cursor.take(size(FORMS.bin))
    return { value: { $bytes: toHex(content) }, bytes: [...shortest(content.length, 0, 0, FORMS.bin), ...content] }
  }
  switch (head) {
    case 0xc0:
      return { value: null, bytes: [head] }
    case 0xc2:
    case 0xc3:
      return { value: head === 0xc3, bytes: [head] }
    case 0xcb:
      return number(view(8).getFloat64(0))
    case 0xcc:
    case 0xcd:
    case 0xce:
      return number(size(FORMS.uint))
    case 0xcf: {
      const value = view(8).getBigUint64(0)
      check(value >= 2n ** 63n, "F-7")
      return { value: { $bigint: String(value) }, bytes: [head, ...eight((target) => target.setBigUint64(0, value))] }
    }
    case 0xd0:
      return number(view(1).getInt8(0))
    case 0xd1:
      return number(view(2).getInt16(0))
    case 0xd2:
      return number(view(4).getInt32(0))
    case 0xd3: {
      const value = view(8).getBigInt64(0)
      return { value: { $bigint: String(value) }, bytes: [head, ...eight((target) => target.setBigInt64(0, value))] }
    }
    case 0xc7:
    case 0xd6:
    case 0xd7:
      return readInstant(cursor, head)
    default:
      return damaged("F-7")
  }
}

function readInstant(cursor: Cursor, head: number): Read {
  if (head === 0xc7) check(cursor.number(1, 0) === 12, "F-7")
  check(cursor.number(1, 0) === 0xff, "F-7")
  const view = new DataView(cursor.take(head === 0xd6 ? 4 : head === 0xd7 ? 8 : 12).slice().buffer)
  let seconds: bigint, nanos: number
  if (head === 0xd6) [seconds, nanos] = [BigInt(view.getUint32(0)), 0]
  else if (head === 0xd7) [seconds, nanos] = [view.getBigUint64(0) & (2n ** 34n - 1n), view.getUint32(0) >>> 2]
  else [seconds, nanos] = [view.getBigInt64(4), view.getUint32(0)]
  const millis = Number(seconds) * 1000 + nanos / 1_000_000
  check(nanos % 1_000_000 === 0 && nanos < 1_000_000_000 && Math.abs(millis) <= 8.64e15, "F-6")
  return { value: { $date: new Date(millis).toISOString() }, bytes: writeInstant(Number(seconds), nanos) }
}

function readArray(cursor: Cursor, members: number, depth: number): Read {
  check(depth < 64 && members <= cursor.left, "F-7")
  const items = Array.from({ length: members }, () => read(cursor, depth + 1))
  return {
    value: items.map(({ value }) => value),
    bytes: [...shortest(members, 0x90, 16, FORMS.array), ...items.flatMap(({ bytes }) => bytes)],
  }
}

function readMap(cursor: Cursor, members: number, depth: number): Read {
  check(depth < 64 && members * 2 <= cursor.left && members <= 65_536, "F-7")
  const bytes = shortest(members, 0x80, 16, FORMS.map), entries: [string, Notation][] = []
  for (let i = 0; i < members; i++) {
    const key = cursor.str(), member = read(cursor, depth + 1)
    check(key !== "__proto__" && !entries.some(([other]) => other === key), "F-6")
    entries.push([key, member.value])
    for (const byte of writeText(key)) bytes.push(byte)
    for (const byte of member.bytes) bytes.push(byte)
  }
  const isPlain = entries.every(([key]) => !/^(\$.*|[0-9]+)$/.test(key))
  return { value: isPlain ? Object.fromEntries(entries) : { $map: entries }, bytes }
}
