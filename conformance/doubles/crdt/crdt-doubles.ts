/** Every double of a CRDT type: types that are wrong on purpose, each with the cases that catch it. */
import type { Bag, BagType } from "./plain-type.ts"
import { ascending, bag, bagEditor, readPairs } from "./plain-type.ts"

/** A fault and the cases that must catch it. */
export interface CrdtDouble {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Ids of cases of which each must fail because of it, or warn of it where it is no more than a recommendation. */
  readonly caughtBy: readonly string[]
  readonly type: BagType
}

const double = (fault: string, caughtBy: readonly string[], replaced: Partial<BagType>): CrdtDouble => ({
  fault,
  caughtBy,
  type: { ...bag, ...replaced },
})

/** What a member answers, through a lie: callers without a type checker have such types. */
const as = <T>(value: unknown): T => value as T

/** Loops are stopped where they have proved their point. */
const LOOPS_MAX = 1e9

let calls = 0
const shared = new Map<string, number>()
const shown = new WeakMap<Bag, number[]>()

const union = (a: Bag, b: Bag): Bag => bag.join(a, b)
const pairs = (state: Bag): readonly (readonly [string, number])[] => [...state]

export const crdtDoubles: readonly CrdtDouble[] = [
  double("has no name", ["type/name"], { name: "" }),
  double("has a name that is too long", ["type/name"], { name: "b".repeat(65) }),
  double("has a name that is no text", ["type/name"], { name: "\ud800" }),
  double("joins later", ["type/synchronous"], { join: (a, b) => as(Promise.resolve(bag.join(a, b))) }),
  double("shows later", ["type/synchronous"], { view: (state) => as(Promise.resolve(bag.view(state))) }),
  double("takes an empty state for the end of everything", ["empty/neutral"], {
    join: (a, b) => a.size === 0 || b.size === 0 ? new Map() : union(a, b),
  }),
  double("has one empty state, which edits change", ["empty/unchanged"], {
    empty: () => shared,
    edit: (state, site) => bagEditor(as(state), site),
  }),
  double("keeps the order in which states were joined, and shows it", ["join/commutative", "view/alike", "replicas/converge"], {
    encode: pairs,
    view: (state) => [...state.values()],
  }),
  double("takes the state that has more", ["join/associative", "replicas/batches", "replicas/converge"], {
    join: (a, b) => a.size === b.size ? union(a, b) : a.size > b.size ? a : b,
  }),
  double("adds up what both states have", ["join/idempotent", "replicas/batches"], {
    join: (a, b) => new Map([...a, ...pairs(b).map(([dot, amount]) => [dot, amount + (a.get(dot) ?? 0)] as const)]),
  }),
  double("joins into the first state", ["join/unchanged"], {
    join: (a, b) => {
      const target: Map<string, number> = as(a)
      for (const [dot, amount] of b) target.set(dot, amount)
      return target
    },
  }),
  double("edits nothing", ["edit/changes"], { edit: (state) => ({ state, add: () => undefined }) }),
  double("forgets what an edit takes away", ["edit/inflates"], { edit: (state, site) => bagEditor(new Map([...state].slice(1)), site) }),
  double("edits in place", ["edit/copies"], { edit: (state, site) => bagEditor(as(state), site) }),
  double("names edits by a number of its own", ["edit/repeatable"], {
    edit: (state, { writer, millis }) => bagEditor(new Map(state), { writer, millis, seq: calls++ }),
  }),
  double("encodes what cannot be stored", ["encode/storable"], { encode: (state) => state }),
  double("stores less than it has", ["encode/comes-back"], { encode: (state) => [...state].slice(1) }),
  double("reads into the value that it was given", ["encode/comes-back"], {
    decode: (value) => {
      const list: (readonly [string, number])[] = as(readPairs(value) === value ? [] : value)
      return new Map(list.sort(([a], [b]) => ascending(a, b)))
    },
  }),
  double("encodes something else each time", ["encode/unchanged"], {
    encode: (state) => [calls++, [...state]],
    decode: (value) => new Map(readPairs(as<unknown[]>(value)[1])),
  }),
  double("encodes in the order in which states were joined", ["encode/one-form"], { encode: pairs }),
  double("takes anything for a state", ["decode/foreign"], { decode: (value) => as(value) }),
  double("looks at a list, but not at what is in it", ["decode/damaged"], {
    decode: (value) => {
      if (!Array.isArray(value)) throw new TypeError("a bag is a list")
      return new Map(value.filter(Array.isArray).map(([dot, amount]): [string, number] => [dot, amount]))
    },
    view: (state) => [...state.values()].sort((a, b) => Number(a.toFixed() > b.toFixed())),
  }),
  double("does as much as a value announces", ["decode/cheap"], {
    decode: (value) => {
      const read = readPairs(value)
      const announced = read.reduce((sum, [, amount]) => sum + Math.max(0, amount), 0)
      for (let left = Math.min(announced, LOOPS_MAX); left > 0; left--) calls ^= left
      return new Map(read)
    },
  }),
  double("shows what it goes on using", ["view/apart"], {
    view: (state) => {
      const list = shown.get(state) ?? [...bag.view(state)]
      shown.set(state, list)
      return list
    },
  }),
  double("sorts its state when it is looked at", ["view/apart"], {
    encode: pairs,
    view: (state) => {
      const target: Map<string, number> = as(state), sorted = [...target].sort(([, a], [, b]) => b - a)
      target.clear()
      for (const [dot, amount] of sorted) target.set(dot, amount)
      return [...target.values()]
    },
  }),
  double("compares each with each", ["cost/in-proportion"], {
    join: (a, b) => {
      const joined = pairs(union(a, b))
      return new Map(joined.filter(([dot], at) => joined.findIndex(([other]) => other === dot) === at))
    },
  }),
]
