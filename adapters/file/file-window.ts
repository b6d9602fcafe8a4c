/**
 * A file seen through one buffer that moves: `reach` makes a range readable and answers where it is in `bytes`.
 *
 *   file     ├──────────────┤▒▒▒▒▒▒▒▒▒▒▒▒▒▒├───────────────────────┤ size
 *   bytes                   start          start + filled
 *
 * The buffer grows only for a range that is larger than it, and a range is checked against the file first: a length that was
 * forged costs no memory.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { allocate, readFully } from "./files.ts"

export class FileWindow {
  /** Valid from 0 up to the bytes that are filled; `reach` may replace it. */
  bytes: Bytes
  readonly size: number
  readonly #calls: FileCalls
  readonly #descriptor: number
  readonly #path: string
  #start = 0
  #filled = 0

  /** `size` bounds what is read; it may be less than the file has. `capacity` is the usual size of one read. */
  constructor(calls: FileCalls, descriptor: number, path: string, size: number, capacity: number) {
    this.#calls = calls
    this.#descriptor = descriptor
    this.#path = path
    this.size = size
    this.bytes = allocate(Math.max(1, Math.min(capacity, size)))
  }

  /** Whether the range can be had without a read. */
  has(from: number, count: number): boolean {
    return from >= this.#start && from + count <= this.#start + this.#filled
  }

  /** How many bytes can be had from `from` on without a read. */
  available(from: number): number {
    return from < this.#start ? 0 : Math.max(0, this.#start + this.#filled - from)
  }

  /**
   * Index in `bytes` of the byte at `from`, with `count` bytes readable from there; undefined if the file does not have them.
   * Throws `StorageFailed` if the medium cannot be read.
   */
  reach(from: number, count: number): number | undefined {
    if (this.has(from, count)) return from - this.#start
    if (from + count > this.size) return undefined
    if (count > this.bytes.length) this.bytes = allocate(count)
    this.#start = from
    this.#filled = 0
    try {
      this.#filled = readFully(this.#calls, this.#descriptor, this.bytes, 0, Math.min(this.bytes.length, this.size - from), from)
    } catch (cause) {
      throw systemError(cause, "read", this.#path, true)
    }
    return this.#filled < count ? undefined : 0
  }
}
