/** Frames, settings and operation blocks (sections 2 and 3 of `docs/format.md`), read by the second reader. */
import { check, crc32, Cursor, damaged, TO_THE_END, toHex, tooNew } from "./cursor.ts"

/** A writer with a number of it: a dot, or an entry of a vector. */
export type Dot = readonly [writer: string, seq: number]
export interface Operation {
  readonly kind: number
  readonly seq: number
  readonly millis: number
  readonly counter: number
  readonly collection: string
  readonly context: readonly Dot[]
  readonly keeps: readonly Dot[]
  readonly settles: readonly Dot[] | null
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}
export interface Block {
  readonly writers: readonly string[]
  readonly from: number
  readonly to: number
  readonly withheld: readonly number[]
  readonly origin: string | null
  readonly links: readonly Dot[] | null
  readonly label: string | null
  readonly names: readonly string[]
  readonly operations: readonly Operation[]
}

const SEQ_MAX = 2 ** 31 - 1
/** Kinds of operations (F-20); puts are 0. */
export const DELETE: number = 1, CHOICE: number = 2, EVENT: number = 3, FORGET: number = 4

/** An operation block (section 3). */
export function readBlock(bytes: Uint8Array): Block {
  const cursor = new Cursor(bytes)
  const elements = cursor.array()
  if (cursor.uint() !== 0) tooNew("F-19")
  check(elements === 24, "F-18")
  const table = cursor.bin()
  check(table.length > 0 && table.length % 16 === 0, "F-26")
  const writers = Array.from({ length: table.length / 16 }, (_, i) => toHex(table.subarray(i * 16, i * 16 + 16)))
  check(new Set(writers).size === writers.length, "F-26")
  const from = cursor.uint(), to = cursor.uint(), count = cursor.uint()
  check(from < to && to <= SEQ_MAX, "F-26")
  check(count <= to - from && count <= 65_536 && count * 2 <= cursor.left, "F-26")
  const ascending = (column: Cursor, last: number): number => {
    const seq = last + column.varint()
    check(seq > last && seq <= to, "F-26")
    return seq
  }
  let last = from
  const withheld = cursor.column(TO_THE_END, (column) => last = ascending(column, last)) ?? []
  const origin = cursor.nil() ? null : toHex(cursor.bin())
  check(origin === null || origin.length === 32, "F-26")
  const dot = (column: Cursor, seqMax: number): Dot => {
    const number = column.varint(), seq = column.varint()
    check(number < writers.length && seq > 0 && seq <= (number === 0 ? seqMax : SEQ_MAX), "F-23")
    return [writers[number]!, seq]
  }
  const links = cursor.column(TO_THE_END, (column) => dot(column, 0)) ?? null
  const label = cursor.nil() ? null : cursor.str()
  check(from === 0 || (links === null && label === null), "F-25")
  check((links ?? []).length <= 64 && new TextEncoder().encode(label ?? "").length <= 200, "F-25")
  const names = cursor.nil() ? [""] : Array.from({ length: cursor.array() }, () => cursor.str())
  check(names.length > 0 && names.length <= 65_535 && names.every((name) => new TextEncoder().encode(name).length <= 200), "F-18")
  if (!cursor.nil()) tooNew("F-19")
  const firstMillis = cursor.uint(), firstCounter = cursor.uint()
  check(firstMillis < 2 ** 48 && firstCounter < 2 ** 16, "F-21")
  const kinds = cursor.nil() ? new Uint8Array(count) : cursor.bin()
  check(kinds.length === count, "F-18")
  if (kinds.some((kind) => kind > FORGET)) tooNew("F-20")
  last = from
  const listed = cursor.column(count, (column) => last = ascending(column, last))
  check(listed !== undefined || count === to - from, "F-18")
  const seqs = listed ?? Array.from({ length: count }, (_, i) => from + 1 + i)
  check(!withheld.some((seq) => seqs.includes(seq)), "F-26")
  const millisSteps = cursor.column(Math.max(0, count - 1), (column) => column.zigzag()) ?? []
  const counterSteps = cursor.column(Math.max(0, count - 1), (column) => column.zigzag()) ?? []
  const millis = [firstMillis], counters = [firstCounter]
  for (let row = 1; row < count; row++) {
    const step = millisSteps[row - 1] ?? 0
    millis.push(millis[row - 1]! + step)
    counters.push((step === 0 ? counters[row - 1]! + 1 : 0) + (counterSteps[row - 1] ?? 0))
  }
  check(millis.every((number) => number >= 0 && number < 2 ** 48) && counters.every((number) => number >= 0 && number < 2 ** 16), "F-21")
  const collections = cursor.column(count, (column) => names[column.varint()] ?? damaged("F-23"))
  const dots = (column: Cursor, row: number): Dot[] => {
    const entries = column.varint()
    check(entries > 0 && entries <= 1024, "F-23")
    return Array.from({ length: entries }, () => dot(column, seqs[row]! - 1))
  }
  let row = -1
  const contexts = cursor.column(count, (column): Dot[] => {
    row++
    const code = column.varint()
    if (code > 2) tooNew("F-22")
    if (code === 2) return dots(column, row)
    if (code === 0) return []
    const distance = column.varint()
    check(distance > 0 && distance < seqs[row]!, "F-22")
    return [[writers[0]!, seqs[row]! - distance]]
  })
  const sides = new Map<number, { readonly keeps: Dot[]; readonly settles: Dot[] | null }>()
  let sideRow = 0
  cursor.column(TO_THE_END, (column) => {
    const step = column.varint(), flags = column.varint()
    sideRow += step
    check((step > 0 || sides.size === 0) && sideRow < count && flags > 0, "F-24")
    if (flags > 3) tooNew("F-24")
    sides.set(sideRow, { keeps: (flags & 1) > 0 ? dots(column, sideRow) : [], settles: (flags & 2) > 0 ? dots(column, sideRow) : null })
    check((flags & 2) === 0 || kinds[sideRow] === CHOICE, "F-24")
  })
  check(kinds.every((kind, at) => kind !== CHOICE || (sides.get(at)?.settles ?? null) !== null), "F-26")
  const pieces = (rows: readonly number[], lengthMax: number, emptyKind: number): Uint8Array[] => {
    const lengths = cursor.column(rows.length, (column) => column.varint()) ?? []
    check(lengths.length === rows.length, "F-18")
    check(lengths.every((length, i) => length <= lengthMax && (length > 0 || kinds[rows[i]!] === emptyKind)), "F-20")
    const all = new Cursor(cursor.bin())
    const taken = lengths.map((length) => all.take(length))
    check(all.left === 0, "F-26")
    return taken
  }
  const rows = [...kinds.keys()]
  const keys = pieces(rows, 1024, EVENT)
  const valued = rows.filter((at) => kinds[at] !== DELETE && kinds[at] !== FORGET)
  const values = pieces(valued, 1_048_576, CHOICE)
  check(cursor.left === 0, "F-18")
  const operations = rows.map((at): Operation => ({
    kind: kinds[at]!,
    seq: seqs[at]!,
    millis: millis[at]!,
    counter: counters[at]!,
    collection: collections === undefined ? names[0]! : collections[at]!,
    context: contexts?.[at] ?? [],
    keeps: sides.get(at)?.keeps ?? [],
    settles: sides.get(at)?.settles ?? null,
    key: keys[at]!,
    value: valued.includes(at) ? values[valued.indexOf(at)]! : null,
  }))
  return { writers, from, to, withheld, origin, links, label, names, operations }
}

