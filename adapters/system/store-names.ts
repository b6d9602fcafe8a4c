/**
 * Names of stores as names of files: no two stores share a file, on no file system, and no name leaves its folder.
 *
 *   a–z 0–9 - _                        stay                                notes-1          notes-1
 *   every other byte of the UTF-8      %xx, two lower-case digits          Café             %43af%c3%a9
 *   first letter of a device name      %xx                                 con              %63on
 *   longer than 120 characters         at most 55 of them, "~", SHA-256    aaa…             aaa…~9834876dcfb0…
 *
 * The result has only lower-case letters, digits and `-_%~`, so folding case and normalising Unicode leave it as it is; two names
 * are the same file only if they are the same string. "~" is in no short name, so the two forms cannot meet. A name that was
 * shortened cannot be read back: the store keeps its true name inside.
 */
import { createHash } from "node:crypto"
import { InvalidStoreName } from "../../kernel/errors.ts"
import { checkStoreName } from "./check-store-name.ts"

/** Characters of an encoded name: leaves room for an ending below the 143 that encrypted folders take. */
const ENCODED_LENGTH_MAX = 120
const PREFIX_LENGTH_MAX = 55
/** Names that Windows gives to devices, in any case and with any ending. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/

export { checkStoreName } from "./check-store-name.ts"

const utf8 = new TextEncoder()

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f
const percent = (byte: number): string => `%${byte.toString(16).padStart(2, "0")}`

/** The file name for a store: 1 to 120 characters. Throws `InvalidStoreName`. */
export const encodeStoreName = (name: string): string => {
  checkStoreName(name)
  const bytes = utf8.encode(name)
  const parts = Array.from(bytes, (byte) => isPlain(byte) ? String.fromCharCode(byte) : percent(byte))
  if (DEVICE_NAME.test(name)) parts[0] = percent(bytes[0]!)
  const encoded = parts.join("")
  if (encoded.length <= ENCODED_LENGTH_MAX) return encoded
  let prefix = ""
  for (const part of parts) {
    if (prefix.length + part.length > PREFIX_LENGTH_MAX) break
    prefix += part
  }
  return `${prefix}~${createHash("sha256").update(bytes).digest("hex")}`
}

/** The name of the store that a file belongs to; undefined if the file name is none of ours, or was shortened. */
export const decodeStoreName = (fileName: string): string | undefined => {
  if (!/^(?:[a-z0-9_-]|%[0-9a-f]{2})+$/.test(fileName)) return undefined
  try {
    const name = decodeURIComponent(fileName)
    // The only form that encodes to this file: "%61" is no way to write "a".
    return encodeStoreName(name) === fileName ? name : undefined
  } catch (cause) {
    if (cause instanceof URIError || cause instanceof InvalidStoreName) return undefined
    throw cause
  }
}
