/**
 * Envelope: what every body of the protocol is, one MessagePack array of four elements.
 *
 *   0  fields    map     one value of the profile of `docs/format.md`, section 1; at most 1 MiB
 *   1  parts     array   of [type uint, content bin32], byte for byte as in a frame (F-13, F-15); [] where there are none
 *   2  call      bin     16 bytes: of a request, never used before by its client; of an answer, those of the request. 16 zeros: of none
 *   3  checksum  uint32  five bytes (0xce, big-endian): CRC-32 of all bytes before it, as in a frame (F-10)
 *
 * The checksum finds bytes that changed on their way, whatever carried them: an operation that is stored with a flipped bit would be another
 * one under the same name, for ever. The call tells an old answer that comes again (a cache, a proxy) from the one that was asked for. Nothing
 * else is trusted before it is checked either: every length is compared with the bytes that are left, and no memory is taken for what is only
 * announced. Contents of parts are views into the body.
 */
import { CorruptBytes } from "../kernel/errors.ts"
import { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import { chooseChecksum } from "../kernel/format/checksum.ts"
import { writePart } from "../kernel/format/frame.ts"
import { checkValue, decodeValue, encodeValue } from "../kernel/format/msgpack.ts"
import { PARTS_MAX } from "../kernel/limits.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { nativePlatform } from "../kernel/ports/native-platform.ts"
import type { Part } from "../kernel/ports/remote.ts"
import { DamagedMessage, MalformedMessage } from "./errors.ts"
import { CALL_BYTES, FIELDS_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_PARTS_BYTES_MAX, PART_HEAD_BYTES_MAX } from "./limits.ts"

/** Fields of a message as they were read; what they hold is not checked yet. */
export type FieldValues = Readonly<Record<string, unknown>>

export interface Envelope {
  readonly fields: FieldValues
  /** Contents are views into the body. */
  readonly parts: readonly Part[]
  /** What tells the answer to this request from one to another. */
  readonly call: Bytes
}

/** Of a message that belongs to no call. */
export const NO_CALL: Bytes = new Uint8Array(CALL_BYTES)

const ELEMENTS = 4
const CHECKSUM_BYTES = 5
const UINT32 = 0xce
const checksum = chooseChecksum(nativePlatform.crc32)
const BIN32 = 0xc6
/** Enough for the fields of most messages; more makes room for itself. */
const FIELDS_ROOM = 1024
/** What the writer asks for, at most, for all that is neither fields nor a part. */
const TAIL_ROOM = 32

/**
 * The bytes of a message. Fields that are undefined are left out.
 *
 * Whoever fills a message keeps to the bounds of `limits.ts`: throws `RangeError` for more parts than they allow, and `InvalidValue` or
 * `ValueTooLarge` for fields that are no value.
 */
export function encodeEnvelope(fields: FieldValues, parts: readonly Part[] = [], call: Bytes = NO_CALL): Bytes {
  let contents = 0
  for (const { content } of parts) contents += content.length
  if (parts.length > PARTS_MAX) throw new RangeError(`A message has ${parts.length} parts, at most ${PARTS_MAX} are allowed`)
  if (contents > MESSAGE_PARTS_BYTES_MAX) {
    throw new RangeError(`The parts of a message have ${contents} bytes, at most ${MESSAGE_PARTS_BYTES_MAX} are allowed`)
  }
  if (call.length !== CALL_BYTES) throw new RangeError(`A call has ${call.length} bytes, not ${CALL_BYTES}`)
  const out = new ByteWriter(FIELDS_ROOM)
  out.msgArray(ELEMENTS)
  encodeValue(fields, out, "the fields of a message")
  // Room for all the rest while little has to move for it: contents are copied once, to where they stay.
  out.reserve(contents + parts.length * PART_HEAD_BYTES_MAX + TAIL_ROOM)
  out.msgArray(parts.length)
  for (const { type, content } of parts) writePart(out, type, content)
  out.msgBin(CALL_BYTES)
  out.bytes(call, 0, CALL_BYTES)
  const sum = checksum(out.buffer, 0, out.length)
  for (const byte of [UINT32, sum >>> 24, sum >>> 16, sum >>> 8, sum]) out.u8(byte)
  return out.buffer.subarray(0, out.length)
}

/** Reads a message. Throws `DamagedMessage` if its checksum is wrong, else `MalformedMessage` for what is none. */
export function decodeEnvelope(body: Bytes): Envelope {
  if (body.length > MESSAGE_BYTES_MAX) {
    throw new MalformedMessage("body", `has ${body.length} bytes, at most ${MESSAGE_BYTES_MAX} are allowed`)
  }
  try {
    const reader = new ByteReader("the body"), end = body.length - CHECKSUM_BYTES
    if (end < 1 || body[end] !== UINT32 || readUint32(body, end + 1) !== checksum(body, 0, end)) {
      throw new DamagedMessage("the checksum of the body is wrong: it was changed or cut on its way, or is no message")
    }
    reader.point(body, 0, end)
    if (reader.msgArray() !== ELEMENTS) reader.refuse("it is no array of four elements", 0)
    const fields = readFields(reader), parts = readParts(reader), call = readCall(reader)
    reader.expectEnd()
    return { fields, parts, call }
  } catch (cause) {
    if (!(cause instanceof CorruptBytes)) throw cause
    throw new MalformedMessage("body", `is no message at byte ${cause.details.byteOffset}: ${cause.details.reason}`, { cause })
  }
}

const readUint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0

function readCall(reader: ByteReader): Bytes {
  if (reader.msgBin() !== CALL_BYTES) reader.refuse("a call does not have 16 bytes")
  const start = reader.skip(CALL_BYTES)
  return new Uint8Array(reader.buffer.subarray(start, start + CALL_BYTES))
}

/** The call of a message that was decoded, without decoding it again; of other bytes whatever stands in its place. */
export const callOf = (body: Bytes): Bytes => {
  const end = body.length - CHECKSUM_BYTES
  return end < CALL_BYTES ? NO_CALL : body.slice(end - CALL_BYTES, end)
}

/** Whether two messages name the same call. */
export const isSameCall = (a: Bytes, b: Bytes): boolean => a.every((byte, at) => byte === b[at])

function readFields(reader: ByteReader): FieldValues {
  const start = reader.at
  const marker = reader.left > 0 ? reader.buffer[start]! : 0
  if (marker >> 4 !== 0x8 && marker !== 0xde && marker !== 0xdf) reader.refuse("the fields are no map")
  skipValue(reader, start + FIELDS_BYTES_MAX)
  if (reader.at - start > FIELDS_BYTES_MAX) reader.refuse(`the fields have more than ${FIELDS_BYTES_MAX} bytes`, start)
  checkValue(reader.buffer, start, reader.at)
  return decodeValue(reader.buffer, start, reader.at) as FieldValues
}

/**
 * Moves behind one value of MessagePack, whatever it is, or somewhere behind `limit` if it ends there; only its extent is found here, its
 * content is checked by `checkValue`. Neither recursion nor a stack: it is enough to know how many values are still to come.
 */
function skipValue(reader: ByteReader, limit: number): void {
  for (let values = 1; values > 0 && reader.at <= limit; values--) {
    const marker = reader.u8()
    if (marker < 0x80 || marker >= 0xe0) continue
    if (marker < 0x90) values += (marker & 0x0f) * 2
    else if (marker < 0xa0) values += marker & 0x0f
    else if (marker < 0xc0) reader.skip(marker & 0x1f)
    else {
      const [width, kind] = FORMS[marker - 0xc0]!
      let length = 0
      for (let at = reader.skip(width), end = at + width; at < end; at++) {
        length = length * 0x100 + (kind === SCALAR ? 0 : reader.buffer[at]!)
      }
      if (kind === BYTES) reader.skip(length)
      else if (kind === EXTENSION) reader.skip(length + 1)
      else if (kind === ARRAY) values += length
      else if (kind === MAP) values += length * 2
    }
    // Each value that is to come has at least a byte.
    if (values - 1 > reader.left) reader.refuse(`${values - 1} values are announced, ${reader.left} bytes are left`)
  }
}

const SCALAR = 0, BYTES = 1, EXTENSION = 2, ARRAY = 3, MAP = 4
type Form = readonly [width: number, kind: number]
/** What follows each of the markers C0 to DF: bytes of a number or length, and what that counts. */
const FORMS: readonly Form[] = [
  ...[0, 0, 0, 0].map((width): Form => [width, SCALAR]), // nil, C1 (which the check refuses), false, true
  ...[1, 2, 4].map((width): Form => [width, BYTES]), // bin
  ...[1, 2, 4].map((width): Form => [width, EXTENSION]), // ext
  ...[4, 8, 1, 2, 4, 8, 1, 2, 4, 8].map((width): Form => [width, SCALAR]), // float, uint, int
  ...[2, 3, 5, 9, 17].map((width): Form => [width, SCALAR]), // fixext, with its type
  ...[1, 2, 4].map((width): Form => [width, BYTES]), // str
  ...[2, 4].map((width): Form => [width, ARRAY]),
  ...[2, 4].map((width): Form => [width, MAP]),
]

function readParts(reader: ByteReader): readonly Part[] {
  const count = reader.msgArray()
  if (count > PARTS_MAX) reader.refuse(`${count} parts are announced, at most ${PARTS_MAX} are allowed`)
  const parts: Part[] = []
  let contents = 0
  for (let index = 0; index < count; index++) {
    if (reader.msgArray() !== 2) reader.refuse("a part does not have two elements")
    const type = reader.msgUint()
    if (reader.u8() !== BIN32) reader.refuse("the content of a part is no bin32", reader.at - 1)
    const length = readUint32(reader.buffer, reader.skip(4))
    contents += length
    if (contents > MESSAGE_PARTS_BYTES_MAX) reader.refuse(`the parts have more than ${MESSAGE_PARTS_BYTES_MAX} bytes`)
    const start = reader.skip(length)
    parts.push({ type, content: (reader.buffer as Bytes).subarray(start, start + length) })
  }
  return parts
}
