/** What the kernel asks of the place it runs in: time, randomness and, where there is a native one, a checksum. */
import type { Bytes } from "./log-storage.ts"

export interface Platform {
  /** Milliseconds since 1970-01-01. */
  readonly now: () => number
  /** Fresh bytes from a cryptographic source. */
  readonly randomBytes: (length: number) => Bytes
  /** CRC-32 (IEEE 802.3) in native code; without it a JavaScript one is used. */
  readonly crc32?: ((bytes: Uint8Array, seed?: number) => number) | undefined
}

/** The platform of every web-like runtime. */
export const webPlatform: Platform = {
  now: Date.now,
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}
