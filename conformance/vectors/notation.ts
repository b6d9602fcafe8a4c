/**
 * How the vectors are written down (section 10 of `docs/format.md`), and the way from there to what the kernel encodes.
 *
 * `make.ts` uses it to write the vectors, their test to write the same bytes from what stands in the files.
 */
import { fromHex } from "../../kernel/format/block-notation.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart } from "../../kernel/format/frame.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { Refused } from "./reader/cursor.ts"
import type { Notation } from "./reader/value.ts"

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
