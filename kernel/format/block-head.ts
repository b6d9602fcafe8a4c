/** The head of an operation block: whose numbers it holds, without its rows; operation-block.ts draws the layout. */
import { FormatTooNew } from "../errors.ts"
import { SEQ_MAX } from "../limits.ts"
import { WRITER_BYTES } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { CODEC_PLAIN, ELEMENTS } from "./block-layout.ts"
import type { ByteReader } from "./bytes.ts"

export interface BlockHead {
  /** 16 bytes. */
  readonly writer: Bytes
  readonly from: number
  readonly to: number
  /** Operations that are listed. */
  readonly count: number
  /** At most so many numbers are withheld; 0: none. */
  readonly withheldMax: number
}

/** Reads the head of the block that `reader` stands before. Throws `CorruptBytes`, or `FormatTooNew` for another codec. */
export function readBlockHead(reader: ByteReader): BlockHead {
  const elements = reader.msgArray(), codec = reader.msgUint()
  if (codec !== CODEC_PLAIN) throw new FormatTooNew({ location: "a block's codec", found: codec, known: CODEC_PLAIN })
  if (elements !== ELEMENTS) reader.refuse(`it does not have ${ELEMENTS} elements`)
  const length = reader.msgBin(), start = reader.skip(length)
  if (length === 0 || length % WRITER_BYTES !== 0) reader.refuse("its table of writers is no multiple of 16 bytes")
  const from = reader.msgUint(), to = reader.msgUint(), count = reader.msgUint()
  if (to > SEQ_MAX || from >= to || count > to - from) reader.refuse("its range is empty or too far")
  const writer = new Uint8Array(reader.buffer.subarray(start, start + WRITER_BYTES))
  return { writer, from, to, count, withheldMax: reader.takeNil() ? 0 : reader.msgBin() } // at least a byte each
}
