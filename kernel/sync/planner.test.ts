/** Goal: a push is a prefix of the log, whole frames, without what the remote has; and it leaves the remote with what the log had by then. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { placeOf } from "../../conformance/vectors/frames.ts"
import { CorruptBytes } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, notationOf, type OperationNotation } from "../format/block-notation.ts"
import { BATCH_OPERATIONS_MAX, PARTS_MAX, WITHHELD_BYTES } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { RemoteLimits } from "../ports/remote.ts"
import { anyHistory } from "../testing/histories.ts"
import { cursorOf, partOf } from "../testing/noted-frames.ts"
import { anyDelivery, type Delivery, newViews, noteOracleBlock, showKernel } from "../testing/oracle-frames.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import type { StoreViews } from "../views/store-views.ts"
import { Known } from "./known.ts"
import { planPush, type PushPlan } from "./planner.ts"

const LIMITS: RemoteLimits = { partsBytesMax: 3_500_000, operationsMax: BATCH_OPERATIONS_MAX, partsMax: PARTS_MAX }
const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
/** Numbers `from` + 1 to `to` of a writer, each a put of its own key. */
const run = (writer: string, from: number, to: number): BlockNotation =>
  blockOf([writer], Array.from({ length: to - from }, (_, at) => put(from + at + 1, `k${from + at}`, { counter: at })))

interface Planned {
  readonly log: PlannedLog
  readonly known: Known
}
const planned = (log: PlannedLog): Planned => ({ log, known: new Known(REMOTE) })
const plan = ({ log, known }: Planned, limits: Partial<RemoteLimits> = {}): Promise<PushPlan | undefined> =>
  planPush(log, known, { ...LIMITS, ...limits })
const some = (plan: PushPlan | undefined): PushPlan => {
  assert.ok(plan !== undefined, "nothing is planned")
  return plan
}
/** What a remote answers that took it all. */
function take({ known }: Planned, { ranges, through }: PushPlan): void {
  for (const [writer, to] of ranges) known.ack(writer, to)
  known.readFrom = through
}
const blocksOf = ({ request }: PushPlan): BlockNotation[] => request.parts.map(({ content }) => notationOf(readBlockBytes(content)))
const shape = (plan: PushPlan): unknown =>
  blocksOf(plan).map((
    { writers: [writer], from, to, withheld, operations },
  ) => [writer, from, to, operations.map(({ seq }) => seq), withheld])
const fold = (views: StoreViews, blocks: readonly BlockNotation[]): void => {
  for (const block of blocks) views.foldBlock(readBlockBytes(encodeNotedBlock(block)), false, false)
}

/**
 * Without blocks that bring what was withheld before: to a remote that has neither, the number goes as withheld, and its holder answers it
 * (rule S20).
 */
function withoutLate(delivery: Delivery): Delivery {
  const reached = new Map<string, number>()
  return delivery.map((blocks) =>
    blocks.filter(({ w, to }) => {
      const isLate = to <= (reached.get(w) ?? 0)
      reached.set(w, Math.max(to, reached.get(w) ?? 0))
      return !isLate
    })
  )
}

/** Logs as honest copies have them, causes first, and any others. */
const anyLog = fc.oneof(
  anyDelivery(anyHistory).map((delivery) => ({ delivery: withoutLate(delivery), isHonest: false })),
  fc.tuple(anyHistory, fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 })).map(([history, sizes]) => {
    const delivery: Delivery[number][] = [], left = [...history]
    while (left.length > 0) delivery.push(left.splice(0, sizes[delivery.length % sizes.length]!))
    return { delivery, isHonest: true }
  }),
)

