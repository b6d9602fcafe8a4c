/**
 * Compression: whether bodies are zipped, each way.
 *
 *   never    plain, and answers are asked for plain
 *   always   whatever gets smaller, if the remote offers it
 *   auto     if the remote offers it, is another machine, and the link is slow or not known yet:
 *              requests from 1 KiB on, while the fastest of the last bodies went at less than 25 MB/s (200 Mbit/s)
 *              answers, by the same rate of the other way
 *
 * The threshold: gzip takes 94–137 MB/s of one core and leaves about a quarter (see `gzip.ts`), undoing it is faster. At 25 MB/s a push of 3.5 MB
 * takes 140 ms plain and about 70 ms zipped; at 70 MB/s both take the same, and the processor would be spent for nothing.
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { ExchangeTerms } from "./exchange.ts"
import { findGzip, type Gzip } from "./gzip.ts"
import { LinkRate } from "./link-rate.ts"

export type CompressionMode = "auto" | "always" | "never"

/** Links that are faster get plain bodies. */
export const FAST_BYTES_PER_SECOND = 25_000_000
/** Smaller bodies fit a packet or two either way. */
export const ZIPPED_BYTES_MIN = 1024

export interface EncodedBody {
  readonly bytes: Bytes
  readonly encoding: "gzip" | undefined
}

export interface CompressionOptions {
  readonly mode: CompressionMode
  readonly isLoopback: boolean
  /** Default: the runtime's. */
  readonly gzip?: Gzip | undefined
}

export class Compression {
  readonly requests: LinkRate = new LinkRate()
  readonly answers: LinkRate = new LinkRate()
  readonly #mode: CompressionMode
  readonly #isLoopback: boolean
  readonly #gzip: Gzip | undefined
  #terms: ExchangeTerms | undefined

  constructor({ mode, isLoopback, gzip = findGzip() }: CompressionOptions) {
    this.#mode = mode
    this.#isLoopback = isLoopback
    this.#gzip = gzip
  }

  /** Features to offer in a handshake. */
  get features(): readonly string[] {
    return this.#mode !== "never" && this.#gzip !== undefined ? ["gzip"] : []
  }

  /** Encodings that the next answer may have. */
  get accept(): readonly string[] {
    return this.#isWorth(this.answers) ? ["gzip"] : []
  }

  agree(terms: ExchangeTerms): void {
    this.#terms = terms
  }

  /** The body as it is to travel: zipped if that is worth it and smaller. */
  async encode(bytes: Bytes): Promise<EncodedBody> {
    const plain: EncodedBody = { bytes, encoding: undefined }
    if (this.#gzip === undefined || this.#terms === undefined || !this.#isWorth(this.requests)) return plain
    if (bytes.length < ZIPPED_BYTES_MIN && this.#mode === "auto") return plain
    // What is too large when it is inflated may be sent plain.
    if (bytes.length > this.#terms.inflatedBytesMax) return plain
    const zipped = await this.#gzip(bytes)
    return zipped.length < bytes.length ? { bytes: zipped, encoding: "gzip" } : plain
  }

  #isWorth(rate: LinkRate): boolean {
    if (this.#mode === "never" || this.#terms?.features.includes("gzip") !== true) return false
    return this.#mode === "always" || (!this.#isLoopback && (rate.bytesPerSecond ?? 0) < FAST_BYTES_PER_SECOND)
  }
}
