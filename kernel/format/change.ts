/**
 * Change: what a frame tells of one remote, beside its parts. The `remotes` view is folded from these.
 *
 *   0  remote     str      name of the remote in this log, at most 1,024 bytes
 *   1  flags      uint     1 restart: what was known of the remote counts no more; 2 caught up: a pull has reached its head.
 *                          Bits 2 to 7 must be understood, higher ones may be ignored
 *   2  cursor     nil or [position uint, id bin]     how far pulling has come
 *   3  writers    nil or bin     16 bytes each: the table that the next three refer to
 *   4  ranges     nil or column  (writer number, seq) …: the remote has these writers up to there, beside what the parts of this frame say
 *   5  refused    nil or array of [writer number, seq, code str, message str]: operations that the remote does not take (rules S19, S20)
 *   6  dead       nil or column  (writer number, seq) …: operations that are dead letters from now on
 *   7  offset     nil or uint    milliseconds by which this device's clock was ahead of the remote's when that refused a stamp; 0: no more
 */
import { FormatTooNew } from "../errors.ts"
import { REFUSAL_CODE_BYTES_MAX, REFUSAL_MESSAGE_BYTES_MAX, REMOTE_NAME_BYTES_MAX, SEQ_MAX, STAMP_MILLIS_MAX } from "../limits.ts"
import { bytesToHex, FRAME_ID_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { Cursor } from "../ports/remote.ts"
import { type ByteReader, ByteWriter } from "./bytes.ts"

/** An operation by its writer's id and number. */
export interface WriterDot {
  readonly writer: Bytes
  readonly seq: number
}

/** An operation that a remote does not take, and why. */
export interface RefusedDot extends WriterDot {
  readonly code: string
  readonly message: string
}

export interface RemoteChange {
  readonly remote: string
  readonly restart: boolean
  readonly caughtUp: boolean
  readonly cursor: Cursor | undefined
  readonly ranges: readonly WriterDot[]
  readonly refused: readonly RefusedDot[]
  readonly dead: readonly WriterDot[]
  /** Not positive: added to this device's clock for stamps. Undefined: as it was. */
  readonly clockOffsetMillis: number | undefined
}

const ELEMENTS = 8
const RESTART = 1, CAUGHT_UP = 2, CRITICAL_FLAGS = 0xff

/** Numbers writers in the order in which they are asked for. */
class NumberedWriters {
  readonly ids: Bytes[] = []
  readonly #numbers = new Map<string, number>()

  numberOf(id: Bytes): number {
    const text = bytesToHex(id), known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.ids.length)
    return this.ids.push(id) - 1
  }
}

/** Appends a change to `out`. */
export function writeChange(out: ByteWriter, change: RemoteChange): void {
  const writers = new NumberedWriters()
  const ranges = columnOf(change.ranges, writers)
  const refused = change.refused.map((dot) => ({ ...dot, number: writers.numberOf(dot.writer) }))
  const dead = columnOf(change.dead, writers)
  out.msgArray(ELEMENTS)
  out.msgStr(change.remote)
  out.msgUint((change.restart ? RESTART : 0) + (change.caughtUp ? CAUGHT_UP : 0))
  if (change.cursor === undefined) out.msgNil()
  else {
    out.msgArray(2)
    out.msgUint(change.cursor.position)
    writeBin(out, change.cursor.id)
  }
  if (writers.ids.length === 0) out.msgNil()
  else {
    out.msgBin(writers.ids.length * WRITER_BYTES)
    for (const id of writers.ids) out.bytes(id, 0, WRITER_BYTES)
  }
  writeColumn(out, ranges)
  if (refused.length === 0) out.msgNil()
  else {
    out.msgArray(refused.length)
    for (const { number, seq, code, message } of refused) {
      out.msgArray(4)
      out.msgUint(number)
      out.msgUint(seq)
      out.msgStr(code)
      out.msgStr(message)
    }
  }
  writeColumn(out, dead)
  if (change.clockOffsetMillis === undefined) out.msgNil()
  else out.msgUint(-change.clockOffsetMillis)
}

