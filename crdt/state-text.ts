/** Strings in an encoded state: length in bytes as a varint, then UTF-8; what is not well-formed is neither written nor read. */
import { InvalidValue } from "../kernel/errors.ts"
import type { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import { readUtf8, utf8Length, writeUtf8 } from "../kernel/format/utf8.ts"

/** `text` if it can be encoded. Throws `InvalidValue` for one with a lone surrogate; `path` leads to it. */
export const checkText = (text: string, path: string): string => {
  if (utf8Length(text) < 0) throw new InvalidValue({ path, reason: "a string has a lone surrogate" })
  return text
}

/** Writes a text that {@link checkText} let pass. */
export const writeText = (text: string, target: ByteWriter): void => {
  const bytes = utf8Length(text)
  target.varint(bytes)
  target.reserve(text.length * 3)
  const end = writeUtf8(text, target.buffer, target.length)
  if (end !== target.length + bytes) throw new Error("writeText: the text was not checked")
  target.length = end
}

/** Reads what was written. */
export const readText = (source: ByteReader): string => {
  const length = source.varint(), start = source.skip(length)
  return readUtf8(source.buffer, start, source.at)
}
