/** Goal: every operation that a remote does not take is answered once, by one frame, and nothing that a remote says can spoil a log. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { type ChangeNotation, noteChange } from "../../conformance/vectors/notation.ts"
import { fromHex, type OperationNotation } from "../format/block-notation.ts"
import { BATCH_BYTES_MAX, CLOCK_DRIFT_MILLIS_MAX, STAMP_MILLIS_MAX } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Refusal, RefusalCode } from "../ports/remote.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { clockOffsetOf, foreignWriters, hasUnanswered, noChange, refusalCommit, withheldCommit } from "./refusals.ts"
import type { SyncFrame } from "./synced-log.ts"

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
const refusal = (writer: string, seq: number, code: RefusalCode = "clock_ahead", message = ""): Refusal => ({
  writer: fromHex(writer),
  seq,
  code,
  message,
})
const NOW = 1_000_000

/** What a frame says, rewrites as the dots that they cover. */
const shown = (log: PlannedLog, frame: SyncFrame | undefined): { readonly rewrites: unknown; readonly change: ChangeNotation } => {
  assert.ok(frame !== undefined, "there is no frame")
  assert.equal(frame.parts.length, 0)
  const rewrites = frame.rewrites.map(({ version }) => [bytesToHex(log.views.writers.idOf(version.writer)), version.seq])
  return { rewrites, change: noteChange(frame.change!) }
}
const refused = (log: PlannedLog, refusals: readonly Refusal[], serverTimeMillis = NOW - 400_000): SyncFrame | undefined =>
  refusalCommit(REMOTE, refusals, () => NOW, serverTimeMillis)(log.views)
const own = (...operations: readonly OperationNotation[]): PlannedLog => new PlannedLog().write(blockOf([A], operations))