describe("planPush()", () => {
  it("plans nothing where nothing is lacking, and reads no frame", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 3)).add([run(B, 0, 1)]).caughtUp([[A, 3], [B, 1]]))
    assert.equal(await plan(play), undefined)
    assert.equal(await plan(planned(new PlannedLog())), undefined)
    assert.equal(play.log.storage.count("read"), 0)
  })

  it("reads no frame below which nothing is lacking a second time", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 1)).tell({ cursor: placeOf(1), ranges: [[A, 1]], caughtUp: true })),
      reads: number[] = []
    play.log.storage.always("read", (call, after) => {
      reads.push(after)
      return call()
    })
    play.log.write(run(A, 1, 2)).tell({ cursor: placeOf(2) }).write(run(A, 2, 3))
    take(play, some(await plan(play)))
    assert.deepEqual(reads.splice(0), [0])
    assert.equal(play.known.readFrom, 5)
    assert.equal(await plan(play), undefined)
    play.log.tell({ cursor: placeOf(3) }).write(run(A, 3, 4))
    take(play, some(await plan(play)))
    assert.deepEqual(reads, [5])
  })

  it("moves behind frames with nothing lacking, though nothing was answered", async () => {
    const log = new PlannedLog().write(run(A, 0, 1)).tell({ cursor: placeOf(1), ranges: [[A, 1]] }).write(run(B, 0, 1))
    const play = planned(log)
    some(await plan(play))
    assert.equal(play.known.readFrom, 2)
    some(await plan(play))
    assert.equal(play.known.readFrom, 2)
  })

  it("S10, S11 sends what the remote lacks of whole frames, of all writers, whoever wrote them, byte for byte", async () => {
    const blocks = [run(A, 0, 100), run(B, 0, 80), blockOf([B2, B], [put(1, "x", { context: [[1, 3]] })], { links: [[1, 80]] })]
    const play = planned(new PlannedLog().write(blocks[0]!).add(blocks.slice(1)).caughtUp()), { request, ...rest } = some(await plan(play))
    assert.deepEqual(request.parts, blocks.map(partOf))
    const bytes = request.parts.reduce((sum, { content }) => sum + content.length, 0)
    const { ranges, views, generation, ...counts } = rest
    assert.equal(views, play.log.views)
    assert.equal(generation, 0)
    assert.deepEqual(counts, { through: 3, operations: 181, bytes, coalesced: 0, coalescedBytes: 0 })
    assert.deepEqual([...ranges].map(([writer, to]) => [bytesToHex(play.log.views.writers.idOf(writer)), to]), [[A, 100], [B, 80], [B2, 1]])
  })

  it("S31 sends the blocks of writers that have no entry any more", async () => {
    const first = run(B, 0, 3), second = blockOf([B2, B], [put(1, "x")], { links: [[1, 3]] })
    const play = planned(new PlannedLog().write(first).write(second).caughtUp())
    assert.equal(play.log.views.vector.entries.size, 1)
    assert.deepEqual(shape(some(await plan(play))), [[B, 0, 3, [1, 2, 3], []], [B2, 0, 1, [1], []]])
  })

  it("S13, S14 cuts off what the remote has, and names what it builds on", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 5)).caughtUp([[A, 2]])), { request, operations } = some(await plan(play))
    assert.deepEqual(shape({ request } as PushPlan), [[A, 2, 5, [3, 4, 5], []]])
    assert.equal(operations, 3)
    assert.deepEqual(request.basis, [{ position: 1, id: fromHex(placeOf(1).id) }])
    play.known.last = cursorOf(9)
    assert.deepEqual(some(await plan(play)).request.basis, [{ position: 1, id: fromHex(placeOf(1).id) }, cursorOf(9)])
  })

  it("names as own those of its writers that wrote into this log", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 1)).add([run(B, 0, 1)]).write(run(B2, 0, 1)).caughtUp([[B2, 1]]))
    assert.deepEqual(some(await plan(play)).request.own, [fromHex(A)])
  })

  it("S12 leaves out what another operation of the same push covers, and counts what that spares", async () => {
    const updates = blockOf(
      [A],
      [1, 2, 3].map((seq) => operation(seq, "key", "a3616263", { counter: seq, context: seq > 1 ? [[0, seq - 1]] : [] })),
    )
    const later = blockOf([B, A], [operation(1, "key", null, { context: [[1, 3]] }), put(2, "other", { counter: 1 })])
    const play = planned(new PlannedLog().write(updates).write(later).caughtUp()), found = some(await plan(play))
    assert.deepEqual(shape(found), [[A, 0, 3, [], []], [B, 0, 2, [1, 2], []]])
    assert.deepEqual([found.operations, found.coalesced, found.coalescedBytes], [2, 3, 3 * (3 + 4)])
  })

  it("S12 never takes for covered what a later push would cover", async () => {
    const first = blockOf([A], [put(1, "k")]), second = blockOf([A], [put(2, "k", { context: [[0, 1]] })])
    const play = planned(new PlannedLog().write(first).write(second).caughtUp()), found = some(await plan(play, { operationsMax: 1 }))
    assert.deepEqual(shape(found), [[A, 0, 1, [1], []]])
    take(play, found)
    assert.deepEqual(shape(some(await plan(play))), [[A, 1, 2, [2], []]])
  })

  it("S36 names as withheld what is void here and is not covered by what goes along", async () => {
    const gone = blockOf([A], [], { from: 0, to: 2 }), cover = blockOf([B, A], [put(1, "k", { context: [[1, 2]] })])
    const both = planned(new PlannedLog().add([gone, cover]).caughtUp())
    assert.deepEqual(shape(some(await plan(both))), [[A, 0, 2, [], []], [B, 0, 1, [1], []]], "all of it goes, byte for byte")
    const known = planned(new PlannedLog().add([gone, cover]).caughtUp([[B, 1]]))
    assert.deepEqual(shape(some(await plan(known))), [[A, 0, 2, [], [1, 2]]], "the remote has what covers it")
    const partly = planned(new PlannedLog().add([gone, blockOf([B, A], [put(1, "k", { context: [[1, 1]] })])]).caughtUp())
    assert.deepEqual(shape(some(await plan(partly))), [[A, 0, 2, [], [2]], [B, 0, 1, [1], []]])
    const refused = planned(new PlannedLog().add([gone, cover]).caughtUp().tell({ refused: [{ dot: [B, 1], code: "x", message: "" }] }))
    assert.deepEqual(shape(some(await plan(refused))), [[A, 0, 2, [], []], [B, 0, 1, [], [1]]], "it may be what covers it")
    const huge = planned(new PlannedLog().add([blockOf([A], [], { from: 0, to: 100_000 })]).caughtUp())
    assert.deepEqual(shape(some(await plan(huge))), [[A, 0, 100_000, [], []]], "a log that was lied to sends no list of it")
  })

  it("S36 takes for covered what a writer that goes along continues", async () => {
    const first = blockOf([A], [], { from: 0, to: 2 }), second = blockOf([B2, A], [put(1, "x")], { links: [[1, 2]] })
    const log = new PlannedLog().add([first, second, blockOf([B, B2], [put(1, "k", { context: [[1, 1]] })])]).caughtUp()
    assert.deepEqual(shape(some(await plan(planned(log)))), [[A, 0, 2, [], []], [B2, 0, 1, [1], []], [B, 0, 1, [1], []]])
  })

  it("S19 names what the remote refused as withheld, and covers nothing by it", async () => {
    const updates = blockOf([A], [put(1, "k"), put(2, "k", { context: [[0, 1]], counter: 1 }), put(3, "x", { counter: 2 })])
    const log = new PlannedLog().write(updates).caughtUp()
    log.tell({ refused: [{ dot: [A, 2], code: "op_invalid", message: "" }, { dot: [A, 9], code: "op_invalid", message: "" }] })
    const found = some(await plan(planned(log)))
    assert.deepEqual(shape(found), [[A, 0, 3, [1, 3], [2]]])
    assert.deepEqual([found.operations, found.coalesced], [2, 0])
  })

  it("S35 leaves out writers that may not be brought there, and all that are not own", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 1)).add([run(B, 0, 1)]).write(run(B2, 0, 1)).caughtUp()), { views } = play.log
    play.known.follow(views)
    play.known.forbid([views.writers.indexOf(fromHex(A))])
    assert.deepEqual(shape(some(await plan(play))), [[B2, 0, 1, [1], []]])
    play.known.forbid([views.writers.indexOf(fromHex(B2))])
    assert.equal(await plan(play), undefined)
    play.known.allow()
    assert.equal(some(await plan(play)).request.parts.length, 3)
  })

  it("S11 ends before the frame that reaches over a limit, and not a byte, operation or part earlier", async () => {
    const frames = [[run(A, 0, 70)], [run(B, 0, 70), run(A, 70, 140)], [run(B, 70, 140)]]
    const bytes = frames.slice(0, 2).flat().reduce((sum, block) => sum + encodeNotedBlock(block).length, 0)
    const log = new PlannedLog()
    for (const frame of frames) log.add(frame)
    const through = async (limits: Partial<RemoteLimits>): Promise<number> => some(await plan(planned(log), limits)).through
    assert.deepEqual(await Promise.all([bytes - 1, bytes, bytes + 1].map((partsBytesMax) => through({ partsBytesMax }))), [1, 2, 2])
    assert.deepEqual(await Promise.all([209, 210, 211, 280].map((operationsMax) => through({ operationsMax }))), [1, 2, 2, 3])
    assert.deepEqual(await Promise.all([2, 3, 4].map((partsMax) => through({ partsMax }))), [1, 2, 3])
    assert.equal(await through({ partsBytesMax: 1, operationsMax: 1, partsMax: 1 }), 1, "one frame is never cut")
  })

  it("T40 counts withheld numbers with what everybody who pulls them has to tell of them", async () => {
    const withheld = Array.from({ length: 40 }, (_, at) => at + 1), second = blockOf([A], [put(41, "k")], { from: 0, withheld })
    const refused = run(B, 0, 5)
    const log = new PlannedLog().add([run(B2, 0, 1)]).add([second]).add([refused]).caughtUp()
    log.tell({ refused: [2, 4].map((seq) => ({ dot: [B, seq], code: "withheld", message: "" })) })
    const sizes = [run(B2, 0, 1), second, refused].map((block) => encodeNotedBlock(block).length)
    const two = sizes[0]! + sizes[1]! + 40 * WITHHELD_BYTES, three = two + sizes[2]! + 2 * WITHHELD_BYTES
    for (const [partsBytesMax, through] of [[two - 1, 1], [two, 2], [three - 1, 2], [three, 5]] as const) {
      assert.equal(some(await plan(planned(log), { partsBytesMax })).through, through, String(partsBytesMax))
    }
  })

  it("puts many small blocks of a writer into one, and leaves large ones as they are", async () => {
    const small = new PlannedLog(), large = new PlannedLog()
    for (let at = 0; at < 5; at++) {
      small.write(run(A, at * 63, at * 63 + 63)).add([run(B, at, at + 1)])
      large.write(run(A, at * 64, at * 64 + 64))
    }
    const merged = some(await plan(planned(small)))
    assert.equal(merged.request.parts.length, 2)
    assert.deepEqual(blocksOf(merged).map(({ to, operations }) => [to, operations.length]), [[315, 315], [5, 5]])
    const kept = some(await plan(planned(large)))
    assert.deepEqual(kept.request.parts, Array.from({ length: 5 }, (_, at) => partOf(run(A, at * 64, at * 64 + 64))))
  })

  it("reads long logs page by page", async () => {
    const log = new PlannedLog()
    for (let at = 0; at < 2500; at++) log.write(run(A, at, at + 1))
    const play = planned(log), found = some(await plan(play))
    assert.deepEqual([found.through, found.operations, found.request.parts.length], [2500, 2500, 1])
    assert.equal(log.storage.count("read"), 3)
  })

  it("plans nothing when the log was replaced while it was read", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 1)))
    play.log.storage.next("read", (call) => {
      play.log.views = newViews()
      return call()
    })
    assert.equal(await plan(play), undefined)
  })

  it("rejects where the log does not have what it should, and where it cannot be read", async () => {
    const play = planned(new PlannedLog().write(run(A, 0, 1)).write(run(A, 1, 2)))
    play.known.follow(play.log.views)
    play.known.readFrom = 1
    await assert.rejects(plan(play), (error) => error instanceof CorruptBytes && /are in no frame before it/.test(error.message))
    const broken = planned(new PlannedLog().write(run(A, 0, 1)))
    broken.log.storage.next("read", () => {
      throw new Error("the disk is away")
    })
    await assert.rejects(plan(broken), /the disk is away/)
  })

  it("S11–S13 push after push leaves the remote with what the log had by then, whatever it had before and whatever the limits are", async () => {
    const anyLimits = fc.record({
      partsBytesMax: fc.integer({ min: 100, max: 3000 }),
      operationsMax: fc.integer({ min: 1, max: 12 }),
      partsMax: fc.integer({ min: 1, max: 6 }),
    })
    /** Frames that bring anything that the remote is not known to have, nor gets by a frame before. */
    const bringing = ({ known, log }: ReturnType<typeof planned>, frames: readonly (readonly BlockNotation[])[]): number => {
      const reached = new Map<number, number>()
      return frames.filter((blocks) =>
        blocks.filter(({ writers, to }) => {
          const writer = log.views.writers.indexOf(fromHex(writers[0]!)), before = reached.get(writer) ?? known.of(writer, log.views)
          reached.set(writer, Math.max(before, to))
          return to > before
        }).length > 0
      ).length
    }
    let coalesced = 0, cut = 0
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat(100), fc.nat(3), anyLimits, async ({ delivery, isHonest }, had, shift, limits) => {
        const log = new PlannedLog(), remote = newViews(), frames = delivery.map((blocks) => blocks.map(noteOracleBlock))
        const start = Math.floor(frames.length * had / 100)
        for (const blocks of frames) log.add(blocks)
        const upTo = (through: number): unknown => {
          const views = newViews()
          for (const block of frames.slice(0, through)) fold(views, block)
          return showKernel(views)
        }
        for (const blocks of frames.slice(0, start)) fold(remote, blocks)
        // What the log knows of the remote may be less than what it has.
        const ranges = [...remote.vector.entries].map(([writer, { seq }]) =>
          [bytesToHex(remote.writers.idOf(writer)), Math.max(1, seq - shift)] as const
        )
        const play = planned(log.caughtUp(ranges))
        let last = 0
        for (let found = await plan(play, limits); found !== undefined; found = await plan(play, limits)) {
          const { parts } = found.request
          assert.ok(found.through > last, "it goes forward")
          const isOneFrame = bringing(play, frames.slice(last, found.through)) <= 1
          const bytes = parts.reduce((sum, { content }) => sum + content.length, 0)
          const operations = parts.reduce((sum, { content }) => sum + readBlockBytes(content).count, 0)
          assert.equal(found.bytes, bytes)
          assert.equal(found.operations, operations)
          assert.ok(isOneFrame || last < start || (operations <= limits.operationsMax && parts.length <= limits.partsMax))
          for (const { content } of parts) remote.foldBlock(readBlockBytes(content), false, false)
          // Where effects come before their causes, only the end is the same.
          if (isHonest && found.through >= start) assert.deepEqual(showKernel(remote), upTo(found.through))
          coalesced += found.coalesced
          if (parts.length < frames.slice(last, found.through).flat().length) cut++
          last = found.through
          take(play, found)
        }
        assert.deepEqual(play.known.lacking(log.views), [])
      }),
      { numRuns: 150 },
    )
    assert.ok(coalesced > 20 && cut > 20, `${coalesced} operations were coalesced, ${cut} plans re-cut`)
  })
})
