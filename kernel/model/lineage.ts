/**
 * Lineage: who continued whom.
 *
 * A writer's first block names the own writers of its log with their last numbers (its links). An entry of a vector or a
 * context then stands for all that the chain of its links names, so that both need one entry a copy, not one an open
 * (rules S5, S31). Links are true for ever, and a log learns them in any order.
 */
import type { Dots } from "./operation.ts"

/** Links of all writers a log has heard of, by writer index. */
export class Lineage {
  readonly #links = new Map<number, Dots>()
  #chains = new Map<number, ReadonlyMap<number, number>>()

  /** Takes the links of a writer; answers whether they are news. */
  add(writer: number, links: Dots): boolean {
    if (this.#links.has(writer)) return false
    this.#links.set(writer, links)
    this.#chains = new Map() // chains of others may run through this writer
    return true
  }

  /** The links of one writer, or undefined if its first block never came here. */
  linksOf(writer: number): Dots | undefined {
    return this.#links.get(writer)
  }

  /** All that a writer continued: writer → last number, over links of links. Iterative: chains grow by one an open. */
  chain(writer: number): ReadonlyMap<number, number> {
    const known = this.#chains.get(writer)
    if (known !== undefined) return known
    const all = new Map<number, number>()
    const open = [writer]
    while (open.length > 0) {
      const links = this.#links.get(open.pop()!) ?? []
      for (let i = 0; i < links.length; i += 2) {
        const linked = links[i]!, before = all.get(linked)
        if (before === undefined) open.push(linked)
        if (before === undefined || links[i + 1]! > before) all.set(linked, links[i + 1]!)
      }
    }
    this.#chains.set(writer, all)
    return all
  }

  /** Does an entry for `by` stand for (writer, seq) as well? */
  implies(by: number, writer: number, seq: number): boolean {
    return this.#links.size > 0 && (this.chain(by).get(writer) ?? 0) >= seq
  }

  /** Is (writer, seq) under the vector? */
  under(vector: Dots, writer: number, seq: number): boolean {
    for (let i = 0; i < vector.length; i += 2) if (vector[i] === writer && vector[i + 1]! >= seq) return true
    for (let i = 0; i < vector.length; i += 2) if (this.implies(vector[i]!, writer, seq)) return true
    return false
  }

  /** Is all of `part` under the vector? */
  includes(vector: Dots, part: Dots): boolean {
    for (let i = 0; i < part.length; i += 2) if (!this.under(vector, part[i]!, part[i + 1]!)) return false
    return true
  }

  /** One vector for several, without entries that others imply. */
  join(vectors: readonly Dots[]): Dots {
    const all = new Map<number, number>()
    for (const vector of vectors) {
      for (let i = 0; i < vector.length; i += 2) {
        if (vector[i + 1]! > (all.get(vector[i]!) ?? 0)) all.set(vector[i]!, vector[i + 1]!)
      }
    }
    const joined: number[] = []
    for (const [writer, seq] of all) {
      let implied = false
      for (const other of all.keys()) implied ||= other !== writer && this.implies(other, writer, seq)
      if (!implied) joined.push(writer, seq)
    }
    return joined
  }
}
