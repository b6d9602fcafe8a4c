/** Goal: what rights keep from a remote is named, as long as it is missing there, and nothing else. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { fromHex, type OperationNotation } from "../format/block-notation.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { Known } from "./known.ts"
import { LOSS_RECORDS_MAX, type UpstreamLoss, upstreamLossOf } from "./upstream-loss.ts"

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
const lossOf = ({ views }: PlannedLog, known: Known): UpstreamLoss | undefined => {
  known.follow(views)
  return upstreamLossOf(views, known)
}
const restricted = (log: PlannedLog, writers: readonly number[] = []): Known => {
  const known = new Known(REMOTE)
  known.follow(log.views)
  known.forbid(writers)
  return known
}

describe("upstreamLossOf()", () => {
  it("is nothing while the remote has refused nobody, though it lacks everything", () => {
    const log = new PlannedLog().add([blockOf([B], [put(1, "k")])])
    assert.equal(lossOf(log, new Known(REMOTE)), undefined)
    const known = restricted(log)
    assert.equal(lossOf(log, known)?.operations, 1)
    known.allow()
    assert.equal(lossOf(log, known), undefined, "rights may be others now")
  })

  it("names records of others that the remote lacks, tombstones too, and leaves out own ones and what was replaced", () => {
    const log = new PlannedLog()
      .add([blockOf([B], [put(1, "b1"), operation(2, "gone", null, { counter: 1 }), put(3, "over", { counter: 2 })])])
      .write(blockOf([A, B], [put(1, "a1"), put(2, "over", { context: [[1, 3]], counter: 1 })]))
    const known = restricted(log)
    assert.deepEqual(lossOf(log, known), { operations: 2, records: [{ collection: "", key: "b1" }, { collection: "", key: "gone" }] })
    known.forbid([log.views.writers.indexOf(fromHex(A))])
    assert.deepEqual(
      lossOf(log, known)?.records.map(({ key }) => key),
      ["b1", "gone", "over", "a1"],
      "own ones that may not go there, either",
    )
  })

  it("names no longer what a page shows to be there", () => {
    const log = new PlannedLog().add([blockOf([B], [put(1, "k1"), put(2, "k2", { counter: 1 })])]), known = restricted(log)
    log.caughtUp([[B, 1]])
    known.follow(log.views)
    known.forbid([])
    assert.deepEqual(lossOf(log, known)?.records.map(({ key }) => key), ["k2"])
    log.caughtUp([[B, 2]])
    assert.equal(lossOf(log, known), undefined)
  })

  it("counts every version of a record in conflict, names it once, and lists the first hundred", () => {
    const many = Array.from({ length: LOSS_RECORDS_MAX + 50 }, (_, at) => put(at + 2, `k${at}`, { counter: at + 1 }))
    const log = new PlannedLog().add([blockOf([B], [put(1, "both"), ...many])]).add([blockOf([A], [put(1, "both")])])
    const loss = lossOf(log, restricted(log))
    assert.equal(loss?.operations, LOSS_RECORDS_MAX + 52)
    assert.equal(loss?.records.length, LOSS_RECORDS_MAX)
    assert.deepEqual(loss?.records.slice(0, 2).map(({ key }) => key), ["both", "k0"])
  })
})
