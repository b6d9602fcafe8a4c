/** Goal: at any time the view names exactly the live versions that are dead letters, however they came to be so. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import type { RemoteChange } from "../format/change.ts"
import { encodedHex, ViewFeeder } from "../testing/view-feeder.ts"
import { DeadLettersView } from "./dead-letters.ts"

const change = (dead: RemoteChange["dead"]): RemoteChange => ({
  remote: "r",
  restart: false,
  caughtUp: false,
  cursor: undefined,
  ranges: [],
  refused: [],
  dead,
  clockOffsetMillis: undefined,
})

/** Views that are fed, and the view of their dead letters, which follows them as a store lets it. */
class Fed extends ViewFeeder {
  readonly letters = new DeadLettersView(this.views.records, this.views.remotes)

  constructor() {
    super()
    this.views.records.onChange = (row) => this.letters.note(row)
  }

  /** Writes with a context that names no number that was not given yet. */
  write(key: string, writer: number, context: readonly (readonly [writer: number, seq: number])[]): void {
    const lastOf = (by: number): number => this.views.vector.pairOf(this.views.writers.indexOf(new Uint8Array(16).fill(by))).seq
    const seen = context.map(([by, seq]) => [by, Math.min(seq, lastOf(by))] as const).filter(([, seq]) => seq > 0)
    this.feed("put", key, encodedHex(1), { writer, context: seen })
  }

  /** Makes dead letters of operations of writers whose ids are made of one byte. */
  bury(...dots: readonly (readonly [writer: number, seq: number])[]): void {
    this.views.remotes.fold(change(dots.map(([writer, seq]) => ({ writer: new Uint8Array(16).fill(writer), seq }))), [])
  }

  shown(): string[] {
    return this.letters.all().map(({ row, version }) => `${this.keyOf(row)} ${this.views.writers.idOf(version.writer)[0]}-${version.seq}`)
      .sort()
  }
}

describe("DeadLettersView", () => {
  it("names a live version that was made a dead letter, until something covers it", () => {
    const fed = new Fed(), row = fed.put("a", 1)
    fed.put("b", 1)
    assert.deepEqual([fed.letters.count, fed.letters.rows.size], [0, 0])
    fed.bury([1, 1])
    assert.deepEqual(fed.shown(), ["a 1-1"])
    assert.deepEqual([...fed.letters.rows], [row])
    assert.deepEqual([fed.letters.of(row).length, fed.letters.of(row + 1).length], [1, 0])
    fed.put("a", 2)
    assert.deepEqual([fed.shown(), fed.letters.count, fed.letters.of(row)], [[], 0, []])
  })

  it("counts nothing that was covered when it was made a dead letter, and counts what comes after its dot", () => {
    const fed = new Fed()
    fed.put("a", 1)
    fed.put("a", 2)
    fed.bury([1, 1], [7, 1])
    assert.equal(fed.letters.count, 0)
    fed.feed("put", "b", encodedHex(1), { writer: 7 })
    assert.deepEqual(fed.shown(), ["b 7-1"])
  })

  it("counts every version of a record, deletes too", () => {
    const fed = new Fed(), row = fed.put("a", 1)
    fed.feed("delete", "a", null, { writer: 2 })
    fed.bury([1, 1], [2, 1])
    assert.deepEqual([fed.shown(), fed.letters.count, [...fed.letters.rows]], [["a 1-1", "a 2-1"], 2, [row]])
    fed.feed("put", "a", encodedHex(3), { writer: 3, context: [[2, 1]] })
    assert.deepEqual(fed.shown(), ["a 1-1"])
  })

  it("is what looking at all rows would say, after any operations", () => {
    const writer = fc.integer({ min: 1, max: 3 }), key = fc.constantFrom("a", "b"), seq = fc.integer({ min: 1, max: 4 })
    const step = fc.oneof(
      fc.record({ type: fc.constant("write"), writer, key, context: fc.uniqueArray(fc.tuple(writer, seq), { selector: ([by]) => by }) }),
      fc.record({ type: fc.constant("bury"), writer, seq }),
      fc.record({ type: fc.constant("ask") }),
    )
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const fed = new Fed()
      const agree = (): void => {
        const { remotes: { dead }, records } = fed.views
        const found = records.liveVersions((by, seq) => dead.has(by, seq))
        assert.deepEqual([fed.letters.count, [...fed.letters.rows].sort()], [
          found.length,
          [...new Set(found.map(({ row }) => row))].sort(),
        ])
      }
      for (const one of steps) {
        if (one.type === "ask") agree()
        else if ("key" in one) fed.write(one.key, one.writer, one.context)
        else if ("seq" in one) fed.bury([one.writer, one.seq])
      }
      agree()
    }))
  })
})
