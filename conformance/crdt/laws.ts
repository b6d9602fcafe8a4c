/** Names, the laws of joining, and edits. */
import { utf8Length } from "../../kernel/format/utf8.ts"
import { describe, ensure } from "../expect.ts"
import { areAlike } from "./alike.ts"
import { type CrdtCase, type CrdtTrial, randomFrom } from "./trial.ts"

const NAME = "1 to 64 bytes in UTF-8."
const PURE = "All members are pure and synchronous, and their cost is bounded by the size of what they are given"
const LAWS = "`join` is commutative, associative and idempotent, `empty()` is its neutral element"
const INFLATES = "an edit answers a state that its old one joins into: `join(edited, old)` is `edited`."
const NAME_BYTES_MAX = 64
const TRIES = 60

/** Calls `check` with random samples. */
const forSamples = (trial: CrdtTrial, check: (a: unknown, b: unknown, c: unknown) => void): void => {
  const { samples } = trial
  for (let tries = TRIES; tries > 0; tries--) check(trial.pick(samples), trial.pick(samples), trial.pick(samples))
}

const isThenable = (value: unknown): boolean => typeof Object(value).then === "function"

/** What can be seen of a state without asking its type for another one. */
const lookAt = (trial: CrdtTrial, state: unknown): readonly unknown[] => [trial.type.view(state), trial.bytesOf(state)]

export const typeCases: readonly CrdtCase[] = [
  {
    id: "type/name",
    title: "its name is well-formed text that fits the log",
    level: "MUST",
    requires: [],
    rule: NAME,
    why: "The name stands in the log and says how to read the states: one that cannot be written loses them.",
    async run({ type }) {
      const bytes = typeof type.name === "string" ? utf8Length(type.name) : -1
      ensure(bytes >= 1 && bytes <= NAME_BYTES_MAX, `name: found ${describe(type.name)}`)
    },
  },
  {
    id: "type/synchronous",
    title: "no member answers a promise",
    level: "MUST",
    requires: [],
    rule: PURE,
    why: "The log is replayed without waiting; a promise would be stored as the state.",
    async run(trial) {
      const { type } = trial, state = type.empty()
      const answers = { empty: state, join: type.join(state, state), encode: type.encode(state), view: type.view(state) }
      for (const [name, answer] of Object.entries(answers)) ensure(!isThenable(answer), `${name} answers a promise`)
      ensure(!isThenable(type.decode(trial.readBack(answers.encode))), "decode answers a promise")
      const editor = type.edit(state, trial.site(0))
      ensure(!isThenable(editor) && !isThenable(editor.state), "edit answers a promise")
    },
  },
]

export const emptyCases: readonly CrdtCase[] = [
  {
    id: "empty/neutral",
    title: "joined with the empty state, on either side, a state stays what it is",
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "A record that a device sees for the first time is joined with the empty state, and would be changed by that.",
    async run(trial) {
      const { type } = trial
      forSamples(trial, (a) => {
        trial.alike(type.join(a, type.empty()), a, "a joined with empty()")
        trial.alike(type.join(type.empty(), a), a, "empty() joined with a")
      })
    },
  },
  {
    id: "empty/unchanged",
    title: "the empty state is the same at every call, whatever was made of earlier ones",
    level: "MUST",
    requires: [],
    rule: PURE,
    why: "An empty state that edits reach puts the data of one record into every new one.",
    async run(trial) {
      const { type } = trial, before = lookAt(trial, type.empty())
      for (const state of trial.samples) type.join(type.empty(), state)
      for (let writer = 0; writer < TRIES; writer++) trial.edited(type.empty(), trial.site(writer))
      ensure(areAlike(lookAt(trial, type.empty()), before), "empty() is no longer what it was at first")
    },
  },
]

