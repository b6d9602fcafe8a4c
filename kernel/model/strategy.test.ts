import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { anyStrategy } from "../testing/any-setting.ts"
import {
  DEFAULT_SETTING,
  DELETE_CONFLICTS,
  type DeleteConflict,
  deleteConflictOf,
  type Setting,
  type Shown,
  shownOf,
  STRATEGIES,
  type Strategy,
  type ValuedVersion,
} from "./strategy.ts"
import { compareVersions } from "./versions.ts"

const byIndex = (a: number, b: number): number => a - b
/** Writers that are ordered otherwise than they are numbered. */
const backwards = (a: number, b: number): number => b - a

const update = (millis: number, writer: number = millis, more: Partial<ValuedVersion> = {}): ValuedVersion => ({
  writer,
  seq: 1,
  millis,
  counter: 0,
  context: [],
  keeps: [],
  settles: undefined,
  valueBytes: 1,
  ...more,
})
const del = (millis: number, writer: number = millis): ValuedVersion => update(millis, writer, { valueBytes: 0 })

const setting = (strategy: Strategy, deleteConflict: DeleteConflict = "manual"): Setting => ({
  strategy,
  deleteConflict,
  type: strategy === "crdt" ? "counter" : undefined,
})
/** What is shown, in milliseconds: they name the versions. */
const show = (versions: readonly ValuedVersion[], how: Setting): unknown => {
  const { version, merged, isSettled } = shownOf(versions, how, byIndex)
  return [version.millis, merged.map(({ millis }) => millis), isSettled]
}
const EVERY: readonly Setting[] = STRATEGIES.flatMap((strategy) => DELETE_CONFLICTS.map((how) => setting(strategy, how)))

const anyVersion = fc.record({
  writer: fc.nat(3),
  seq: fc.integer({ min: 1, max: 9 }),
  millis: fc.nat(3),
  counter: fc.nat(1),
  valueBytes: fc.constantFrom(0, 0, 1, 7),
}).map((version): ValuedVersion => ({ ...version, context: [], keeps: [], settles: undefined }))
const anyVersions = fc.uniqueArray(anyVersion, { minLength: 1, maxLength: 7, selector: ({ writer, seq }) => `${writer}:${seq}` })

/** F-43, rule by rule, as plainly as it can be said. */
function plainly(versions: readonly ValuedVersion[], { strategy, deleteConflict }: Setting): Shown<ValuedVersion> {
  const all = versions.toSorted((a, b) => compareVersions(a, b, byIndex)), updates = all.filter(({ valueBytes }) => valueBytes > 0)
  const greatest = all.at(-1)!, greatestUpdate = updates.at(-1)!, hasDeletes = updates.length < all.length
  const show = (version: ValuedVersion, isSettled: boolean, merged = [version]): Shown<ValuedVersion> => ({ version, merged, isSettled })
  if (all.length === 1 || updates.length === 0) return show(greatest, true)
  if (hasDeletes && deleteConflict === "manual") return show(greatest, false)
  if (hasDeletes && deleteConflict === "last-write-wins" && greatest !== greatestUpdate) return show(greatest, true)
  if (updates.length === 1) return show(greatestUpdate, true)
  if (strategy === "merge" || strategy === "crdt") return show(greatestUpdate, true, updates)
  return show(greatestUpdate, strategy === "last-write-wins")
}

