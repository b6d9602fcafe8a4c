/** Writing an operation block; operation-block.ts draws its layout. */
import { FRAME_ID_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import { type Dots, OperationKind } from "../model/operation.ts"
import { type BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "./block-columns.ts"
import { CODEC_PLAIN, CONTEXT_GENERAL, CONTEXT_NONE, CONTEXT_OWN, ELEMENTS, HAS_KEEPS, HAS_SETTLES } from "./block-layout.ts"
import { ByteWriter } from "./bytes.ts"

const columnWriter = new ByteWriter()

const writeColumn = (out: ByteWriter): void => {
  out.msgBin(columnWriter.length)
  out.bytes(columnWriter.buffer, 0, columnWriter.length)
  columnWriter.reset()
}

function writeDots(dots: Dots): void {
  columnWriter.varint(dots.length / 2)
  for (const number of dots) columnWriter.varint(number)
}

function writeStamps(block: BlockColumns, out: ByteWriter): void {
  const { millis, counters, count } = block
  let sameMillis = true, expected = true
  for (let row = 1; row < count; row++) {
    const delta = millis[row]! - millis[row - 1]!
    if (delta !== 0) sameMillis = false
    if (counters[row] !== (delta === 0 ? counters[row - 1]! + 1 : 0)) expected = false
  }
  out.msgUint(count > 0 ? millis[0]! : 0)
  out.msgUint(count > 0 ? counters[0]! : 0)
  writeKindsAndSeqs(block, out)
  if (sameMillis) out.msgNil()
  else {
    for (let row = 1; row < count; row++) columnWriter.zigzag(millis[row]! - millis[row - 1]!)
    writeColumn(out)
  }
  if (expected) out.msgNil()
  else {
    for (let row = 1; row < count; row++) {
      columnWriter.zigzag(counters[row]! - (millis[row] === millis[row - 1] ? counters[row - 1]! + 1 : 0))
    }
    writeColumn(out)
  }
}

function writeKindsAndSeqs(block: BlockColumns, out: ByteWriter): void {
  const { kinds, seqs, count, from, to } = block
  let allPuts = true
  for (let row = 0; row < count && allPuts; row++) allPuts = kinds[row] === OperationKind.put
  if (allPuts) out.msgNil()
  else {
    out.msgBin(count)
    out.bytes(kinds, 0, count)
  }
  if (count === to - from) out.msgNil()
  else {
    for (let row = 0, last = from; row < count; last = seqs[row]!, row++) columnWriter.varint(seqs[row]! - last)
    writeColumn(out)
  }
}

function writeContexts(block: BlockColumns, out: ByteWriter): void {
  const { contextWriters, contextSeqs, seqs, count } = block
  let none = true
  for (let row = 0; row < count && none; row++) none = contextWriters[row] === NO_CONTEXT
  if (none) out.msgNil()
  else {
    for (let row = 0; row < count; row++) {
      const writer = contextWriters[row]!
      if (writer === NO_CONTEXT) columnWriter.varint(CONTEXT_NONE)
      else if (writer === 0) {
        columnWriter.varint(CONTEXT_OWN)
        columnWriter.varint(seqs[row]! - contextSeqs[row]!)
      } else {
        columnWriter.varint(CONTEXT_GENERAL)
        writeDots(writer === MANY_CONTEXT ? block.contexts.get(row)! : [writer, contextSeqs[row]!])
      }
    }
    writeColumn(out)
  }
  if (block.sides.size === 0) out.msgNil()
  else {
    let last = 0
    for (const [row, side] of block.sides) {
      columnWriter.varint(row - last)
      columnWriter.varint((side.keeps.length > 0 ? HAS_KEEPS : 0) + (side.settles !== undefined ? HAS_SETTLES : 0))
      if (side.keeps.length > 0) writeDots(side.keeps)
      if (side.settles !== undefined) writeDots(side.settles)
      last = row
    }
    writeColumn(out)
  }
}

/** Copies ranges of `source` to `out`, neighbours in one piece, and turns them into ranges of `out`. */
function moveRanges(starts: Uint32Array, ends: Uint32Array, count: number, source: Uint8Array, out: ByteWriter): void {
  let runStart = 0, runEnd = 0, at = out.length
  for (let row = 0; row < count; row++) {
    const start = starts[row]!, end = ends[row]!
    if (start !== runEnd) {
      if (runEnd > runStart) out.bytes(source, runStart, runEnd)
      runStart = start
    }
    runEnd = end
    starts[row] = at
    ends[row] = at += end - start
  }
  if (runEnd > runStart) out.bytes(source, runStart, runEnd)
}

/**
 * Appends a block to `out`. Keys are ranges of `keys`, values ranges of `values`; afterwards both are ranges of `out`, whose
 * buffer the caller puts into `block.bytes` once it is complete. Rows without a value have an empty range.
 */
export function encodeBlock(block: BlockColumns, keys: Uint8Array, values: Uint8Array, out: ByteWriter): void {
  const { count, names } = block
  columnWriter.reset()
  out.msgArray(ELEMENTS)
  out.msgUint(CODEC_PLAIN)
  out.msgBin(block.writers.length * WRITER_BYTES)
  for (const writer of block.writers) out.bytes(writer, 0, WRITER_BYTES)
  out.msgUint(block.from)
  out.msgUint(block.to)
  out.msgUint(count)
  if (block.withheld.length === 0) out.msgNil()
  else {
    let last = block.from
    for (const seq of block.withheld) {
      columnWriter.varint(seq - last)
      last = seq
    }
    writeColumn(out)
  }
  if (block.origin === undefined) out.msgNil()
  else {
    out.msgBin(FRAME_ID_BYTES)
    out.bytes(block.origin, 0, FRAME_ID_BYTES)
  }
  if (block.links === undefined || block.links.length === 0) out.msgNil()
  else {
    for (const number of block.links) columnWriter.varint(number)
    writeColumn(out)
  }
  if (block.label === undefined) out.msgNil()
  else out.msgStr(block.label)
  if (names.length === 0 || (names.length === 1 && names[0] === "")) out.msgNil()
  else {
    out.msgArray(names.length)
    for (const name of names) out.msgStr(name)
  }
  out.msgNil()
  writeStamps(block, out)
  let oneCollection = true
  for (let row = 0; row < count && oneCollection; row++) oneCollection = block.collections[row] === 0
  if (oneCollection) out.msgNil()
  else {
    for (let row = 0; row < count; row++) columnWriter.varint(block.collections[row]!)
    writeColumn(out)
  }
  writeContexts(block, out)
  let keyBytes = 0, valueBytes = 0
  for (let row = 0; row < count; row++) {
    const length = block.keyEnds[row]! - block.keyStarts[row]!
    keyBytes += length
    columnWriter.varint(length)
  }
  writeColumn(out)
  out.msgBin(keyBytes)
  moveRanges(block.keyStarts, block.keyEnds, count, keys, out)
  for (let row = 0; row < count; row++) {
    if (!block.hasValue(row)) continue
    const length = block.valueEnds[row]! - block.valueStarts[row]!
    valueBytes += length
    columnWriter.varint(length)
  }
  if (columnWriter.length === 0) out.msgNil()
  else writeColumn(out)
  out.msgBin(valueBytes)
  moveRanges(block.valueStarts, block.valueEnds, count, values, out)
}
