/** What the kernel asks of the place it runs in: time, randomness and, where there is a native one, a checksum. */
import type { Bytes } from "./log-storage.ts"

export interface Platform {
  /** Milliseconds since 1970-01-01. */
  readonly now: () => number
  /** Fresh bytes from a cryptographic source. */
  readonly randomBytes: (length: number) => Bytes
  /** CRC-32 (IEEE 802.3) in native code; without it a JavaScript one is used. */
  readonly crc32?: ((bytes: Uint8Array, seed?: number) => number) | undefined
  /**
   * Calls back once after at least `delayMillis`; answers a function that calls it off. A timer of `background` keeps no process alive.
   * Without it the runtime's timers are used.
   */
  readonly startTimer?: ((callback: () => void, delayMillis: number, background: boolean) => () => void) | undefined
}

/** Starts a timer of the platform; answers a function that calls it off. */
export function startTimer(platform: Platform, callback: () => void, delayMillis: number, background: boolean = false): () => void {
  if (platform.startTimer !== undefined) return platform.startTimer(callback, delayMillis, background)
  const timer = setTimeout(callback, delayMillis)
  const { unref }: { unref?: () => void } = Object(timer)
  if (background) unref?.call(timer)
  return () => clearTimeout(timer)
}

/** Resolves after at least `delayMillis`. */
export const sleep = (platform: Platform, delayMillis: number): Promise<void> =>
  new Promise((resolve) => void startTimer(platform, resolve, delayMillis))

/** The platform of every web-like runtime. */
export const webPlatform: Platform = {
  now: Date.now,
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
}
