/** What is stored of states, what is read as one, and what is shown. */
import { areSameBytes, ensure } from "../expect.ts"
import { areAlike } from "./alike.ts"
import { damaged, FOREIGN_VALUES } from "./damage.ts"
import type { CrdtCase, CrdtTrial } from "./trial.ts"

const STORED = "A value that can be stored, and that `decode` makes the same state of."
const REFUSES = "Throws for what is no state of this type, before any work that its size does not pay for."
const ALIKE = "Alike for alike states, so that devices that agree store the same."
const DAMAGES = 600

/** How much longer than a whole state something damaged may take, at least so many milliseconds, the best of several tries. */
const COST_MAX = 100
const COST_MILLIS_MIN = 50
const COST_TRIES = 4

/** Decodes a value that nobody vouches for, and uses what comes of it; fails if that throws. Answers whether it was taken for a state. */
const use = (trial: CrdtTrial, value: unknown, what: string): boolean => {
  const { type } = trial
  let state: unknown
  try {
    state = type.decode(value)
  } catch (error) {
    ensure(error instanceof Error, `${what}: decode threw what is no error`)
    return false
  }
  try {
    for (const other of [type.empty(), trial.samples.at(-1)]) {
      for (const joined of [type.join(state, other), type.join(other, state)]) {
        type.view(joined)
        trial.readBack(type.encode(joined))
      }
    }
  } catch (error) {
    ensure(false, `${what}: decode took it for a state, and then using that threw ${String(error)}`)
  }
  return true
}

const millisOf = (work: () => void): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

/** Whatever else the machine does costs time, too; work that takes long is so each time. */
const leastMillisOf = (work: () => void, enoughMillis: number): number => {
  let least = Infinity
  for (let left = COST_TRIES; left > 0 && least > enoughMillis; left--) least = Math.min(least, millisOf(work))
  return least
}

/** A value that stands in a log, changed somewhere. */
const damagedSample = (trial: CrdtTrial): unknown =>
  trial.readBack(damaged(trial.readBack(trial.type.encode(trial.pick(trial.samples))), trial.random))

export const encodeCases: readonly CrdtCase[] = [
  {
    id: "encode/storable",
    title: "every state can be stored",
    level: "MUST",
    requires: [],
    rule: STORED,
    why: "A state that cannot be stored makes a write fail that the user has already seen.",
    async run(trial) {
      for (const state of trial.samples) trial.bytesOf(state)
    },
  },
  {
    id: "encode/comes-back",
    title: "a state that was stored comes back as it was, from a value that is frozen",
    level: "MUST",
    requires: [],
    rule: STORED,
    why: "What is shown after the next start would be something else than before.",
    async run(trial) {
      for (const state of trial.samples) trial.alike(trial.stored(state), state, "what was stored, and the state")
    },
  },
  {
    id: "encode/unchanged",
    title: "encoding leaves the state as it is, and what it gave out stays as it was",
    level: "MUST",
    requires: [],
    rule: "All members are pure and synchronous, and their cost is bounded by the size of what they are given",
    why: "The kernel encodes states that are still in use; stored bytes that change later are damage.",
    async run(trial) {
      for (const state of trial.samples) {
        const value = trial.type.encode(state), bytes = trial.storedBytes(value)
        const edited = trial.edited(state, trial.site(1000))
        trial.type.encode(trial.type.join(edited, state))
        ensure(areSameBytes(trial.storedBytes(value), bytes), "an encoded value is another one after its state was used")
        ensure(areSameBytes(trial.bytesOf(state), bytes), "the second encoding of a state is not the first")
      }
    },
  },
  {
    id: "encode/one-form",
    title: "a state has one encoding, whatever way it came",
    level: "SHOULD",
    requires: [],
    rule: ALIKE,
    why: "States with one encoding can be compared by bytes, so nothing is stored or sent that says nothing new.",
    async run(trial) {
      const { samples, type: { join } } = trial
      for (const a of samples) {
        const b = trial.pick(samples), c = trial.pick(samples)
        const ways = [join(join(a, b), c), join(c, join(b, a)), trial.stored(join(join(b, c), trial.stored(a)))].map((one) =>
          trial.bytesOf(one)
        )
        ensure(
          ways.every((bytes) => areSameBytes(bytes, ways[0] ?? bytes)),
          "the same states joined in another order are encoded otherwise",
        )
      }
    },
  },
]

