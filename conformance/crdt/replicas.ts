/** Several replicas with each other, and what large states cost. */
import { describeError, fail, outcomeOf } from "../expect.ts"
import type { CrdtCase, CrdtTrial } from "./trial.ts"

const LAWS = "`join` is commutative, associative and idempotent, `empty()` is its neutral element"
const BOUNDED = "their cost is bounded by the size of what they are given"
const REPLICAS = 5
const ROUNDS = 30
const EDITS = 80
const ORDERS = 8

/** Writers of each case, which have written nothing elsewhere: a state that is edited has all that its writer wrote before. */
const REPLICA_WRITERS = 2000
const EDIT_WRITERS = 3000
const COST_WRITERS = 10_000

/**
 * Writers of the smaller of two states, how many times as many the larger one has (fewer where the type's own bounds refuse them), and how much
 * more than in proportion it may cost.
 */
const WRITERS = 100
const GROWTHS = [32, 16, 8]
const EXCESS_MAX = 4
const TRIES = 4
/** Below that nobody waits for anything. */
const MILLIS_MIN = 2

const shuffled = <T>(trial: CrdtTrial, list: readonly T[]): readonly T[] =>
  list.map((one) => [trial.random(), one] as const).sort(([a], [b]) => a - b).map(([, one]) => one)

/** Encoded states that several replicas pushed in a life in which messages are lost, late, doubled and out of order; and where all ended. */
const exchange = (trial: CrdtTrial): { readonly messages: readonly unknown[]; readonly states: readonly unknown[] } => {
  const { type } = trial, messages: unknown[] = []
  const states: unknown[] = Array.from({ length: REPLICAS }, () => type.empty())
  for (let round = 0; round < ROUNDS; round++) {
    for (let replica = 0; replica < REPLICAS; replica++) {
      if (trial.below(3) > 0) continue
      states[replica] = trial.edited(states[replica], trial.site(REPLICA_WRITERS + replica))
      messages.push(trial.readBack(type.encode(states[replica])))
    }
    for (let left = trial.below(4); left > 0 && messages.length > 0; left--) {
      const replica = trial.below(REPLICAS)
      states[replica] = type.join(states[replica], type.decode(trial.pick(messages)))
    }
  }
  return { messages, states }
}

export const replicaCases: readonly CrdtCase[] = [
  {
    id: "replicas/converge",
    title: "replicas that have got everything, in whatever order, show the same", // I15
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "This is what a CRDT is for: devices that have the same edits show the same.",
    async run(trial) {
      const { type } = trial, { messages, states } = exchange(trial)
      const ends = states.map((state) =>
        shuffled(trial, [...messages, ...messages.slice(0, 10)]).reduce((all, message) => type.join(all, type.decode(message)), state)
      )
      for (const end of ends) trial.alike(end, ends[0], "two replicas that have got everything")
    },
  },
  {
    id: "replicas/batches",
    title: "edits that are joined in batches, doubled and out of order, come to the same", // I15
    level: "MUST",
    requires: [],
    rule: LAWS,
    why: "Syncing joins in batches, again and out of order; every way has to lead to the same.",
    async run(trial) {
      const { type } = trial
      const join = (list: readonly unknown[]): unknown => list.reduce((all, one) => type.join(all, one), type.empty())
      const edits = Array.from({ length: EDITS }, (_, index) => trial.edited(trial.pick(trial.samples), trial.site(EDIT_WRITERS + index)))
      const whole = join(edits)
      for (let order = 0; order < ORDERS; order++) {
        const rest = [...shuffled(trial, [...edits, ...edits.slice(order * 5)])], batches: unknown[] = []
        while (rest.length > 0) batches.push(trial.stored(join(rest.splice(0, 1 + trial.below(9)))))
        trial.alike(join(batches), whole, "edits in batches, and one after another")
      }
    },
  },
]

/** A state that so many writers have edited apart. Built in pairs, so that building it costs little more than its size. */
const manyEdited = (trial: CrdtTrial, from: number, writers: number): unknown => {
  let states: unknown[] = Array.from({ length: writers }, (_, index) => {
    const editor = trial.edited(trial.type.empty(), trial.site(from + index))
    return trial.edited(editor, trial.site(from + index))
  })
  while (states.length > 1) {
    const pairs: unknown[] = []
    for (let at = 0; at < states.length; at += 2) {
      pairs.push(at + 1 < states.length ? trial.type.join(states[at], states[at + 1]) : states[at])
    }
    states = pairs
  }
  return states[0]
}

/** One of everything that a device does with a record, timed. */
const millisOf = (trial: CrdtTrial, value: unknown, other: unknown, times: number): number => {
  const { type } = trial, started = performance.now()
  for (let left = times; left > 0; left--) {
    const edited = trial.edited(type.join(type.decode(value), other), trial.site(COST_WRITERS - 1))
    type.view(edited)
    type.encode(edited)
  }
  return (performance.now() - started) / times
}

/** A state of so many writers as a log has it, and another one of as many others. */
interface Many {
  readonly value: unknown
  readonly other: unknown
  readonly bytes: number
}

const manyOf = (trial: CrdtTrial, writers: number): Many => {
  const [state, other] = [manyEdited(trial, COST_WRITERS, writers), manyEdited(trial, 2 * COST_WRITERS, writers)]
  const many = { value: trial.readBack(trial.type.encode(state)), other, bytes: trial.bytesOf(trial.type.join(state, other)).length }
  millisOf(trial, many.value, other, 1)
  return many
}

const compareCost = (trial: CrdtTrial, small: Many, large: Many): void => {
  const growth = Math.max(1, large.bytes / small.bytes), found: number[] = []
  const best = (one: Many, times: number): number => Math.min(...[0, 1, 2].map(() => millisOf(trial, one.value, one.other, times)))
  for (let tries = TRIES; tries > 0; tries--) {
    const before = best(small, Math.ceil(growth)), afterMax = Math.max(MILLIS_MIN, before * growth * EXCESS_MAX)
    let after = millisOf(trial, large.value, large.other, 1)
    // What is so far off is not the machine's fault, and would take long to be measured again.
    if (after > afterMax && after < afterMax * 3) after = Math.min(after, best(large, 1))
    if (after <= afterMax) return
    found.push(after / before)
    if (after > afterMax * 3 && found.length > 1) break
  }
  fail(`${growth.toFixed(1)} times the size costs ${Math.min(...found).toFixed(1)} times as much`)
}

export const costCases: readonly CrdtCase[] = [
  {
    id: "cost/in-proportion",
    title: "reading, joining, editing and storing a state of many writers costs in proportion to its size", // T44
    level: "MUST",
    requires: ["clock"],
    rule: BOUNDED,
    why: "States grow for years; cost that grows faster than they do stops old records from opening.",
    async run(trial) {
      for (const growth of GROWTHS) {
        const made = await outcomeOf(() => manyOf(trial, WRITERS * growth))
        if (made.kind === "value") return compareCost(trial, manyOf(trial, WRITERS), made.value)
        if (growth === GROWTHS.at(-1)) fail(`a state of ${WRITERS * growth} writers: ${describeError(made.error)}`, made.error)
      }
    },
  },
]
