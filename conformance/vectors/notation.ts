/**
 * How the vectors are written down (section 10 of `docs/format.md`), and the way from there to what the kernel encodes.
 *
 * `make.ts` uses it to write the vectors, their test to write the same bytes from what stands in the files.
 */
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../../kernel/format/block-columns.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart } from "../../kernel/format/frame.ts"
import { encodeBlock } from "../../kernel/format/operation-block.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import { OperationKind } from "../../kernel/model/operation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { Refused } from "./reader/cursor.ts"
import type { Notation } from "./reader/value.ts"

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

export interface FrameNotation {
  readonly position: number
  readonly id: string
  readonly previous: string
  readonly flags: number
  readonly parts: readonly { readonly type: number; readonly content: string }[]
}

/** How bytes are refused. */
export type Refusal = "damaged" | "too new"
/** Bytes that are refused, and the rule of `docs/format.md` that they break. */
export interface RefusedVector {
  readonly name: string
  readonly refusal: Refusal
  readonly rule: string
  readonly hex: string
}

/** The vector of bytes that `read`, of the second reader, refuses; throws if it does not, or in another way. */
export function refusedVector(name: string, refusal: Refusal, hex: string, read: (bytes: Bytes) => void): RefusedVector {
  try {
    read(fromHex(hex))
  } catch (error) {
    if (error instanceof Refused && error.refusal === refusal) return { name, refusal, rule: error.rule, hex }
    throw error
  }
  throw new Error(`${name}: it is not refused`)
}

/** Bytes from their hexadecimal digits; blanks are for the eye. */
export function fromHex(hex: string): Bytes {
  const digits = hex.replaceAll(" ", "")
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(i * 2, i * 2 + 2), 16))
}
export { bytesToHex as toHex }

const TAGS: { readonly [tag: string]: (content: Notation) => unknown } = {
  $number: Number,
  $bigint: (text) => BigInt(String(text)),
  $bytes: (hex) => fromHex(String(hex)),
  $date: (text) => new Date(String(text)),
  $map: (entries) =>
    Object.fromEntries((entries as readonly (readonly [string, Notation])[]).map(([key, member]) => [key, fromNotation(member)])),
}

/** The value that a notation means. */
export function fromNotation(notation: Notation): unknown {
  if (typeof notation !== "object" || notation === null) return notation
  if (Array.isArray(notation)) return notation.map(fromNotation)
  const members = Object.entries(notation as { readonly [name: string]: Notation }), [first] = members
  const tag = members.length === 1 ? TAGS[first![0]] : undefined
  return tag === undefined ? Object.fromEntries(members.map(([key, member]) => [key, fromNotation(member)])) : tag(first![1])
}

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

/** The bytes of a frame. */
export function encodeNotedFrame(frame: FrameNotation): Bytes {
  const out = new ByteWriter()
  beginFrame(
    out,
    { position: frame.position, id: fromHex(frame.id), previous: fromHex(frame.previous), flags: frame.flags },
    frame.parts.length,
  )
  for (const { type, content } of frame.parts) {
    const bytes = fromHex(content), mark = beginPart(out, type)
    out.bytes(bytes, 0, bytes.length)
    endPart(out, mark)
  }
  endFrame(out, crc32)
  return out.buffer.slice(0, out.length)
}
