import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { CLOCK_DRIFT_MILLIS_MAX } from "../limits.ts"
import { CorruptBytes } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, type OperationNotation } from "../format/block-notation.ts"
import { HybridClock } from "../model/clock.ts"
import { anyHistory } from "../testing/histories.ts"
import { type OracleBlock, OracleViews } from "../testing/model-oracle.ts"
import { anyDelivery, encodeOracleFrame, foldBytes, newViews, showKernel, showOracle } from "../testing/oracle-frames.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { encodedHex } from "../testing/view-feeder.ts"
import type { StoreViews } from "./store-views.ts"

const [A, B, C] = ["a0", "b0", "c0"].map((byte) => byte.repeat(16)) as [string, string, string]

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => ({
  kind: "put",
  seq,
  millis: 1000 + seq,
  counter: 0,
  collection: 0,
  context: [],
  keeps: [],
  settles: null,
  key,
  value: encodedHex(seq),
  ...more,
})

/** A block of these operations and no others, unless `more` says so. */
const blockOf = (writer: string, operations: readonly OperationNotation[], more: Partial<BlockNotation> = {}): BlockNotation => {
  const from = (operations[0]?.seq ?? 1) - 1, to = operations.at(-1)?.seq ?? 1
  return { writers: [writer], from, to, withheld: [], origin: null, links: null, label: null, names: [""], operations, ...more }
}

const fold = (views: StoreViews, block: BlockNotation, local: boolean = false): void =>
  views.foldBlock(readBlockBytes(encodeNotedBlock(block)), local, false)

/** The entries of the vector: writer, seq, withheld. */
const vectorOf = ({ vector, writers }: StoreViews): Record<string, unknown> =>
  Object.fromEntries(
    [...vector.entries].map(([writer, { seq, withheld }]) => [writers.versionOf(writer, 0).slice(0, 2), [seq, [...withheld]]]),
  )

const seqsOf = ({ records }: StoreViews): number[] => Array.from({ length: records.rows.count }, (_, row) => records.rows.seqOf(row))

