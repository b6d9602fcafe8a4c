/**
 * History: what every process called and what it was told, with the moments of both; and the rules that it must keep.
 *
 * All processes increment one record by compare-and-append. A value names the write that made it and the one that it was built on, so each
 * state of the record is known by its mark, and the log says in which order they came:
 *
 *   log      START ◀── 3.1 ◀── 1.1 ◀── 3.2 ◀── …          each state was built on the one before it: else an increment is lost
 *   places   1         2  3    4  5    6  7                 even: the write itself · odd: whoever saw its state
 *
 * A history is linearizable if and only if its calls can be put into one order in which each has its effect at a moment between call and
 * answer. Here the log forces that order, up to calls that saw the same state. So it is enough that no call of a later place had ended
 * before one of an earlier place was called, which one pass over the places finds out.
 */
import { ensure, equal, fail } from "../expect.ts"

/** A value of the record. */
export interface State {
  /** How many increments led here. */
  readonly count: number
  /** The call that wrote it. */
  readonly mark: string
  /** The mark of the state that it was built on. */
  readonly before: string
}

/** Before the first write. */
export const START: State = { count: 0, mark: "", before: "" }

/** What a call did or learnt. */
export type Effect =
  /** It was told "stored". */
  | { readonly kind: "wrote"; readonly state: State }
  /** It was told nothing, or that nobody knows: its write happens once, even long after an answer, or never. */
  | { readonly kind: "unknown" }
  /** It was told "not stored", and not why. */
  | { readonly kind: "failed" }
  /** It learnt the newest state: by reading after `refresh()`, or by being refused because of it. */
  | { readonly kind: "saw"; readonly state: State }
  /** It learnt the state that its process knew last: maybe not the newest, never an older one than before. */
  | { readonly kind: "glanced"; readonly state: State }

/** One call of one process. Moments are numbers of one clock for all processes. */
export interface Call {
  readonly process: number
  /** Names the call, and the state that it writes. */
  readonly mark: string
  readonly called: number
  /** Infinity for a call that was never answered. */
  readonly ended: number
  readonly effect: Effect
}

/** The state that the call writes, or would write, on top of `found`. */
export const stateAfter = (found: State, mark: string): State => ({ count: found.count + 1, mark, before: found.mark })

/**
 * Fails with `RuleBroken` unless the calls and the states of the log, oldest first, are a linearizable history: each increment that was
 * acknowledged is in the log once, none that was refused is, the others at most once, and every answer was true at some moment of its call.
 */
export const checkHistory = (calls: readonly Call[], log: readonly State[]): void => {
  const indexes = indexesOf(log)
  const writers = new Set<string>()
  const placed: Placed[] = []
  for (const call of calls) {
    const { mark, effect } = call
    if (effect.kind === "wrote" || effect.kind === "unknown") {
      ensure(!writers.has(mark), `two calls are named ${mark}`)
      writers.add(mark)
    }
    const place = placeOf(call, indexes, log)
    if (place !== undefined) placed.push({ call, place })
  }
  for (const { mark } of log) ensure(writers.has(mark), `${mark} is in the log, and nobody wrote it`)
  checkMoments(placed.filter(({ call }) => call.effect.kind !== "glanced"))
  checkGlances(placed)
}

interface Placed {
  readonly call: Call
  readonly place: number
}

/** Numbers the states by their marks, from 1, START being 0. Fails unless each follows the one before it. */
const indexesOf = (log: readonly State[]): ReadonlyMap<string, number> => {
  const indexes = new Map([[START.mark, 0]])
  let last = START
  for (const state of log) {
    ensure(!indexes.has(state.mark), `${state.mark} is in the log twice`)
    if (state.before !== last.mark) {
      fail(`an increment is lost: ${state.mark} was built on ${name(state.before)}, but stands behind ${name(last.mark)} in the log`)
    }
    equal(state.count, last.count + 1, `the count of ${state.mark}`)
    indexes.set(state.mark, indexes.size)
    last = state
  }
  return indexes
}

/** Where the call stands among all; undefined if it did and learnt nothing. */
const placeOf = (call: Call, indexes: ReadonlyMap<string, number>, log: readonly State[]): number | undefined => {
  const { mark, effect } = call
  if (effect.kind === "unknown" || effect.kind === "failed") {
    const index = indexes.get(mark)
    if (index === undefined) return undefined
    return effect.kind === "unknown" ? 2 * index : fail(`${mark} is in the log, and was told that it is not stored`)
  }
  const { state } = effect, index = indexes.get(state.mark)
  if (index === undefined) return fail(`${mark} ${effect.kind} ${name(state.mark)}, which is not in the log`)
  equal(state, index === 0 ? START : log[index - 1], `what ${mark} ${effect.kind}`)
  if (effect.kind !== "wrote") return 2 * index + 1
  equal(state.mark, mark, "the mark of a write")
  return 2 * index
}

/** Until when the call may have its effect. */
const endOf = ({ effect, ended }: Call): number => effect.kind === "unknown" ? Infinity : ended

/** Fails if a call had ended before another one was called that stands before it. */
const checkMoments = (placed: readonly Placed[]): void => {
  let place = 0
  let latest: Placed | undefined // the one that was called last, of all up to this place
  let latestBefore: Placed | undefined // and of all before it
  for (const next of placed.toSorted((left, right) => left.place - right.place)) {
    if (next.place > place) {
      place = next.place
      latestBefore = latest
    }
    if (latestBefore !== undefined && endOf(next.call) < latestBefore.call.called) {
      fail(`${tell(next)}, had ended before ${tell(latestBefore)}, was called, and must come after it`)
    }
    if (latest === undefined || next.call.called > latest.call.called) latest = next
  }
}

/** Fails if a process saw an older state than one that it had known, or one that was not yet being written. */
const checkGlances = (placed: readonly Placed[]): void => {
  const writes = new Map(placed.filter(({ place }) => place % 2 === 0).map(({ call, place }) => [place, call]))
  const moments = placed.flatMap((one) => [{ at: one.call.called, one, isEnd: false }, { at: one.call.ended, one, isEnd: true }])
  const known = new Map<number, number>()
  for (const { one, isEnd } of moments.filter(({ at }) => at < Infinity).sort((left, right) => left.at - right.at)) {
    const { call, place } = one, index = place >> 1, knownIndex = known.get(call.process) ?? 0
    if (isEnd) known.set(call.process, Math.max(knownIndex, index))
    if (call.effect.kind !== "glanced") continue
    if (!isEnd && index < knownIndex) fail(`${tell(one)}: its process had known a newer state`)
    if (isEnd && call.ended < (writes.get(2 * index)?.called ?? 0)) fail(`${tell(one)}, before anybody wrote it`)
  }
}

const name = (mark: string): string => mark === "" ? "the start" : mark
const tell = ({ call: { mark, effect } }: Placed): string => {
  if (effect.kind === "saw" || effect.kind === "glanced") return `${mark}, which ${effect.kind} ${name(effect.state.mark)}`
  return `${mark}, a write`
}
