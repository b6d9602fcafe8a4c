/** Goal: what a server folds is what a store folds, and both are what the page says; by random logs, read by the second reader as well. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { showRemotes } from "../../conformance/vectors/logs.ts"
import { type ChangeNotation, type ReceiptNotation, toHex } from "../../conformance/vectors/notation.ts"
import { Fold } from "../../conformance/vectors/reader/fold.ts"
import type { BlockNotation } from "../format/block-notation.ts"
import { CorruptBytes } from "../errors.ts"
import { anyHistory } from "../testing/histories.ts"
import { NotedFrames, type Told } from "../testing/noted-frames.ts"
import { anyDelivery, newViews, noteOracleBlock } from "../testing/oracle-frames.ts"
import { compareDots, showKernelRemotes } from "../testing/show-remotes.ts"
import { processorMillis } from "../testing/processor-time.ts"
import { LogViews } from "./log-views.ts"

const showVector = ({ vector, writers }: LogViews): unknown =>
  [...vector.entries].map(([writer, { seq, withheld }]) => [toHex(writers.idOf(writer)), seq, [...withheld].sort((a, b) => a - b)] as const)
    .sort(([a], [b]) => compareDots([a, 0], [b, 0]))
const showOwn = ({ own, writers }: LogViews): string[] => [...own].map((writer) => toHex(writers.idOf(writer))).sort()

/** What a frame tells beside its blocks; dots are of the writers that the blocks have. */
const anyTold = fc.record({
  change: fc.option(fc.record({
    remote: fc.constantFrom("r0", "r1"),
    restart: fc.boolean(),
    caughtUp: fc.boolean(),
    cursor: fc.option(fc.record({ position: fc.nat(9), id: fc.constant("c0".repeat(16)) })),
    ranges: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 })), { maxLength: 3 }),
    refused: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 }), fc.constantFrom("withheld", "op_invalid")), { maxLength: 2 }),
    dead: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 9 })), { maxLength: 2 }),
    offset: fc.option(fc.nat(9)),
  })),
  receipt: fc.option(fc.record({ principal: fc.constantFrom("ada", "bob"), own: fc.array(fc.nat(), { maxLength: 2 }) })),
  flags: fc.constantFrom(0, 1),
})

