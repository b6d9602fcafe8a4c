/**
 * One snapshot in a file: slices back to back, then a table of where they end and what their sums are. Little-endian.
 *
 *    0   8  magic 89 "PSNAPSH"
 *    8   2  format version
 *   10   6  zero
 *   16  16  id of the store
 *   32   8  position that it covers
 *   40   4  CRC-32 of bytes 0–39
 *   44   …  slices
 *           table: per slice its length (8) and CRC-32 (4)
 *   -16  8  number of slices
 *   -8   4  CRC-32 of the table
 *   -4   4  CRC-32 of the 12 bytes before, continued from that of the head
 *
 * It is written to another name, flushed and renamed, so a file of this name is whole; the sums are for disks that forget.
 */
import { CorruptBytes } from "../../kernel/errors.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import type { Bytes, Position, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import { withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { checksum } from "./checksum.ts"
import { endHead, findHeadFault, getUint32, getUint64, isOfStore, setUint32, setUint64, startHead } from "./file-heads.ts"
import { allocate, openFile, readFully, tryClose } from "./files.ts"

export const SNAPSHOT_HEAD_BYTES = 44
const ENTRY_BYTES = 12
const END_BYTES = 16
const POSITION_AT = 32

export const encodeSnapshotHead = (storeId: Bytes, at: Position): Bytes => {
  const bytes = new Uint8Array(SNAPSHOT_HEAD_BYTES)
  startHead(bytes, "snapshot", storeId)
  setUint64(bytes, POSITION_AT, at)
  endHead(bytes, bytes.length)
  return bytes
}

/** Collects what the table says while slices are written. */
export class SnapshotTable {
  readonly sliceBytes: number[] = []
  readonly sums: number[] = []

  add(slice: Bytes): void {
    this.sliceBytes.push(slice.length)
    this.sums.push(checksum(slice, 0, slice.length))
  }

  /** Table and end of the file. */
  encode(head: Bytes): Bytes {
    const tableBytes = this.sums.length * ENTRY_BYTES
    const bytes = new Uint8Array(tableBytes + END_BYTES)
    for (const [index, sum] of this.sums.entries()) {
      setUint64(bytes, index * ENTRY_BYTES, this.sliceBytes[index]!)
      setUint32(bytes, index * ENTRY_BYTES + 8, sum)
    }
    setUint64(bytes, tableBytes, this.sums.length)
    setUint32(bytes, tableBytes + 8, checksum(bytes, 0, tableBytes))
    setUint32(bytes, tableBytes + 12, crc32(bytes, tableBytes, tableBytes + 12, sumOfHead(head)))
    return bytes
  }
}

const sumOfHead = (head: Uint8Array): number => getUint32(head, SNAPSHOT_HEAD_BYTES - 4)

/** A snapshot that is there and whose table is intact. */
export class SnapshotFile {
  readonly path: string
  readonly info: SnapshotInfo
  readonly #calls: FileCalls
  readonly #sums: readonly number[]
  /** Byte offset of each slice. */
  readonly #offsets: readonly number[]
  #descriptor: number | undefined

  private constructor(calls: FileCalls, path: string, info: SnapshotInfo, sums: readonly number[]) {
    this.#calls = calls
    this.path = path
    this.info = info
    this.#sums = sums
    let offset = SNAPSHOT_HEAD_BYTES
    this.#offsets = info.sliceBytes.map((bytes) => (offset += bytes) - bytes)
  }

  /** Reads head and table; undefined if they are damaged or those of another snapshot. Throws `NotAStore` or what the system says. */
  static load(calls: FileCalls, path: string, storeId: Bytes, at: Position): SnapshotFile | undefined {
    return withSystemErrors("read", path, () => {
      const descriptor = openFile(calls, path, "r")
      try {
        const { size } = calls.fstatSync(descriptor)
        const head = new Uint8Array(SNAPSHOT_HEAD_BYTES)
        const end = new Uint8Array(END_BYTES)
        readFully(calls, descriptor, head, 0, head.length, 0)
        if (findHeadFault(head, SNAPSHOT_HEAD_BYTES, "snapshot") !== undefined) return undefined
        if (!isOfStore(head, storeId) || getUint64(head, POSITION_AT) !== at) return undefined
        if (size < SNAPSHOT_HEAD_BYTES + END_BYTES) return undefined
        readFully(calls, descriptor, end, 0, END_BYTES, size - END_BYTES)
        if (getUint32(end, 12) !== crc32(end, 0, 12, sumOfHead(head))) return undefined
        const tableBytes = getUint64(end, 0) * ENTRY_BYTES
        // Against the file before anything is allocated for it.
        if (tableBytes > size - SNAPSHOT_HEAD_BYTES - END_BYTES) return undefined
        const table = new Uint8Array(tableBytes)
        readFully(calls, descriptor, table, 0, tableBytes, size - END_BYTES - tableBytes)
        if (getUint32(end, 8) !== checksum(table, 0, tableBytes)) return undefined
        const sliceBytes: number[] = []
        const sums: number[] = []
        for (let entry = 0; entry < tableBytes; entry += ENTRY_BYTES) {
          sliceBytes.push(getUint64(table, entry))
          sums.push(getUint32(table, entry + 8))
        }
        const total = sliceBytes.reduce((sum, bytes) => sum + bytes, SNAPSHOT_HEAD_BYTES + tableBytes + END_BYTES)
        return total === size ? new SnapshotFile(calls, path, { at, sliceBytes }, sums) : undefined
      } finally {
        tryClose(calls, descriptor)
      }
    }, true)
  }

  /** One slice, checked; undefined if there is no such slice. Throws `CorruptBytes` if it is damaged. */
  readSlice(index: number): Bytes | undefined {
    const length = this.info.sliceBytes[index]
    const byteOffset = this.#offsets[index]
    if (length === undefined || byteOffset === undefined) return undefined
    const bytes = allocate(length)
    const read = withSystemErrors("read", this.path, () => {
      this.#descriptor ??= openFile(this.#calls, this.path, "r")
      return readFully(this.#calls, this.#descriptor, bytes, 0, length, byteOffset)
    }, true)
    if (read !== length || checksum(bytes, 0, length) !== this.#sums[index]) {
      const reason = read === length ? "its checksum does not match" : "the file ends inside it"
      throw new CorruptBytes({ what: `slice ${index} of the snapshot at ${this.info.at} in ${this.path}`, byteOffset, reason })
    }
    return bytes
  }

  close(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor !== undefined) tryClose(this.#calls, descriptor)
  }
}
