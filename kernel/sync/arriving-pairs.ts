/**
 * What a log will have of each writer behind the blocks that are about to be folded, one after another: their pairs as of rule F-40.
 *
 * Blocks that come together may overlap, and a later one may bring what an earlier one names as withheld.
 */
import type { Vector } from "../model/vector.ts"

/** What there is to know of a block beforehand. */
export interface ArrivingBlock {
  readonly from: number
  readonly to: number
  readonly withheld: readonly number[]
  /** Numbers that are listed. */
  readonly seqs: Uint32Array
}

/** What folding a block would do. */
export interface Arrival {
  /** The last number that there is before it. */
  readonly before: number
  /** It brings anything: numbers behind those, or one that is withheld so far. */
  readonly isNews: boolean
}

export class ArrivingPairs {
  readonly #vector: Vector
  readonly #pairs = new Map<number, { readonly seq: number; readonly withheld: ReadonlySet<number> }>()

  constructor(vector: Vector) {
    this.#vector = vector
  }

  /** Takes the next block, of the writer with this index. */
  take(writer: number, { to, withheld, seqs }: ArrivingBlock): Arrival {
    const pair = this.#pairs.get(writer) ?? this.#pairOf(writer), { seq: before } = pair
    const open = new Set(pair.withheld)
    if (open.size > 0) { for (const seq of seqs) open.delete(seq) }
    const isNews = to > before || open.size < pair.withheld.size
    for (const seq of withheld) if (seq > before) open.add(seq)
    this.#pairs.set(writer, { seq: Math.max(before, to), withheld: open })
    return { before, isNews }
  }

  /** Numbers of the writers that came which the log would have as withheld. */
  get withheldCount(): number {
    let count = 0
    for (const { withheld } of this.#pairs.values()) count += withheld.size
    return count
  }

  #pairOf(writer: number): { readonly seq: number; readonly withheld: ReadonlySet<number> } {
    const { seq, withheld } = this.#vector.pairOf(writer)
    return { seq, withheld: new Set(withheld) }
  }
}
