/**
 * The rules of versions, lineage and vectors once more, as plainly as they can be said: objects by name, no indexes, no caches. What the
 * kernel does fast is compared with this.
 *
 * Ported from the executable model in which the rules S1 to S37 were found; names are the model's.
 */

/** Writer → seq. */
export type Seqs = Readonly<Record<string, number>>

export interface Op {
  /** Writer, seq, stamp. Writers are ordered as texts. */
  readonly w: string
  readonly s: number
  readonly stamp: number
  readonly kind: "put" | "delete" | "choice"
  readonly key: string
  /** Undefined for a delete, and for a choice of one. */
  readonly value: number | undefined
  readonly ctx: Seqs
  readonly keeps: readonly string[]
  readonly settles: Seqs | undefined
}

export const dotOf = ({ w, s }: { readonly w: string; readonly s: number }): string => `${w}:${s}`
const toDot = (dot: string): { readonly w: string; readonly s: number } => ({
  w: dot.slice(0, dot.indexOf(":")),
  s: Number(dot.slice(dot.indexOf(":") + 1)),
})
export const order = (a: Op, b: Op): number => a.stamp - b.stamp || (a.w < b.w ? -1 : a.w > b.w ? 1 : a.s - b.s)
export const newest = (versions: readonly Op[]): Op | undefined => [...versions].sort(order).at(-1)

export class OracleLineage {
  readonly links: Map<string, Seqs> = new Map()

  chain(w: string, seen: ReadonlySet<string> = new Set()): Seqs {
    const all: Record<string, number> = {}
    if (seen.has(w)) return all
    for (const [linked, seq] of Object.entries(this.links.get(w) ?? {})) {
      all[linked] = Math.max(seq, all[linked] ?? 0)
      for (const [u, n] of Object.entries(this.chain(linked, new Set([...seen, w])))) all[u] = Math.max(n, all[u] ?? 0)
    }
    return all
  }
  under(vector: Seqs, w: string, s: number): boolean {
    return Object.entries(vector).some(([x, n]) => (x === w && n >= s) || (this.chain(x)[w] ?? 0) >= s)
  }
  includes(a: Seqs, b: Seqs): boolean {
    return Object.entries(b).every(([w, s]) => this.under(a, w, s))
  }
  join(vectors: readonly Seqs[]): Seqs {
    const all: Record<string, number> = {}
    for (const vector of vectors) for (const [w, s] of Object.entries(vector)) all[w] = Math.max(s, all[w] ?? 0)
    for (const [w, s] of Object.entries(all)) {
      const { [w]: _, ...others } = all
      if (this.under(others, w, s)) delete all[w]
    }
    return all
  }
}

export const covers = (a: Op, { w, s }: { readonly w: string; readonly s: number }, lineage: OracleLineage): boolean =>
  lineage.under(a.ctx, w, s) && !a.keeps.includes(dotOf({ w, s }))

export function supersedes(a: Op, b: Op, lineage: OracleLineage): boolean {
  if (covers(a, b, lineage)) return true
  if (b.settles === undefined || covers(b, a, lineage) || a.keeps.includes(dotOf(b))) return false
  const keepsSeen = a.keeps.some((dot) => covers(b, toDot(dot), lineage))
  if (!lineage.includes(a.settles ?? a.ctx, b.settles) || keepsSeen) return false
  return a.settles === undefined || !lineage.includes(b.settles, a.settles) || order(a, b) > 0
}

export function addVersion(versions: readonly Op[], op: Op, lineage: OracleLineage): readonly Op[] {
  if (versions.some((other) => dotOf(other) === dotOf(op) || supersedes(other, op, lineage))) return versions
  return [...versions.filter((other) => !supersedes(op, other, lineage)), op]
}

export const contextOf = (parents: readonly Op[], lineage: OracleLineage): Seqs =>
  lineage.join(parents.flatMap((parent) => [parent.ctx, { [parent.w]: parent.s }]))
/** Dots that a write leaves open (rule S9): other siblings, and what a choice among them settled, unless a parent replaced it. */
export function keptBy(parents: readonly Op[], siblings: readonly Op[], lineage: OracleLineage): readonly string[] {
  const open = siblings.filter((op) => !parents.includes(op)), choices = open.filter(({ settles }) => settles !== undefined)
  const settled = choices.flatMap(({ settles }) => Object.entries(settles!).map(([w, s]) => dotOf({ w, s })))
  const kept = parents.flatMap(({ keeps }) => keeps)
  const context = contextOf(parents, lineage)
  const isOpen = (dot: string): boolean => {
    const { w, s } = toDot(dot)
    return lineage.under(context, w, s) && !parents.some((op) => dotOf(op) === dot || covers(op, { w, s }, lineage))
  }
  return [...new Set([...open.map(dotOf), ...[...settled, ...kept].filter(isOpen)])]
}
export const settledBy = (parents: readonly Op[], lineage: OracleLineage): Seqs =>
  lineage.join(parents.map((parent) => parent.settles ?? contextOf([parent], lineage)))

export interface OraclePair {
  readonly seq: number
  readonly withheld: readonly number[]
}

/** All of a writer's numbers in (from, to]. */
export interface OracleBlock {
  readonly w: string
  readonly from: number
  readonly to: number
  readonly ops: readonly Op[]
  readonly withheld: readonly number[]
  readonly links: Seqs
}

/** The views of one log. */
export class OracleViews {
  readonly lineage: OracleLineage = new OracleLineage()
  vector: Record<string, OraclePair> = {}
  readonly records: Map<string, readonly Op[]> = new Map()

  pairOf(w: string): OraclePair {
    const { seq, withheld } = this.vector[w] ?? { seq: 0, withheld: [] }
    return { seq: Math.max(seq, ...Object.keys(this.vector).map((x) => this.lineage.chain(x)[w] ?? 0)), withheld }
  }

  /** Folds a frame. */
  fold(blocks: readonly OracleBlock[]): void {
    let news = false
    for (const { w, from, links } of blocks) {
      if (from !== 0 || this.lineage.links.has(w)) continue
      this.lineage.links.set(w, links)
      news = true
    }
    for (const block of blocks) this.#foldBlock(block)
    if (news) {
      for (const [key, list] of this.records) {
        this.records.set(key, list.reduce<readonly Op[]>((kept, op) => addVersion(kept, op, this.lineage), []))
      }
    }
    const implied = ([w, { seq }]: [string, OraclePair]): boolean =>
      Object.keys(this.vector).some((x) => (this.lineage.chain(x)[w] ?? 0) >= seq)
    this.vector = Object.fromEntries(Object.entries(this.vector).filter((entry) => entry[1].withheld.length > 0 || !implied(entry)))
  }

  #foldBlock({ w, from, to, ops, withheld }: OracleBlock): void {
    const have = this.pairOf(w)
    if (from > have.seq) throw new Error(`gap: ${w} ${have.seq} < ${from}`)
    for (const op of ops) {
      if (op.s <= have.seq && !have.withheld.includes(op.s)) continue
      this.records.set(op.key, addVersion(this.records.get(op.key) ?? [], op, this.lineage))
    }
    const open = have.withheld.filter((s) => !ops.some((op) => op.s === s))
    this.vector[w] = { seq: Math.max(to, have.seq), withheld: [...open, ...withheld.filter((s) => s > have.seq)] }
  }
}
