import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { anyHistory, siblingsOf } from "../testing/histories.ts"
import { dotOf, type Op, OracleLineage, supersedes as oracleSupersedes } from "../testing/model-oracle.ts"
import { NumberedWriters } from "../testing/model-versions.ts"
import { Lineage } from "./lineage.ts"
import type { Dots } from "./operation.ts"
import { addVersion, compareVersions, contextOf, covers, greatest, keptBy, settledBy, supersedes, type Version } from "./versions.ts"

const A = 0, B = 1, C = 2
const byIndex = (a: number, b: number): number => a - b
const lineage = new Lineage()

const version = (writer: number, seq: number, millis: number, context: Dots = [], more: Partial<Version> = {}): Version => ({
  writer,
  seq,
  millis,
  counter: 0,
  context,
  keeps: [],
  settles: undefined,
  ...more,
})
/** A put that replaces `parents` and leaves the other siblings open. */
const put = (writer: number, seq: number, millis: number, parents: readonly Version[], siblings: readonly Version[] = parents): Version =>
  version(writer, seq, millis, contextOf(parents, lineage), { keeps: keptBy(parents, siblings, lineage) })
const choice = (writer: number, seq: number, millis: number, among: readonly Version[]): Version =>
  version(writer, seq, millis, contextOf(among, lineage), { settles: settledBy(among, lineage) })
/** The siblings after these versions, in every order of arrival, which must give the same. */
function siblings(versions: readonly Version[], known: Lineage = lineage): readonly Version[] {
  const arrive = (order: readonly Version[]): readonly Version[] =>
    order.reduce<readonly Version[]>((list, one) => addVersion(list, one, known, byIndex), []).toSorted((a, b) =>
      compareVersions(a, b, byIndex)
    )
  const expected = arrive(versions)
  for (const order of permutations(versions)) assert.deepEqual(arrive(order), expected)
  return expected
}
const permutations = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  list.length < 2 ? [list] : list.flatMap((first, at) => permutations(list.toSpliced(at, 1)).map((rest) => [first, ...rest]))