/** A frame of a remote's log, by position and id; position 0: before the first. */
export interface Place {
  readonly position: number
  readonly id: string
}

/** What a frame tells of a remote (F-58). */
export interface Change {
  readonly remote: string
  readonly restart: boolean
  readonly caughtUp: boolean
  readonly cursor: Place | null
  readonly ranges: readonly Dot[]
  readonly refused: readonly { readonly dot: Dot; readonly code: string; readonly message: string }[]
  readonly dead: readonly Dot[]
  readonly offset: number | null
}

/** Who brought a frame to its log, and when (F-60). */
export interface Receipt {
  readonly principal: string
  readonly millis: number
  readonly own: readonly string[]
}

export interface Frame {
  readonly position: number
  readonly id: string
  readonly previous: string
  readonly flags: number
  readonly parts: readonly { readonly type: number; readonly content: Uint8Array }[]
  readonly change: Change | null
  readonly receipt: Receipt | null
}

const writersOf = (table: Uint8Array, rule: string): string[] => {
  check(table.length % 16 === 0, rule)
  return Array.from({ length: table.length / 16 }, (_, i) => toHex(table.subarray(i * 16, i * 16 + 16)))
}
const textOf = (cursor: Cursor, bytesMax: number, rule: string): string => {
  const text = cursor.str()
  check(new TextEncoder().encode(text).length <= bytesMax, rule)
  return text
}

