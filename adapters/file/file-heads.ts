/**
 * The files of a store, and the heads that say what they are. All numbers are little-endian; positions are 64 bits wide, at most 2^53 - 1.
 *
 *   <path>/<encoded name>/
 *     store                       what this folder is: id and true name of the store; written last when a store is made
 *     lock                        who has it open
 *     0000000000000001.log        a segment: frames from this position on; the last one is written, the others never change
 *     0000000000000420.snapshot   a snapshot of the views at this position
 *     base                        the last position that was trimmed; absent if none was
 *     torn-….bytes                what a recovery cut off
 *     *.tmp                       not finished: removed at the next open
 *
 *   store       0   8  magic 89 "PERSIST"      segment     0   8  magic 89 "PSEGMNT"     base       0   8  magic 89 "PBASEPO"
 *               8   2  format version                      8   2  format version                    8   2  format version
 *              10   2  bytes of the name                  10   6  zero                             10   6  zero
 *              12   4  zero                               16  16  id of the store                  16  16  id of the store
 *              16  16  id of the store                    32   8  number, counted from 1           32   8  base position
 *              32   n  name, UTF-8                        40   8  first position                   40   4  CRC-32
 *            32+n   4  CRC-32                             48  12  zero
 *                                                         60   4  CRC-32
 *
 * A CRC-32 is that of all bytes before it in the head. A reader refuses another magic in `store` (`NotAStore`) and a newer version
 * (`FormatTooNew`). A release that writes any file in a newer format raises the version in `store` first; in the other files a
 * version that is not known is damage.
 */
import { FormatTooNew, NotAStore } from "../../kernel/errors.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"

export const FORMAT_VERSION = 0
export const STORE_ID_BYTES = 16
export const SEGMENT_HEAD_BYTES = 64
/** The largest `store` file: head, name of 200 bytes, sum; anything longer is none of ours. */
export const STORE_FILE_BYTES_MAX = 256
export const BASE_FILE_BYTES = 44

export const STORE_FILE = "store"
export const BASE_FILE = "base"

const MAGICS = { store: "PERSIST", segment: "PSEGMNT", base: "PBASEPO", snapshot: "PSNAPSH" } as const
export type FileKind = keyof typeof MAGICS

const ID_AT = 16
const BODY_AT = 32

export const getUint32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

export const setUint32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** A 64-bit number; one above 2^53 - 1 comes out larger than every position, and so is refused by whoever compares it. */
export const getUint64 = (bytes: Uint8Array, at: number): number => getUint32(bytes, at) + getUint32(bytes, at + 4) * 0x1_0000_0000

export const setUint64 = (bytes: Uint8Array, at: number, value: number): void => {
  setUint32(bytes, at, value >>> 0)
  setUint32(bytes, at + 4, value / 0x1_0000_0000)
}

const padded = (position: Position): string => String(position).padStart(16, "0")
export const segmentFileName = (first: Position): string => `${padded(first)}.log`
export const snapshotFileName = (at: Position): string => `${padded(at)}.snapshot`

/** The position in the name of a segment or snapshot; undefined for other files. */
export const positionInName = (fileName: string, ending: "log" | "snapshot"): Position | undefined => {
  const digits = /^([0-9]{16})\.(log|snapshot)$/.exec(fileName)
  return digits !== null && digits[2] === ending && Number.isSafeInteger(Number(digits[1])) ? Number(digits[1]) : undefined
}

/** Starts a head: magic, version, id of the store. */
export const startHead = (bytes: Bytes, kind: FileKind, storeId: Bytes): void => {
  bytes[0] = 0x89
  for (let i = 0; i < 7; i++) bytes[1 + i] = MAGICS[kind].charCodeAt(i)
  bytes[8] = FORMAT_VERSION
  bytes.set(storeId, ID_AT)
}

/** Ends a head of `length` bytes with the sum of all before. */
export const endHead = (bytes: Bytes, length: number): void => setUint32(bytes, length - 4, crc32(bytes, 0, length - 4))

