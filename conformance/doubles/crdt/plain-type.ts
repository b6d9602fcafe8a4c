/** A CRDT type that is right and as plain as can be: a bag of numbers that only grows. Doubles are made of it. */
import type { CrdtEditor, CrdtSite, CrdtType } from "../../../kernel/ports/crdt-type.ts"

/** Dots as text, each with the number that it added. */
export type Bag = ReadonlyMap<string, number>

/** What an update of a bag works on. */
export interface BagEditor extends CrdtEditor<Bag> {
  add(amount: number): void
}

/** Type of a bag. */
export type BagType = CrdtType<readonly number[], BagEditor, Bag>

/** Smaller first, texts by code units. */
export const ascending = <T extends string | number>(a: T, b: T): number => a < b ? -1 : a > b ? 1 : 0

/** A copy of a bag with what one operation adds. */
export const bagEditor = (bag: Map<string, number>, { writer, seq }: CrdtSite): BagEditor => ({
  state: bag,
  add: (amount) => {
    const dot = `${writer}-${seq}`
    bag.set(dot, amount + (bag.get(dot) ?? 0))
  },
})

/** Pairs of a value that came from a log. Throws for anything else. */
export const readPairs = (value: unknown): readonly (readonly [string, number])[] => {
  if (!Array.isArray(value)) throw new TypeError("a bag is a list")
  return value.map((pair: unknown) => {
    const [dot, amount]: readonly unknown[] = Array.isArray(pair) && pair.length === 2 ? pair : []
    if (typeof dot !== "string" || typeof amount !== "number" || !Number.isSafeInteger(amount)) {
      throw new TypeError("a bag has dots and numbers")
    }
    return [dot, amount]
  })
}

/** The bag. */
export const bag: BagType = {
  name: "bag",
  empty: () => new Map(),
  join: (a, b) => {
    const joined = new Map(a)
    for (const [dot, amount] of b) joined.set(dot, Math.max(amount, joined.get(dot) ?? -Infinity))
    return joined
  },
  encode: (state) => [...state].sort(([a], [b]) => ascending(a, b)),
  decode: (value) => new Map(readPairs(value)),
  view: (state) => [...state.values()].sort(ascending),
  edit: (state, site) => bagEditor(new Map(state), site),
}

/** One random edit. */
export const editBag = (editor: BagEditor, random: () => number): void => editor.add(1 + Math.floor(random() * 9))
