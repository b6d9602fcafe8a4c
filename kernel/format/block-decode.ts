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

/**
 * Reads one block from `reader` into `block`, whose earlier content is gone. Keys and values become ranges of the reader's bytes.
 *
 * Checks structure, counts and bounds, so that folding what it gave cannot fail; not that keys are UTF-8, nor the values.
 * Throws `CorruptBytes`, or `FormatTooNew` for what this release does not know; from left to right, so the first thing wrong decides.
 */
export function decodeBlock(reader: ByteReader, block: BlockColumns): void {
  block.reset()
  block.bytes = reader.buffer
  const elements = reader.msgArray(), codec = reader.msgUint()
  if (codec !== CODEC_PLAIN) throw new FormatTooNew({ location: "a block's codec", found: codec, known: CODEC_PLAIN })
  if (elements !== ELEMENTS) reader.refuse(`it does not have ${ELEMENTS} elements`)
  decodeWriters(reader, block)
  decodeRange(reader, block)
  decodeOrigins(reader, block)
  decodeNames(reader, block)
  block.reserve(block.count)
  const firstMillis = reader.msgUint(), firstCounter = reader.msgUint()
  if (firstMillis > STAMP_MILLIS_MAX || firstCounter > STAMP_COUNTER_MAX) reader.refuse("a stamp is out of range")
  decodeKinds(reader, block)
  decodeSeqs(reader, block)
  decodeStamps(reader, block, firstMillis, firstCounter)
  decodeCollections(reader, block)
  decodeContexts(reader, block)
  decodeSides(reader, block)
  decodeRanges(reader, block.keyStarts, block.keyEnds, block, KEY_BYTES_MAX, "key")
  decodeRanges(reader, block.valueStarts, block.valueEnds, block, VALUE_BYTES_MAX, "value")
}

/** Enters a column: until it is left, the reader sees nothing behind it. Answers where the reader ended before, or -1 for nil. */
function enterColumn(reader: ByteReader): number {
  if (reader.takeNil()) return -1
  const { end } = reader
  reader.end = reader.msgBin() + reader.at
  return end
}

function leaveColumn(reader: ByteReader, end: number): void {
  if (reader.at !== reader.end) reader.refuse("a column does not end behind its last entry")
  reader.end = end
}

function decodeWriters(reader: ByteReader, block: BlockColumns): void {
  const length = reader.msgBin(), { at } = reader
  if (length === 0 || length % WRITER_BYTES !== 0) reader.refuse("the table of writers is not a multiple of 16 bytes")
  if (length > WRITER_BYTES && namesTwice(reader.buffer, at, length)) reader.refuse("a writer stands twice in its table")
  reader.at += length
  for (let start = at; start < reader.at; start += WRITER_BYTES) block.writers.push(reader.buffer.subarray(start, start + WRITER_BYTES))
}

/** Is one of the ids in this range of bytes there again? */
function namesTwice(bytes: Uint8Array, start: number, length: number): boolean {
  const seen = new Set<string>()
  for (let at = 0; at < length; at += WRITER_BYTES) seen.add(bytesToHex(bytes, start + at, start + at + WRITER_BYTES))
  return seen.size < length / WRITER_BYTES
}

function decodeRange(reader: ByteReader, block: BlockColumns): void {
  block.from = reader.msgUint()
  block.to = reader.msgUint()
  block.count = reader.msgUint()
  if (block.to > SEQ_MAX || block.from >= block.to) reader.refuse("its range is empty or too far")
  // An operation has at least two bytes: the length of its key and one byte of it or, without a key, of its value.
  const countMax = Math.min(block.to - block.from, BATCH_OPERATIONS_MAX, reader.left / 2)
  if (block.count > countMax) reader.refuse("it lists more operations than it can hold")
  const end = enterColumn(reader)
  if (end < 0) return
  for (let last = block.from; reader.left > 0;) {
    const delta = reader.varint()
    last += delta
    if (delta === 0 || last > block.to) reader.refuse("a withheld number is out of range")
    block.withheld.push(last)
  }
  leaveColumn(reader, end)
}

