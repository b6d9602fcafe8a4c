/**
 * Memory for the keys and values of the records view: chunks that are filled from the front and never moved.
 *
 * Bytes of one block lie in one chunk, keys before values, so that a record refers to both with one chunk number and two byte
 * offsets. Chunks grow from 16 KiB to 1 MiB, so that a small store stays small.
 */
const CHUNK_BYTES_MIN = 16_384
const CHUNK_BYTES_MAX = 1_048_576
/** Below this many bytes a loop copies faster than `set(subarray)`. */
const LOOP_COPY_BYTES = 64

export class Arena {
  readonly chunks: Uint8Array[] = []
  /** Where the last reservation lies. */
  chunk: number = -1
  /** Bytes that were copied here. */
  usedBytes: number = 0
  #at = 0
  #room = 0

  /** Bytes of all chunks. */
  get bytes(): number {
    let sum = 0
    for (const chunk of this.chunks) sum += chunk.length
    return sum
  }

  /** Makes sure that the next `length` bytes lie in one chunk, whose number is then `chunk`. */
  reserve(length: number): void {
    if (this.#at + length <= this.#room) return
    const doubled = Math.min(CHUNK_BYTES_MAX, CHUNK_BYTES_MIN << Math.min(this.chunks.length, 6))
    this.#room = Math.max(doubled, length)
    this.#at = 0
    this.chunk = this.chunks.push(new Uint8Array(this.#room)) - 1
  }

  /** Copies a range of bytes behind the last one, where `reserve` made room; answers the byte offset in the chunk. */
  copy(source: Uint8Array, start: number, end: number): number {
    const target = this.chunks[this.chunk]!, offset = this.#at, length = end - start
    if (length < LOOP_COPY_BYTES) { for (let i = 0; i < length; i++) target[offset + i] = source[start + i]! }
    else target.set(source.subarray(start, end), offset)
    this.#at = offset + length
    this.usedBytes += length
    return offset
  }
}
