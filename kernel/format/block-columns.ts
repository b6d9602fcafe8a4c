/**
 * The operations of one block in memory, as columns: row i is one operation.
 *
 * One instance is used again for block after block, since most blocks have one operation and objects would cost more than the
 * work. Writers are numbers into `writers` (local to the block; 0 is the block's own writer), collections numbers into `names`.
 * Keys and values are ranges of `bytes`.
 */
import { type Dots, OperationKind } from "../model/operation.ts"

/** Stands in `contextWriters` for "no entry". */
export const NO_CONTEXT = 0xffff_ffff
/** Stands in `contextWriters` for "several entries: see `contexts`". */
export const MANY_CONTEXT = 0xffff_fffe

/** What few operations have: versions left open, and what a choice settles. */
export interface SideColumns {
  readonly keeps: Dots
  /** Present on choices only. */
  readonly settles: Dots | undefined
}

const EMPTY = new Uint8Array(0)
const grown = (capacity: number, needed: number): number => Math.max(needed, capacity * 2)

export class BlockColumns {
  /** All of the writer's numbers in (`from`, `to`] are in this block: listed, withheld or void. */
  from: number = 0
  to: number = 0
  count: number = 0
  /** Ids of the writers named in this block, 16 bytes each. */
  readonly writers: Uint8Array[] = []
  /** Names of collections and event types. */
  readonly names: string[] = []
  /** Numbers that were refused, ascending. */
  readonly withheld: number[] = []
  /** Only where `from` is 0: the writer's links, as dots, and its replica's label. */
  links: Dots | undefined = undefined
  label: string | undefined = undefined
  /** Id of the frame that the block was written in, for tracing only. */
  origin: Uint8Array | undefined = undefined

  /** What keys and values are ranges of. */
  bytes: Uint8Array = EMPTY
  kinds: Uint8Array = new Uint8Array(16)
  seqs: Uint32Array = new Uint32Array(16)
  millis: Float64Array = new Float64Array(16)
  counters: Uint16Array = new Uint16Array(16)
  collections: Uint16Array = new Uint16Array(16)
  /** Writer of the only entry of a context, or {@link NO_CONTEXT}, or {@link MANY_CONTEXT}. */
  contextWriters: Uint32Array = new Uint32Array(16)
  contextSeqs: Uint32Array = new Uint32Array(16)
  keyStarts: Uint32Array = new Uint32Array(16)
  keyEnds: Uint32Array = new Uint32Array(16)
  valueStarts: Uint32Array = new Uint32Array(16)
  valueEnds: Uint32Array = new Uint32Array(16)
  /** Hash of (collection, key); filled by the records view, kept so that nobody hashes twice. */
  hashes: Uint32Array = new Uint32Array(16)
  /** Contexts with several entries, by row. */
  readonly contexts: Map<number, Dots> = new Map()
  /** Side columns, by row. */
  readonly sides: Map<number, SideColumns> = new Map()

  /** Empties the block for another use. */
  reset(): void {
    this.clearRows()
    // Setting the length of an array frees its memory, which the next push would have to ask for again.
    if (this.writers.length > 0) this.writers.length = 0
    if (this.names.length > 0) this.names.length = 0
  }

  /** Empties the block but for its tables of writers and names. */
  clearRows(): void {
    this.from = this.to = this.count = 0
    if (this.withheld.length > 0) this.withheld.length = 0
    this.links = this.label = this.origin = undefined
    if (this.contexts.size > 0) this.contexts.clear()
    if (this.sides.size > 0) this.sides.clear()
  }

  /** Makes room for `rows` rows; what is in them stays. */
  reserve(rows: number): void {
    if (rows <= this.kinds.length) return
    const capacity = grown(this.kinds.length, rows)
    this.kinds = copied(this.kinds, new Uint8Array(capacity))
    this.seqs = copied(this.seqs, new Uint32Array(capacity))
    this.millis = copied(this.millis, new Float64Array(capacity))
    this.counters = copied(this.counters, new Uint16Array(capacity))
    this.collections = copied(this.collections, new Uint16Array(capacity))
    this.contextWriters = copied(this.contextWriters, new Uint32Array(capacity))
    this.contextSeqs = copied(this.contextSeqs, new Uint32Array(capacity))
    this.keyStarts = copied(this.keyStarts, new Uint32Array(capacity))
    this.keyEnds = copied(this.keyEnds, new Uint32Array(capacity))
    this.valueStarts = copied(this.valueStarts, new Uint32Array(capacity))
    this.valueEnds = copied(this.valueEnds, new Uint32Array(capacity))
    this.hashes = copied(this.hashes, new Uint32Array(capacity))
  }

  /** The context of a row as dots of local writer numbers. */
  contextOf(row: number): Dots {
    const writer = this.contextWriters[row]!
    if (writer === NO_CONTEXT) return []
    return writer === MANY_CONTEXT ? this.contexts.get(row)! : [writer, this.contextSeqs[row]!]
  }

  /** Does a row carry a value? */
  hasValue(row: number): boolean {
    const kind = this.kinds[row]!
    return kind !== OperationKind.delete && kind !== OperationKind.forget
  }

  /** The number of a collection in this block; a new name is added. */
  nameIndex(name: string): number {
    const known = this.names.indexOf(name)
    return known >= 0 ? known : this.names.push(name) - 1
  }
}

function copied<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from)
  return to
}