/** Where the block and its writer come from: frame, links, label. */
function decodeOrigins(reader: ByteReader, block: BlockColumns): void {
  if (!reader.takeNil()) {
    if (reader.msgBin() !== FRAME_ID_BYTES) reader.refuse("the id of its frame does not have 16 bytes")
    block.origin = new Uint8Array(reader.buffer.subarray(reader.at, reader.at += FRAME_ID_BYTES))
  }
  const end = enterColumn(reader)
  if (end >= 0) {
    const links: number[] = []
    while (reader.left > 0) {
      const writer = reader.varint(), seq = reader.varint()
      if (writer === 0 || writer >= block.writers.length || seq === 0 || seq > SEQ_MAX) reader.refuse("a link is out of range")
      links.push(writer, seq)
    }
    if (block.from !== 0 || links.length > LINKS_MAX * 2) reader.refuse("its links are misplaced or too many")
    block.links = links
    leaveColumn(reader, end)
  }
  if (!reader.takeNil()) {
    block.label = reader.msgStr(LABEL_BYTES_MAX)
    if (block.from !== 0) reader.refuse("its label is misplaced")
  }
}

function decodeNames(reader: ByteReader, block: BlockColumns): void {
  if (reader.takeNil()) block.names.push("")
  else {
    const names = reader.msgArray()
    if (names === 0 || names > COLLECTIONS_MAX) reader.refuse("it has no names or too many")
    for (let i = 0; i < names; i++) block.names.push(reader.msgStr(COLLECTION_NAME_BYTES_MAX))
  }
  if (!reader.takeNil()) throw new FormatTooNew({ location: "a block's shapes", found: 1, known: 0 })
}

function decodeKinds(reader: ByteReader, { kinds, count }: BlockColumns): void {
  if (reader.takeNil()) kinds.fill(OperationKind.put, 0, count)
  else {
    if (reader.msgBin() !== count) reader.refuse("there is not one kind an operation")
    for (let row = 0; row < count; row++) {
      const kind = reader.buffer[reader.at++]!
      if (kind > OPERATION_KIND_MAX) throw new FormatTooNew({ location: "an operation's kind", found: kind, known: OPERATION_KIND_MAX })
      kinds[row] = kind
    }
  }
}

function decodeSeqs(reader: ByteReader, block: BlockColumns): void {
  const { count, from, seqs } = block
  const end = enterColumn(reader)
  if (end < 0) {
    if (count !== block.to - from) reader.refuse("numbers are missing")
    for (let row = 0; row < count; row++) seqs[row] = from + 1 + row
  } else {
    for (let row = 0, last = from; row < count; row++) {
      const delta = reader.varint()
      last += delta
      if (delta === 0 || last > block.to) reader.refuse("a number is out of range")
      seqs[row] = last
    }
    leaveColumn(reader, end)
  }
  if (block.withheld.length > 0) refuseListed(reader, block)
}

/** A number is listed or withheld, not both; both columns ascend. */
function refuseListed(reader: ByteReader, { withheld, seqs, count }: BlockColumns): void {
  let row = 0
  for (const seq of withheld) {
    while (row < count && seqs[row]! < seq) row++
    if (row < count && seqs[row] === seq) reader.refuse("a number is listed and withheld")
  }
}

function decodeStamps(reader: ByteReader, { count, millis, counters }: BlockColumns, firstMillis: number, firstCounter: number): void {
  let end = enterColumn(reader)
  if (end < 0) millis.fill(firstMillis, 0, count)
  else {
    if (count > 0) millis[0] = firstMillis
    for (let row = 1; row < count; row++) {
      const next = millis[row - 1]! + reader.zigzag()
      if (!(next >= 0 && next <= STAMP_MILLIS_MAX)) reader.refuse("a stamp is out of range")
      millis[row] = next
    }
    leaveColumn(reader, end)
  }
  end = enterColumn(reader)
  if (count > 0) counters[0] = firstCounter
  for (let row = 1, counter = firstCounter; row < count; row++) {
    counter = millis[row] === millis[row - 1] ? counter + 1 : 0
    if (end >= 0) counter += reader.zigzag()
    if (!(counter >= 0 && counter <= STAMP_COUNTER_MAX)) reader.refuse("a counter is out of range")
    counters[row] = counter
  }
  if (end >= 0) leaveColumn(reader, end)
}

function decodeCollections(reader: ByteReader, { count, names, collections }: BlockColumns): void {
  const end = enterColumn(reader)
  if (end < 0) {
    collections.fill(0, 0, count)
    return
  }
  for (let row = 0; row < count; row++) {
    const name = reader.varint()
    if (name >= names.length) reader.refuse("a name is out of range")
    collections[row] = name
  }
  leaveColumn(reader, end)
}

