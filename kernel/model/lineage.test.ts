import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { OracleLineage, type Seqs } from "../testing/model-oracle.ts"
import { Lineage } from "./lineage.ts"
import type { Dots } from "./operation.ts"

const WRITERS = 8
const nameOf = (writer: number): string => `w${writer}`
const anySeqs = (writers: number): fc.Arbitrary<ReadonlyMap<number, number>> =>
  writers === 0
    ? fc.constant(new Map())
    : fc.array(fc.tuple(fc.nat(writers - 1), fc.integer({ min: 1, max: 9 })), { maxLength: 3 }).map((entries) => new Map(entries))
const toDots = (seqs: ReadonlyMap<number, number>): Dots => [...seqs].flat()
const toSeqs = (seqs: ReadonlyMap<number, number>): Seqs => Object.fromEntries([...seqs].map(([writer, seq]) => [nameOf(writer), seq]))
const dotsToSeqs = (dots: Dots): Seqs =>
  Object.fromEntries(Array.from({ length: dots.length / 2 }, (_, i) => [nameOf(dots[i * 2]!), dots[i * 2 + 1]!]))

/** Links of each writer to some before it, often to the last one alone, and the order in which they become known; some never do. */
const anyLinks = (writer: number): fc.Arbitrary<ReadonlyMap<number, number>> =>
  writer === 0 ? fc.constant(new Map()) : fc.oneof(
    anySeqs(writer),
    fc.tuple(fc.integer({ min: Math.max(0, writer - 2), max: writer - 1 }), fc.integer({ min: 1, max: 9 })).map((link) => new Map([link])),
  )
const anyLineage = fc.tuple(
  fc.tuple(...Array.from({ length: WRITERS }, (_, writer) => anyLinks(writer))),
  fc.oneof(fc.constant([...Array(WRITERS).keys()]), fc.shuffledSubarray([...Array(WRITERS).keys()], { minLength: 0 })),
).map(([links, known]) => {
  const lineage = new Lineage(), oracle = new OracleLineage()
  for (const writer of known) {
    lineage.add(writer, toDots(links[writer]!))
    oracle.links.set(nameOf(writer), toSeqs(links[writer]!))
  }
  return { lineage, oracle }
})

describe("Lineage", () => {
  it("S5 an entry stands for all that the chain of its links names", () => {
    const lineage = new Lineage()
    lineage.add(1, [0, 12])
    lineage.add(2, [1, 5])
    assert.ok(lineage.under([2, 1], 0, 12))
    assert.ok(lineage.under([2, 1], 1, 5))
    assert.equal(lineage.under([2, 1], 0, 13), false)
    assert.equal(lineage.under([2, 1], 2, 2), false)
    assert.deepEqual(lineage.join([[0, 12], [1, 5], [2, 1]]), [2, 1])
  })

  it("add() takes the first links of a writer only, and answers whether they were news", () => {
    const lineage = new Lineage()
    assert.equal(lineage.add(1, [0, 3]), true)
    assert.equal(lineage.add(1, [0, 9]), false)
    assert.equal(lineage.impliedSeq(1, 0), 3)
    assert.deepEqual([0, 1].map((writer) => lineage.has(writer)), [false, true])
    assert.deepEqual([0, 1].map((writer) => lineage.isLinked(writer)), [true, false])
  })

  it("learns links in any order", () => {
    const lineage = new Lineage()
    lineage.add(2, [1, 5])
    assert.equal(lineage.under([2, 1], 0, 1), false)
    lineage.add(1, [0, 12])
    assert.ok(lineage.under([2, 1], 0, 12))
  })

  it("impliedSeq() ends for links that lead in a circle, and for long chains, whichever end is known first", () => {
    const circle = new Lineage()
    circle.add(0, [1, 4])
    circle.add(1, [0, 3])
    assert.equal(circle.impliedSeq(0, 1), 4)
    assert.equal(circle.impliedSeq(1, 0), 3)
    const opens = 20_000, forwards = new Lineage(), backwards = new Lineage()
    for (let writer = 1; writer <= opens; writer++) forwards.add(writer, [writer - 1, 7])
    for (let writer = opens; writer >= 1; writer--) backwards.add(writer, [writer - 1, 7])
    assert.equal(forwards.impliedSeq(opens, 0), 7)
    assert.equal(backwards.impliedSeq(opens, 0), 7)
  })

  it("a copy continues what its first half wrote, and neither half stands for the other", () => {
    const lineage = new Lineage()
    lineage.add(0, [])
    lineage.add(1, [0, 3])
    lineage.add(2, [0, 2])
    lineage.add(3, [1, 1])
    lineage.add(4, [2, 1])
    assert.deepEqual([0, 1, 2].map((writer) => lineage.impliedSeq(3, writer)), [3, 1, 0])
    assert.deepEqual([0, 1, 2].map((writer) => lineage.impliedSeq(4, writer)), [2, 0, 1])
  })

  it("impliedSeq(), under(), includes() and join() answer as the plain rules do", () => {
    fc.assert(
      fc.property(anyLineage, anySeqs(WRITERS), anySeqs(WRITERS), ({ lineage, oracle }, a, b) => {
        for (let writer = 0; writer < WRITERS; writer++) {
          const chain = oracle.chain(nameOf(writer))
          for (let other = 0; other < WRITERS; other++) assert.equal(lineage.impliedSeq(writer, other), chain[nameOf(other)] ?? 0)
          for (const seq of [1, 5, 9]) assert.equal(lineage.under(toDots(a), writer, seq), oracle.under(toSeqs(a), nameOf(writer), seq))
        }
        assert.equal(lineage.includes(toDots(a), toDots(b)), oracle.includes(toSeqs(a), toSeqs(b)))
        assert.deepEqual(dotsToSeqs(lineage.join([toDots(a), toDots(b)])), oracle.join([toSeqs(a), toSeqs(b)]))
      }),
      { numRuns: 500 },
    )
  })

  it("join() gives a vector that stands for exactly what its parts stand for", () => {
    fc.assert(fc.property(anyLineage, fc.array(anySeqs(WRITERS), { maxLength: 3 }), ({ lineage }, vectors) => {
      const parts = vectors.map(toDots), joined = lineage.join(parts)
      for (let writer = 0; writer < WRITERS; writer++) {
        for (let seq = 1; seq < 10; seq++) {
          assert.equal(lineage.under(joined, writer, seq), parts.some((part) => lineage.under(part, writer, seq)))
        }
      }
    }))
  })
})
