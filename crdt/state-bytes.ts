/**
 * The frame of every encoded state: one binary that begins with the number of its layout. A state has one encoding, and nothing else is read:
 * what does not ascend, is not in its shortest form or is left over is refused, at the first byte that is wrong.
 */
import { CorruptBytes } from "../kernel/errors.ts"
import { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import { SEQ_MAX } from "../kernel/limits.ts"

/** The only layout so far. */
const LAYOUT = 1

/** The bytes that `write` writes, behind the number of the layout. */
export const encodeState = (write: (target: ByteWriter) => void): Uint8Array => {
  const target = new ByteWriter()
  target.u8(LAYOUT)
  write(target)
  return target.buffer.slice(0, target.length)
}

/** What `read` makes of `value`. Throws `CorruptBytes` for what is no binary, has another layout, or goes on behind what was read. */
export const decodeState = <State>(what: string, value: unknown, read: (source: ByteReader) => State): State => {
  if (!(value instanceof Uint8Array)) throw new CorruptBytes({ what, byteOffset: 0, reason: "it is no binary" })
  const source = new ByteReader(what)
  source.point(value, 0, value.length)
  if (source.u8() !== LAYOUT) source.refuse("its layout is not known", 0)
  const state = read(source)
  source.expectEnd()
  return state
}

/** A number that an operation can have. */
export const checkedSeq = (seq: number, source: ByteReader): number => {
  if (seq < 1 || seq > SEQ_MAX) source.refuse(`${seq} is no number of an operation`)
  return seq
}