describe("versions of one record", () => {
  it("S4 covers() is: under the context and not kept", () => {
    const over = version(C, 4, 0, [A, 3, B, 2], { keeps: [A, 2] })
    assert.ok(covers(over, A, 3, lineage))
    assert.ok(covers(over, A, 1, lineage))
    assert.equal(covers(over, A, 2, lineage), false)
    assert.equal(covers(over, A, 4, lineage), false)
    assert.equal(covers(over, C, 3, lineage), false)
  })

  it("S4 supersedes() is covering, whatever the stamps", () => {
    const old = version(A, 1, 2000), slow = put(B, 1, 1, [old])
    assert.ok(supersedes(slow, old, lineage, byIndex))
    assert.equal(supersedes(old, slow, lineage, byIndex), false)
    assert.deepEqual(siblings([old, slow]), [slow])
  })

  it("S5 an entry implies the writers that its writer continued", () => {
    const known = new Lineage()
    known.add(B, [A, 1])
    const first = version(A, 1, 1), second = version(C, 1, 2, [B, 1])
    assert.deepEqual(siblings([first, second], known), [second])
    assert.deepEqual(siblings([first, second]), [first, second])
    assert.deepEqual(contextOf([first, version(B, 1, 2)], known), [B, 1])
  })

  it("S6 the loser stays, so a slow clock that replaces the winner shows the same everywhere", () => {
    const a = version(A, 1, 1), c = version(C, 1, 2), b = put(B, 1, -1000, [c])
    assert.deepEqual(siblings([a, c, b]), [b, a])
    assert.equal(greatest([b, a], byIndex), a)
  })

  it("S7 a put covers what a merge read, and two merges at once stay two siblings until then", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2)
    const mergedByA = put(A, 2, 3, [a, b]), mergedByB = put(B, 2, 4, [a, b])
    assert.deepEqual(siblings([a, b, mergedByA, mergedByB]), [mergedByA, mergedByB])
    const next = put(C, 1, 0, [mergedByA, mergedByB])
    assert.deepEqual(siblings([a, b, mergedByA, mergedByB, next]), [next])
  })

  it("S8 two devices that resolve in step, each taking the other's, come to rest", () => {
    let a: Version = version(A, 1, 1), b: Version = version(B, 1, 2)
    for (let round = 0; round < 3; round++) {
      const byA = choice(A, a.seq + 1, 10 + round, [a, b]), byB = choice(B, b.seq + 1, 20 + round, [a, b])
      const left = siblings([a, b, byA, byB])
      assert.deepEqual(left, [byB], "the greatest stamp wins among choices of the same set")
      a = byA
      b = byB
    }
  })

  it("S8 a choice gives way to what has seen all it settled, though its stamp is greater", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), chosen = choice(A, 2, 99, [a, b]), value = put(C, 1, 3, [a, b])
    assert.deepEqual(siblings([a, b, chosen, value]), [value])
  })

  it("S8 a choice stays beside a version that saw only a part of what it settled", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), chosen = choice(A, 2, 99, [a, b]), value = put(C, 1, 3, [a])
    assert.deepEqual(siblings([a, b, chosen, value]), [value, chosen])
  })

  it("S8 a choice stays beside a version that left open what it settled", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), chosen = choice(A, 2, 99, [a, b]), value = put(C, 1, 3, [a], [a, b])
    assert.deepEqual(siblings([a, b, chosen, value]), [value, chosen])
  })

  it("S8 a choice that settled more wins over one that settled less", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), c = version(C, 1, 3)
    const some = choice(A, 2, 99, [a, b]), all = choice(B, 2, 4, [a, b, c])
    assert.deepEqual(siblings([a, b, c, some, all]), [all])
  })

  it("S8 settledBy() leaves the choices themselves out, so what is settled can grow only finitely often", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), first = choice(A, 2, 3, [a, b]), second = choice(B, 2, 4, [a, b])
    assert.deepEqual(settledBy([first, second], lineage), [A, 1, B, 1])
  })

  it("S9 a put on a manual conflict continues the version shown and keeps the others open", () => {
    const a = version(A, 1, 1), b = version(B, 1, 2), next = put(B, 2, 3, [b], [a, b])
    assert.deepEqual(next.keeps, [A, 1])
    assert.deepEqual(siblings([a, b, next]), [a, next])
  })

  it("S9 a kept version of the same writer stays open, though its number is under the context", () => {
    const own = version(B, 1, 2), other = version(A, 1, 3), next = put(B, 2, 4, [other], [own, other])
    const again = put(B, 3, 5, [next], [own, next])
    assert.deepEqual(siblings([own, other, next, again]), [own, again])
    assert.ok(lineage.under(again.context, B, 1))
  })

  it("addVersion() takes a version once, and answers the list itself when nothing changed", () => {
    const a = version(A, 1, 1), list = addVersion([], a, lineage, byIndex)
    assert.equal(addVersion(list, { ...a }, lineage, byIndex), list)
    const b = put(B, 1, 2, [a]), replaced = addVersion(list, b, lineage, byIndex)
    assert.equal(addVersion(replaced, a, lineage, byIndex), replaced)
  })

  it("compareVersions() orders by stamp, then writer, then seq", () => {
    const ascending = [
      version(B, 9, 1),
      version(A, 1, 2),
      version(A, 1, 2, [], { counter: 1 }),
      version(B, 1, 2, [], { counter: 1 }),
      version(B, 2, 2, [], { counter: 1 }),
    ]
    for (const [i, a] of ascending.entries()) {
      for (const [j, b] of ascending.entries()) assert.equal(Math.sign(compareVersions(a, b, byIndex)), Math.sign(i - j))
    }
    assert.equal(greatest(ascending, byIndex), ascending.at(-1))
  })

  it("S9 keptBy() names what a choice that stays open settled: another choice comes to the same in every order", () => {
    const x = put(A, 1, 20, []), y = put(B, 1, 10, []), chosen = choice(C, 1, 30, [x, y])
    const shown = put(B, 2, 40, [x], [x, y]), other = choice(A, 2, 50, [y, shown])
    const saved = put(C, 2, 60, [shown], [chosen, shown])
    assert.deepEqual(saved.keeps, [C, 1, B, 1])
    assert.deepEqual(siblings([x, y, chosen, shown, other, saved]), [other, saved])
  })

  it("S8 a choice that keeps a version gives way to what keeps it too", () => {
    const x = put(A, 1, 20, []), y = put(B, 1, 30, [])
    const first = version(A, 2, 40, [B, 1], { keeps: [A, 1], settles: [B, 1] })
    const second = version(A, 3, 50, contextOf([first], lineage), { keeps: [A, 1], settles: settledBy([first], lineage) })
    const next = put(B, 2, 42, [y]), after = put(B, 3, 60, [next], [x, next])
    assert.deepEqual(siblings([x, y, first, second, next, after]), [x, after])
  })

  it("S9 keptBy() names what a replaced version had kept, also where that is not here", () => {
    const letter = put(A, 1, 10, []), beside = put(B, 1, 20, []), kept = put(B, 2, 30, [beside], [letter, beside])
    // A log that never got the letter, which is withheld there.
    const over = put(C, 1, 40, [kept])
    assert.deepEqual(over.keeps, [], "nothing that its context would pass for having replaced")
    // Whose context stands for the letter as well, through the links of its writer.
    const linked = version(B, 2, 30, [B, 1, A, 1], { keeps: [A, 1] })
    const heir = version(C, 2, 40, [B, 2, A, 1], { keeps: keptBy([linked], [linked], lineage) })
    assert.deepEqual(heir.keeps, [A, 1])
    assert.deepEqual(siblings([letter, heir]), [letter, heir])
    assert.deepEqual(keptBy([kept, letter], [kept, letter], lineage), [], "what is replaced as well is not kept")
  })

  it("S9 keptBy() takes no more over from what it replaces than an operation may name, whatever that names", () => {
    const dots = (from: number): number[] => Array.from({ length: 1024 }, (_, at) => [A, from + at]).flat()
    const forged = [version(B, 1, 1, [A, 9999], { keeps: dots(1) }), version(C, 1, 1, [A, 9999], { keeps: dots(2000) })]
    const forgedChoice = version(3, 1, 1, [A, 9999], { settles: dots(5000) })
    // Neither is covered by the other, so nothing of it was replaced.
    const apart = forged.map((one, at) => ({ ...one, keeps: [...one.keeps, ...(at === 0 ? dots(2000) : dots(1))] }))
    assert.equal(keptBy(apart, [...apart, forgedChoice], lineage).length / 2, 1024)
  })

  it("keptBy() names the siblings that are not replaced", () => {
    const a = version(A, 1, 1), b = version(B, 7, 2)
    assert.deepEqual(keptBy([a, b], [a, b], lineage), [])
    assert.deepEqual(keptBy([a], [a, b], lineage), [B, 7])
    assert.deepEqual(contextOf([], lineage), [])
  })

  // Versions that no honest writer makes are among these: each clause of the rule is met, alone and with the others.
  it("supersedes() judges any two versions as the plain rules do", () => {
    const seqs = fc.dictionary(fc.constantFrom("w0", "w1", "w2"), fc.integer({ min: 1, max: 3 }), { maxKeys: 3 })
    const anyOp: fc.Arbitrary<Op> = fc.record({
      w: fc.constantFrom("w0", "w1", "w2"),
      s: fc.integer({ min: 1, max: 3 }),
      stamp: fc.nat(2),
      kind: fc.constant("put" as const),
      key: fc.constant("k0"),
      value: fc.constant(1),
      ctx: seqs,
      keeps: fc.array(fc.constantFrom("w0:1", "w0:2", "w1:1", "w1:2", "w2:1"), { maxLength: 2 }),
      settles: fc.option(seqs, { nil: undefined }),
    })
    fc.assert(
      fc.property(
        anyOp,
        anyOp,
        fc.option(fc.record({ by: fc.constantFrom("w1", "w2"), to: fc.integer({ min: 1, max: 3 }) })),
        (a, b, link) => {
          const oracle = new OracleLineage(), writers = new NumberedWriters(), known = new Lineage()
          if (link !== null) {
            oracle.links.set(link.by, { w0: link.to })
            known.add(writers.indexOf(link.by), writers.toDots({ w0: link.to }))
          }
          assert.equal(supersedes(writers.toVersion(a), writers.toVersion(b), known, writers.compare), oracleSupersedes(a, b, oracle))
        },
      ),
      { numRuns: 20_000 },
    )
  })

  // Random histories of three devices, then all operations on a key in any order at all: causes after effects, and links known. Both the
  // order in which they were written, judged by the oracle, and every other one must give the same siblings.
  it("addVersion() gives the same siblings in any order of arrival, those that the plain rules give", () => {
    fc.assert(
      fc.property(anyHistory, fc.array(fc.nat(), { minLength: 60, maxLength: 60 }), (blocks, draws) => {
        const writers = new NumberedWriters(), known = writers.lineageOf(blocks)
        for (const key of ["k0", "k1"]) {
          const ops = blocks.flatMap(({ ops }) => ops).filter((op) => op.key === key)
          const expected = siblingsOf(blocks, key).map(dotOf).sort()
          const shuffled = ops.map((op, i) => ({ op, draw: draws[i % draws.length]! })).sort((a, b) => a.draw - b.draw).map(({ op }) => op)
          for (const order of [ops, ops.toReversed(), shuffled]) {
            const list = order.map((op) => writers.toVersion(op)).reduce<readonly Version[]>(
              (list, one) => addVersion(list, one, known, writers.compare),
              [],
            )
            assert.deepEqual(list.map(({ writer, seq }) => `${writers.nameOf(writer)}:${seq}`).sort(), expected)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })
})