function readChange(cursor: Cursor): Change { // F-58
  check(cursor.array() === 8, "F-59")
  const remote = textOf(cursor, 1024, "F-59"), flags = cursor.uint()
  if (flags % 256 > 3) tooNew("F-59")
  const place = cursor.nil() ? null : readPlace(cursor)
  const writers = cursor.nil() ? [] : readTable(cursor)
  const dot = (number: number, seq: number): Dot => {
    check(number < writers.length && seq > 0 && seq <= SEQ_MAX, "F-59")
    return [writers[number]!, seq]
  }
  const ranges = cursor.column(TO_THE_END, (column) => dot(column.varint(), column.varint())) ?? []
  const refused = cursor.nil() ? [] : Array.from({ length: cursor.array() }, () => {
    check(cursor.array() === 4, "F-59")
    return { dot: dot(cursor.uint(), cursor.uint()), code: textOf(cursor, 64, "F-59"), message: textOf(cursor, 200, "F-59") }
  })
  const dead = cursor.column(TO_THE_END, (column) => dot(column.varint(), column.varint())) ?? []
  const offset = cursor.nil() ? null : cursor.uint()
  check(offset === null || offset < 2 ** 48, "F-59")
  const restart = flags % 2 === 1
  check(!restart || place !== null, "F-59")
  return { remote, restart, caughtUp: flags % 4 >= 2, cursor: place, ranges, refused, dead, offset }
}

function readPlace(cursor: Cursor): Place {
  check(cursor.array() === 2, "F-59")
  const position = cursor.uint(), id = cursor.bin()
  check(id.length === 16, "F-59")
  return { position, id: toHex(id) }
}

function readTable(cursor: Cursor): string[] {
  const table = cursor.bin()
  check(table.length > 0, "F-59")
  return writersOf(table, "F-59")
}

function readReceipt(cursor: Cursor): Receipt { // F-60
  check(cursor.array() === 3, "F-61")
  const principal = textOf(cursor, 1024, "F-61"), millis = cursor.uint()
  check(millis < 2 ** 48, "F-61")
  return { principal, millis, own: writersOf(cursor.bin(), "F-61") }
}

/** How a log shows the records of a collection (F-64); collection null: of those without a setting of their own. */
export interface Setting {
  readonly collection: string | null
  readonly strategy: (typeof STRATEGIES)[number]
  readonly deleteConflict: (typeof DELETE_CONFLICTS)[number]
  readonly type: string | null
}
const STRATEGIES = ["last-write-wins", "merge", "manual", "crdt"] as const
const DELETE_CONFLICTS = ["keep-update", "last-write-wins", "manual"] as const

/** A setting (F-64): what a part of type 4 holds. */
export function readSetting(bytes: Uint8Array): Setting {
  const cursor = new Cursor(bytes)
  check(cursor.array() === 4, "F-65")
  const collection = cursor.nil() ? null : textOf(cursor, 200, "F-65")
  const strategy = STRATEGIES[cursor.uint()] ?? tooNew("F-65")
  const deleteConflict = DELETE_CONFLICTS[cursor.uint()] ?? tooNew("F-65")
  const type = cursor.nil() ? null : textOf(cursor, 64, "F-65")
  check(type !== "" && (strategy === "crdt") === (type !== null) && (type === null || collection !== null), "F-65")
  check(cursor.left === 0, "F-65")
  return { collection, strategy, deleteConflict, type }
}

/** A frame (section 2), without what is inside its parts. */
export function readFrame(bytes: Uint8Array): Frame {
  const summed = bytes.subarray(0, Math.max(0, bytes.length - 5)), end = new Cursor(bytes.subarray(summed.length))
  check(bytes.length > 5 && end.number(1, 0) === 0xce && end.number(4, 0) === crc32(summed), "F-10")
  const cursor = new Cursor(summed)
  const elements = cursor.array()
  if (cursor.uint() !== 0) tooNew("F-11")
  check(elements === 10, "F-11")
  const id = (): string => {
    const bytes = cursor.bin()
    check(bytes.length === 16, "F-9")
    return toHex(bytes)
  }
  const position = cursor.uint(), own = id(), previous = id()
  if (cursor.uint() !== 0) tooNew("F-12")
  const flags = cursor.uint()
  if (flags % 256 > 1) tooNew("F-12")
  const parts = Array.from({ length: cursor.array() }, () => {
    check(cursor.array() === 2, "F-13")
    const type = cursor.uint()
    if (type !== 1 && type !== 4 && type < 128) tooNew("F-14")
    check(cursor.number(1, 0) === 0xc6, "F-15")
    return { type, content: cursor.take(cursor.number(4, 0)) }
  })
  const change = cursor.nil() ? null : readChange(cursor), receipt = cursor.nil() ? null : readReceipt(cursor)
  check(cursor.left === 0, "F-16")
  return { position, id: own, previous, flags, parts, change, receipt }
}
