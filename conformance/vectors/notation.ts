/**
 * How the vectors are written down (section 10 of `docs/format.md`), and the way from there to what the kernel encodes.
 *
 * `make.ts` uses it to write the vectors, their test to write the same bytes from what stands in the files.
 */
import { fromHex } from "../../kernel/format/block-notation.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import type { RemoteChange, WriterDot } from "../../kernel/format/change.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { beginFrame, endFrame, writePart } from "../../kernel/format/frame.ts"
import type { Receipt } from "../../kernel/format/receipt.ts"
import type { CollectionSetting } from "../../kernel/format/settings.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { Refused } from "./reader/cursor.ts"
import type { Change as ChangeNotation, Dot, Receipt as ReceiptNotation, Setting as SettingNotation } from "./reader/frame.ts"
import type { Notation } from "./reader/value.ts"

export type { ChangeNotation, ReceiptNotation, SettingNotation }

export interface FrameNotation {
  readonly position: number
  readonly id: string
  readonly previous: string
  readonly flags: number
  readonly parts: readonly { readonly type: number; readonly content: string }[]
  readonly change: ChangeNotation | null
  readonly receipt: ReceiptNotation | null
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

const dotOf = ([writer, seq]: Dot): WriterDot => ({ writer: fromHex(writer), seq })
const pairOf = ({ writer, seq }: WriterDot): Dot => [bytesToHex(writer), seq]

/** A change as the kernel has it. */
export const fromChangeNotation = ({ cursor, ranges, refused, dead, offset, ...change }: ChangeNotation): RemoteChange => ({
  ...change,
  cursor: cursor === null ? undefined : { position: cursor.position, id: fromHex(cursor.id) },
  ranges: ranges.map(dotOf),
  refused: refused.map(({ dot, code, message }) => ({ ...dotOf(dot), code, message })),
  dead: dead.map(dotOf),
  clockOffsetMillis: offset === null ? undefined : 0 - offset,
})

/** A change of the kernel, written down. */
export const noteChange = ({ cursor, ranges, refused, dead, clockOffsetMillis, ...change }: RemoteChange): ChangeNotation => ({
  ...change,
  cursor: cursor === undefined ? null : { position: cursor.position, id: bytesToHex(cursor.id) },
  ranges: ranges.map(pairOf),
  refused: refused.map(({ code, message, ...dot }) => ({ dot: pairOf(dot), code, message })),
  dead: dead.map(pairOf),
  offset: clockOffsetMillis === undefined ? null : 0 - clockOffsetMillis,
})

/** A receipt as the kernel has it. */
export const fromReceiptNotation = ({ own, ...receipt }: ReceiptNotation): Receipt => ({ ...receipt, own: own.map(fromHex) })

/** A receipt of the kernel, written down. */
export const noteReceipt = ({ own, ...receipt }: Receipt): ReceiptNotation => ({ ...receipt, own: own.map((id) => bytesToHex(id)) })

/** A setting as the kernel has it. */
export const fromSettingNotation = ({ collection, type, ...setting }: SettingNotation): CollectionSetting => ({
  ...setting,
  collection: collection ?? undefined,
  type: type ?? undefined,
})

/** A setting of the kernel, written down. */
export const noteSetting = ({ collection, type, ...setting }: CollectionSetting): SettingNotation => ({
  collection: collection ?? null,
  ...setting,
  type: type ?? null,
})

/** The bytes of a frame. */
export function encodeNotedFrame({ position, id, previous, flags, parts, change, receipt }: FrameNotation): Bytes {
  const out = new ByteWriter()
  beginFrame(out, { position, id: fromHex(id), previous: fromHex(previous), flags }, parts.length)
  for (const { type, content } of parts) writePart(out, type, fromHex(content))
  endFrame(
    out,
    crc32,
    change === null ? undefined : fromChangeNotation(change),
    receipt === null ? undefined : fromReceiptNotation(receipt),
  )
  return out.buffer.slice(0, out.length)
}
