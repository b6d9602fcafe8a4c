/** Goal: a page becomes one frame with all that it brings and the new cursor, or nothing at all. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { placeOf } from "../../conformance/vectors/frames.ts"
import { type ChangeNotation, noteChange } from "../../conformance/vectors/notation.ts"
import { CorruptBytes, FormatTooNew, ProtocolViolation } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, type OperationNotation } from "../format/block-notation.ts"
import { crc32 } from "../format/checksum.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Cursor, Part } from "../ports/remote.ts"
import { anyHistory } from "../testing/histories.ts"
import type { OracleBlock } from "../testing/model-oracle.ts"
import { cursorOf, NotedFrames, partOf, storageOf } from "../testing/noted-frames.ts"
import { type Delivery, newViews, noteOracleBlock, showKernel } from "../testing/oracle-frames.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { showKernelRemotes } from "../testing/show-remotes.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { readPage } from "./log-pages.ts"
import { checkParts, type Page, pageCommit, restartCommit, sameCursor } from "./pages.ts"
import { DEFAULT_REMOTE_LIMITS } from "./remote-log.ts"
import type { SyncFrame } from "./synced-log.ts"

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
const run = (writer: string, from: number, to: number): BlockNotation =>
  blockOf([writer], Array.from({ length: to - from }, (_, at) => put(from + at + 1, `k${from + at}`, { counter: at })))

const pageOf = (page: Partial<Page> = {}): Page => ({
  kind: "page",
  parts: [],
  ranges: [],
  next: cursorOf(5),
  upToDate: false,
  head: 9,
  serverTimeMillis: 1000,
  ...page,
})
const ranges = (...entries: readonly (readonly [writer: string, seq: number])[]): Page["ranges"] =>
  entries.map(([writer, seq]) => ({ writer: fromHex(writer), seq }))

/** The frame of a page, in a log that asked for it with its cursor. */
function frameOf(
  log: PlannedLog,
  blocks: readonly (BlockNotation | Part)[],
  page: Partial<Page> = {},
  asked?: Cursor,
): SyncFrame | undefined {
  const parts = blocks.map((block) => ("content" in block ? block : partOf(block)))
  const cursor = asked ?? log.views.remotes.of(REMOTE).cursor
  return pageCommit(REMOTE, pageOf({ ...page, parts }), checkParts(parts, REMOTE), cursor, () => 1000)(log.views)
}
const shown = (frame: SyncFrame | undefined): { readonly parts: readonly string[]; readonly change: ChangeNotation } => {
  assert.ok(frame !== undefined, "there is no frame")
  assert.equal(frame.rewrites.length, 0)
  return { parts: frame.parts.map(({ content }) => bytesToHex(content)), change: noteChange(frame.change!) }
}
const hexOf = (...blocks: readonly BlockNotation[]): string[] => blocks.map((block) => bytesToHex(encodeNotedBlock(block)))
const violation = (reason: RegExp) => (error: unknown): boolean =>
  error instanceof ProtocolViolation && error.details.remote === REMOTE && error.details.call === "pull" &&
  reason.test(error.details.reason)

/** Logs that take pushes, causes first; some operations were refused at first and come later, if at all. */
const anyLog: fc.Arbitrary<Delivery> = fc.tuple(anyHistory, fc.array(fc.nat(23), { minLength: 1, maxLength: 12 })).map(
  ([history, choices]) => {
    const frames: OracleBlock[][] = [], late: OracleBlock[] = []
    for (const [at, block] of history.entries()) {
      const choice = choices[at % choices.length]!, frame = choice % 3 > 0 ? frames.at(-1) ?? [] : []
      if (frame.length === 0) frames.push(frame)
      if (choice > 15) frame.push(...late.splice(0, 1 + choice % 2))
      if (choice % 6 !== 1) frame.push(block)
      else {
        frame.push({ ...block, ops: [], withheld: block.ops.map(({ s }) => s) })
        late.push(block)
      }
    }
    return frames
  },
)

