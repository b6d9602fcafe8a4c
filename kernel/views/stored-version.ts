/** A version of a record as the records view keeps it: what the rules read of it, and where its key and value lie in the arena. */
import type { BlockColumns } from "../format/block-columns.ts"
import { type Dots, NO_DOTS, OperationKind } from "../model/operation.ts"
import type { Version } from "../model/versions.ts"
import { type RecordRows, RowFlag } from "./record-rows.ts"

export interface StoredVersion extends Version {
  readonly kind: OperationKind
  readonly chunk: number
  readonly keyAt: number
  readonly keyBytes: number
  readonly valueAt: number
  readonly valueBytes: number
}

/** The version of operation `row` of a block whose bytes were copied into a chunk. `writers` lead from the block's numbers to the view's. */
export function versionInBlock(
  block: BlockColumns,
  row: number,
  writers: readonly number[],
  chunk: number,
  keyAt: number,
  valueAt: number,
): StoredVersion {
  const side = block.sides.get(row)
  return {
    kind: block.kinds[row]! as OperationKind,
    writer: writers[0]!,
    seq: block.seqs[row]!,
    millis: block.millis[row]!,
    counter: block.counters[row]!,
    context: globalDots(block.contextOf(row), writers),
    keeps: side === undefined ? NO_DOTS : globalDots(side.keeps, writers),
    settles: side?.settles === undefined ? undefined : globalDots(side.settles, writers),
    chunk,
    keyAt,
    keyBytes: block.keyEnds[row]! - block.keyStarts[row]!,
    valueAt,
    valueBytes: block.valueEnds[row]! - block.valueStarts[row]!,
  }
}

/** The version in a row that is not complex. */
export function versionInRow(rows: RecordRows, row: number, context: Dots): StoredVersion {
  const isTombstone = (rows.flagsOf(row) & RowFlag.tombstone) !== 0
  return {
    kind: isTombstone ? OperationKind.delete : OperationKind.put,
    writer: rows.writerOf(row),
    seq: rows.seqOf(row),
    millis: rows.millisOf(row),
    counter: rows.counterOf(row),
    context,
    keeps: NO_DOTS,
    settles: undefined,
    chunk: rows.chunkOf(row),
    keyAt: rows.keyAt(row),
    keyBytes: rows.keyBytes(row),
    valueAt: rows.valueAt(row),
    valueBytes: rows.valueBytes(row),
  }
}

/** Dots of a block's writer numbers as dots of a view's. */
export const globalDots = (dots: Dots, writers: readonly number[]): Dots =>
  dots.map((number, at) => (at % 2 === 0 ? writers[number]! : number))
