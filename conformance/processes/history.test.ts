import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { RuleBroken } from "../expect.ts"
import { type Call, checkHistory, type Effect, START, type State, stateAfter } from "./history.ts"

/** States that were built on one another, by their marks. */
const chain = (...marks: readonly string[]): readonly State[] => {
  let last = START
  return marks.map((mark) => last = stateAfter(last, mark))
}
const call = (mark: string, called: number, ended: number, effect: Effect): Call => ({
  process: Number(mark[0]),
  mark,
  called,
  ended,
  effect,
})
const wrote = (state: State, called: number, ended: number): Call => call(state.mark, called, ended, { kind: "wrote", state })
const saw = (mark: string, state: State, called: number, ended: number): Call => call(mark, called, ended, { kind: "saw", state })
const glanced = (mark: string, state: State, called: number, ended: number): Call => call(mark, called, ended, { kind: "glanced", state })

const isTaken = (calls: readonly Call[], log: readonly State[]): boolean => {
  try {
    checkHistory(calls, log)
    return true
  } catch (error) {
    if (error instanceof RuleBroken) return false
    throw error
  }
}

/**
 * The definition of linearizability, word for word: is there any order of the calls in which none comes after one that was called when it
 * had ended, each does what the record then says, and the writes are those of the log? Tries all of them.
 */
const isLinearizable = (calls: readonly Call[], log: readonly State[]): boolean => {
  const search = (left: readonly Call[], state: State): boolean => {
    const isRest = left.every(({ effect }) => effect.kind === "unknown" || effect.kind === "failed")
    if (isRest && state.count === log.length) return true
    const endsFirst = Math.min(...left.map(({ effect, ended }) => effect.kind === "unknown" ? Infinity : ended))
    return left.some((next) => {
      const { effect, mark } = next
      if (next.called > endsFirst) return false
      const others = left.filter((one) => one !== next)
      if (effect.kind === "failed") return search(others, state)
      if (effect.kind === "saw") return isSame(effect.state, state) && search(others, state)
      const made = stateAfter(state, mark)
      return (effect.kind !== "wrote" || isSame(effect.state, made)) && isSame(log[state.count], made) && search(others, made)
    })
  }
  return search(calls, START)
}
const isSame = (left: State | undefined, right: State): boolean =>
  left?.mark === right.mark && left.count === right.count && left.before === right.before

/** What an honest record does: calls overlap, and each has its effect at one moment between call and answer. */
const anyHonestRun = fc.record({
  processes: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(fc.tuple(fc.nat(3), fc.constantFrom("write", "write", "saw", "lost", "refused"), fc.nat(99)), { maxLength: 24 }),
}).map(({ processes, steps }) => {
  // Each process has at most one call under way: a step calls, has the effect, or answers.
  const log: State[] = [], calls: Call[] = [], underWay = new Map<number, { mark: string; called: number; kind: string; effect?: Effect }>()
  let now = 0
  for (const [at, kind, luck] of steps) {
    const process = at % processes + 1, own = underWay.get(process)
    now++
    if (own === undefined) underWay.set(process, { mark: `${process}.${now}`, called: now, kind })
    else if (own.effect === undefined) own.effect = takeEffect(own.kind, own.mark, log, luck)
    else {
      underWay.delete(process)
      calls.push(call(own.mark, own.called, own.effect.kind === "unknown" ? Infinity : now, own.effect))
    }
  }
  for (const { mark, called, effect } of underWay.values()) {
    if (effect === undefined || effect.kind !== "saw") calls.push(call(mark, called, Infinity, { kind: "unknown" }))
  }
  return { calls, log }
})
const takeEffect = (kind: string, mark: string, log: State[], luck: number): Effect => {
  const last = log.at(-1) ?? START
  if (kind === "saw") return { kind: "saw", state: last }
  if (kind === "refused") return { kind: "failed" }
  if (kind === "lost" && luck % 2 === 0) return { kind: "unknown" }
  log.push(stateAfter(last, mark))
  return kind === "lost" ? { kind: "unknown" } : { kind: "wrote", state: log.at(-1)! }
}

/** A history with one thing changed: mostly broken by it, sometimes not. */
const anyChangedRun = fc.tuple(anyHonestRun.filter(({ calls }) => calls.length > 0), fc.nat(), fc.nat(), fc.nat(7)).map(
  ([{ calls, log }, first, second, kind]) => {
    const changedCalls = [...calls], changedLog = [...log]
    const at = first % calls.length, one = calls[at]!, state = [START, ...log][second % (log.length + 1)]!
    const moment = second % 26
    if (kind === 0) changedCalls[at] = { ...one, called: Math.min(moment, one.ended) }
    if (kind === 1) changedCalls[at] = { ...one, ended: Math.max(moment, one.called) }
    if (kind === 2) changedCalls[at] = { ...one, effect: { kind: "saw", state } }
    if (kind === 3) changedCalls[at] = { ...one, effect: { kind: "wrote", state: stateAfter(state, one.mark) } }
    if (kind === 4) changedCalls[at] = { ...one, effect: { kind: "failed" } }
    if (kind === 5) changedCalls.splice(at, 1)
    if (kind === 6) changedLog.pop()
    if (kind === 7) changedLog.push(stateAfter(state, one.mark))
    return { calls: changedCalls, log: changedLog }
  },
)

