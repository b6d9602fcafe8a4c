/** Names of collections and event types, each with a small index for use in memory. Index 0 is "", the default collection. */
export class NameTable {
  readonly names: string[] = [""]
  readonly #indexes = new Map<string, number>([["", 0]])

  /** The index of a name; a new one gets the next index. */
  indexOf(name: string): number {
    if (name === "") return 0
    const known = this.#indexes.get(name)
    if (known !== undefined) return known
    const index = this.names.push(name) - 1
    this.#indexes.set(name, index)
    return index
  }
}
