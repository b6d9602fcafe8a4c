/** A map by dot: writer index and seq. */
export class DotMap<V> {
  readonly #bySeq = new Map<number, Map<number, V>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(writer: number, seq: number): V | undefined {
    return this.#bySeq.get(writer)?.get(seq)
  }

  has(writer: number, seq: number): boolean {
    return this.#bySeq.get(writer)?.has(seq) ?? false
  }

  /** Is there any dot of this writer above `after` and up to `through`? */
  hasInRange(writer: number, after: number, through: number): boolean {
    const seqs = this.#bySeq.get(writer)
    if (seqs !== undefined) { for (const seq of seqs.keys()) if (seq > after && seq <= through) return true }
    return false
  }

  set(writer: number, seq: number, value: V): void {
    let seqs = this.#bySeq.get(writer)
    if (seqs === undefined) this.#bySeq.set(writer, seqs = new Map())
    if (!seqs.has(seq)) this.#size++
    seqs.set(seq, value)
  }

  /** All entries, in no order that counts. */
  *entries(): Iterable<{ readonly writer: number; readonly seq: number; readonly value: V }> {
    for (const [writer, seqs] of this.#bySeq) for (const [seq, value] of seqs) yield { writer, seq, value }
  }
}