describe("StoreViews", () => {
  it("S4–S9, S13 foldFrame() gives what the plain rules give after every frame, however blocks are cut, withheld and repeated", () => {
    const kept = { put: 0, delete: 0, choice: 0 }
    fc.assert(
      fc.property(anyDelivery(anyHistory), (frames) => {
        const views = newViews(), oracle = new OracleViews()
        for (const [at, blocks] of frames.entries()) {
          foldBytes(views, encodeOracleFrame(blocks, at + 1))
          oracle.fold(blocks)
          assert.deepEqual(showKernel(views), showOracle(oracle))
          for (const { kind, keeps } of blocks.flatMap(({ ops }) => ops)) if (keeps.length > 0) kept[kind]++
        }
      }),
      { numRuns: 300 },
    )
    assert.ok(kept.put > 5 && kept.delete > 5, "S9 no history leaves anything open")
  })

  it("S6 foldFrame() comes to the same in whatever order blocks arrive, if nobody comes before those whom the links name", () => {
    const anyOrder = fc.array(fc.nat(1000), { minLength: 8, maxLength: 40 })
    fc.assert(fc.property(anyHistory, anyOrder, anyOrder, (blocks, ...orders) => {
      const [first, second] = orders.map((order) => {
        const views = newViews(), left = [...blocks], had = new Map<string, number>()
        const fits = ({ w, from, links }: OracleBlock): boolean =>
          from === (had.get(w) ?? 0) && Object.entries(links).every(([name, seq]) => (had.get(name) ?? 0) >= seq)
        for (let at = 0; left.length > 0; at++) {
          const fitting = left.filter(fits), block = fitting[order[at % order.length]! % fitting.length]!
          left.splice(left.indexOf(block), 1)
          foldBytes(views, encodeOracleFrame([block], at + 1))
          had.set(block.w, block.to)
        }
        return showKernel(views)
      })
      assert.deepEqual(first, second)
    }))
  })

  it("foldFrame() takes the links of all blocks before the operations of any", () => {
    // B continues A and covers its version with an entry of its own; A's block stands behind B's.
    const a = { w: "a", from: 0, to: 1, withheld: [], links: {}, ops: [] }
    const op = { kind: "put" as const, key: "k", value: 1, keeps: [], settles: undefined }
    const views = newViews()
    foldBytes(
      views,
      encodeOracleFrame([
        { ...a, w: "c", ops: [{ ...op, w: "c", s: 1, stamp: 3, ctx: { b: 1 } }] },
        { ...a, w: "b", links: { a: 1 }, ops: [{ ...op, w: "b", s: 1, stamp: 2, key: "other", ctx: {} }] },
        { ...a, ops: [{ ...op, w: "a", s: 1, stamp: 1, ctx: {} }] },
      ], 1),
    )
    assert.equal(views.records.versionsOf(0).length, 1, "what A wrote is under B's entry")
    assert.equal(views.records.rowsWithSiblings().length, 0)
  })

  it("judges siblings again when links come later than the operation that names their writer", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "k")]))
    fold(views, { ...blockOf(C, [put(1, "k", { context: [[1, 1]], millis: 5000 })]), writers: [C, B] })
    assert.equal(views.records.rowsWithSiblings().length, 1)
    const heard: number[] = []
    views.records.onChange = (row) => heard.push(row)
    fold(views, { ...blockOf(B, [put(1, "other")]), writers: [B, A], links: [[1, 1]] })
    assert.equal(views.records.rowsWithSiblings().length, 0)
    assert.deepEqual(heard, [1, 0], "the new record, and the one that has a version less")
  })

  it("foldBlock() refuses a gap in the numbers of a writer, and changes nothing", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "k"), put(2, "k", { context: [[0, 1]] })]))
    const before = showKernel(views)
    for (const block of [blockOf(A, [put(4, "k")]), blockOf(B, [put(2, "k")]), blockOf(A, [], { from: 3, to: 9 })]) {
      assert.throws(() => fold(views, block), (error) => error instanceof CorruptBytes && /are missing/.test(error.message))
    }
    assert.deepEqual(showKernel(views), before)
    fold(views, blockOf(A, [], { from: 2, to: 9 })) // void numbers
    fold(views, blockOf(A, [put(10, "k", { context: [[0, 2]] })]))
    assert.deepEqual(seqsOf(views), [10])
  })

  it("S13 foldBlock() skips what it has of ranges that overlap, and takes the rest", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "a"), put(2, "b")]))
    fold(views, blockOf(A, [put(1, "wrong"), put(2, "wrong"), put(3, "c")]))
    fold(views, blockOf(A, [put(2, "wrong")]))
    assert.deepEqual([views.records.rows.count, vectorOf(views)], [3, { a0: [3, []] }])
  })

  it("S20 foldBlock() remembers withheld numbers and takes each when it comes", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "a"), put(4, "d")], { from: 0, to: 5, withheld: [2, 3] }))
    assert.deepEqual(vectorOf(views), { a0: [5, [2, 3]] })
    assert.ok(!views.vector.has(0, 2) && views.vector.has(0, 4) && views.vector.has(0, 5), "5 is void")
    fold(views, blockOf(A, [put(2, "b"), put(4, "wrong")], { from: 0, to: 5, withheld: [3] }))
    assert.deepEqual([views.records.rows.count, vectorOf(views)], [3, { a0: [5, [3]] }])
    fold(views, blockOf(A, [put(3, "c")], { from: 2, to: 6 }))
    assert.deepEqual([views.records.rows.count, vectorOf(views)], [4, { a0: [6, []] }])
  })

  it("S31 an entry that another implies goes, with withheld numbers once they have come", () => {
    const views = newViews()
    fold(views, blockOf(A, [], { from: 0, to: 1, withheld: [1] }))
    fold(views, { ...blockOf(B, [put(1, "b")]), writers: [B, A], links: [[1, 1]] })
    assert.deepEqual(vectorOf(views), { a0: [1, [1]], b0: [1, []] })
    fold(views, blockOf(A, [put(1, "a")]))
    assert.deepEqual(vectorOf(views), { b0: [1, []] })
    assert.equal(views.vector.pairOf(0).seq, 1)
  })

  it("S31 a block may begin at what others imply of its writer, also where its own entry stays for a withheld number", () => {
    const views = newViews()
    fold(views, blockOf(A, [], { from: 0, to: 1, withheld: [1] }))
    fold(views, { ...blockOf(B, [put(1, "b")]), writers: [B, A], links: [[1, 5]] })
    fold(views, blockOf(A, [put(6, "a")]))
    assert.deepEqual(vectorOf(views), { a0: [6, [1]], b0: [1, []] })
    fold(views, { ...blockOf(C, [put(1, "c")]), writers: [C, A], links: [[1, 8]] })
    assert.deepEqual(views.vector.pairOf(0), { seq: 8, withheld: [1] })
    assert.throws(() => fold(views, blockOf(A, [put(10, "a")])), CorruptBytes)
  })

  it("own writers are those of local frames; labels those of first blocks", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "k")], { label: "phone" }), true)
    fold(views, blockOf(B, [put(1, "k")], { label: "laptop" }))
    fold(views, blockOf(A, [put(2, "k")]), true)
    assert.deepEqual([...views.own], [0])
    assert.deepEqual([...views.labels], [[A.slice(0, 16), "phone"], [B.slice(0, 16), "laptop"]])
    foldBytes(views, encodeOracleFrame([{ w: "own", from: 0, to: 1, ops: [], withheld: [], links: {} }], 1, true))
    assert.equal(views.own.size, 2)
  })

  it("names of collections mean the same whatever their numbers in a block", () => {
    const views = newViews()
    fold(views, blockOf(A, [put(1, "k", { collection: 1 }), put(2, "k", { collection: 2 })], { names: ["", "users", "cities"] }))
    fold(views, blockOf(A, [put(3, "k", { context: [[0, 1]] })], { names: ["users"] }))
    fold(views, blockOf(A, [put(4, "k", { collection: 1, context: [[0, 2]] })], { names: ["new", "cities"] }))
    assert.deepEqual(seqsOf(views), [3, 4])
    assert.deepEqual(views.names.names, ["", "users", "cities", "new"])
  })

  it("versionOf() names the version that is shown and then all others, in one order everywhere", () => {
    const versions = [[A, B, C], [C, A, B], [B, C, A]].map((order) => {
      const views = newViews()
      for (const writer of order) fold(views, blockOf(writer, [put(1, "k", { millis: writer === B ? 9000 : 1000 })]))
      return views.versionOf(0)
    })
    assert.deepEqual(versions, Array.from({ length: 3 }, () => `${B}-1+${A}-1+${C}-1`))
    const views = newViews()
    fold(views, blockOf(A, [put(1, "k")]))
    assert.equal(views.versionOf(0), `${A}-1`)
  })

  it("S22 every stamp moves the clock, the greatest of a block wherever it stands, but none from far ahead", () => {
    const clock = new HybridClock(), views = newViews(clock, 1e6)
    const far = 1e6 + CLOCK_DRIFT_MILLIS_MAX + 1
    fold(
      views,
      blockOf(A, [
        put(1, "a", { millis: 500 }),
        put(2, "b", { millis: 700, counter: 4 }),
        put(3, "c", { millis: far }),
        put(4, "d", { millis: 600 }),
      ]),
    )
    assert.deepEqual([clock.millis, clock.counter], [700, 4])
    fold(views, blockOf(A, [], { from: 4, to: 5 }))
    fold(views, blockOf(B, [put(1, "e", { millis: far - 1 })]))
    assert.equal(clock.millis, far - 1)
  })
})