describe("LogViews", () => {
  it("S16, S19, S31 foldFrame() gives what the second reader gives after every frame, and what a store's views give", () => {
    fc.assert(
      fc.property(anyDelivery(anyHistory), fc.array(anyTold, { minLength: 1, maxLength: 8 }), (delivery, tellings) => {
        const views = new LogViews(), store = newViews(), fold = new Fold(), frames = new NotedFrames()
        const writers: string[] = []
        for (const [at, oracleBlocks] of delivery.entries()) {
          const blocks = oracleBlocks.map(noteOracleBlock)
          for (const { writers: [writer] } of blocks) if (!writers.includes(writer!)) writers.push(writer!)
          const dot = (writer: number, seq: number): readonly [string, number] => [writers[writer % writers.length]!, seq]
          const { change, receipt, flags } = tellings[at % tellings.length]!
          const told: Told = {
            flags,
            change: change && {
              ...change,
              restart: change.restart && change.cursor !== null,
              ranges: change.ranges.map(([writer, seq]) => dot(writer, seq)),
              refused: change.refused.map(([writer, seq, code]) => ({ dot: dot(writer, seq), code, message: "" })),
              dead: change.dead.map(([writer, seq]) => dot(writer, seq)),
            } satisfies ChangeNotation,
            receipt: receipt && {
              principal: receipt.principal,
              millis: at,
              own: receipt.own.map((writer) => writers[writer % writers.length]!),
            } satisfies ReceiptNotation,
          }
          const bytes = frames.next(blocks, told)
          for (const one of [views, store]) {
            frames.reader.read(bytes)
            one.foldFrame(frames.reader)
          }
          fold.frame(bytes)
          const expected = showRemotes(fold)
          assert.deepEqual(showKernelRemotes(views), expected)
          assert.deepEqual(showKernelRemotes(store), expected)
          assert.deepEqual(showOwn(views), [...fold.own].sort())
          assert.deepEqual(
            showVector(views),
            [...fold.vector].map(([writer, { seq, withheld }]) => [writer, seq, [...withheld].sort((a, b) => a - b)]).sort(([a], [b]) =>
              compareDots([String(a), 0], [String(b), 0])
            ),
          )
          assert.deepEqual(showVector(store), showVector(views))
        }
      }),
      { numRuns: 200 },
    )
  })

  it("the writers of local frames alone are own, in the order in which they came", () => {
    const views = new LogViews(), frames = new NotedFrames(), put = operation(1, "k", "01")
    frames.fold(views, [blockOf([B2], [put])], { flags: 1 })
    frames.fold(views, [blockOf([B], [put])])
    frames.fold(views, [blockOf([A], [put])], { flags: 257 })
    assert.deepEqual([...views.own].map((writer) => toHex(views.writers.idOf(writer))), [B2, A])
  })

  it("T33 a writer belongs to the principal that first named it, also before it brought anything", () => {
    const views = new LogViews(),
      frames = new NotedFrames(),
      receipt = (principal: string, own: readonly string[]) => ({
        receipt: { principal, millis: 1, own },
      })
    frames.fold(views, [], receipt("ada", [A]))
    frames.fold(views, [blockOf([A], [operation(1, "k", "01")])], receipt("bob", [A, B]))
    frames.fold(views, [], receipt("ada", [B]))
    assert.deepEqual(showKernelRemotes(views).owners, [[A, "ada"], [B, "bob"]])
  })

  it("labels are of the replica, the last one that a first block told", () => {
    const views = new LogViews(), frames = new NotedFrames(), put = operation(1, "k", "01")
    frames.fold(views, [blockOf([B], [put], { label: "old" }), blockOf([A], [put], { label: "other" })])
    frames.fold(views, [blockOf([B2, B], [put], { label: "new", links: [[1, 1]] })])
    assert.deepEqual([...views.labels], [[B.slice(0, 16), "new"], [A.slice(0, 16), "other"]])
  })

  it("S36 onLinks() is called once a frame, behind its operations, and only for links that were news", () => {
    const calls: string[] = [], frames = new NotedFrames(), put = operation(1, "k", "01")
    class Watched extends LogViews {
      protected override onRows(): void {
        calls.push("rows")
      }
      protected override onLinks(): void {
        calls.push("links")
      }
    }
    const views = new Watched(), first = blockOf([B], [put]), second = blockOf([B2, B], [put], { links: [[1, 1]] })
    frames.fold(views, [first])
    assert.deepEqual(calls.splice(0), ["rows"])
    frames.fold(views, [second, blockOf([A, B], [put], { links: [[1, 1]] })])
    assert.deepEqual(calls.splice(0), ["rows", "rows", "links"])
    frames.fold(views, [second])
    assert.deepEqual(calls.splice(0), ["rows"])
  })

  it("S37 onClockOffset() is called when a change tells of a clock, behind the operations of its frame", () => {
    const calls: (string | number)[] = [], frames = new NotedFrames()
    class Watched extends LogViews {
      protected override onRows(): void {
        calls.push("rows")
      }
      protected override onClockOffset(): void {
        calls.push(this.remotes.clockOffsetMillis)
      }
    }
    const views = new Watched(),
      change: ChangeNotation = {
        remote: "r",
        restart: false,
        caughtUp: false,
        cursor: null,
        ranges: [],
        refused: [],
        dead: [],
        offset: null,
      }
    frames.fold(views, [blockOf([A], [operation(1, "k", "01")])], { change: { ...change, offset: 400 } })
    frames.fold(views, [], { change })
    frames.fold(views, [], { change: { ...change, offset: 0 } })
    assert.deepEqual(calls, ["rows", -400, 0])
  })

  it("foldFrame() refuses a gap in a writer's numbers, whatever a change says that the remote has", () => {
    const views = new LogViews(), frames = new NotedFrames()
    const change = { remote: "r", restart: false, caughtUp: true, cursor: { position: 1, id: A }, refused: [], dead: [], offset: null }
    frames.fold(views, [blockOf([A], [operation(1, "k", "01")])], { change: { ...change, ranges: [[A, 9], [B, 9]] } })
    for (const block of [blockOf([A], [operation(3, "k", "01")]), blockOf([B], [operation(2, "k", "01")])]) {
      assert.throws(() => frames.fold(views, [block]), (error) => error instanceof CorruptBytes && /are missing/.test(error.message))
    }
  })

  it("T45 foldFrame() takes a range that overlaps, of very many operations with very many withheld, in no time", () => {
    const views = newViews(), frames = new NotedFrames(), rows = 50_000
    const numbers = Array.from({ length: rows }, (_, at) => at * 2 + 2)
    const withheld = numbers.map((seq) => seq - 1)
    const listed = (seqs: readonly number[]) => seqs.map((seq) => operation(seq, `k${seq}`, "01", { millis: 1 + seq }))
    const timed = (block: BlockNotation): number => {
      frames.reader.read(frames.next([block]))
      const started = processorMillis()
      views.foldFrame(frames.reader)
      return processorMillis() - started
    }
    const first = timed(blockOf([A], listed(numbers), { from: 0, to: rows * 2, withheld }))
    const second = timed(blockOf([A], listed(withheld), { from: 0, to: rows * 2 }))
    assert.deepEqual(showVector(views), [[A, rows * 2, []]])
    // Comparing each number with each withheld one takes fifty times as long as the first.
    assert.ok(second < first * 8 + 200, `${second} ms after ${first} ms`)
  })
})
