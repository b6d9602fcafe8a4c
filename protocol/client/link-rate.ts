/**
 * Link rate: how fast bodies went lately, one way. Time on the way cannot be told from time that the other end took, which only makes a link
 * look slower; so the fastest of the last bodies counts, and small ones do not.
 */

/** Bodies below this say more of latency than of the link. */
export const RATED_BYTES_MIN = 65_536
/** Bodies that are remembered. */
const REMEMBERED = 8

export class LinkRate {
  readonly #rates: number[] = []

  /** Takes a body of so many bytes on the wire into account. */
  note(bytes: number, millis: number): void {
    if (bytes < RATED_BYTES_MIN) return
    this.#rates.push(bytes * 1000 / Math.max(1, millis))
    if (this.#rates.length > REMEMBERED) this.#rates.shift()
  }

  /** Undefined until a body was large enough to tell. */
  get bytesPerSecond(): number | undefined {
    return this.#rates.length === 0 ? undefined : Math.max(...this.#rates)
  }
}
