/**
 * Staging: keys and values of writes that were called and are not stored yet, encoded once, in the order of the calls.
 *
 * Ranges are given as places that stay valid while the buffers are moved: `place - base` is the byte offset now. Since groups are
 * committed in the order of their calls, neighbours in a frame are neighbours here and are copied in one piece.
 */
import { InvalidKey, InvalidValue } from "../errors.ts"
import { ByteWriter } from "../format/bytes.ts"
import { encodeValue } from "../format/msgpack.ts"
import { writeUtf8 } from "../format/utf8.ts"
import { KEY_BYTES_MAX } from "../limits.ts"
import { textOf } from "../text.ts"

/** Staging moves to the front of its buffers once this many bytes before it are free. */
const SLACK_BYTES = 1_048_576
/** Empty buffers that are larger than this are given back. */
const KEEP_BYTES = 4_194_304

/** Writes a key behind what is in `out`; throws `InvalidKey` and leaves `out` as it was. */
export function stageKey(out: ByteWriter, key: unknown): void {
  if (typeof key !== "string") throw new InvalidKey({ key: textOf(key), reason: `it is of type ${key === null ? "null" : typeof key}` })
  if (key.length === 0) throw new InvalidKey({ key, reason: "it is empty" })
  if (key.length > KEY_BYTES_MAX) throw new InvalidKey({ key, reason: `it has more than ${KEY_BYTES_MAX} bytes` })
  out.reserve(key.length * 3)
  const end = writeUtf8(key, out.buffer, out.length)
  if (end < 0) throw new InvalidKey({ key, reason: "it is not well-formed: a surrogate stands alone" })
  if (end - out.length > KEY_BYTES_MAX) {
    throw new InvalidKey({ key, reason: `it has ${end - out.length} bytes, at most ${KEY_BYTES_MAX} are allowed` })
  }
  out.length = end
}

/** One kind of bytes (keys or values), in the order of the calls. */
export class StagedBytes {
  readonly out: ByteWriter = new ByteWriter(4096)
  /** Place of the first byte of the buffer. */
  base: number = 0

  /** The place behind the last byte. */
  get place(): number {
    return this.base + this.out.length
  }

  /** Takes back everything from `place` on. */
  truncate(place: number): void {
    this.out.length = place - this.base
  }

  /** Nothing before `place` is needed any more. */
  release(place: number): void {
    const free = place - this.base, { out } = this
    if (free < SLACK_BYTES || free * 2 < out.length) return
    out.buffer.copyWithin(0, free, out.length)
    out.length -= free
    this.base = place
  }

  /** Nothing is needed any more. */
  clear(): void {
    this.base = 0
    this.out.reset()
    if (this.out.buffer.length > KEEP_BYTES) this.out.buffer = new Uint8Array(4096)
  }
}

export class Staging {
  readonly keys: StagedBytes = new StagedBytes()
  readonly values: StagedBytes = new StagedBytes()
  #isAdding = false

  /** Encodes a key and, unless it is a delete, a value; throws and leaves nothing if one of them cannot be stored. */
  add(key: string, value: unknown, hasValue: boolean): void {
    this.assertFree(key)
    const keyPlace = this.keys.place
    stageKey(this.keys.out, key)
    if (!hasValue) return
    this.#isAdding = true
    try {
      encodeValue(value, this.values.out, key)
    } catch (error) {
      this.keys.truncate(keyPlace)
      throw error
    } finally {
      this.#isAdding = false
    }
  }

  /** Throws while a value is being read: only code in it, a getter or a proxy, comes here then, and its bytes would lie inside. */
  assertFree(key: unknown): void {
    if (this.#isAdding) throw new InvalidValue({ path: textOf(key), reason: "it was written while another value was being read" })
  }

  clear(): void {
    this.keys.clear()
    this.values.clear()
  }
}