/** What is wrong with the head of `length` bytes, or undefined. */
export const findHeadFault = (bytes: Uint8Array, length: number, kind: FileKind): string | undefined => {
  if (!beginsAs(bytes, kind)) return `it does not begin as a ${kind} file of Persist does`
  if (bytes.length < length) return "it is too short"
  const version = versionOf(bytes)
  if (version !== FORMAT_VERSION) return `it has format version ${version}`
  if (getUint32(bytes, length - 4) !== crc32(bytes, 0, length - 4)) return "its head is damaged: the checksum does not match"
  return undefined
}

const beginsAs = (bytes: Uint8Array, kind: FileKind): boolean => {
  for (let i = 0; i < 7; i++) if (bytes[1 + i] !== MAGICS[kind].charCodeAt(i)) return false
  return bytes[0] === 0x89
}
const versionOf = (bytes: Uint8Array): number => bytes[8]! | (bytes[9]! << 8)

/** What the `store` file says. */
export interface StoreIdentity {
  readonly id: Bytes
  readonly name: string
}

export const encodeStoreFile = ({ id, name }: StoreIdentity): Bytes => {
  const nameBytes = new TextEncoder().encode(name)
  const bytes = new Uint8Array(BODY_AT + nameBytes.length + 4)
  startHead(bytes, "store", id)
  bytes[10] = nameBytes.length
  bytes[11] = nameBytes.length >>> 8
  bytes.set(nameBytes, BODY_AT)
  endHead(bytes, bytes.length)
  return bytes
}

/** Throws `NotAStore` or `FormatTooNew`. */
export const decodeStoreFile = (bytes: Bytes, location: string): StoreIdentity => {
  // Before all else: a newer format may have another length and sum.
  if (bytes.length >= 10 && beginsAs(bytes, "store") && versionOf(bytes) > FORMAT_VERSION) {
    throw new FormatTooNew({ location, found: versionOf(bytes), known: FORMAT_VERSION })
  }
  const length = bytes.length < BODY_AT ? BODY_AT + 4 : BODY_AT + (bytes[10]! | (bytes[11]! << 8)) + 4
  const fault = findHeadFault(bytes, length, "store") ?? (bytes.length > length ? "it is too long" : undefined)
  if (fault !== undefined) throw new NotAStore({ location, reason: `its file ${STORE_FILE} is not usable: ${fault}` })
  return {
    id: bytes.slice(ID_AT, ID_AT + STORE_ID_BYTES),
    // No `fatal`: the sum has matched, so these are the bytes of a well-formed name.
    name: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(BODY_AT, length - 4)),
  }
}

export const encodeSegmentHead = (storeId: Bytes, number: number, first: Position): Bytes => {
  const bytes = new Uint8Array(SEGMENT_HEAD_BYTES)
  startHead(bytes, "segment", storeId)
  setUint64(bytes, BODY_AT, number)
  setUint64(bytes, BODY_AT + 8, first)
  endHead(bytes, bytes.length)
  return bytes
}

/** A segment's number, or what is wrong with its head. */
export const decodeSegmentHead = (bytes: Uint8Array, storeId: Bytes, first: Position): number | string => {
  const fault = findHeadFault(bytes, SEGMENT_HEAD_BYTES, "segment")
  if (fault !== undefined) return fault
  if (!isOfStore(bytes, storeId)) return "it belongs to another store"
  if (getUint64(bytes, BODY_AT + 8) !== first) return "it begins at another position than its name says"
  return getUint64(bytes, BODY_AT)
}

export const encodeBaseFile = (storeId: Bytes, base: Position): Bytes => {
  const bytes = new Uint8Array(BASE_FILE_BYTES)
  startHead(bytes, "base", storeId)
  setUint64(bytes, BODY_AT, base)
  endHead(bytes, bytes.length)
  return bytes
}

/** The base position; undefined if the file is damaged. */
export const decodeBaseFile = (bytes: Uint8Array, storeId: Bytes): Position | undefined =>
  findHeadFault(bytes, BASE_FILE_BYTES, "base") === undefined && isOfStore(bytes, storeId) ? getUint64(bytes, BODY_AT) : undefined

/** Whether a head names this store. */
export const isOfStore = (bytes: Uint8Array, storeId: Bytes): boolean => storeId.every((byte, i) => bytes[ID_AT + i] === byte)
