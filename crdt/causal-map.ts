/**
 * Causal map: what the set and the map of registers have in common. Under each key stand dots, each with what that operation wrote; a vector says
 * which dots the state has seen.
 *
 *   state   seen: writer → greatest seq · dots: key → dots (writer, seq, written), ascending, at least one
 *   put     one new dot in place of all that stood under the key
 *   remove  none in place of them
 *   join    a dot that both have stays; one that only one has stays if the other has not seen it
 *
 * So a removal takes away exactly what it had seen, and needs no tombstone (Bieniusa et al., "An optimized conflict-free replicated set", 2012).
 * The vector stands for what of this record its author had before it: all dots of a writer up to a number, each of them there or removed by
 * somebody who had it. A delete of the record removes them, too: a writer that begins anew has seen the dots that it wrote before, so that they
 * go where an older state with them survives, and what others wrote comes back with that state. No put is ever gone unless a removal of its key,
 * another put of it, or a delete of the record had seen it.
 *
 * Encoded, after the writers (`writer-ids.ts`): the greatest seq of each; number of keys; for each key, ascending: the key, then for each of its
 * dots: 2 · index of the writer + (1 if another one of this key follows), greatest seq of the writer - seq, what was written.
 */
import type { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import type { CrdtSite } from "../kernel/ports/crdt-type.ts"
import { checkedSeq, decodeState, encodeState } from "./state-bytes.ts"
import { compareText, readWriterIds, writeWriterIds } from "./writer-ids.ts"

/** One operation's write under a key. */
export interface Dot<Written> {
  readonly writer: string
  readonly seq: number
  readonly written: Written
}

/** State of a causal map. Never changed once made. */
export interface CausalMap<Key, Written> {
  readonly seen: ReadonlyMap<string, number>
  readonly dots: ReadonlyMap<Key, readonly Dot<Written>[]>
}

/** What the keys and what is written under them are: how they are ordered and encoded. */
export interface CausalMapKind<Key, Written> {
  /** What it is, for errors: "a set". */
  readonly what: string
  readonly compareKeys: (a: Key, b: Key) => number
  /** Order of two writes of one dot, which differ only where somebody forged one. */
  readonly compareWritten: (a: Written, b: Written) => number
  readonly writeKey: (key: Key, target: ByteWriter) => void
  readonly readKey: (source: ByteReader) => Key
  readonly writeWritten: (written: Written, target: ByteWriter) => void
  readonly readWritten: (source: ByteReader) => Written
}

/** A map in which nothing was ever written. */
export const emptyCausalMap = <Key, Written>(): CausalMap<Key, Written> => ({ seen: new Map(), dots: new Map() })

const compareDots = (a: Dot<unknown>, b: Dot<unknown>): number => compareText(a.writer, b.writer) || a.seq - b.seq

/** Both maps together; costs as much as they have dots and writers. */
export const joinCausalMaps = <Key, Written>(
  kind: CausalMapKind<Key, Written>,
  a: CausalMap<Key, Written>,
  b: CausalMap<Key, Written>,
): CausalMap<Key, Written> => {
  const seen = new Map(a.seen)
  for (const [writer, seq] of b.seen) seen.set(writer, Math.max(seq, seen.get(writer) ?? 0))
  const dots = new Map<Key, readonly Dot<Written>[]>()
  const joinKey = (key: Key, ours: readonly Dot<Written>[], theirs: readonly Dot<Written>[]): void => {
    const joined: Dot<Written>[] = []
    const keepUnseen = (dot: Dot<Written>, other: CausalMap<Key, Written>): void => {
      if (dot.seq > (other.seen.get(dot.writer) ?? 0)) joined.push(dot)
    }
    let i = 0, j = 0
    while (i < ours.length || j < theirs.length) {
      const left = ours[i], right = theirs[j]
      const order = left === undefined ? 1 : right === undefined ? -1 : compareDots(left, right)
      if (left !== undefined && right !== undefined && order === 0) {
        joined.push(kind.compareWritten(left.written, right.written) >= 0 ? left : right)
      } else if (left !== undefined && order < 0) keepUnseen(left, b)
      else if (right !== undefined) keepUnseen(right, a)
      if (order <= 0) i++
      if (order >= 0) j++
    }
    if (joined.length > 0) dots.set(key, joined)
  }
  for (const [key, ours] of a.dots) joinKey(key, ours, b.dots.get(key) ?? [])
  for (const [key, theirs] of b.dots) if (!a.dots.has(key)) joinKey(key, [], theirs)
  return { seen, dots }
}

/** The one encoding of a map. */
export const encodeCausalMap = <Key, Written>(kind: CausalMapKind<Key, Written>, map: CausalMap<Key, Written>): Uint8Array =>
  encodeState((target) => {
    const writers = [...map.seen.keys()].sort(compareText)
    const indexes = new Map(writers.map((writer, index) => [writer, index]))
    const seenOf = (writer: string): number => map.seen.get(writer) ?? 0
    writeWriterIds(writers, target)
    for (const writer of writers) target.varint(seenOf(writer))
    target.varint(map.dots.size)
    for (const [key, dots] of [...map.dots].sort(([a], [b]) => kind.compareKeys(a, b))) {
      kind.writeKey(key, target)
      dots.forEach(({ writer, seq, written }, at) => {
        target.varint(2 * (indexes.get(writer) ?? 0) + (at + 1 < dots.length ? 1 : 0))
        target.varint(seenOf(writer) - seq)
        kind.writeWritten(written, target)
      })
    }
  })

/** The map of an encoding. Throws `CorruptBytes` for anything else. */
export const decodeCausalMap = <Key, Written>(kind: CausalMapKind<Key, Written>, value: unknown): CausalMap<Key, Written> =>
  decodeState(kind.what, value, (source) => {
    const writers = readWriterIds(source)
    const seen = new Map(writers.map((writer) => [writer, checkedSeq(source.varint(), source)]))
    const dots = new Map<Key, readonly Dot<Written>[]>()
    let before: Key | undefined
    for (let left = source.varint(); left > 0; left--) {
      const key = kind.readKey(source)
      if (before !== undefined && kind.compareKeys(before, key) >= 0) source.refuse("keys do not ascend")
      before = key
      dots.set(key, readDots(kind, writers, seen, source))
    }
    return { seen, dots }
  })

const readDots = <Key, Written>(
  kind: CausalMapKind<Key, Written>,
  writers: readonly string[],
  seen: ReadonlyMap<string, number>,
  source: ByteReader,
): readonly Dot<Written>[] => {
  const dots: Dot<Written>[] = []
  for (let isMore = true; isMore;) {
    const head = source.varint(), writer = writers[Math.floor(head / 2)]
    if (writer === undefined) return source.refuse("a dot names no writer")
    const seq = checkedSeq((seen.get(writer) ?? 0) - source.varint(), source)
    const dot = { writer, seq, written: kind.readWritten(source) }, last = dots.at(-1)
    if (last !== undefined && compareDots(last, dot) >= 0) source.refuse("dots do not ascend")
    dots.push(dot)
    isMore = head % 2 === 1
  }
  return dots
}

/** Changes a copy of a map on behalf of one operation; what it costs to begin is paid by the first change. */
export class CausalMapEdit<Key, Written> {
  readonly #site: CrdtSite
  #map: CausalMap<Key, Written>
  #changed: Map<Key, readonly Dot<Written>[]> | undefined
  #hasPut = false

  constructor(map: CausalMap<Key, Written>, site: CrdtSite) {
    this.#map = map
    this.#site = site
  }

  /** What the changes so far make of the map; further ones leave it as it is. */
  get map(): CausalMap<Key, Written> {
    if (this.#changed === undefined) return this.#map
    this.#map = { seen: this.#hasPut ? this.#seenNow() : this.#map.seen, dots: this.#changed }
    this.#changed = undefined
    return this.#map
  }

  /** What stands under a key now; undefined for nothing. */
  at(key: Key): readonly Dot<Written>[] | undefined {
    return (this.#changed ?? this.#map.dots).get(key)
  }

  put(key: Key, written: Written): void {
    const { writer, seq } = this.#site
    this.#change().set(key, [{ writer, seq, written }])
    this.#hasPut = true
  }

  remove(key: Key): void {
    if (this.at(key) !== undefined) this.#change().delete(key)
  }

  clear(): void {
    if ((this.#changed ?? this.#map.dots).size > 0) this.#change().clear()
  }

  /** A removal takes away what has been seen already, so only a put has to be noted, and one who only removes leaves no entry. */
  #seenNow(): ReadonlyMap<string, number> {
    const { writer, seq } = this.#site, { seen } = this.#map
    return new Map(seen).set(writer, Math.max(seq, seen.get(writer) ?? 0))
  }

  #change(): Map<Key, readonly Dot<Written>[]> {
    return this.#changed ??= new Map(this.#map.dots)
  }
}
