/** Gauge: how many of something are under way by key, bounded. Keys without any take no memory. */
export class Gauge {
  readonly #max: number
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(max: number) {
    this.#max = max
  }

  /** All keys together. */
  get total(): number {
    return this.#total
  }

  /** Counts one more of `key`, unless there are as many as may be; answers whether. */
  enter(key: string): boolean {
    const count = this.#counts.get(key) ?? 0
    if (count >= this.#max) return false
    this.#counts.set(key, count + 1)
    this.#total++
    return true
  }

  /** Counts one less. Only for what has entered. */
  leave(key: string): void {
    const count = this.#counts.get(key)
    if (count === undefined) throw new Error("Gauge: more left than entered")
    if (count === 1) this.#counts.delete(key)
    else this.#counts.set(key, count - 1)
    this.#total--
  }
}
