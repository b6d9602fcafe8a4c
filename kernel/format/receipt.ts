/**
 * Receipt: who brought a frame to a log, and when; written by the log that took it, and never handed on.
 *
 *   0  principal  str   at most 1,024 bytes
 *   1  millis     uint  milliseconds since 1970-01-01 by the clock of who took it
 *   2  own        bin   ids of the writers that the principal named as its own, 16 bytes each
 */
import { PRINCIPAL_BYTES_MAX, STAMP_MILLIS_MAX } from "../limits.ts"
import { WRITER_BYTES } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { ByteReader, ByteWriter } from "./bytes.ts"

export interface Receipt {
  readonly principal: string
  readonly millis: number
  readonly own: readonly Bytes[]
}

/** Appends a receipt to `out`. */
export function writeReceipt(out: ByteWriter, { principal, millis, own }: Receipt): void {
  out.msgArray(3)
  out.msgStr(principal)
  out.msgUint(millis)
  out.msgBin(own.length * WRITER_BYTES)
  for (const id of own) out.bytes(id, 0, WRITER_BYTES)
}

/** Reads a receipt. Throws `CorruptBytes`. */
export function readReceipt(reader: ByteReader): Receipt {
  if (reader.msgArray() !== 3) reader.refuse("a receipt does not have 3 elements")
  const principal = reader.msgStr(PRINCIPAL_BYTES_MAX), millis = reader.msgUint(), length = reader.msgBin()
  if (millis > STAMP_MILLIS_MAX || length % WRITER_BYTES !== 0) reader.refuse("a receipt is out of range")
  const own = Array.from({ length: length / WRITER_BYTES }, () => {
    const start = reader.skip(WRITER_BYTES)
    return new Uint8Array(reader.buffer.subarray(start, start + WRITER_BYTES))
  })
  return { principal, millis, own }
}
