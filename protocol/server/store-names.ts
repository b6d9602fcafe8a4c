/**
 * Names of a server's stores at its adapter: no two (namespace, name) share one, and the stores of a namespace can be counted by their names.
 *
 *   (alice, notes)            alice/notes
 *   (a/b, c)   (a, b/c)       a%2fb/c   a/b%2fc
 *   longer than 99 bytes      the first 34 or less, "~" and SHA-256 in hex
 *
 * Either half keeps letters, digits, `-`, `_` and `.`; every other byte of its UTF-8 is written as %xx. So a slash stands between the halves
 * and nowhere else, and "~" only in a half that was shortened. At most 199 bytes, which every adapter takes.
 */
import { Sha256 } from "../../kernel/format/sha256.ts"
import { STORE_NAME_BYTES_MAX } from "../../kernel/limits.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"

const HALF_BYTES_MAX = 99
const PREFIX_BYTES_MAX = HALF_BYTES_MAX - 1 - 64

const LONE_SURROGATE = /\p{Surrogate}/u
const utf8 = new TextEncoder()

/** Why `name` can be no name of a store or namespace; undefined if it can: a well-formed string of 1 to 200 bytes in UTF-8 without NUL. */
export function faultOfName(name: unknown): string | undefined {
  if (typeof name !== "string") return "is no string"
  if (name === "") return "is empty"
  // Before it is encoded: a name of a megabyte is refused at once.
  if (name.length > STORE_NAME_BYTES_MAX || utf8.encode(name).length > STORE_NAME_BYTES_MAX) {
    return `has more than ${STORE_NAME_BYTES_MAX} bytes`
  }
  if (LONE_SURROGATE.test(name)) return "is not well-formed"
  if (name.includes("\0")) return "has a NUL character"
  return undefined
}

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2d || byte === 0x2e || byte === 0x5f

function encodeHalf(text: string): string {
  const bytes = utf8.encode(text)
  let encoded = ""
  let prefix = ""
  for (const byte of bytes) {
    encoded += isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`
    if (encoded.length <= PREFIX_BYTES_MAX) prefix = encoded
  }
  if (encoded.length <= HALF_BYTES_MAX) return encoded
  const sha256 = new Sha256()
  sha256.update(bytes, 0, bytes.length)
  return `${prefix}~${bytesToHex(sha256.digest())}`
}

/** What the names of all stores of a namespace begin with, and no others. */
export const namespacePrefix = (namespace: string): string => `${encodeHalf(namespace)}/`

/** The name under which an adapter keeps the store `name` of `namespace`; both have passed {@link faultOfName}. */
export const adapterStoreName = (namespace: string, name: string): string => `${namespacePrefix(namespace)}${encodeHalf(name)}`