describe("refusalCommit()", () => {
  it("S19, S37 has what was refused for its stamp written anew, and notes by how much the clock is ahead", () => {
    const log = own(put(1, "k1"), put(2, "k2", { counter: 1 }))
    const { rewrites, change } = shown(log, refused(log, [refusal(A, 2, "clock_ahead", "400 s ahead")]))
    assert.deepEqual(rewrites, [[A, 2]])
    assert.deepEqual(change, {
      ...noteChange(noChange(REMOTE)),
      refused: [{ dot: [A, 2], code: "clock_ahead", message: "400 s ahead" }],
      offset: 400_000,
    })
  })

  it("S19 writes nothing anew that is no version of its record any more", () => {
    const log = own(put(1, "k"), put(2, "k", { context: [[0, 1]], counter: 1 }))
    const { rewrites, change } = shown(log, refused(log, [refusal(A, 1), refusal(A, 2)]))
    assert.deepEqual([rewrites, change.refused.length], [[[A, 2]], 2])
  })

  it("S19 writes several versions of one record anew, and a tombstone too", () => {
    const log = new PlannedLog().write(blockOf([A], [put(1, "k"), operation(2, "gone", null, { counter: 1 })])).write(
      blockOf([B], [put(1, "k")]),
    )
    assert.deepEqual(shown(log, refused(log, [refusal(A, 1), refusal(A, 2), refusal(B, 1)])).rewrites, [[A, 1], [A, 2], [B, 1]])
  })

  it("S19 makes dead letters of what is refused for anything else, with the reason", () => {
    const log = own(put(1, "k1"), put(2, "k2", { counter: 1 }), put(3, "k3", { counter: 2 }))
    const codes: readonly RefusalCode[] = ["op_invalid", "op_too_large", "op_invalid"]
    const { rewrites, change } = shown(log, refused(log, codes.map((code, at) => refusal(A, at + 1, code, "no"))))
    assert.deepEqual([rewrites, change.dead, change.offset], [[], [[A, 1], [A, 2], [A, 3]], null])
    assert.deepEqual(change.refused.map(({ code }) => code), codes)
  })

  it("S35 has what belongs to another login written anew, and takes no offset from that", () => {
    const log = own(put(1, "k1"), put(2, "k2", { counter: 1 }), put(3, "k2", { context: [[0, 2]], counter: 2 }))
    const all = [1, 2, 3].map((seq) => refusal(A, seq, "writer_not_owned"))
    const { rewrites, change } = shown(log, refused(log, all))
    assert.deepEqual([rewrites, change.dead, change.offset], [[[A, 1], [A, 3]], [], null])
    assert.deepEqual(change.refused.map(({ dot }) => dot), [[A, 1], [A, 2], [A, 3]], "what was replaced since is withheld too")
    const both = shown(log, refused(log, [refusal(A, 1, "writer_not_owned"), refusal(A, 3, "clock_ahead")]))
    assert.deepEqual([both.rewrites, both.change.offset], [[[A, 1], [A, 3]], 400_000])
  })

  it("S35 takes no word on operations of others from who says that their writer is not ours", () => {
    const log = own(put(1, "k1")).add([blockOf([B], [put(1, "k2")])]), refusals = [refusal(B, 1, "writer_not_owned")]
    assert.equal(refused(log, refusals), undefined)
    const { views } = log, index = views.writers.indexOf(fromHex(B))
    assert.deepEqual(foreignWriters(views, [...refusals, refusal(A, 1, "writer_not_owned"), refusal(B, 1, "op_invalid")]), [index])
    assert.deepEqual(foreignWriters(views, [{ ...refusal(B, 1, "writer_not_owned"), writer: new Uint8Array(3) }]), [])
  })

  it("S25 an event that is refused is a dead letter, and never written anew", () => {
    const log = own(put(1, "e", { kind: "event" })), { rewrites, change } = shown(log, refused(log, [refusal(A, 1, "op_invalid")]))
    assert.deepEqual([rewrites, change.dead], [[], [[A, 1]]])
  })

  it("takes each refusal once: what is on record and answered makes no frame", async () => {
    const log = own(put(1, "k1"), put(2, "k2", { counter: 1 })), refusals = [refusal(A, 1, "op_invalid")]
    assert.equal(await log.commit(refusalCommit(REMOTE, refusals, () => NOW, NOW)), true)
    assert.equal(refused(log, refusals), undefined)
    assert.deepEqual(shown(log, refused(log, [...refusals, refusal(A, 2, "op_invalid")])).change.dead, [[A, 2]])
    const elsewhere = refusalCommit("other", refusals, () => NOW, NOW)(log.views)
    assert.deepEqual(
      [elsewhere?.change?.refused.length, elsewhere?.change?.dead.length],
      [1, 0],
      "it is dead already; that remote refuses it too",
    )
    log.tell({ refused: [{ dot: [A, 2], code: "clock_ahead", message: "" }], offset: 400_000 }).write(
      blockOf([A], [put(3, "k2", { context: [[0, 2]] })]),
    )
    assert.equal(refused(log, [refusal(A, 2)]), undefined, "it was covered, and the offset is known")
    assert.equal(shown(log, refused(log, [refusal(A, 2)], NOW - 500_000)).change.offset, 500_000)
  })

  it("T49 the offset never takes a clock forwards, and stays within what a log can hold, whatever a remote makes of the time", () => {
    for (
      const [serverTimeMillis, offset] of [
        [NOW + 1, 0],
        [9e15, 0],
        [NaN, 0],
        [Infinity, 0],
        [NOW - 0.4, 0],
        [NOW - 1.6, 2],
        [-9e15, STAMP_MILLIS_MAX],
        [-Infinity, STAMP_MILLIS_MAX],
      ] as const
    ) {
      const log = own(put(1, "k"))
      assert.equal(shown(log, refused(log, [refusal(A, 1)], serverTimeMillis)).change.offset, offset, String(serverTimeMillis))
    }
  })

  it("T51 takes no word on operations that are not here, or that nobody can have written", () => {
    const log = own(put(1, "k"))
    const wild: readonly Refusal[] = [
      refusal(A, 2),
      refusal(A, 0),
      refusal(A, -1),
      refusal(A, 0.5),
      refusal(A, NaN),
      refusal(A, 2 ** 53),
      refusal(B, 1, "op_invalid"),
      { ...refusal(A, 1), writer: new Uint8Array(15) },
      { ...refusal(A, 1), writer: new Uint8Array(0) },
    ]
    assert.equal(refused(log, wild), undefined)
    assert.deepEqual(shown(log, refused(log, [...wild, refusal(A, 1)])).change.refused.map(({ dot }) => dot), [[A, 1]])
  })

  it("T51 cuts codes and messages to what a frame can hold", () => {
    const log = own(put(1, "k")), code = `x${"\u00e9".repeat(40)}` as RefusalCode
    const [dot] = shown(log, refused(log, [refusal(A, 1, code, "\u{1f600}".repeat(300))])).change.refused
    assert.deepEqual(dot, { dot: [A, 1], code: `x${"\u00e9".repeat(31)}`, message: "\u{1f600}".repeat(50) })
  })

  it("takes as many refusals as fit a frame", () => {
    const value = `c6000f0000${"00".repeat(0x0f0000)}`, log = new PlannedLog()
    for (let seq = 1; seq <= 5; seq++) log.write(blockOf([A], [operation(seq, `k${seq}`, value)], { from: seq - 1, to: seq }))
    const all = [1, 2, 3, 4, 5].map((seq) => refusal(A, seq))
    const { rewrites, change } = shown(log, refused(log, all))
    assert.deepEqual(rewrites, [[A, 1], [A, 2], [A, 3]])
    assert.equal(change.refused.length, 3, "what was not answered is not on record: the remote refuses it again")
    assert.equal(shown(log, refused(log, all.map(({ seq }) => refusal(A, seq, "op_invalid")))).change.dead.length, 5)
  })
})