/** Writer numbers and seqs of one row, which knows nothing of its own writer's later numbers. */
function decodeDots(reader: ByteReader, block: BlockColumns, row: number): Dots {
  const entries = reader.varint(), ownMax = block.seqs[row]! - 1, dots: number[] = []
  if (entries === 0 || entries > CONTEXT_ENTRIES_MAX || entries * 2 > reader.left) reader.refuse("a list of dots is empty or too long")
  for (let i = 0; i < entries; i++) {
    const writer = reader.varint(), seq = reader.varint()
    if (writer >= block.writers.length || seq === 0 || seq > (writer === 0 ? ownMax : SEQ_MAX)) reader.refuse("a dot is out of range")
    dots.push(writer, seq)
  }
  return dots
}

function decodeContexts(reader: ByteReader, block: BlockColumns): void {
  const { count, seqs, contextWriters, contextSeqs } = block
  const end = enterColumn(reader)
  if (end < 0) {
    contextWriters.fill(NO_CONTEXT, 0, count)
    return
  }
  for (let row = 0; row < count; row++) {
    const code = reader.varint()
    if (code === CONTEXT_NONE) contextWriters[row] = NO_CONTEXT
    else if (code === CONTEXT_OWN) {
      const distance = reader.varint()
      if (distance === 0 || distance >= seqs[row]!) reader.refuse("a context is out of range")
      contextWriters[row] = 0
      contextSeqs[row] = seqs[row]! - distance
    } else if (code === CONTEXT_GENERAL) {
      const context = decodeDots(reader, block, row)
      if (context.length === 2) {
        contextWriters[row] = context[0]!
        contextSeqs[row] = context[1]!
      } else {
        contextWriters[row] = MANY_CONTEXT
        block.contexts.set(row, context)
      }
    } else throw new FormatTooNew({ location: "an operation's context", found: code, known: CONTEXT_GENERAL })
  }
  leaveColumn(reader, end)
}

function decodeSides(reader: ByteReader, block: BlockColumns): void {
  const { count, kinds, sides } = block
  const end = enterColumn(reader)
  if (end >= 0) {
    for (let row = 0, first = true; reader.left > 0; first = false) {
      const delta = reader.varint(), flags = reader.varint()
      row += delta
      if (row >= count || (delta === 0 && !first) || flags === 0) reader.refuse("a side column is out of range")
      if (flags > HAS_KEEPS + HAS_SETTLES) {
        throw new FormatTooNew({ location: "an operation's side column", found: flags, known: HAS_KEEPS + HAS_SETTLES })
      }
      const keeps = (flags & HAS_KEEPS) === 0 ? NO_DOTS : decodeDots(reader, block, row)
      const settles = (flags & HAS_SETTLES) === 0 ? undefined : decodeDots(reader, block, row)
      if (settles !== undefined && kinds[row] !== OperationKind.choice) reader.refuse("what is no choice settles something")
      sides.set(row, { keeps, settles })
    }
    leaveColumn(reader, end)
  }
  for (let row = 0; row < count; row++) {
    if (kinds[row] === OperationKind.choice && sides.get(row)?.settles === undefined) reader.refuse("a choice settles nothing")
  }
}

/** Lengths and content of keys or values: each row gets its range. */
function decodeRanges(
  reader: ByteReader,
  starts: Uint32Array,
  ends: Uint32Array,
  block: BlockColumns,
  bytesMax: number,
  what: "key" | "value",
): void {
  const { count, kinds } = block
  // An event may have no key; a choice without a value chose a delete.
  const kindOfEmpty = what === "key" ? OperationKind.event : OperationKind.choice
  const end = enterColumn(reader)
  let at = 0
  for (let row = 0; row < count; row++) {
    let length = 0
    if (what === "key" || block.hasValue(row)) {
      if (end < 0) reader.refuse(`the length of a ${what} is missing`)
      length = reader.varint()
      if (length > bytesMax || (length === 0 && kinds[row] !== kindOfEmpty)) reader.refuse(`the length of a ${what} is out of range`)
    }
    starts[row] = at
    ends[row] = at += length
  }
  if (end >= 0) leaveColumn(reader, end)
  if (reader.msgBin() !== at) reader.refuse(`the ${what}s do not fill their binary`)
  const base = reader.at
  for (let row = 0; row < count; row++) {
    starts[row] = starts[row]! + base
    ends[row] = ends[row]! + base
  }
  reader.at += at
}
