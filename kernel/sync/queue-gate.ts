/**
 * Queue gate: keeps what waits to be sent within a bound. Writes ask before they are stored; deletes and resolves never do.
 *
 *   below the bound      pass
 *   at or above it       `reject`: `QueueFull` · `wait`: until what remotes took makes room, in the order of the calls
 *
 * A write is let through while there is any room, so the last one may reach over the bound by its own size. The exact size is looked up only
 * when what was written since the last look may have reached the bound.
 */
import { QueueFull } from "../errors.ts"

/** Asked before a write is stored: undefined lets it pass, a promise makes it wait, and what is thrown refuses it. */
export interface WriteGate {
  admit(): Promise<void> | undefined
}

export interface QueueGateOptions {
  readonly store: string
  readonly queueBytesMax: number
  readonly onFull: "reject" | "wait"
  /** Bytes that wait now, as they would be sent. */
  readonly pendingBytes: () => number
  /** Bytes that this handle has written into its log, ever. */
  readonly writtenBytes: () => number
}

export class QueueGate implements WriteGate {
  readonly #options: QueueGateOptions
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #exact = { bytes: Infinity, written: 0 }

  constructor(options: QueueGateOptions) {
    this.#options = options
  }

  admit(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#hasRoom()) return undefined
    const { store, queueBytesMax, onFull } = this.#options
    if (onFull === "reject") throw new QueueFull({ store, queueBytes: this.#exact.bytes, queueBytesMax })
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  #hasRoom(): boolean {
    const { queueBytesMax, writtenBytes } = this.#options, written = writtenBytes()
    if (this.#exact.bytes + written - this.#exact.written < queueBytesMax) return true
    this.#exact = { bytes: this.#options.pendingBytes(), written }
    return this.#exact.bytes < queueBytesMax
  }

  /** Something was taken by a remote: whoever waits may go on, one after another, as far as there is room. */
  async check(): Promise<void> {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      this.#waiting.shift()!.resolve()
      await Promise.resolve() // its write counts before the next one is asked
    }
  }

  /** Ends the waiting of all with an error; later writes pass. */
  close(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
