/** Goal: what is cut and put together says of each number what its fate is, and nothing else changes. By columns, and by what views make of it. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { type BlockNotation, encodeNotedBlock, notationOf, type NumberedDot, type OperationNotation } from "../format/block-notation.ts"
import { anyBlock } from "../testing/any-block.ts"
import { anyHistory } from "../testing/histories.ts"
import type { OracleBlock } from "../testing/model-oracle.ts"
import { newViews, noteOracleBlock, showKernel } from "../testing/oracle-frames.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import type { StoreViews } from "../views/store-views.ts"
import { BlockCutter, type Fate } from "./block-cut.ts"

const cutter = new BlockCutter()
const cut = (blocks: readonly BlockNotation[], after: number, fateOf: (seq: number) => Fate = () => "listed"): BlockNotation =>
  notationOf(readBlockBytes(cutter.cut(blocks.map(encodeNotedBlock), after, fateOf)))

/** The same block behind another one of its writer. */
function renumber(block: BlockNotation, writer: string, from: number): BlockNotation {
  const shift = from - block.from
  const dots = (numbered: readonly NumberedDot[], seq: number): NumberedDot[] =>
    numbered.map(([number, last]): NumberedDot => [number, number === 0 ? Math.min(last, seq - 1) : last]).filter(([, last]) => last > 0)
  const others = block.writers.slice(1).map((id) => id === writer ? "ff".repeat(16) : id)
  const operations = block.operations.map((operation): OperationNotation => {
    const seq = operation.seq + shift, settles = operation.settles === null ? null : dots(operation.settles, seq)
    const isEmpty = settles !== null && settles.length === 0
    return {
      ...operation,
      seq,
      context: dots(operation.context, seq),
      keeps: dots(operation.keeps, seq),
      ...(isEmpty ? { kind: "delete", settles: null, value: null } : { settles }),
    }
  })
  return {
    ...block,
    writers: [writer, ...others],
    from,
    to: block.to + shift,
    withheld: block.withheld.map((seq) => seq + shift),
    links: from === 0 ? block.links : null,
    label: from === 0 ? block.label : null,
    operations,
  }
}

/** Blocks of one writer, one behind another. */
const anyRun = fc.record({
  blocks: fc.array(anyBlock.filter(({ to, from }) => to - from < 10_000), { minLength: 1, maxLength: 4 }),
  from: fc.constantFrom(0, 0, 17),
}).map(({ blocks, from }) => {
  const run: BlockNotation[] = [], [first] = blocks
  for (const block of blocks) run.push(renumber(block, first!.writers[0]!, run.at(-1)?.to ?? from))
  return run
})

/** The same with ids and names in place of numbers. */
const resolved = ({ writers, names, links, operations, ...block }: BlockNotation): unknown => {
  const dots = (numbered: readonly NumberedDot[]) => numbered.map(([number, seq]) => [writers[number], seq])
  return {
    ...block,
    writer: writers[0],
    links: links === null ? null : dots(links),
    operations: operations.map((operation) => ({
      ...operation,
      collection: names[operation.collection],
      context: dots(operation.context),
      keeps: dots(operation.keeps),
      settles: operation.settles === null ? null : dots(operation.settles),
    })),
  }
}

const fateFrom = (fates: readonly Fate[]) => (seq: number): Fate => fates[seq % fates.length]!
const anyFates = fc.array(fc.constantFrom<Fate>("listed", "listed", "withheld", "void"), { minLength: 1, maxLength: 7 })

