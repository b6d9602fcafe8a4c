/**
 * Lineage: who continued whom.
 *
 * A writer's first block names the own writers of its log with their last numbers (its links). An entry of a vector or a
 * context then stands for all that its links name, and their links, and so on: both need one entry a copy, not one an open
 * (rules S5, S31). Links are true for ever, and a log learns them in any order.
 *
 * Nearly every writer links to one, which nobody else continued: such writers form a line, in which "is it before?" is a
 * comparison of places. A line begins anew where a copy was made, where two processes wrote at once, or where the writer before
 * is not known yet.
 *
 *   line   w1 ──▶ w2 ──▶ w3        last numbers, as the next one names them:  w1: 40, w2: 7
 *          └ links of the first: to members of other lines
 */
import type { Dots } from "./operation.ts"

interface Line {
  /** Links of the first member, as dots. */
  readonly links: Dots
  readonly members: number[]
  /** Of each member but the last, the number that the next one names. */
  readonly seqs: number[]
}

interface Place {
  readonly line: Line
  readonly at: number
}

/** Links of all writers that a log has heard of, by writer index. */
export class Lineage {
  readonly #places = new Map<number, Place>()
  /** Writers that others name in their links. */
  readonly #linked = new Set<number>()

  /** Takes the links of a writer; answers false if it had them. */
  add(writer: number, links: Dots): boolean {
    if (this.#places.has(writer)) return false
    for (let i = 0; i < links.length; i += 2) this.#linked.add(links[i]!)
    const before = links.length === 2 ? this.#places.get(links[0]!) : undefined
    if (before !== undefined && before.at === before.line.members.length - 1) {
      before.line.members.push(writer)
      before.line.seqs.push(links[1]!)
      this.#places.set(writer, { line: before.line, at: before.at + 1 })
    } else {
      this.#places.set(writer, { line: { links, members: [writer], seqs: [] }, at: 0 })
    }
    return true
  }

  /** Does the log have the first block of this writer, and with it its links? */
  has(writer: number): boolean {
    return this.#places.has(writer)
  }

  /** Did this writer continue another one, as far as the log knows? */
  continues(writer: number): boolean {
    const place = this.#places.get(writer)
    return place !== undefined && (place.at > 0 || place.line.links.length > 0)
  }

  /** Does another writer link to this one? */
  isLinked(writer: number): boolean {
    return this.#linked.has(writer)
  }

  /** The last number of `writer` that an entry for `by` stands for; 0 for none. */
  impliedSeq(by: number, writer: number): number {
    const from = this.#places.get(by)
    if (from === undefined || !this.#linked.has(writer)) return 0
    const target = this.#places.get(writer)
    let seq = 0
    const open: Place[] = [from], reached = new Map<Line, number>()
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      const { line, at } = place
      if (target !== undefined && target.line === line && target.at < at) seq = Math.max(seq, line.seqs[target.at]!)
      const before = reached.get(line)
      if (before === undefined || at > before) reached.set(line, at)
      if (before !== undefined) continue
      for (let i = 0; i < line.links.length; i += 2) {
        if (line.links[i] === writer) seq = Math.max(seq, line.links[i + 1]!)
        const linked = this.#places.get(line.links[i]!)
        if (linked !== undefined) open.push(linked)
      }
    }
    return seq
  }

  /** Does an entry for `by` stand for (writer, seq) as well? */
  implies(by: number, writer: number, seq: number): boolean {
    return this.impliedSeq(by, writer) >= seq
  }

  /** Is (writer, seq) under the vector? */
  under(vector: Dots, writer: number, seq: number): boolean {
    for (let i = 0; i < vector.length; i += 2) if (vector[i] === writer && vector[i + 1]! >= seq) return true
    if (!this.#linked.has(writer)) return false
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
