import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { placeOf } from "../../conformance/vectors/frames.ts"
import { type BlockNotation, fromHex } from "../format/block-notation.ts"
import { newViews } from "../testing/oracle-frames.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { Known } from "./known.ts"

const run = (writer: string, to: number, more: Partial<BlockNotation> = {}): BlockNotation =>
  blockOf([writer], Array.from({ length: to }, (_, at) => operation(at + 1, `k${at}`, "01", { counter: at })), more)
const second = blockOf([B2, B], [operation(1, "k", "01")], { links: [[1, 3]] })

/** A log that has A up to 5, B up to 3, and B2, which continues B. */
const log = (): PlannedLog => new PlannedLog().write(run(A, 5)).add([run(B, 3)]).add([second])
const index = ({ views }: PlannedLog, writer: string): number => views.writers.indexOf(fromHex(writer))
const lacking = (known: Known, log: PlannedLog): number[] => known.lacking(log.views).sort()

describe("Known", () => {
  it("of() is what the remote's vector says or implies, until an answer says otherwise", () => {
    const seen = log(), known = new Known(REMOTE), of = (writer: string): number => known.of(index(seen, writer), seen.views)
    assert.deepEqual([of(A), of(B), of(B2)], [0, 0, 0])
    seen.caughtUp([[A, 2], [B2, 1]])
    known.follow(seen.views)
    assert.deepEqual([of(A), of(B), of(B2)], [2, 3, 1], "the later open stands for the earlier one")
    known.ack(index(seen, A), 4)
    known.ack(index(seen, B), 1)
    assert.deepEqual([of(A), of(B)], [4, 1], "believed upwards and downwards")
  })

  it("S31 of() takes an answer for a writer as one for what it continued, and an answer of nothing for nothing", () => {
    const seen = log(), known = new Known(REMOTE), of = (writer: string): number => known.of(index(seen, writer), seen.views)
    known.follow(seen.views)
    known.ack(index(seen, B2), 0)
    assert.deepEqual([of(B), of(B2)], [0, 0])
    known.ack(index(seen, B2), 1)
    assert.deepEqual([of(B), of(B2)], [3, 1])
  })

  it("S10 lacking() names the entries of the vector above what the remote has, whoever wrote them", () => {
    const seen = log(), known = new Known(REMOTE)
    known.follow(seen.views)
    assert.deepEqual(lacking(known, seen), [index(seen, A), index(seen, B2)].sort(), "what an entry implies shows in it")
    known.ack(index(seen, A), 4)
    assert.deepEqual(lacking(known, seen), [index(seen, A), index(seen, B2)].sort())
    known.ack(index(seen, A), 5)
    known.ack(index(seen, B2), 1)
    assert.deepEqual(lacking(known, seen), [])
  })

  it("S35 lacking() leaves out what may not be brought there, and looks at the own writers that others imply, until the next handshake", () => {
    const seen = new PlannedLog().write(run(B, 3)).write(second).add([run(A, 2)]), known = new Known(REMOTE)
    const at = (writer: string): number => index(seen, writer)
    known.follow(seen.views)
    assert.deepEqual(lacking(known, seen), [at(B2), at(A)].sort())
    known.readFrom = 2
    known.allow()
    assert.equal(known.readFrom, 2, "nothing was forbidden")
    known.forbid([at(B2)])
    assert.deepEqual(lacking(known, seen), [at(B)], "nobody else's goes, and of the own what was not named")
    assert.deepEqual([A, B, B2].map((writer) => known.takes(at(writer), seen.views)), [false, true, false])
    known.forbid([at(B)])
    assert.deepEqual(lacking(known, seen), [])
    known.allow()
    assert.deepEqual([lacking(known, seen), known.readFrom], [[at(B2), at(A)].sort(), 0])
  })

  it("raise() takes a page's word for more than an answer said, never for less, and says nothing of other writers", () => {
    const seen = log(), known = new Known(REMOTE), a = index(seen, A)
    known.follow(seen.views)
    known.raise(a, 3)
    assert.equal(known.of(a, seen.views), 0, "the vector of the remote tells of it")
    known.ack(a, 3)
    known.raise(a, 2)
    assert.equal(known.of(a, seen.views), 3)
    known.raise(a, 5)
    assert.equal(known.of(a, seen.views), 5)
  })

  it("S16 settle() forgets answers once a pull has reached the head, and reads from the start where a pull did not bring back what they said", () => {
    const seen = log(), known = new Known(REMOTE), a = index(seen, A)
    known.follow(seen.views)
    known.ack(a, 5)
    known.last = { position: 3, id: fromHex(A) }
    known.readFrom = 3
    seen.caughtUp([[A, 5]])
    known.settle(seen.views)
    assert.deepEqual([known.last, known.readFrom, known.of(a, seen.views)], [undefined, 3, 5])
    known.ack(index(seen, B2), 1)
    known.settle(seen.views)
    assert.deepEqual([known.readFrom, known.of(index(seen, B2), seen.views)], [0, 0], "the remote was restored")
  })

  it("follow() forgets what was learnt before a restart, or of another log", () => {
    const seen = log().caughtUp([[A, 5]]),
      known = new Known(REMOTE),
      learn = (): void => {
        known.ack(index(seen, A), 5)
        known.last = { position: 3, id: fromHex(A) }
        known.readFrom = 3
      }
    known.follow(seen.views)
    learn()
    known.follow(seen.views)
    assert.equal(known.readFrom, 3)
    known.forbid([index(seen, B)])
    seen.tell({ restart: true, cursor: placeOf(0) })
    const { cursor } = known.follow(seen.views)
    assert.deepEqual([cursor.position, known.last, known.readFrom, known.of(index(seen, A), seen.views)], [0, undefined, 0, 0])
    assert.equal(known.takes(index(seen, B), seen.views), false, "rights are of the handshake")
    learn()
    const others = newViews()
    known.follow(others)
    assert.deepEqual([known.last, known.readFrom, known.takes(0, others)], [undefined, 0, true])
  })

  it("S14 an answer that takes back what an earlier one said makes the plan read from the start again", () => {
    const seen = log(), known = new Known(REMOTE), a = index(seen, A)
    known.follow(seen.views)
    known.ack(a, 5)
    known.readFrom = 3
    known.ack(a, 5)
    assert.equal(known.readFrom, 3)
    known.ack(a, 2)
    assert.equal(known.readFrom, 0)
    seen.caughtUp([[B, 3]])
    known.readFrom = 3
    known.ack(index(seen, B), 1)
    assert.equal(known.readFrom, 0, "also what its log had said")
  })
})
