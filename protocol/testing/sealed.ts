/** Bodies by hand: what is behind the parts of a message, so that a test is about what is before it. */
import { crc32 } from "../../kernel/format/checksum.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { CALL_BYTES } from "../limits.ts"

/** Bytes of a checksum at the end of a message. */
export const CHECKSUM_BYTES = 5

/** `bytes` with their checksum. */
export function sealed(bytes: ArrayLike<number>): Bytes {
  const body = new Uint8Array(bytes.length + CHECKSUM_BYTES)
  body.set(bytes)
  body[bytes.length] = 0xce
  new DataView(body.buffer).setUint32(bytes.length + 1, crc32(body, 0, bytes.length))
  return body
}

/** `bytes`, which are the beginning of a message up to its parts, with a call of zeros and the checksum. */
export function completed(bytes: ArrayLike<number>): Bytes {
  const body = new Uint8Array(bytes.length + 2 + CALL_BYTES)
  body.set(bytes)
  body.set([0xc4, CALL_BYTES], bytes.length)
  return sealed(body)
}

/** The message `body` with another call. */
export function withCall(body: Bytes, call: Bytes): Bytes {
  const unsummed = body.slice(0, -CHECKSUM_BYTES)
  unsummed.set(call, unsummed.length - CALL_BYTES)
  return sealed(unsummed)
}