export const decodeCases: readonly CrdtCase[] = [
  {
    id: "decode/foreign",
    title: "values of other types are refused, or are states that can be used",
    level: "MUST",
    requires: [],
    rule: REFUSES,
    why: "Logs hold what other programs and versions wrote; a state that fails later fails in every view.",
    async run(trial) {
      for (const { what, value } of FOREIGN_VALUES) use(trial, trial.readBack(value), what)
      ensure(!("polluted" in {}), "decode has changed the prototype of all objects")
    },
  },
  {
    id: "decode/damaged",
    title: "states that were changed anywhere are refused, or are states that can be used", // T44
    level: "MUST",
    requires: [],
    rule: REFUSES,
    why: "States come from other devices, which may be wrong or hostile, and must not break this one.",
    async run(trial) {
      for (let left = DAMAGES; left > 0; left--) use(trial, damagedSample(trial), "a state that was changed")
    },
  },
  {
    id: "decode/cheap",
    title: "a state that was changed costs no more than one of its size", // T44
    level: "MUST",
    requires: ["clock"],
    rule: REFUSES,
    why: "A few bytes from another device must not stop this one.",
    async run(trial) {
      const whole = trial.samples.map((state) => trial.readBack(trial.type.encode(state)))
      const honest = Math.max(...whole.map((value) => leastMillisOf(() => use(trial, value, "a state"), 0)))
      const millisMax = Math.max(COST_MILLIS_MIN, COST_MAX * honest)
      for (let left = DAMAGES; left > 0; left--) {
        const value = damagedSample(trial), found = leastMillisOf(() => use(trial, value, "a state that was changed"), millisMax)
        ensure(
          found <= millisMax,
          `${trial.storedBytes(value).length} bytes took ${Math.round(found)} ms, a whole state ${honest.toFixed(1)} ms`,
        )
      }
    },
  },
]

export const viewCases: readonly CrdtCase[] = [
  {
    id: "view/alike",
    title: "what is shown does not depend on how a state came about",
    level: "MUST",
    requires: [],
    rule: "What `get` shows of a state: alike for alike states, whatever way they came.",
    why: "Two devices with the same data would show different things.",
    async run(trial) {
      const { type, samples } = trial
      for (const a of samples) {
        const b = trial.pick(samples), shown = type.view(type.join(a, b))
        const ways = [type.join(trial.stored(b), a), trial.stored(type.join(a, b)), type.join(type.join(b, a), trial.stored(b))]
        for (const way of ways) ensure(areAlike(type.view(way), shown), "the same states joined in another order show something else")
      }
    },
  },
  {
    id: "view/apart",
    title: "looking changes no state, nor does what somebody does with what was shown",
    level: "MUST",
    requires: [],
    rule: "All members are pure and synchronous, and their cost is bounded by the size of what they are given",
    why: "Users change what they are given; if that reaches the state, data change without a write.",
    async run(trial) {
      const { type } = trial
      for (const state of trial.samples) {
        const bytes = trial.bytesOf(state), shown = type.view(state), copy = structuredClone(type.view(state))
        spoil(shown)
        ensure(areSameBytes(trial.bytesOf(state), bytes), "a state is another one after it was looked at")
        ensure(areAlike(type.view(state), copy), "a state shows something else after what it showed was changed")
      }
    },
  },
]

/** Changes what can be changed of a value. */
const spoil = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return
  if (value instanceof Uint8Array) value.fill(0xff)
  else if (value instanceof Map || value instanceof Set) value.clear()
  else if (Array.isArray(value)) value.reverse().push("spoilt")
  else for (const name of Object.keys(value)) Object.assign(value, { [name]: "spoilt" })
}
