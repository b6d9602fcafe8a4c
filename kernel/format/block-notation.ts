/**
 * Operation blocks as plain data, and the way from there to bytes and from the kernel's columns back: the notation of the vectors
 * (section 10 of `docs/format.md`). Bytes are hexadecimal text.
 */
import type { Bytes } from "../ports/log-storage.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { type Dots, OperationKind } from "../model/operation.ts"
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "./block-columns.ts"
import { ByteWriter } from "./bytes.ts"
import { encodeBlock } from "./operation-block.ts"

/** Number in a block's table of writers, seq. */
export type NumberedDot = readonly [writer: number, seq: number]

export interface OperationNotation {
  readonly kind: keyof typeof OperationKind
  readonly seq: number
  readonly millis: number
  readonly counter: number
  /** Number in the block's table of names. */
  readonly collection: number
  readonly context: readonly NumberedDot[]
  readonly keeps: readonly NumberedDot[]
  readonly settles: readonly NumberedDot[] | null
  readonly key: string
  /** Encoded bytes; null where the kind carries none. */
  readonly value: string | null
}

export interface BlockNotation {
  readonly writers: readonly string[]
  readonly from: number
  readonly to: number
  readonly withheld: readonly number[]
  readonly origin: string | null
  readonly links: readonly NumberedDot[] | null
  readonly label: string | null
  readonly names: readonly string[]
  readonly operations: readonly OperationNotation[]
}

/** Bytes from their hexadecimal digits; blanks are for the eye. */
export function fromHex(hex: string): Bytes {
  const digits = hex.replaceAll(" ", ""), bytes = new Uint8Array(digits.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = (digitOf(digits, at * 2) << 4) | digitOf(digits, at * 2 + 1)
  return bytes
}
/** The value of a lower-case hexadecimal digit. */
const digitOf = (digits: string, at: number): number => {
  const code = digits.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}

const KINDS = Object.keys(OperationKind) as (keyof typeof OperationKind)[]

/** Dots in pairs. */
export const pairsOf = (dots: Dots): NumberedDot[] => Array.from({ length: dots.length / 2 }, (_, i) => [dots[i * 2]!, dots[i * 2 + 1]!])

/** What was read into `block`. */
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

const flat = (dots: readonly NumberedDot[]): number[] => dots.flatMap(([writer, seq]) => [writer, seq])

/** The bytes of a block. */
export function encodeNotedBlock(block: BlockNotation): Bytes {
  const columns = new BlockColumns(), keys = new ByteWriter(), values = new ByteWriter(), out = new ByteWriter()
  columns.from = block.from
  columns.to = block.to
  columns.count = block.operations.length
  columns.writers.push(...block.writers.map(fromHex))
  columns.names.push(...block.names)
  columns.withheld.push(...block.withheld)
  columns.origin = block.origin === null ? undefined : fromHex(block.origin)
  columns.links = block.links === null ? undefined : flat(block.links)
  columns.label = block.label ?? undefined
  columns.reserve(columns.count)
  for (const [row, operation] of block.operations.entries()) {
    columns.kinds[row] = OperationKind[operation.kind]
    columns.seqs[row] = operation.seq
    columns.millis[row] = operation.millis
    columns.counters[row] = operation.counter
    columns.collections[row] = operation.collection
    const [only, ...others] = operation.context
    columns.contextWriters[row] = only === undefined ? NO_CONTEXT : others.length > 0 ? MANY_CONTEXT : only[0]
    columns.contextSeqs[row] = only === undefined || others.length > 0 ? 0 : only[1]
    if (others.length > 0) columns.contexts.set(row, flat(operation.context))
    const { keeps, settles } = operation
    if (keeps.length > 0 || settles !== null) {
      columns.sides.set(row, { keeps: flat(keeps), settles: settles === null ? undefined : flat(settles) })
    }
    const key = new TextEncoder().encode(operation.key), value = fromHex(operation.value ?? "")
    columns.keyStarts[row] = keys.length
    keys.bytes(key, 0, key.length)
    columns.keyEnds[row] = keys.length
    columns.valueStarts[row] = values.length
    values.bytes(value, 0, value.length)
    columns.valueEnds[row] = values.length
  }
  encodeBlock(columns, keys.buffer, values.buffer, out)
  return out.buffer.slice(0, out.length)
}
