/**
 * Checks of single fields of a message, after its bytes are known to be a value: types, ranges, lengths. Everything else of a message that is
 * wrong is a `MalformedMessage` whose message begins with the field.
 *
 * Unknown members of the fields are never looked at, so a later version may add some. Lists have exactly the elements that are described.
 */
import { SEQ_MAX, STAMP_MILLIS_MAX } from "../kernel/limits.ts"
import { bytesToHex, FRAME_ID_BYTES, WRITER_BYTES } from "../kernel/model/identifiers.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { Cursor } from "../kernel/ports/remote.ts"
import type { FieldValues } from "./envelope.ts"
import { MalformedMessage } from "./errors.ts"

/** The member `name`; undefined where there is none, whatever `Object.prototype` holds. */
export const memberOf = (fields: FieldValues, name: string): unknown => Object.hasOwn(fields, name) ? fields[name] : undefined

/** Throws `MalformedMessage`: `field` is not what it has to be. */
export function malformed(field: string, reason: string): never {
  throw new MalformedMessage(field, reason)
}

/** An integer from `min` to `max`, by default up to 2^53 - 1; big integers and fractions are none. */
export function asInteger(value: unknown, field: string, min: number = 0, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value
  return malformed(field, `is no integer from ${min} to ${max}`)
}

/** Number of an operation of a writer. */
export const asSeq = (value: unknown, field: string): number => asInteger(value, field, 1, SEQ_MAX)

/** Milliseconds since 1970-01-01. */
export const asMillis = (value: unknown, field: string): number => asInteger(value, field, 0, STAMP_MILLIS_MAX)

export function asBoolean(value: unknown, field: string): boolean {
  return typeof value === "boolean" ? value : malformed(field, "is no boolean")
}

/** Text of at most `bytesMax` bytes in UTF-8, and of at least one unless `emptyToo`. */
export function asText(value: unknown, field: string, bytesMax: number, emptyToo: boolean = false): string {
  if (typeof value !== "string") return malformed(field, "is no string")
  if (value === "" && !emptyToo) return malformed(field, "is empty")
  // A UTF-16 unit has one to three bytes, so nearly every text is judged without counting.
  if (value.length * 3 > bytesMax && new TextEncoder().encode(value).length > bytesMax) {
    return malformed(field, `has more than ${bytesMax} bytes`)
  }
  return value
}

/** One of a few words. */
export function asOneOf<Word extends string>(value: unknown, field: string, words: readonly Word[]): Word {
  const word = words.find((other) => other === value)
  return word ?? malformed(field, `is none of ${words.join(", ")}`)
}

/** A binary of exactly `length` bytes. */
export function asBinary(value: unknown, field: string, length: number): Bytes {
  if (!(value instanceof Uint8Array)) return malformed(field, "is no binary")
  return value.length === length ? value as Bytes : malformed(field, `has ${value.length} bytes, not ${length}`)
}

/** An array of at most `max` elements, each read by `read`. */
export function asList<T>(value: unknown, field: string, max: number, read: (element: unknown, field: string) => T): readonly T[] {
  if (!Array.isArray(value)) return malformed(field, "is no array")
  if (value.length > max) return malformed(field, `has ${value.length} elements, at most ${max} are allowed`)
  return value.map((element, index) => read(element, `${field}[${index}]`))
}

/** An array of exactly `length` elements. */
export function asTuple(value: unknown, field: string, length: number): readonly unknown[] {
  if (!Array.isArray(value)) return malformed(field, "is no array")
  return value.length === length ? value : malformed(field, `has ${value.length} elements, not ${length}`)
}

export function asMap(value: unknown, field: string): FieldValues {
  const isMap = typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value) &&
    !(value instanceof Date)
  return isMap ? value as FieldValues : malformed(field, "is no map")
}

/** Id of a writer. */
export const asWriter = (value: unknown, field: string): Bytes => asBinary(value, field, WRITER_BYTES)

/** [position, id]; only position 0 is before the first frame, and has no id. */
export function asCursor(value: unknown, field: string): Cursor {
  const [position, id] = asTuple(value, field, 2)
  const cursor = { position: asInteger(position, `${field}[0]`), id: asBinary(id, `${field}[1]`, FRAME_ID_BYTES) }
  if (cursor.position === 0 && cursor.id.some((byte) => byte !== 0)) malformed(`${field}[1]`, "is not zero at position 0")
  return cursor
}

/** Refuses a list that names one thing twice; `nameOf` gives what it is told by. */
export function refuseTwice<T>(list: readonly T[], field: string, nameOf: (element: T) => string): void {
  const seen = new Set<string>()
  for (const [index, element] of list.entries()) {
    const name = nameOf(element)
    if (seen.has(name)) malformed(`${field}[${index}]`, "stands there twice")
    seen.add(name)
  }
}

/** What a writer is told by. */
export const nameOfWriter = (writer: Bytes): string => bytesToHex(writer)

/** `text`, well-formed and cut to at most `bytesMax` bytes at the end of a character. */
export function fitText(text: string, bytesMax: number): string {
  const wellFormed = text.replace(/\p{Cs}/gu, "\ufffd")
  const bytes = new TextEncoder().encode(wellFormed)
  if (bytes.length <= bytesMax) return wellFormed
  let end = bytesMax
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return new TextDecoder().decode(bytes.subarray(0, end))
}
