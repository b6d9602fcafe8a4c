/**
 * Frames at dense positions, packed back to back, so that a small frame costs its bytes and one number.
 *
 *   chunk      first   bytes                          ends
 *   0          1       [frame 1|frame 2|frame 3|   ]  [120, 240, 371]
 *   1          4       [frame 4: larger than a chunk] [1_048_600]
 *   2          5       [frame 5|                    ] [118]
 *
 * A frame lies in one chunk, never over two. Bytes are written once and never moved, so a view on them stays right for ever;
 * it keeps its chunk alive, at most {@link CHUNK_BYTES} beyond the frame itself.
 */
import type { Bytes, Position, ReadLimits } from "../../kernel/ports/log-storage.ts"

/** Size of a chunk of a large log; small logs begin with less, and larger frames get a chunk of their own size. */
const CHUNK_BYTES = 65_536
const CHUNK_BYTES_FIRST = 1024

interface Chunk {
  /** Position of its first frame. */
  readonly first: Position
  readonly bytes: Bytes
  /** Byte offset after each of its frames, in order. */
  readonly ends: number[]
}

/** A log of frames in memory: grows at the head, shrinks at the base. */
export class FrameList {
  #base: Position = 0
  #head: Position = 0
  #chunks: Chunk[] = []

  /** The last position dropped, 0 if none was. */
  get base(): Position {
    return this.#base
  }

  /** Position of the last frame that was pushed, 0 if none was. */
  get head(): Position {
    return this.#head
  }

  /** Copies `frame` behind the head. */
  push(frame: Uint8Array): void {
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.bytes.length - endOf(chunk) < frame.length) {
      const doubled = chunk === undefined ? CHUNK_BYTES_FIRST : Math.min(CHUNK_BYTES, chunk.bytes.length * 2)
      chunk = { first: this.#head + 1, bytes: new Uint8Array(Math.max(doubled, frame.length)), ends: [] }
      this.#chunks.push(chunk)
    }
    const start = endOf(chunk)
    chunk.bytes.set(frame, start)
    chunk.ends.push(start + frame.length)
    this.#head += 1
  }

  /** Views on the frames after `after` (from the base to the head) within `limits`, but at least one if there is one. */
  page(after: Position, limits: ReadLimits): Bytes[] {
    const page: Bytes[] = []
    let bytes = 0
    for (let index = this.#chunkIndexOf(after + 1); index < this.#chunks.length; index += 1) {
      const chunk = this.#chunks[index]!
      for (let nth = Math.max(0, after + 1 - chunk.first); nth < chunk.ends.length; nth += 1) {
        const start = nth === 0 ? 0 : chunk.ends[nth - 1]!
        const end = chunk.ends[nth]!
        bytes += end - start
        if (page.length > 0 && (page.length >= limits.maxFrames || bytes > limits.maxBytes)) return page
        page.push(chunk.bytes.subarray(start, end))
      }
    }
    return page
  }

  /** Drops the frames up to `through`, from the base to the head; their memory is freed a chunk at a time. */
  drop(through: Position): void {
    this.#base = through
    this.#chunks.splice(0, through === this.#head ? this.#chunks.length : this.#chunkIndexOf(through + 1))
  }

  /** Index of the chunk that holds the frame at `position`; the number of chunks if none does. */
  #chunkIndexOf(position: Position): number {
    if (position > this.#head) return this.#chunks.length
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#chunks[middle]!.first <= position) low = middle
      else high = middle - 1
    }
    return low
  }
}

const endOf = (chunk: Chunk): number => chunk.ends.at(-1) ?? 0