describe("checkHistory()", () => {
  const [a, b, c] = chain("1.1", "2.1", "1.2") as [State, State, State]

  it("takes a history without calls, and calls one after another", () => {
    checkHistory([], [])
    checkHistory([saw("3.1", START, 1, 2), wrote(a, 3, 4), saw("3.2", a, 5, 6), wrote(b, 7, 8), wrote(c, 9, 10)], [a, b, c])
  })

  it("takes calls that overlap in any order that the log says", () => {
    for (const [first, second] of [["1.1", "2.1"], ["2.1", "1.1"]] as const) {
      const log = chain(first, second)
      checkHistory(log.map((state) => wrote(state, 1, 9)), log)
    }
  })

  it("refuses two writes on one state: an increment is lost", () => {
    const other = stateAfter(a, "3.1")
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(b, 3, 9), wrote(other, 4, 8)], [a, b, other]), /an increment is lost/)
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(b, 3, 9), wrote(other, 4, 8)], [a, b]), /3\.1, which is not in the log/)
  })

  it("refuses an acknowledged write that is not in the log, one that is there twice, and one that nobody made", () => {
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(b, 3, 4)], [a]), RuleBroken)
    assert.throws(() => checkHistory([wrote(a, 1, 2)], [a, { count: 2, mark: a.mark, before: a.mark }]), /1\.1 is in the log twice/)
    assert.throws(() => checkHistory([wrote(a, 1, 2)], [a, b]), /2\.1 is in the log, and nobody wrote it/)
  })

  it("refuses a count that does not follow", () => {
    const wrong = { ...b, count: 3 }
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(wrong, 3, 4)], [a, wrong]), /count of 2\.1: found 3, expected 2/)
  })

  it("takes a write of unknown outcome in the log or not, even long after it was called, and never before", () => {
    const lost = (called: number): Call => call(a.mark, called, Infinity, { kind: "unknown" })
    checkHistory([lost(1)], [])
    checkHistory([lost(1)], [a])
    checkHistory([lost(1), saw("3.1", START, 50, 60), saw("3.2", a, 70, 80)], [a])
    assert.throws(
      () => checkHistory([saw("3.1", a, 1, 2), lost(3)], [a]),
      /3\.1, which saw 1\.1, had ended before 1\.1, a write, was called/,
    )
  })

  it("refuses a write that was told not to be stored and is in the log", () => {
    checkHistory([call(a.mark, 1, 2, { kind: "failed" })], [])
    assert.throws(() => checkHistory([call(a.mark, 1, 2, { kind: "failed" })], [a]), /told that it is not stored/)
  })

  it("refuses a stale read, from the moment on at which the newer write was answered", () => {
    checkHistory([wrote(a, 1, 2), wrote(b, 3, 5), saw("3.1", a, 4, 6)], [a, b])
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(b, 3, 5), saw("3.1", a, 6, 7)], [a, b]), RuleBroken)
  })

  it("refuses two reads that see a write come and go", () => {
    const writes = [wrote(a, 1, 2), wrote(b, 3, 20)]
    checkHistory([...writes, saw("3.1", a, 4, 5), saw("3.2", b, 6, 7)], [a, b])
    assert.throws(() => checkHistory([...writes, saw("3.1", b, 4, 5), saw("3.2", a, 6, 7)], [a, b]), RuleBroken)
  })

  it("refuses writes whose order in the log is not the order in which they were made", () => {
    assert.throws(() => checkHistory([wrote(a, 5, 6), wrote(b, 1, 2)], [a, b]), /2\.1, a write, had ended before 1\.1, a write, was called/)
  })

  it("takes a glance at an older state, but never older than what its process had known, nor newer than what was written", () => {
    const writes = [wrote(a, 1, 2), wrote(b, 3, 4), wrote(c, 5, 6)]
    checkHistory([...writes, glanced("3.1", a, 7, 8), glanced("3.2", c, 9, 10), glanced("4.1", START, 11, 12)], [a, b, c])
    assert.throws(() => checkHistory([...writes, glanced("3.1", b, 7, 8), glanced("3.2", a, 9, 10)], [a, b, c]), /had known a newer state/)
    assert.throws(() => checkHistory([...writes, glanced("2.2", a, 7, 8)], [a, b, c]), /had known a newer state/)
    assert.throws(() => checkHistory([...writes, glanced("3.1", c, 3, 4)], [a, b, c]), /before anybody wrote it/)
  })

  it("refuses two calls of one name, and a state that is told differently", () => {
    assert.throws(() => checkHistory([wrote(a, 1, 2), wrote(a, 3, 4)], [a]), /two calls are named 1\.1/)
    assert.throws(() => checkHistory([wrote(a, 1, 2), saw("3.1", { ...a, count: 7 }, 3, 4)], [a]), RuleBroken)
  })

  it("takes whatever an honest record does", () => {
    fc.assert(fc.property(anyHonestRun, ({ calls, log }) => checkHistory(calls, log)), { numRuns: 500 })
  })

  it("takes exactly the histories that are linearizable by definition, honest ones with something changed", () => {
    const verdicts = [0, 0]
    fc.assert(
      fc.property(anyChangedRun, ({ calls, log }) => {
        fc.pre(calls.length <= 7)
        const expected = isLinearizable(calls, log)
        verdicts[Number(expected)]!++
        assert.equal(isTaken(calls, log), expected)
      }),
      { numRuns: 3000 },
    )
    // Both kinds came up often enough to prove something.
    for (const count of verdicts) assert.ok(count > 300, `refused and taken: ${verdicts}`)
  })
})