export const joinCases: readonly CrdtCase[] = [
  {
    id: "join/commutative",
    title: "which of two states comes first does not matter",
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "Devices get the same states in different orders, and would show different data for ever.",
    async run(trial) {
      const { join } = trial.type
      forSamples(trial, (a, b) => trial.alike(join(a, b), join(b, a), "join(a, b) and join(b, a)"))
    },
  },
  {
    id: "join/associative",
    title: "which of three states are joined first does not matter",
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "Devices join in different groups, and would show different data for ever.",
    async run(trial) {
      const { join } = trial.type
      forSamples(trial, (a, b, c) => trial.alike(join(join(a, b), c), join(a, join(b, c)), "join(join(a, b), c) and join(a, join(b, c))"))
    },
  },
  {
    id: "join/idempotent",
    title: "what a state has already changes nothing",
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "States come more than once, by retries and by several ways, and would count twice.",
    async run(trial) {
      const { join } = trial.type
      forSamples(trial, (a, b) => {
        trial.alike(join(a, a), a, "join(a, a) and a")
        const both = join(a, b)
        trial.alike(join(both, b), both, "join(join(a, b), b) and join(a, b)")
      })
    },
  },
  {
    id: "join/unchanged",
    title: "joining changes neither state",
    level: "MUST",
    requires: [],
    rule: "Both states together; changes neither.",
    why: "The kernel keeps both states; one that joining changes makes other records, and other versions, wrong.",
    async run(trial) {
      forSamples(trial, (a, b) => {
        const before = [lookAt(trial, a), lookAt(trial, b)]
        trial.type.join(a, b)
        ensure(areAlike([lookAt(trial, a), lookAt(trial, b)], before), "a state is another one after it was joined")
      })
    },
  },
]

export const editCases: readonly CrdtCase[] = [
  {
    id: "edit/changes",
    title: "edits make other states of a state",
    level: "MUST",
    requires: [],
    rule: "What an `update` works on. Its methods change it; `state` is what becomes of it.",
    why: "Edits that change nothing would let every other case pass without having checked anything.",
    async run(trial) {
      const shown = trial.samples.map((state) => trial.type.view(state))
      ensure(shown.some((view) => !areAlike(view, shown[0])), "no random edit has changed anything")
    },
  },
  {
    id: "edit/inflates",
    title: "an edited state has its old one in it",
    level: "MUST",
    requires: [],
    rule: INFLATES,
    why: "An edit that does not contain what it was made of loses it as soon as both meet.",
    async run(trial) {
      const { join } = trial.type
      forSamples(trial, (old) => {
        const edited = trial.edited(old, trial.site(1000))
        trial.alike(join(edited, old), edited, "join(edited, old) and edited")
        trial.alike(join(old, edited), edited, "join(old, edited) and edited")
      })
    },
  },
  {
    id: "edit/copies",
    title: "an edit leaves the state that it was made of as it was",
    level: "MUST",
    requires: [],
    rule: "What `update` hands out: changes a copy of the state, on behalf of one operation.",
    why: "The old state is still shown, stored, and joined elsewhere; a write that fails later must leave no trace.",
    async run(trial) {
      forSamples(trial, (old) => {
        const before = lookAt(trial, old)
        trial.edited(old, trial.site(1000))
        ensure(areAlike(lookAt(trial, old), before), "a state is another one after it was edited")
      })
    },
  },
  {
    id: "edit/repeatable",
    title: "the same edit for the same operation makes the same state: a write is built again when another process was faster",
    level: "MUST",
    requires: [],
    rule: PURE,
    why: "A write that lost a race is built again; if that makes something else, it counts twice or differs from what was shown.",
    async run(trial) {
      forSamples(trial, (old) => {
        const site = trial.site(1000), seed = trial.below(2 ** 31)
        const [first, second] = [trial.edited(old, site, randomFrom(seed)), trial.edited(old, site, randomFrom(seed))]
        trial.alike(second, first, "the second edit and the first")
        const both = trial.type.join(first, second)
        trial.alike(both, first, "both joined, and one of them")
      })
    },
  },
]