function columnOf(dots: readonly WriterDot[], writers: NumberedWriters): ByteWriter {
  const column = new ByteWriter(64)
  for (const { writer, seq } of dots) {
    column.varint(writers.numberOf(writer))
    column.varint(seq)
  }
  return column
}

function writeColumn(out: ByteWriter, column: ByteWriter): void {
  if (column.length === 0) out.msgNil()
  else writeBin(out, column.buffer.subarray(0, column.length))
}

function writeBin(out: ByteWriter, bytes: Uint8Array): void {
  out.msgBin(bytes.length)
  out.bytes(bytes, 0, bytes.length)
}

/** Reads a change. Throws `CorruptBytes`, or `FormatTooNew` for flags that are not known. */
export function readChange(reader: ByteReader): RemoteChange {
  if (reader.msgArray() !== ELEMENTS) reader.refuse(`a change does not have ${ELEMENTS} elements`)
  const remote = reader.msgStr(REMOTE_NAME_BYTES_MAX), flags = reader.msgUint()
  const unknown = flags % (CRITICAL_FLAGS + 1) & ~(RESTART + CAUGHT_UP)
  if (unknown !== 0) throw new FormatTooNew({ location: "a change's flags", found: flags, known: RESTART + CAUGHT_UP })
  const cursor = readCursor(reader), writers = readWriters(reader)
  const ranges = readDots(reader, writers), refused = readRefused(reader, writers), dead = readDots(reader, writers)
  let clockOffsetMillis: number | undefined
  if (!reader.takeNil()) {
    const ahead = reader.msgUint()
    if (ahead > STAMP_MILLIS_MAX) reader.refuse("a clock's offset is out of range")
    clockOffsetMillis = 0 - ahead
  }
  const restart = (flags & RESTART) !== 0
  if (restart && cursor === undefined) reader.refuse("a restart names no cursor")
  return { remote, restart, caughtUp: (flags & CAUGHT_UP) !== 0, cursor, ranges, refused, dead, clockOffsetMillis }
}

function readCursor(reader: ByteReader): Cursor | undefined {
  if (reader.takeNil()) return undefined
  if (reader.msgArray() !== 2) reader.refuse("a cursor does not have 2 elements")
  const position = reader.msgUint()
  if (reader.msgBin() !== FRAME_ID_BYTES) reader.refuse("an id does not have 16 bytes")
  return { position, id: copyOf(reader, FRAME_ID_BYTES) }
}

function readWriters(reader: ByteReader): readonly Bytes[] {
  if (reader.takeNil()) return []
  const length = reader.msgBin()
  if (length === 0 || length % WRITER_BYTES !== 0) reader.refuse("a table of writers is no multiple of 16 bytes")
  return Array.from({ length: length / WRITER_BYTES }, () => copyOf(reader, WRITER_BYTES))
}

/** At least a byte each, so there are never more than there are bytes. */
function readDots(reader: ByteReader, writers: readonly Bytes[]): readonly WriterDot[] {
  if (reader.takeNil()) return []
  const length = reader.msgBin(), end = reader.at + length, frameEnd = reader.end, dots: WriterDot[] = []
  reader.end = end
  while (reader.left > 0) dots.push(dotOf(reader, writers, reader.varint(), reader.varint()))
  reader.end = frameEnd
  return dots
}

function readRefused(reader: ByteReader, writers: readonly Bytes[]): readonly RefusedDot[] {
  if (reader.takeNil()) return []
  return Array.from({ length: reader.msgArray() }, () => {
    if (reader.msgArray() !== 4) reader.refuse("a refusal does not have 4 elements")
    const dot = dotOf(reader, writers, reader.msgUint(), reader.msgUint())
    return { ...dot, code: reader.msgStr(REFUSAL_CODE_BYTES_MAX), message: reader.msgStr(REFUSAL_MESSAGE_BYTES_MAX) }
  })
}

function dotOf(reader: ByteReader, writers: readonly Bytes[], number: number, seq: number): WriterDot {
  const writer = writers[number]
  if (writer === undefined || seq === 0 || seq > SEQ_MAX) return reader.refuse("a dot is out of range")
  return { writer, seq }
}

const copyOf = (reader: ByteReader, length: number): Bytes => {
  const start = reader.skip(length)
  return new Uint8Array(reader.buffer.subarray(start, start + length))
}
