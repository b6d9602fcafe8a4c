/**
 * Commit queue: writes in the order of their calls, from the call until they end; group commit takes from its front.
 *
 *   ended │ group being committed │ waiting …
 *         └ next                              └ push
 */
import { COMMIT_BYTES_TARGET, COMMIT_OPERATIONS_TARGET } from "../limits.ts"
import type { QueuedWrite } from "./author.ts"

/** The array drops what has ended once so many entries are behind, and they are more than half. */
const SLACK = 1024

interface Waiter {
  /** Resolves when so many writes have ended. */
  readonly after: number
  readonly resolve: () => void
}

export class CommitQueue<W extends QueuedWrite> {
  #writes: W[] = []
  #next = 0
  #ended = 0
  #waiters: Waiter[] = []

  /** Writes that were called and have not ended. */
  get pending(): number {
    return this.#writes.length - this.#next
  }

  /** The writes that have not ended, oldest first. */
  *waiting(): Iterable<W> {
    for (let at = this.#next; at < this.#writes.length; at++) yield this.#writes[at]!
  }

  push(write: W): void {
    this.#writes.push(write)
  }

  /** The writes of the next frame, as many as reach its target; they stay queued until `end`. */
  group(): W[] {
    const writes = this.#writes
    let end = this.#next, bytes = 0, operations = 0
    while (end < writes.length && bytes < COMMIT_BYTES_TARGET && operations < COMMIT_OPERATIONS_TARGET) {
      bytes += writes[end]!.bytes
      operations += writes[end]!.operations
      end++
    }
    return writes.slice(this.#next, end)
  }

  /** Takes the first `count` writes out; `wake` is to be called when they have their answers. */
  end(count: number): void {
    this.#next += count
    this.#ended += count
    // What has ended holds its caller's functions, and all that these hold: a queue at rest keeps nothing alive.
    if (this.#next === this.#writes.length) {
      this.#writes = []
      this.#next = 0
    }
    if (this.#next <= SLACK || this.#next * 2 <= this.#writes.length) return
    this.#writes = this.#writes.slice(this.#next)
    this.#next = 0
  }

  /** Rejects the first `count` writes. */
  rejectFirst(count: number, error: unknown): void {
    const rejected = this.#writes.slice(this.#next, this.#next + count)
    this.end(rejected.length)
    for (const write of rejected) write.fail(error)
    this.wake()
  }

  /** Rejects everything: what is stored is a prefix of what was called, so when one fails, all behind it fail too. */
  rejectAll(error: unknown): void {
    this.rejectFirst(this.pending, error)
  }

  /** Resolves when every write called so far has ended; undefined if there is none. Never rejects. */
  settled(): Promise<void> | undefined {
    if (this.pending === 0) return undefined
    return new Promise((resolve) => this.#waiters.push({ after: this.#ended + this.pending, resolve }))
  }

  /** Tells those who waited for writes that have ended. */
  wake(): void {
    if (this.#waiters.length === 0) return
    const ready = this.#waiters.filter((waiter) => waiter.after <= this.#ended)
    this.#waiters = this.#waiters.filter((waiter) => waiter.after > this.#ended)
    for (const { resolve } of ready) resolve()
  }
}