describe("BlockCutter", () => {
  it("cut() puts blocks together behind a number, each of its numbers listed, withheld or void", () => {
    fc.assert(
      fc.property(anyRun, fc.nat(60), anyFates, (run, ahead, fates) => {
        const first = run[0]!,
          last = run.at(-1)!,
          after = Math.min(first.from + Math.max(0, ahead - 20), last.to - 1),
          fateOf = fateFrom(fates)
        const from = Math.max(first.from, after),
          listed = run.flatMap((block) => (resolved(block) as { readonly operations: readonly { readonly seq: number }[] }).operations)
            .filter(({ seq }) => seq > from)
        const withheld = [
          ...run.flatMap((block) => block.withheld),
          ...listed.map(({ seq }) => seq).filter((seq) => fateOf(seq) === "withheld"),
        ].filter((seq) => seq > from).sort((a, b) => a - b)
        const { writers: [writer] } = first
        assert.deepEqual(resolved(cut(run, after, fateOf)), {
          from,
          to: last.to,
          withheld,
          origin: null,
          label: from === 0 ? first.label : null,
          writer,
          links: from === 0 ? (resolved(first) as { readonly links: unknown }).links : null,
          operations: listed.filter(({ seq }) => fateOf(seq) === "listed"),
        })
      }),
      { numRuns: 400 },
    )
  })

  it("cut() of a block alone, all of it, says the same", () => {
    fc.assert(fc.property(anyBlock, (block) => {
      assert.deepEqual(resolved(cut([block], 0)), { ...Object(resolved(block)), origin: null })
    }))
  })

  it("S36 names as withheld what is void in the blocks, above a number and what is behind", () => {
    const blocks = [
      blockOf([A], [operation(2, "k", "01")], { from: 0, to: 4, withheld: [3] }),
      blockOf([A], [operation(6, "l", "01")], { from: 4, to: 7 }),
    ]
    const withheldOf = (after: number, coveredTo?: number): readonly number[] =>
      notationOf(readBlockBytes(cutter.cut(blocks.map(encodeNotedBlock), after, () => "listed", coveredTo))).withheld
    assert.deepEqual(withheldOf(0), [3])
    assert.deepEqual(withheldOf(0, 0), [1, 3, 4, 5, 7])
    assert.deepEqual(withheldOf(0, 4), [3, 5, 7])
    assert.deepEqual(withheldOf(4, 0), [5, 7])
    assert.deepEqual(withheldOf(0, 7), [3])
  })

  it("S33 keeps links and label of what begins at 0, and drops them where the beginning is cut off", () => {
    const first = blockOf([B2, B], [operation(1, "k", "01")], { links: [[1, 7]], label: "phone" })
    const second = blockOf([B2, A], [operation(2, "k", "02", { context: [[1, 3]] })])
    const whole = cut([first, second], 0)
    assert.deepEqual([whole.links, whole.label, whole.writers], [[[1, 7]], "phone", [B2, B, A]])
    assert.deepEqual(cut([first, second], 0, () => "void"), { ...whole, operations: [], writers: [B2, B, A] })
    const rest = cut([first, second], 1)
    assert.deepEqual([rest.from, rest.to, rest.links, rest.label], [1, 2, null, null])
    assert.deepEqual(rest.operations.map(({ seq, context }) => [seq, context]), [[2, [[rest.writers.indexOf(A), 3]]]])
  })

  it("puts the tables of names and writers together", () => {
    const blocks = [
      blockOf([A, B], [operation(1, "a", "01", { collection: 1, context: [[1, 4]] })], { names: ["x", "y"] }),
      blockOf([A, B2, B], [operation(2, "b", "02", { collection: 2, context: [[1, 1], [2, 5]] })], { names: ["", "x", "y"] }),
    ]
    const { names, writers, operations } = cut(blocks, 0)
    assert.deepEqual(operations.map(({ collection }) => names[collection]), ["y", "y"])
    assert.deepEqual(operations.map(({ context }) => context.map(([number, seq]) => [writers[number], seq])), [[[B, 4]], [[B2, 1], [B, 5]]])
    assert.equal(new Set(writers).size, writers.length)
    assert.equal(new Set(names).size, names.length)
  })

  it("leaves out what overlaps: each number comes from the first block that has it", () => {
    const blocks = [
      blockOf([A], [operation(1, "k1", "01"), operation(2, "k2", "02")]),
      blockOf([A], [operation(1, "k1", "01"), operation(2, "k2", "02"), operation(3, "k3", "03")], { from: 0, to: 3 }),
      blockOf([A], [operation(5, "k5", "05")], { from: 2, to: 6, withheld: [3, 4] }),
    ]
    const { withheld, operations, to } = cut(blocks, 0)
    assert.deepEqual([operations.map(({ seq }) => seq), withheld, to], [[1, 2, 3, 5], [4], 6])
  })

  it("gives bytes of their own: the next cut does not change them", () => {
    const one = cutter.cut([encodeNotedBlock(blockOf([A], [operation(1, "k", "01")]))], 0, () => "listed"), copy = one.slice()
    cutter.cut([encodeNotedBlock(blockOf([B], [operation(1, "other", "02")]))], 0, () => "listed")
    assert.deepEqual(one, copy)
  })

  it("S13 views make the same of blocks as they were written and of the same cut and put together, from any state", () => {
    fc.assert(
      fc.property(anyHistory, fc.nat(100), fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }), (history, had, cuts) => {
        const known = history.slice(0, Math.floor(history.length * had / 100)), rest = history.slice(known.length)
        const plain = fold(newViews(), known.map(noteOracleBlock)), again = fold(newViews(), known.map(noteOracleBlock))
        fold(plain, rest.map(noteOracleBlock))
        // In the order of the last ones, so that no operation comes before what it has seen; some begin below what is known.
        for (const [at, blocks] of together(history).entries()) {
          const last = blocks.at(-1)!.to, seq = Math.max(0, ...known.filter(({ w }) => w === blocks[0]!.w).map(({ to }) => to))
          const after = Math.max(0, seq - cuts[at % cuts.length]!)
          if (last > after) fold(again, [cut(blocks.map(noteOracleBlock), after)])
        }
        assert.deepEqual(showKernel(again), showKernel(plain))
      }),
      { numRuns: 200 },
    )
  })
})

function fold(views: StoreViews, blocks: readonly BlockNotation[]): StoreViews {
  for (const block of blocks) views.foldBlock(readBlockBytes(encodeNotedBlock(block)), false, false)
  return views
}

/** All blocks of each writer, the writers in the order of their last blocks. */
function together(history: readonly OracleBlock[]): OracleBlock[][] {
  const byWriter = new Map<string, OracleBlock[]>()
  for (const block of history) {
    const blocks = [...byWriter.get(block.w) ?? [], block]
    byWriter.delete(block.w)
    byWriter.set(block.w, blocks)
  }
  return [...byWriter.values()]
}
