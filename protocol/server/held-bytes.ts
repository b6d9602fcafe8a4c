/**
 * Held bytes: the memory that bodies and answers of all requests take together, counted before it is taken. What does not fit is answered
 * `overloaded`, so that no number of requests makes a server grow.
 */
import { wireError } from "../errors.ts"

const RETRY_AFTER_MILLIS = 1000

export class HeldBytes {
  readonly #max: number
  #held = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Bytes held now. */
  get held(): number {
    return this.#held
  }

  /** A claim of its own, empty at first. */
  open(): BytesClaim {
    let claimed = 0
    return {
      add: (bytes) => {
        if (this.#held + bytes > this.#max) {
          throw wireError("overloaded", "the server holds as many bytes of requests as it may", { retryAfterMillis: RETRY_AFTER_MILLIS })
        }
        this.#held += bytes
        claimed += bytes
      },
      keep: (bytes) => {
        const kept = Math.min(bytes, claimed)
        this.#held -= claimed - kept
        claimed = kept
      },
    }
  }
}

export interface BytesClaim {
  /** Claims more. Throws `overloaded`, and nothing changed. */
  add(bytes: number): void
  /** Gives back all but `bytes` of what is claimed. */
  keep(bytes: number): void
}