describe("shownOf()", () => {
  it("shows a version that is alone, and no conflict, whatever the setting", () => {
    for (const how of EVERY) for (const one of [update(1), del(1)]) assert.deepEqual(show([one], how), [1, [1], true])
  })

  it("last-write-wins shows the greatest of several updates, and nobody has to decide", () => {
    for (const how of DELETE_CONFLICTS) {
      assert.deepEqual(show([update(2), update(9), update(5)], setting("last-write-wins", how)), [9, [9], true])
    }
  })

  it("manual shows the greatest of several updates, and somebody has to decide", () => {
    for (const how of DELETE_CONFLICTS) assert.deepEqual(show([update(2), update(9), update(5)], setting("manual", how)), [9, [9], false])
  })

  it("merge and crdt make a value of all updates, oldest first, which stands for the record by the greatest", () => {
    for (const strategy of ["merge", "crdt"] as const) {
      for (const how of DELETE_CONFLICTS) {
        assert.deepEqual(show([update(5), update(9), update(2)], setting(strategy, how)), [9, [2, 5, 9], true])
      }
    }
  })

  it("orders versions of one stamp by their writers' ids, then by their numbers", () => {
    const versions = [update(1, 2), update(1, 0, { seq: 7 }), update(1, 0), update(1, 1), update(1, 1, { counter: 4 })]
    const order = (compare: typeof byIndex): unknown =>
      shownOf(versions, setting("merge"), compare).merged.map(({ writer, counter, seq }) => [counter, writer, seq])
    assert.deepEqual(order(byIndex), [[0, 0, 1], [0, 0, 7], [0, 1, 1], [0, 2, 1], [4, 1, 1]])
    assert.deepEqual(order(backwards), [[0, 2, 1], [0, 1, 1], [0, 0, 1], [0, 0, 7], [4, 1, 1]])
    assert.equal(shownOf(versions.slice(0, 4), setting("manual"), backwards).version.seq, 7)
  })

  it("several deletes say the same, so they are no conflict, whatever the setting", () => {
    for (const how of EVERY) assert.deepEqual(show([del(3), del(8), del(1)], how), [8, [8], true])
  })

  it("keep-update: a delete counts for nothing beside an update, the latest one too", () => {
    for (const strategy of STRATEGIES) {
      assert.deepEqual(show([update(2), del(9)], setting(strategy, "keep-update")), [2, [2], true])
      assert.deepEqual(show([del(1), update(2), del(9)], setting(strategy, "keep-update")), [2, [2], true])
    }
    assert.deepEqual(show([update(2), del(9), update(3)], setting("manual", "keep-update")), [3, [3], false])
    assert.deepEqual(show([update(3), del(9), update(2)], setting("merge", "keep-update")), [3, [2, 3], true])
  })

  it("deleteConflict last-write-wins: the delete, if it is the greatest, else the updates", () => {
    for (const strategy of STRATEGIES) {
      const how = setting(strategy, "last-write-wins")
      assert.deepEqual(show([update(2), del(9), update(3)], how), [9, [9], true])
      assert.deepEqual(show([del(2), update(9)], how), [9, [9], true])
    }
    assert.deepEqual(show([del(2), update(9), update(1)], setting("manual", "last-write-wins")), [9, [9], false])
    assert.deepEqual(show([del(2), update(9), update(1)], setting("crdt", "last-write-wins")), [9, [1, 9], true])
  })

  it("deleteConflict manual: the greatest of all, and somebody has to decide, under every strategy", () => {
    for (const strategy of STRATEGIES) {
      assert.deepEqual(show([update(2), del(9)], setting(strategy)), [9, [9], false])
      assert.deepEqual(show([del(2), update(9), update(1)], setting(strategy)), [9, [9], false])
    }
  })

  it("a choice without value is a delete, one with a value an update", () => {
    const choice = (millis: number, valueBytes: number): ValuedVersion => update(millis, millis, { valueBytes, settles: [0, 1] })
    assert.deepEqual(show([update(2), choice(9, 0)], setting("merge", "keep-update")), [2, [2], true])
    assert.deepEqual(show([update(2), choice(9, 3)], setting("merge", "keep-update")), [9, [2, 9], true])
    assert.deepEqual(show([del(2), choice(9, 0)], setting("manual")), [9, [9], true])
  })

  it("S6 shows the same in whatever order the versions lie, and as the page says", () => {
    fc.assert(
      fc.property(anyVersions, anyStrategy, fc.array(fc.nat(), { minLength: 7, maxLength: 7 }), (versions, how, ranks) => {
        const shown = shownOf(versions, how, byIndex)
        assert.deepEqual(shown, plainly(versions, how))
        const shuffled = versions.map((version, at) => ({ version, rank: ranks[at]! })).sort((a, b) => a.rank - b.rank)
        assert.deepEqual(shownOf(shuffled.map(({ version }) => version), how, byIndex), shown)
      }),
      { numRuns: 1000 },
    )
  })

  it("S6 only reads: neither the list nor a version of it is changed", () => {
    fc.assert(fc.property(anyVersions, anyStrategy, (versions, how) => {
      const frozen = Object.freeze(versions.map((version) => Object.freeze(version)))
      const { version, merged } = shownOf(frozen, how, byIndex)
      assert.ok(frozen.includes(version) && merged.includes(version) && merged.every((one) => frozen.includes(one)))
    }))
  })
})

describe("settings", () => {
  it("deleteConflictOf() is manual for manual, last-write-wins for itself, and else keeps the update", () => {
    assert.deepEqual(STRATEGIES.map(deleteConflictOf), ["last-write-wins", "keep-update", "manual", "keep-update"])
  })

  it("F-67 where nothing was set, the last write wins, a delete too", () => {
    assert.deepEqual(DEFAULT_SETTING, setting("last-write-wins", "last-write-wins"))
    assert.deepEqual(show([update(2), del(9)], DEFAULT_SETTING), [9, [9], true])
  })

  it("F-64 the words stand in the order of their numbers in logs", () => {
    assert.deepEqual(STRATEGIES, ["last-write-wins", "merge", "manual", "crdt"])
    assert.deepEqual(DELETE_CONFLICTS, ["keep-update", "last-write-wins", "manual"])
  })
})
