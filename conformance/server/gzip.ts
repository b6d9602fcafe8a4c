/** Bodies of gzip: good ones, and bombs, which cost whoever makes them nothing. */
import { constants, deflateRawSync, gunzipSync, gzipSync } from "node:zlib"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { joined } from "./message.ts"

/** One layer of gzip around some bytes. */
export const gzip = (bytes: Uint8Array): Bytes => new Uint8Array(gzipSync(bytes))

/** What is in one layer of gzip; throws for anything else, and for more than `bytesMax`. */
export const gunzip = (bytes: Uint8Array, bytesMax: number): Bytes => new Uint8Array(gunzipSync(bytes, { maxOutputLength: bytesMax }))

const HEAD: readonly number[] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
const MIB = 1_048_576

/** About `bytes` bytes of gzip without an end, of which each comes to about a thousand zeros. */
export const bomb = (bytes: number): Bytes => {
  const block = deflateRawSync(new Uint8Array(MIB), { finishFlush: constants.Z_FULL_FLUSH })
  return joined(HEAD, ...Array.from({ length: Math.max(1, Math.floor(bytes / block.length)) }, () => block))
}
