/**
 * Identities: writers, replicas, frames.
 *
 *   writer   16 bytes: 8 of the replica (one copy of a store), 8 drawn at the first write after an open
 *   dot      (writer, seq): names one operation for ever
 *   version  a dot as text, opaque to users: writer in 32 hex digits, "-", seq in base 36
 *   frame id 16 random bytes
 *
 * In memory a writer is its index in a {@link WriterTable}; indexes never leave the process.
 */
import type { Bytes } from "../ports/log-storage.ts"

/** Bytes of a writer's id. */
export const WRITER_BYTES = 16
/** Bytes of a replica's id: the first part of its writers' ids. */
export const REPLICA_BYTES = 8
/** Bytes of a frame's id. */
export const FRAME_ID_BYTES = 16

/** Randomness that is drawn from the platform in larger pieces, since one call costs far more than 16 bytes. */
export class RandomPool {
  readonly #randomBytes: (length: number) => Bytes
  readonly #poolBytes: number
  #pool: Bytes = new Uint8Array(0)
  #at = 0

  constructor(randomBytes: (length: number) => Bytes, poolBytes: number = 4096) {
    this.#randomBytes = randomBytes
    this.#poolBytes = poolBytes
  }

  /** Writes `length` random bytes, at most the pool's size, into `target`. */
  fill(target: Uint8Array, at: number, length: number): void {
    if (this.#at + length > this.#pool.length) {
      this.#pool = this.#randomBytes(this.#poolBytes)
      this.#at = 0
    }
    for (let i = 0; i < length; i++) target[at + i] = this.#pool[this.#at + i]!
    this.#at += length
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** Lower-case hex digits of a range of bytes. */
export function bytesToHex(bytes: Uint8Array, start: number = 0, end: number = bytes.length): string {
  let text = ""
  for (let i = start; i < end; i++) text += HEX[bytes[i]!]
  return text
}

/** The writers that a log names, each with a small index for use in memory. */
export class WriterTable {
  readonly #ids: Bytes[] = []
  readonly #texts: string[] = []
  readonly #indexes = new Map<string, number>()
  #last = 0

  get size(): number {
    return this.#ids.length
  }

  /** The index of the writer whose id is at `at`; a new one gets the next index. */
  indexOf(bytes: Uint8Array, at: number = 0): number {
    // Nearly always the same writer as before; the comparison is ten times cheaper than the text.
    const last = this.#ids[this.#last]
    let same = 0
    if (last !== undefined) { while (same < WRITER_BYTES && last[same] === bytes[at + same]) same++ }
    return same === WRITER_BYTES ? this.#last : (this.#last = this.#lookUp(bytes, at))
  }

  #lookUp(bytes: Uint8Array, at: number): number {
    const text = bytesToHex(bytes, at, at + WRITER_BYTES)
    const known = this.#indexes.get(text)
    if (known !== undefined) return known
    const index = this.#ids.length
    this.#ids.push(new Uint8Array(bytes.subarray(at, at + WRITER_BYTES)))
    this.#texts.push(text)
    this.#indexes.set(text, index)
    return index
  }

  /** Takes back the writers from index `size` on; nobody may have kept their indexes. */
  truncate(size: number): void {
    for (const text of this.#texts.slice(size)) this.#indexes.delete(text)
    this.#ids.length = this.#texts.length = Math.min(size, this.#ids.length)
    this.#last = 0
  }

  /** The 16 bytes of a writer. */
  idOf(index: number): Bytes {
    return this.#ids[index]!
  }

  /** Orders writers by the bytes of their ids. */
  compare(a: number, b: number): number {
    const left = this.#texts[a]!, right = this.#texts[b]!
    return left < right ? -1 : left > right ? 1 : 0
  }

  /** The replica's part of a writer's id, as hex. */
  replicaOf(index: number): string {
    return this.#texts[index]!.slice(0, REPLICA_BYTES * 2)
  }

  /** The dot as a user sees it: the opaque `version` of a record. */
  versionOf(index: number, seq: number): string {
    return `${this.#texts[index]!}-${seq.toString(36)}`
  }
}