describe("withheldCommit()", () => {
  const withheld = (...dots: readonly (readonly [string, number])[]): ChangeNotation["refused"] =>
    dots.map((dot) => ({ dot, code: "withheld", message: "" }))

  it("S20 has own versions that a page named as withheld written anew, and makes dead letters of those of others", () => {
    const log = new PlannedLog().write(blockOf([A], [put(1, "k1"), put(2, "k2", { counter: 1 })])).add([blockOf([B], [put(1, "k3")])])
    log.tell({ refused: withheld([A, 2], [B, 1], [B, 7]) })
    assert.ok(hasUnanswered(log.views, REMOTE))
    assert.equal(hasUnanswered(log.views, "other"), false)
    const { rewrites, change } = shown(log, withheldCommit(REMOTE)(log.views))
    assert.deepEqual([rewrites, change.dead, change.refused], [[[A, 2]], [[B, 1]], []])
  })

  it("S20 has nothing to answer where something covers it, where it is dead, or where there is none", async () => {
    const log = new PlannedLog().add([blockOf([B], [put(1, "k"), put(2, "x", { counter: 1 })])])
    assert.equal(withheldCommit(REMOTE)(log.views), undefined)
    log.tell({ refused: withheld([B, 1], [B, 2], [B, 3]) })
    log.write(blockOf([A, B], [put(1, "k", { context: [[1, 1]] })]))
    assert.equal(await log.commit(withheldCommit(REMOTE)), true)
    assert.deepEqual([...log.views.remotes.dead.entries()].map(({ seq }) => seq), [2])
    assert.equal(hasUnanswered(log.views, REMOTE), false)
    assert.equal(withheldCommit(REMOTE)(log.views), undefined)
  })

  it("S20 answers very many in several frames, each of which fits", () => {
    const value = `c6000f0000${"00".repeat(0x0f0000)}`, log = new PlannedLog(), dots: [string, number][] = []
    for (let seq = 1; seq <= 5; seq++) {
      log.write(blockOf([A], [operation(seq, `k${seq}`, value)], { from: seq - 1, to: seq }))
      dots.push([A, seq])
    }
    log.tell({ refused: withheld(...dots) })
    const frame = withheldCommit(REMOTE)(log.views)!
    const bytes = frame.rewrites.reduce((sum, { version }) => sum + version.keyBytes + version.valueBytes, 0)
    assert.ok(frame.rewrites.length === 3 && bytes <= BATCH_BYTES_MAX)
  })
})

describe("clockOffsetOf()", () => {
  it("S37 says that a clock is right again once an answer shows it, and nothing else", () => {
    const log = own(put(1, "k")),
      at = (serverTimeMillis: number): number | undefined => clockOffsetOf(log.views, REMOTE, NOW, serverTimeMillis)
    assert.deepEqual([NOW, 0].map(at), [undefined, undefined], "there is no offset")
    log.tell({ offset: 400_000 })
    assert.deepEqual([NOW, NOW + 9e9, NOW - CLOCK_DRIFT_MILLIS_MAX, NOW - CLOCK_DRIFT_MILLIS_MAX - 1].map(at), [0, 0, 0, undefined])
    assert.equal(clockOffsetOf(log.views, "other", NOW, NOW), undefined)
  })
})
