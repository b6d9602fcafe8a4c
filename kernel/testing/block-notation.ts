/** Blocks that the kernel read, in the words of the vectors. */
import type { BlockNotation, NumberedDot } from "../../conformance/vectors/notation.ts"
import { BlockColumns, NO_CONTEXT } from "../format/block-columns.ts"
import { ByteReader } from "../format/bytes.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { type Dots, OperationKind } from "../model/operation.ts"

const KINDS = Object.keys(OperationKind) as (keyof typeof OperationKind)[]

/** Dots in pairs. */
export const pairsOf = (dots: Dots): NumberedDot[] => Array.from({ length: dots.length / 2 }, (_, i) => [dots[i * 2]!, dots[i * 2 + 1]!])

export const notationOf = (block: BlockColumns): BlockNotation => ({
  writers: block.writers.map((id) => bytesToHex(id)),
  from: block.from,
  to: block.to,
  withheld: [...block.withheld],
  origin: block.origin === undefined ? null : bytesToHex(block.origin),
  links: block.links === undefined ? null : pairsOf(block.links),
  label: block.label ?? null,
  names: [...block.names],
  operations: Array.from({ length: block.count }, (_, row) => {
    const { keeps = [], settles } = block.sides.get(row) ?? {}
    return {
      kind: KINDS[block.kinds[row]!]!,
      seq: block.seqs[row]!,
      millis: block.millis[row]!,
      counter: block.counters[row]!,
      collection: block.collections[row]!,
      context: block.contextWriters[row] === NO_CONTEXT ? [] : pairsOf(block.contextOf(row)),
      keeps: pairsOf(keeps),
      settles: settles === undefined ? null : pairsOf(settles),
      key: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        block.bytes.subarray(block.keyStarts[row]!, block.keyEnds[row]!),
      ),
      value: block.hasValue(row) ? bytesToHex(block.bytes, block.valueStarts[row]!, block.valueEnds[row]!) : null,
    }
  }),
})

/** The block that fills `bytes`, read into `block`. */
export function readBlockBytes(bytes: Uint8Array, block: BlockColumns = new BlockColumns()): BlockColumns {
  const reader = new ByteReader("a block")
  reader.point(bytes, 0, bytes.length)
  decodeBlock(reader, block)
  reader.expectEnd()
  return block
}
