/**
 * What a Yjs update may be before Yjs sees it: the whole history of one root text, in the order in which Yjs itself writes it (version 1 of its
 * format). Everything else is refused after one pass over the bytes, so that no number in them can make anybody loop, wait or take memory.
 *
 *   clients · for each, greater ones first: structs · client · clock, 0 · its structs
 *   clients · for each: client · ranges · clock and length of each that is deleted
 *
 *   struct  a byte: kind, what it names · origin, right origin: client, clock · without both: 1 and the name of the root · content
 *   kinds   1 deleted: length · 4 text: bytes and UTF-8; kinds that a plain text never has are refused
 */

/** What an update is made of. */
export interface UpdateSize {
  readonly structs: number
}

const DELETED = 1, TEXT = 4
const KIND = 0x1f, HAS_ORIGIN = 0x80, HAS_RIGHT_ORIGIN = 0x40, HAS_KEY = 0x20
/** Characters of one client: more than any state has bytes, and far below where numbers lose their last digit. */
const CLOCK_MAX = 2 ** 31

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new TypeError("the update is cut short")
    return byte
  }

  number(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    for (let scale = 1;; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > max) throw new TypeError("a number of the update is too large")
      if (byte < 0x80) return value
    }
  }

  text(): string {
    const length = this.number(this.left), start = this.#at
    if (length > this.left) throw new TypeError("the update is cut short")
    this.#at += length
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#bytes.subarray(start, this.#at))
  }
}

/** Throws `TypeError` unless `update` is the whole of a root text called `root`, of at most `structsMax` structs. */
export const checkUpdate = (update: Uint8Array, root: string, structsMax: number): UpdateSize => {
  const reader = new Reader(update), lengths = new Map<number, number>(), named: (readonly [client: number, clock: number])[] = []
  let structs = 0
  const readId = (): void => void named.push([reader.number(), reader.number(CLOCK_MAX)])
  const readStruct = (): number => {
    const info = reader.byte()
    if ((info & HAS_ORIGIN) !== 0) readId()
    if ((info & HAS_RIGHT_ORIGIN) !== 0) readId()
    if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0 && (reader.number() !== 1 || reader.text() !== root)) {
      throw new TypeError("the update has another text")
    }
    const kind = info & KIND
    if ((info & HAS_KEY) !== 0 || kind !== DELETED && kind !== TEXT) throw new TypeError("the update has something else than text")
    const length = kind === DELETED ? reader.number(CLOCK_MAX) : reader.text().length
    if (length === 0) throw new TypeError("a struct of the update has nothing in it")
    return length
  }

  let before = Infinity
  for (let clients = reader.number(); clients > 0; clients--) {
    const count = reader.number(), client = reader.number()
    if (client >= before) throw new TypeError("clients of the update do not descend")
    before = client
    if (reader.number() !== 0 || count === 0) throw new TypeError("the update is not whole")
    let length = 0
    for (let left = count; left > 0; left--) {
      if (++structs > structsMax) throw new TypeError(`the update has more than ${structsMax} structs`)
      length += readStruct()
    }
    if (length > CLOCK_MAX) throw new TypeError("a number of the update is too large")
    lengths.set(client, length)
  }
  for (const [client, clock] of named) {
    if (clock >= (lengths.get(client) ?? 0)) throw new TypeError("the update names what it does not have")
  }

  for (let clients = reader.number(); clients > 0; clients--) {
    const client = reader.number()
    let end = 0
    for (let ranges = reader.number(); ranges > 0; ranges--) {
      const clock = reader.number(CLOCK_MAX), length = reader.number(CLOCK_MAX)
      if (clock < end || length === 0 || clock + length > (lengths.get(client) ?? 0)) {
        throw new TypeError("the update deletes what it does not have")
      }
      end = clock + length
    }
  }
  if (reader.left > 0) throw new TypeError("the update has something left over")
  return { structs }
}
