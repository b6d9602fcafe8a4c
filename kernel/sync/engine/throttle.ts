/** Throttle: so many bytes a second, sent and received together, of all remotes of one handle. Each call waits until what went before is paid. */
import { abortable } from "../../abortable.ts"
import { type Platform, startTimer } from "../../ports/platform.ts"
import { TokenBucket } from "./token-bucket.ts"

/** Pushes and pages are kept to what passes in a second, but not below this. */
const PIECE_BYTES_MIN = 65_536
const MILLIS_PER_SECOND = 1000
/** The longest single wait; a longer one is several. */
const WAIT_MILLIS_MAX = 60_000

export class Throttle {
  /** Bytes that one push or page should have at most, so that traffic is even. */
  readonly pieceBytesMax: number
  readonly #platform: Platform
  readonly #bucket: TokenBucket

  /** `bytesPerSecond` is from 1. */
  constructor(platform: Platform, bytesPerSecond: number) {
    this.#platform = platform
    this.pieceBytesMax = Math.max(PIECE_BYTES_MIN, bytesPerSecond)
    this.#bucket = new TokenBucket(platform.now, bytesPerSecond, bytesPerSecond / MILLIS_PER_SECOND)
  }

  /** Resolves when more may pass. Rejects with the signal's reason. */
  async pass(signal: AbortSignal): Promise<void> {
    for (let millis = this.#bucket.waitMillis; millis > 0; millis = this.#bucket.waitMillis) {
      let end = (): void => {}
      const time = new Promise<void>((resolve) => end = startTimer(this.#platform, resolve, Math.min(millis, WAIT_MILLIS_MAX), true))
      await abortable(time, signal).finally(end)
    }
    signal.throwIfAborted()
  }

  /** These bytes pass now. */
  count(bytes: number): void {
    this.#bucket.take(bytes)
  }
}
