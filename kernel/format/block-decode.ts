/** Reading an operation block; operation-block.ts draws its layout. */
import { FormatTooNew } from "../errors.ts"
import {
  BATCH_OPERATIONS_MAX,
  COLLECTION_NAME_BYTES_MAX,
  COLLECTIONS_MAX,
  CONTEXT_ENTRIES_MAX,
  KEY_BYTES_MAX,
  LABEL_BYTES_MAX,
  LINKS_MAX,
  SEQ_MAX,
  STAMP_COUNTER_MAX,
  STAMP_MILLIS_MAX,
  VALUE_BYTES_MAX,
} from "../limits.ts"
import { bytesToHex, FRAME_ID_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import { type Dots, NO_DOTS, OPERATION_KIND_MAX, OperationKind } from "../model/operation.ts"
import { type BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "./block-columns.ts"
import { CODEC_PLAIN, CONTEXT_GENERAL, CONTEXT_NONE, CONTEXT_OWN, ELEMENTS, HAS_KEEPS, HAS_SETTLES } from "./block-layout.ts"
import type { ByteReader } from "./bytes.ts"
import { utf8Length } from "./utf8.ts"

/**
 * Reads one block from `reader` into `block`, whose earlier content is gone. Keys and values become ranges of the reader's bytes.
 *
 * Checks structure, counts and bounds, so that folding what it gave cannot fail; not that keys are UTF-8, nor the values.
 * Throws `CorruptBytes`, or `FormatTooNew` for a codec that this release does not know.
 */
export function decodeBlock(reader: ByteReader, block: BlockColumns): void {
  block.reset()
  block.bytes = reader.buffer
  const fail: Fail = (reason) => reader.refuse(reason)
  const elements = reader.msgArray(), codec = reader.msgUint()
  if (codec !== CODEC_PLAIN) throw new FormatTooNew({ location: "a block's codec", found: codec, known: CODEC_PLAIN })
  if (elements !== ELEMENTS) fail(`it does not have ${ELEMENTS} elements`)
  decodeHead(reader, block, fail)
  block.reserve(block.count)
  decodeStamps(reader, block, fail)
  decodeContexts(reader, block, fail)
  decodeRanges(reader, block.keyStarts, block.keyEnds, block, KEY_BYTES_MAX, "key", fail)
  decodeRanges(reader, block.valueStarts, block.valueEnds, block, VALUE_BYTES_MAX, "value", fail)
}

type Fail = (reason: string) => never

const takeNil = (reader: ByteReader): boolean => {
  if (!reader.peekNil()) return false
  reader.at++
  return true
}

/** Runs `read` until the column that begins here ends; answers false for nil. */
function decodeColumn(reader: ByteReader, read: () => void, fail: Fail): boolean {
  if (takeNil(reader)) return false
  const end = reader.msgBin() + reader.at
  read()
  if (reader.at !== end) fail("a column does not end where its length says")
  return true
}

/** Is one of the ids in this range of bytes there again? */
function namesTwice(bytes: Uint8Array, start: number, length: number): boolean {
  const seen = new Set<string>()
  for (let at = 0; at < length; at += WRITER_BYTES) seen.add(bytesToHex(bytes, start + at, start + at + WRITER_BYTES))
  return seen.size < length / WRITER_BYTES
}

function decodeHead(reader: ByteReader, block: BlockColumns, fail: Fail): void {
  const writerBytes = reader.msgBin()
  if (writerBytes === 0 || writerBytes % WRITER_BYTES !== 0) fail("the table of writers is not a multiple of 16 bytes")
  if (writerBytes > WRITER_BYTES && namesTwice(reader.buffer, reader.at, writerBytes)) fail("a writer stands twice in its table")
  for (let at = 0; at < writerBytes; at += WRITER_BYTES) {
    block.writers.push(reader.buffer.subarray(reader.at + at, reader.at + at + WRITER_BYTES))
  }
  reader.at += writerBytes
  block.from = reader.msgUint()
  block.to = reader.msgUint()
  block.count = reader.msgUint()
  if (block.to > SEQ_MAX || block.from >= block.to) fail("its range is empty or too far")
  // An operation has at least two bytes: the length of its key and one byte of it or, without a key, of its value.
  const countMax = Math.min(block.to - block.from, BATCH_OPERATIONS_MAX, (reader.end - reader.at) / 2)
  if (block.count > countMax) fail("it lists more operations than it can hold")
  if (!takeNil(reader)) {
    const end = reader.msgBin() + reader.at
    for (let last = block.from; reader.at < end;) {
      const delta = reader.varint()
      last += delta
      if (delta === 0 || last > block.to) fail("a withheld number is out of range")
      block.withheld.push(last)
    }
    if (reader.at !== end) fail("a column does not end where its length says")
  }
  if (!takeNil(reader)) {
    if (reader.msgBin() !== FRAME_ID_BYTES) fail("the id of its frame does not have 16 bytes")
    block.origin = new Uint8Array(reader.buffer.subarray(reader.at, reader.at += FRAME_ID_BYTES))
  }
  if (!takeNil(reader)) {
    const end = reader.msgBin() + reader.at
    const links: number[] = []
    while (reader.at < end) {
      const writer = reader.varint(), seq = reader.varint()
      if (writer === 0 || writer >= block.writers.length || seq === 0 || seq > SEQ_MAX) fail("a link is out of range")
      links.push(writer, seq)
    }
    if (reader.at !== end || block.from !== 0 || links.length > LINKS_MAX * 2) fail("its links are misplaced or too many")
    block.links = links
  }
  if (!takeNil(reader)) {
    block.label = reader.msgStr()
    if (block.from !== 0 || utf8Length(block.label) > LABEL_BYTES_MAX) fail("its label is misplaced or too long")
  }
  if (takeNil(reader)) block.names.push("")
  else {
    const names = reader.msgArray()
    if (names === 0 || names > COLLECTIONS_MAX || names > reader.end - reader.at) fail("it has no names or too many")
    for (let i = 0; i < names; i++) {
      const name = reader.msgStr()
      if (utf8Length(name) > COLLECTION_NAME_BYTES_MAX) fail("a name is too long")
      block.names.push(name)
    }
  }
  if (!takeNil(reader)) throw new FormatTooNew({ location: "a block's shapes", found: 1, known: 0 })
}

function decodeStamps(reader: ByteReader, block: BlockColumns, fail: Fail): void {
  const { count, from, kinds, seqs, millis, counters } = block
  const firstMillis = reader.msgUint(), firstCounter = reader.msgUint()
  if (firstMillis > STAMP_MILLIS_MAX || firstCounter > STAMP_COUNTER_MAX) fail("a stamp is out of range")
  if (takeNil(reader)) kinds.fill(OperationKind.put, 0, count)
  else {
    if (reader.msgBin() !== count) fail("there is not one kind an operation")
    for (let row = 0; row < count; row++) {
      const kind = reader.buffer[reader.at++]!
      if (kind > OPERATION_KIND_MAX) throw new FormatTooNew({ location: "an operation's kind", found: kind, known: OPERATION_KIND_MAX })
      kinds[row] = kind
    }
  }
  const listed = decodeColumn(reader, () => {
    for (let row = 0, last = from; row < count; row++) {
      const delta = reader.varint()
      last += delta
      if (delta === 0 || last > block.to) fail("a number is out of range")
      seqs[row] = last
    }
  }, fail)
  if (!listed) {
    if (count !== block.to - from) fail("numbers are missing")
    for (let row = 0; row < count; row++) seqs[row] = from + 1 + row
  }
  if (block.withheld.length > 0) refuseListed(block, fail)
  if (count > 0) millis[0] = firstMillis
  const moving = decodeColumn(reader, () => {
    for (let row = 1; row < count; row++) {
      const next = millis[row - 1]! + reader.zigzag()
      if (!(next >= 0 && next <= STAMP_MILLIS_MAX)) fail("a stamp is out of range")
      millis[row] = next
    }
  }, fail)
  if (!moving) millis.fill(firstMillis, 0, count)
  let counter = firstCounter
  const expected = (row: number): number => (millis[row] === millis[row - 1] ? counter + 1 : 0)
  if (count > 0) counters[0] = counter
  const given = decodeColumn(reader, () => {
    for (let row = 1; row < count; row++) {
      counter = expected(row) + reader.zigzag()
      if (!(counter >= 0 && counter <= STAMP_COUNTER_MAX)) fail("a counter is out of range")
      counters[row] = counter
    }
  }, fail)
  if (given) return
  for (let row = 1; row < count; row++) {
    counter = expected(row)
    if (counter > STAMP_COUNTER_MAX) fail("a counter is out of range")
    counters[row] = counter
  }
}

/** A number is listed or withheld, not both; both columns ascend. */
function refuseListed({ withheld, seqs, count }: BlockColumns, fail: Fail): void {
  let row = 0
  for (const seq of withheld) {
    while (row < count && seqs[row]! < seq) row++
    if (row < count && seqs[row] === seq) fail("a number is listed and withheld")
  }
}

function decodeContexts(reader: ByteReader, block: BlockColumns, fail: Fail): void {
  const { count, seqs, collections, contextWriters, contextSeqs } = block
  const named = decodeColumn(reader, () => {
    for (let row = 0; row < count; row++) {
      const name = reader.varint()
      if (name >= block.names.length) fail("a name is out of range")
      collections[row] = name
    }
  }, fail)
  if (!named) collections.fill(0, 0, count)
  /** Writer numbers and seqs of one row, which knows nothing of its own writer's later numbers. */
  const dots = (row: number): Dots => {
    const entries = reader.varint(), read: number[] = []
    if (entries === 0 || entries > CONTEXT_ENTRIES_MAX || entries * 2 > reader.end - reader.at) fail("a context is empty or too long")
    for (let i = 0; i < entries; i++) {
      const writer = reader.varint(), seq = reader.varint()
      if (writer >= block.writers.length || seq === 0 || seq > (writer === 0 ? seqs[row]! - 1 : SEQ_MAX)) fail("a context is out of range")
      read.push(writer, seq)
    }
    return read
  }
  const withContexts = decodeColumn(reader, () => {
    for (let row = 0; row < count; row++) {
      const code = reader.varint()
      if (code === CONTEXT_NONE) contextWriters[row] = NO_CONTEXT
      else if (code === CONTEXT_OWN) {
        const distance = reader.varint()
        if (distance === 0 || distance >= seqs[row]!) fail("a context is out of range")
        contextWriters[row] = 0
        contextSeqs[row] = seqs[row]! - distance
      } else if (code === CONTEXT_GENERAL) {
        const context = dots(row)
        if (context.length === 2) {
          contextWriters[row] = context[0]!
          contextSeqs[row] = context[1]!
        } else {
          contextWriters[row] = MANY_CONTEXT
          block.contexts.set(row, context)
        }
      } else throw new FormatTooNew({ location: "an operation's context", found: code, known: CONTEXT_GENERAL })
    }
  }, fail)
  if (!withContexts) contextWriters.fill(NO_CONTEXT, 0, count)
  if (!takeNil(reader)) decodeSides(reader, block, dots, fail)
  for (let row = 0; row < count; row++) {
    const isChoice = block.kinds[row] === OperationKind.choice
    if (isChoice && block.sides.get(row)?.settles === undefined) fail("a choice settles nothing")
  }
}

function decodeSides(reader: ByteReader, block: BlockColumns, dots: (row: number) => Dots, fail: Fail): void {
  const end = reader.msgBin() + reader.at
  for (let row = 0, first = true; reader.at < end; first = false) {
    const delta = reader.varint(), flags = reader.varint()
    row += delta
    if (row >= block.count || (delta === 0 && !first) || flags === 0) fail("a side column is out of range")
    if (flags > HAS_KEEPS + HAS_SETTLES) {
      throw new FormatTooNew({ location: "an operation's side column", found: flags, known: HAS_KEEPS + HAS_SETTLES })
    }
    const keeps = (flags & HAS_KEEPS) === 0 ? NO_DOTS : dots(row)
    const settles = (flags & HAS_SETTLES) === 0 ? undefined : dots(row)
    if (settles !== undefined && block.kinds[row] !== OperationKind.choice) fail("what is no choice settles something")
    block.sides.set(row, { keeps, settles })
  }
  if (reader.at !== end) fail("a column does not end where its length says")
}

/** Lengths and content of keys or values: each row gets its range. */
function decodeRanges(
  reader: ByteReader,
  starts: Uint32Array,
  ends: Uint32Array,
  block: BlockColumns,
  bytesMax: number,
  what: "key" | "value",
  fail: Fail,
): void {
  const { count } = block
  let at = 0
  const some = decodeColumn(reader, () => {
    for (let row = 0; row < count; row++) {
      let length = 0
      if (what === "key" || block.hasValue(row)) {
        length = reader.varint()
        // An event may have no key; a choice without a value chose a delete.
        const emptyKind = what === "key" ? OperationKind.event : OperationKind.choice
        if (length > bytesMax || (length === 0 && block.kinds[row] !== emptyKind)) fail(`the length of a ${what} is out of range`)
      }
      starts[row] = at
      ends[row] = at += length
    }
  }, fail)
  if (!some) {
    for (let row = 0; row < count; row++) {
      if (what === "key" || block.hasValue(row)) fail(`the length of a ${what} is missing`)
      starts[row] = ends[row] = 0
    }
  }
  if (reader.msgBin() !== at) fail(`the ${what}s do not fill their binary`)
  const base = reader.at
  for (let row = 0; row < count; row++) {
    starts[row] = starts[row]! + base
    ends[row] = ends[row]! + base
  }
  reader.at += at
}