describe("pageCommit()", () => {
  it("S16 puts what a page brings and the new cursor into one frame", () => {
    const log = new PlannedLog(), blocks = [run(A, 0, 2), run(B, 0, 1)]
    const { parts, change } = shown(frameOf(log, blocks, { ranges: [] }))
    assert.deepEqual(parts, hexOf(...blocks))
    assert.deepEqual(change, {
      remote: REMOTE,
      restart: false,
      caughtUp: false,
      cursor: { position: 5, id: bytesToHex(cursorOf(5).id) },
      ranges: [],
      refused: [],
      dead: [],
      offset: null,
    })
  })

  it("S13, S18 leaves out what is here, and tells that the remote has it", () => {
    const log = new PlannedLog().write(run(A, 0, 3)).add([run(B, 0, 2)]), overlap = run(B, 1, 3)
    const { parts, change } = shown(frameOf(log, [run(A, 0, 2), run(B, 0, 1), overlap, run(A, 2, 3)], { ranges: ranges([A, 1]) }))
    assert.deepEqual(parts, hexOf(overlap))
    assert.deepEqual(change.ranges, [[A, 2], [B, 1], [A, 3], [A, 1]])
    const known = new PlannedLog().write(run(A, 0, 3)).caughtUp([[A, 2]])
    assert.deepEqual(shown(frameOf(known, [run(A, 0, 2)], { ranges: ranges([A, 3], [A, 2]) })).change.ranges, [[A, 3]], "what is news")
  })

  it("takes the blocks of one page one behind another", () => {
    const log = new PlannedLog(), second = blockOf([B2, B], [put(1, "x")], { links: [[1, 2]] })
    assert.equal(shown(frameOf(log, [run(B, 0, 1), run(B, 1, 2), second])).parts.length, 3)
    assert.deepEqual(shown(frameOf(log, [run(B, 0, 2), run(B, 0, 1)])).parts, hexOf(run(B, 0, 2)), "the second brings nothing any more")
  })

  it("S20 notes the withheld numbers of all its blocks as refused, once, also of those that are here", () => {
    const log = new PlannedLog().write(run(A, 0, 3)), block = blockOf([A], [put(1, "k0"), put(3, "k2")], { from: 0, to: 3, withheld: [2] })
    const later = blockOf([A], [put(5, "k4")], { from: 3, to: 5, withheld: [4] })
    const { parts, change } = shown(frameOf(log, [block, later]))
    assert.deepEqual(parts, hexOf(later))
    assert.deepEqual(change.refused, [[A, 2], [A, 4]].map((dot) => ({ dot, code: "withheld", message: "" })))
    log.tell({ refused: [{ dot: [A, 2], code: "clock_ahead", message: "" }] })
    assert.deepEqual(shown(frameOf(log, [block, later])).change.refused.map(({ dot }) => dot), [[A, 4]], "the reason that is known stays")
  })

  it("S17, S20 takes a number that is withheld here and comes now, below what is known", () => {
    const log = new PlannedLog().add([blockOf([A], [put(3, "k")], { from: 0, to: 3, withheld: [1, 2] })]), late = run(A, 0, 1)
    assert.deepEqual(shown(frameOf(log, [late])).parts, hexOf(late))
    assert.deepEqual(shown(frameOf(log, [blockOf([A], [put(3, "k")], { from: 2, to: 3 })])).parts, [])
  })

  it("S20 takes a number that an earlier block of the page names as withheld, and a later one brings", () => {
    const blocks = [blockOf([A], [put(2, "k1")], { from: 0, to: 2, withheld: [1] }), run(A, 0, 1), run(A, 0, 1)]
    assert.deepEqual(shown(frameOf(new PlannedLog(), blocks)).parts, hexOf(...blocks.slice(0, 2)))
  })

  it("S16 says once that a pull has caught up", () => {
    const log = new PlannedLog()
    assert.equal(shown(frameOf(log, [], { upToDate: true })).change.caughtUp, true)
    log.caughtUp()
    assert.equal(shown(frameOf(log, [], { upToDate: true })).change.caughtUp, false)
  })

  it("makes no frame of a page that says nothing new", () => {
    const log = new PlannedLog(), next = CURSOR_START
    assert.notEqual(frameOf(log, [], { next, upToDate: true }), undefined, "the first one that reached the head")
    assert.equal(frameOf(log, [], { next }), undefined)
    log.caughtUp()
    const { cursor } = log.views.remotes.of(REMOTE)
    assert.equal(frameOf(log, [], { next: cursor, upToDate: true }), undefined)
    log.tell({ offset: 400_000 })
    assert.equal(shown(frameOf(log, [], { next: cursor, upToDate: true })).change.offset, 0)
  })

  it("S37 clears the clock's offset once a page shows that the clock is right, and not before", () => {
    const log = new PlannedLog().tell({ offset: 400_000 })
    for (const [serverTimeMillis, offset] of [[1000, 0], [-299_000, 0], [-299_001, null], [9e9, 0]] as const) {
      assert.equal(shown(frameOf(log, [], { serverTimeMillis })).change.offset, offset, String(serverTimeMillis))
    }
    assert.equal(shown(frameOf(new PlannedLog(), [])).change.offset, null, "there was none")
  })

  it("S16 drops a page that was asked for with another cursor: another handle was faster, or the remote began anew", () => {
    const log = new PlannedLog().tell({ cursor: placeOf(3) })
    assert.equal(frameOf(log, [run(A, 0, 1)], {}, CURSOR_START), undefined)
    assert.equal(frameOf(log, [run(A, 0, 1)], {}, { position: 3, id: fromHex(A) }), undefined)
    assert.equal(frameOf(log, [run(A, 0, 1)], {}, { position: 4, id: fromHex(placeOf(3).id) }), undefined)
    assert.notEqual(frameOf(log, [run(A, 0, 1)], {}, { position: 3, id: fromHex(placeOf(3).id) }), undefined)
  })

  it("drops a page that leaves out a block which is not here", () => {
    const log = new PlannedLog().write(run(A, 0, 3))
    assert.equal(frameOf(log, [run(B, 0, 1)], { ranges: ranges([A, 4]) }), undefined, "an older copy took this log's place")
    assert.equal(frameOf(log, [run(B, 0, 1)], { ranges: ranges([B2, 1]) }), undefined)
    assert.equal(
      frameOf(log, [run(B, 0, 1)], { ranges: ranges([B, 1]) }),
      undefined,
      "the page's own blocks do not count: they come behind it",
    )
    assert.notEqual(frameOf(log, [run(B, 0, 1)], { ranges: ranges([A, 3]) }), undefined)
  })

  it("T51 refuses a page with a gap, and changes nothing", () => {
    const log = new PlannedLog().write(run(A, 0, 3)),
      before = showKernel(log.views),
      gap = violation(/^numbers \d+ to \d+ of a writer are missing$/)
    for (const blocks of [[run(A, 4, 5)], [run(B, 1, 2)], [run(B, 0, 1), run(B, 2, 3)], [run(B, 1, 2), run(B, 0, 1)]]) {
      assert.throws(() => frameOf(log, blocks), gap)
      assert.throws(() => frameOf(log, blocks, { ranges: ranges([A, 3]) }), gap)
    }
    assert.deepEqual(showKernel(log.views), before)
  })

  it("S16–S18 page after page brings a log to hold all that another one has, whatever it held before", async () => {
    const anyLimits = fc.record({ partsBytesMax: fc.integer({ min: 1, max: 2000 }), partsMax: fc.integer({ min: 1, max: 6 }) })
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat(100), fc.boolean(), anyLimits, async (delivery, had, says, limits) => {
        const frames = delivery.map((blocks) => blocks.map(noteOracleBlock)), log = new PlannedLog(), plain = newViews()
        const start = Math.floor(frames.length * had / 100)
        for (const blocks of frames.slice(0, start)) log.add(blocks)
        const all = new NotedFrames()
        for (const blocks of frames) all.fold(plain, blocks)
        const storage = await storageOf(frames), head = frames.length
        for (let upToDate = false; !upToDate;) {
          const { cursor } = log.views.remotes.of(REMOTE)
          const have = !says ? [] : [...log.views.vector.entries].filter(([, { withheld }]) => withheld.length === 0)
            .map(([writer, { seq }]) => ({ writer: log.views.writers.idOf(writer), seq }))
          const found = await readPage(storage, crc32, { cursor, have, partsBytesMax: 1e9 }, head, { ...DEFAULT_REMOTE_LIMITS, ...limits })
          upToDate = found.next.position === head
          const page = pageOf({ ...found, upToDate, head })
          const wasTaken = await log.commit(pageCommit(REMOTE, page, checkParts(page.parts, REMOTE), cursor, () => 0))
          assert.ok(wasTaken || log.views.remotes.of(REMOTE).caughtUp)
        }
        assert.deepEqual(showKernel(log.views), showKernel(plain))
        const [remote] = showKernelRemotes(log.views).remotes
        assert.deepEqual([remote!.cursor.position, remote!.caughtUp], [head, true])
        const entries = [...plain.vector.entries].map(([writer, { seq }]) => `${bytesToHex(plain.writers.idOf(writer))} ${seq}`)
        const { vector } = log.views.remotes.of(REMOTE)
        for (const entry of entries) {
          const [writer, seq] = entry.split(" ")
          assert.equal(vector.pairOf(log.views.writers.indexOf(fromHex(writer!))).seq, Number(seq), "what the remote has")
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe("checkParts()", () => {
  it("T8, T51 refuses what is no block, and a key that is no text", () => {
    const one = partOf(run(A, 0, 1)), hex = bytesToHex(one.content)
    const bad = (content: string): Part => ({ type: 1, content: fromHex(content) })
    assert.throws(() => checkParts([one, bad(hex.slice(0, -2))], REMOTE), violation(/^Cannot decode a page/))
    assert.throws(() => checkParts([bad(`${hex}c0`)], REMOTE), violation(/left over/))
    assert.throws(() => checkParts([bad("")], REMOTE), violation(/cut short/))
    assert.throws(() => checkParts([bad(hex.replace("6b30", "6bff"))], REMOTE), violation(/^a key is not well-formed UTF-8$/))
    assert.throws(() => checkParts([bad(`${hex}c0`)], REMOTE), (error) => error instanceof Error && error.cause instanceof CorruptBytes)
  })

  it("leaves values for when somebody reads them", () => {
    assert.equal(checkParts([partOf(blockOf([A], [operation(1, "k", "c1")]))], REMOTE).length, 1)
  })

  it("F-14 names what a later release wrote, and leaves out what may be ignored", () => {
    const one = partOf(run(A, 0, 1)), codec = { ...one, content: one.content.with(3, 1) }
    assert.throws(() => checkParts([codec], REMOTE), FormatTooNew)
    for (const type of [0, 2, 3, 4, 127]) {
      assert.throws(() => checkParts([{ ...one, type }], REMOTE), (error) => error instanceof FormatTooNew && error.details.found === type)
    }
    assert.deepEqual(
      checkParts([{ type: 128, content: fromHex("c1") }, one, { type: 70_000, content: fromHex("") }], REMOTE).map(({ part }) => part),
      [one],
    )
  })

  it("keeps nothing of the bytes but the part itself", () => {
    const one = partOf(blockOf([A], [put(1, "k"), put(3, "x")], { to: 4, withheld: [2] })),
      [range] = checkParts([one, partOf(run(B, 0, 5))], REMOTE)
    assert.deepEqual({ ...range!, part: undefined, seqs: [...range!.seqs] }, {
      part: undefined,
      writer: fromHex(A),
      from: 0,
      to: 4,
      withheld: [2],
      seqs: [1, 3],
    })
    assert.equal(range!.part, one)
  })
})

describe("restartCommit()", () => {
  it("S16 sets the cursor and forgets what was known, if the cursor is still the one that was asked with", () => {
    const log = new PlannedLog().write(run(A, 0, 1)).caughtUp([[A, 1]]), { cursor } = log.views.remotes.of(REMOTE)
    const { parts, change } = shown(restartCommit(REMOTE, CURSOR_START, cursor)(log.views))
    assert.deepEqual([parts, change.restart, change.cursor, change.caughtUp], [[], true, placeOf(0), false])
    assert.equal(restartCommit(REMOTE, CURSOR_START, CURSOR_START)(log.views), undefined)
  })
})

describe("sameCursor()", () => {
  it("compares position and id", () => {
    assert.ok(sameCursor(cursorOf(3), cursorOf(3)))
    assert.equal(sameCursor(cursorOf(3), { ...cursorOf(3), position: 4 }), false)
    assert.equal(sameCursor(cursorOf(3), { ...cursorOf(4), position: 3 }), false)
    assert.equal(sameCursor(cursorOf(3), { position: 3, id: cursorOf(3).id.slice(0, 15) }), false)
  })
})
