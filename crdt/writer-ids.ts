/**
 * Writers at the head of an encoded state: each once, ascending, so that what follows can name them by index.
 *
 *   number of copies
 *   copy (8 bytes) · number of its writers · the second 8 bytes of each, side by side      for each copy, ascending
 *
 * A device that opens its store often has many writers, which begin alike (`kernel/model/identifiers.ts`); so one costs 8 bytes, not 16.
 * Numbers are varints. Nothing else is made of the first half: a writer is its 16 bytes.
 */
import type { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"

const WRITER_DIGITS = 32
const COPY_DIGITS = 16
const COPY_BYTES = 8

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Order of two writers, of two fields: by code units, the same on every device. */
export const compareText = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

/** Writes `writers`, which are 32 hex digits each, ascending, no two alike. */
export const writeWriterIds = (writers: readonly string[], target: ByteWriter): void => {
  const counts = new Map<string, number>()
  for (const writer of writers) {
    const copy = writer.slice(0, COPY_DIGITS)
    counts.set(copy, (counts.get(copy) ?? 0) + 1)
  }
  target.varint(counts.size)
  let index = 0
  for (const [copy, count] of counts) {
    writeHex(copy, target)
    target.varint(count)
    for (const end = index + count; index < end; index++) writeHex(writers[index]!.slice(COPY_DIGITS), target)
  }
}

const writeHex = (digits: string, target: ByteWriter): void => {
  if (digits.length * 2 !== WRITER_DIGITS) throw new Error("writeWriterIds: a writer has 32 hex digits")
  for (let at = 0; at < digits.length; at += 2) target.u8(Number.parseInt(digits.slice(at, at + 2), 16))
}

/** What was written. Refuses copies or writers that do not ascend, so that the same writers have one encoding. */
export const readWriterIds = (source: ByteReader): readonly string[] => {
  const writers: string[] = []
  let copyBefore = ""
  for (let copies = source.varint(); copies > 0; copies--) {
    const copy = readHex(source), count = source.varint()
    if (copy <= copyBefore) source.refuse("copies do not ascend")
    copyBefore = copy
    if (count === 0) source.refuse("a copy has no writer")
    let before = ""
    for (let left = count; left > 0; left--) {
      const rest = readHex(source)
      if (rest <= before) source.refuse("writers do not ascend")
      before = rest
      writers.push(copy + rest)
    }
  }
  return writers
}

const readHex = (source: ByteReader): string => {
  const start = source.skip(COPY_BYTES)
  let digits = ""
  for (let at = start; at < start + COPY_BYTES; at++) digits += HEX[source.buffer[at]!]!
  return digits
}
