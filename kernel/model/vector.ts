/**
 * The vector of a log: per writer, how far the log has all of its operations, and which numbers were withheld from it.
 *
 * An entry stands for its whole lineage too, and the entries that others imply are left out (rule S31): one entry a copy.
 * Withheld numbers keep their entry.
 */
import type { Lineage } from "./lineage.ts"

/** What a log has of one writer. `withheld` are numbers up to `seq` that were refused elsewhere and never came. */
export interface Pair {
  seq: number
  readonly withheld: readonly number[]
}

const NONE_WITHHELD: readonly number[] = []
const NOTHING: Pair = { seq: 0, withheld: NONE_WITHHELD }

export class Vector {
  readonly #entries = new Map<number, Pair>()
  readonly #lineage: Lineage

  constructor(lineage: Lineage) {
    this.#lineage = lineage
  }

  /** The entries themselves, without what they imply. */
  get entries(): ReadonlyMap<number, Pair> {
    return this.#entries
  }

  /** What the log has of a writer, from its entry or implied by another's. */
  pairOf(writer: number): Pair {
    const own = this.#entries.get(writer) ?? NOTHING
    let seq = own.seq
    for (const other of this.#entries.keys()) {
      const implied = this.#lineage.impliedSeq(other, writer)
      if (implied > seq) seq = implied
    }
    return seq === own.seq ? own : { seq, withheld: own.withheld }
  }

  /** Has the log this operation, or knows it to be void? One that was withheld may still come another way. */
  has(writer: number, seq: number): boolean {
    const pair = this.pairOf(writer)
    return seq <= pair.seq && !pair.withheld.includes(seq)
  }

  /** Notes that the log has all of a writer up to `seq`, of whom nothing is withheld. */
  raise(writer: number, seq: number): void {
    const known = this.#entries.get(writer)
    if (known === undefined || known.withheld.length > 0) this.#entries.set(writer, { seq, withheld: NONE_WITHHELD })
    else known.seq = seq
  }

  /** Notes what the log has of a writer. */
  set(writer: number, pair: Pair): void {
    this.#entries.set(writer, pair)
  }

  /** Leaves out the entries that others imply, after `fresh` or its links came; without it, after any came. */
  prune(fresh?: number): void {
    // It stands for no other writer, and no other one stands for it: nearly every writer of a crowd that never met.
    if (fresh !== undefined && !this.#lineage.isLinked(fresh) && !this.#lineage.continues(fresh)) return
    // Others can imply more than before only through a writer that somebody links to.
    const anyMayImply = fresh === undefined || this.#lineage.isLinked(fresh)
    for (const [writer, pair] of this.#entries) {
      if (pair.withheld.length > 0) continue
      for (const other of anyMayImply || writer === fresh ? this.#entries.keys() : [fresh]) {
        if (other !== writer && this.#entries.has(other) && this.#lineage.implies(other, writer, pair.seq)) {
          this.#entries.delete(writer)
          break
        }
      }
    }
  }
}
