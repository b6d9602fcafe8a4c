/** A pretended disk: files by path, what may be wrong with who writes them, and the few byte layouts they have. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"

/** What can be wrong with it, in a few words. */
export type DiskFault =
  | "writes frames only when it is flushed or closed"
  | "writes a frame in two steps, without a sum"
  | "checks no sums"
  | "leaves out frames that are damaged"
  | "takes damage for the end of the log"
  | "reports a torn tail and does not cut it"
  | "drops the last frame of a store that was not closed"
  | "makes a new store over what it does not know"
  | "writes at every open"
  | "writes when it lists"
  | "fills in a new store's head later"
  | "remembers heads outside of the store"
  | "keeps a store for each level"
  | "shows a snapshot from its first slice on"
  | "keeps snapshots in memory"
  | "records a base only when it is closed"
  | "trims without freeing bytes"
  | "destroys a store without freeing bytes"

/** The files, and which stores are open: all that outlives an adapter object. */
export interface Disk {
  readonly files: Map<string, Bytes>
  /** Open handles of a store. */
  readonly handles: Map<string, number>
  /** Greatest position of a store that was ever written: only a fault looks at it. */
  readonly memory: Map<string, number>
}

/** What the head of a store holds. */
export const MAGIC: Bytes = new TextEncoder().encode("pretended disk 1")
export const LOCATION = "a pretended disk"
export const EMPTY: Bytes = new Uint8Array(0)

/** FNV-1a over 32 bits; Fowler, Noll, Vo, draft-eastlake-fnv, section 2. */
export const sumOf = (bytes: Uint8Array): number => {
  let sum = 0x811c9dc5
  for (let index = 0; index < bytes.length; index += 1) sum = Math.imul(sum ^ bytes[index]!, 0x01000193)
  return sum >>> 0
}

/** The parts, one behind the other. */
export const join = (parts: readonly Uint8Array[]): Bytes => {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let end = 0
  for (const part of parts) {
    joined.set(part, end)
    end += part.length
  }
  return joined
}

/** Numbers of 32 bits, the lowest byte first. */
export const words = (...numbers: readonly number[]): Bytes => {
  const view = new DataView(new ArrayBuffer(numbers.length * 4))
  for (const [index, number] of numbers.entries()) view.setUint32(index * 4, number, true)
  return new Uint8Array(view.buffer)
}

/** One of them. */
export const wordAt = (bytes: Bytes, index: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(index * 4, true)

/** Bytes behind their sum. */
export const sealed = (content: Bytes): Bytes => join([words(sumOf(content)), content])
