import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { encodeNotedBlock } from "../format/block-notation.ts"
import { newViews } from "../testing/oracle-frames.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { ArrivingPairs } from "./arriving-pairs.ts"

/** A block of one writer: where it begins, and of each of its numbers whether it is listed, withheld or void. */
const anyBlock = fc.tuple(fc.nat(6), fc.array(fc.constantFrom("listed", "withheld", "void"), { minLength: 1, maxLength: 6 })).map(
  ([from, fates]) => {
    const numbers = (wanted: string): number[] => fates.flatMap((fate, at) => (fate === wanted ? [from + at + 1] : []))
    return { from, to: from + fates.length, withheld: numbers("withheld"), seqs: Uint32Array.from(numbers("listed")) }
  },
)

describe("ArrivingPairs", () => {
  it("S13, S20 tells of each block what folding it changes, as folding it does", () => {
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 8 }), fc.nat(8), (blocks, had) => {
        const views = newViews(), writer = views.writers.indexOf(new Uint8Array(16).fill(1))
        const fold = (block: (typeof blocks)[number]): void => {
          const rows = [...block.seqs].map((seq) => operation(seq, `k${seq}`, "01"))
          const bytes = encodeNotedBlock(blockOf(["01".repeat(16)], rows, { ...block }))
          views.foldBlock(readBlockBytes(bytes), false, false)
        }
        const fits = blocks.filter(({ from }) => from === 0 || from <= 3)
        for (const block of fits.slice(0, had)) if (block.from <= views.vector.pairOf(writer).seq) fold(block)
        const pairs = new ArrivingPairs(views.vector)
        for (const block of fits.slice(had)) {
          const { seq, withheld } = views.vector.pairOf(writer), records = views.records.rows.count
          if (block.from > seq) break
          const { before, isNews } = pairs.take(writer, block)
          assert.equal(before, seq)
          fold(block)
          const after = views.vector.pairOf(writer)
          assert.equal(pairs.withheldCount, after.withheld.length)
          assert.equal(isNews, after.seq > seq || after.withheld.length < withheld.length || views.records.rows.count > records)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("looks at no other writer, and leaves the vector alone", () => {
    const views = newViews(), pairs = new ArrivingPairs(views.vector), block = { from: 0, to: 3, withheld: [2], seqs: Uint32Array.of(1, 3) }
    assert.deepEqual(pairs.take(0, block), { before: 0, isNews: true })
    assert.deepEqual(pairs.take(1, block), { before: 0, isNews: true })
    assert.deepEqual(pairs.take(0, block), { before: 3, isNews: false })
    assert.deepEqual(pairs.take(0, { ...block, seqs: Uint32Array.of(2) }), { before: 3, isNews: true })
    assert.deepEqual(pairs.take(0, { ...block, seqs: Uint32Array.of(2) }), { before: 3, isNews: false })
    assert.equal(views.vector.entries.size, 0)
  })
})
