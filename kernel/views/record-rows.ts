/**
 * Rows of the overlay: one a record, 44 bytes side by side, so that a look-up touches one or two cache lines.
 *
 *   word  0  chunk of the arena           5  seq
 *         1  byte offset of the key       6  milliseconds, low 32 bits
 *         2  byte offset of the value     7  milliseconds, high 16 bits · counter, 16 bits
 *         3  key length · value length    8  writer of the only context entry, NO_CONTEXT or MANY_CONTEXT
 *         4  writer                       9  seq of that entry
 *                                        10  collection, 28 bits · flags
 *
 * Key lengths have 11 bits (at most 1,024), value lengths 21 (at most 1 MiB). A row holds the greatest version of its record; the
 * few records with siblings keep all versions beside, in the records view.
 */
import { COLLECTIONS_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../limits.ts"

const WORDS = 11
/** Rows lie in pages, so that a growing view copies nothing and touches no memory before it is used. */
const PAGE_BITS = 14
const PAGE_ROWS = 1 << PAGE_BITS
const PAGE_MASK = PAGE_ROWS - 1
const FIRST_PAGE_ROWS = 64
const CHUNK = 0,
  KEY_AT = 1,
  VALUE_AT = 2,
  LENGTHS = 3,
  WRITER = 4,
  SEQ = 5,
  MILLIS_LOW = 6,
  MILLIS_HIGH = 7,
  CONTEXT_WRITER = 8,
  CONTEXT_SEQ = 9,
  TAIL = 10
const VALUE_BITS = 21
const VALUE_MASK = (1 << VALUE_BITS) - 1
/** Collections have the rest: a log that several handles write can name more than one of them may. */
const FLAG_BITS = 4
const FLAG_MASK = (1 << FLAG_BITS) - 1
const TWO_32 = 0x1_0000_0000
if (VALUE_BYTES_MAX > VALUE_MASK || KEY_BYTES_MAX >= 1 << (32 - VALUE_BITS) || COLLECTIONS_MAX >= 2 ** (32 - FLAG_BITS)) {
  throw new Error("record-rows.ts: a limit outgrew its bits")
}

/** Flags of a row. */
export const RowFlag = {
  /** The version shows no record: a delete, or a choice of one. */
  tombstone: 1,
  /** The versions are kept beside: several, or one that keeps or settles. */
  complex: 2,
  /** The value has been checked against the profile. */
  checked: 4,
} as const

export class RecordRows {
  readonly #pages: Uint32Array[] = [new Uint32Array(FIRST_PAGE_ROWS * WORDS)]
  #capacity = FIRST_PAGE_ROWS
  count: number = 0

  /** Bytes of the rows, with those that are not used yet. */
  get bytes(): number {
    return this.#capacity * WORDS * 4
  }

  /** Adds a row with nothing in it but its collection. */
  add(collection: number): number {
    const row = this.count++
    if (row === this.#capacity) this.#grow()
    this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + TAIL] = collection << FLAG_BITS
    return row
  }

  /** The first page doubles, so that a small store stays small; then whole pages are added. */
  #grow(): void {
    if (this.#capacity >= PAGE_ROWS) {
      this.#pages.push(new Uint32Array(PAGE_ROWS * WORDS))
      this.#capacity += PAGE_ROWS
      return
    }
    this.#capacity *= 4
    const grown = new Uint32Array(this.#capacity * WORDS)
    grown.set(this.#pages[0]!)
    this.#pages[0] = grown
  }

  /** Puts a version into a row; its flags replace those that were there. */
  set(
    row: number,
    chunk: number,
    keyAt: number,
    keyBytes: number,
    valueAt: number,
    valueBytes: number,
    writer: number,
    seq: number,
    millis: number,
    counter: number,
    contextWriter: number,
    contextSeq: number,
    flags: number,
  ): void {
    const words = this.#pages[row >>> PAGE_BITS]!, at = (row & PAGE_MASK) * WORDS
    words[at + CHUNK] = chunk
    words[at + KEY_AT] = keyAt
    words[at + VALUE_AT] = valueAt
    words[at + LENGTHS] = (keyBytes << VALUE_BITS) | valueBytes
    words[at + WRITER] = writer
    words[at + SEQ] = seq
    words[at + MILLIS_LOW] = millis
    words[at + MILLIS_HIGH] = (Math.floor(millis / TWO_32) << 16) | counter
    words[at + CONTEXT_WRITER] = contextWriter
    words[at + CONTEXT_SEQ] = contextSeq
    words[at + TAIL] = (words[at + TAIL]! & ~FLAG_MASK) | flags
  }

  /** The same key and value now lie elsewhere. */
  move(row: number, chunk: number, keyAt: number, valueAt: number): void {
    const words = this.#pages[row >>> PAGE_BITS]!, at = (row & PAGE_MASK) * WORDS
    words[at + CHUNK] = chunk
    words[at + KEY_AT] = keyAt
    words[at + VALUE_AT] = valueAt
  }

  chunkOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + CHUNK]!
  }
  keyAt(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + KEY_AT]!
  }
  keyBytes(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + LENGTHS]! >>> VALUE_BITS
  }
  valueAt(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + VALUE_AT]!
  }
  valueBytes(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + LENGTHS]! & VALUE_MASK
  }
  writerOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + WRITER]!
  }
  seqOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + SEQ]!
  }
  millisOf(row: number): number {
    return (this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + MILLIS_HIGH]! >>> 16) * TWO_32 +
      this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + MILLIS_LOW]!
  }
  counterOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + MILLIS_HIGH]! & 0xffff
  }
  contextWriterOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + CONTEXT_WRITER]!
  }
  contextSeqOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + CONTEXT_SEQ]!
  }
  collectionOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + TAIL]! >>> FLAG_BITS
  }
  flagsOf(row: number): number {
    return this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + TAIL]! & FLAG_MASK
  }
  addFlag(row: number, flag: number): void {
    this.#pages[row >>> PAGE_BITS]![(row & PAGE_MASK) * WORDS + TAIL]! |= flag
  }
}
