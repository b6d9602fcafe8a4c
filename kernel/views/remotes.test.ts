import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { RemoteChange } from "../format/change.ts"
import { WriterTable } from "../model/identifiers.ts"
import { Lineage } from "../model/lineage.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { CURSOR_START, RemotesView } from "./remotes.ts"

const idOf = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const cursorOf = (position: number): RemoteChange["cursor"] => ({ position, id: idOf(position) })
const changeOf = (change: Partial<RemoteChange>): RemoteChange => ({
  remote: "r",
  restart: false,
  caughtUp: false,
  cursor: undefined,
  ranges: [],
  refused: [],
  dead: [],
  clockOffsetMillis: undefined,
  ...change,
})

/** A view with the writers 0, 1, 2 …, whose ids are their numbers. */
class Seen {
  readonly lineage = new Lineage()
  readonly writers = new WriterTable()
  readonly view = new RemotesView(this.lineage, this.writers)

  constructor() {
    for (let byte = 0; byte < 5; byte++) this.writers.indexOf(idOf(byte))
  }
  fold(change: Partial<RemoteChange>, brought: readonly (readonly [writer: number, to: number])[] = []): boolean {
    return this.view.fold(changeOf(change), brought.map(([writer, to]) => ({ writer, to })))
  }
  vectorOf(remote: string = "r"): Record<number, number> {
    return Object.fromEntries([...this.view.of(remote).vector.entries].map(([writer, { seq }]) => [writer, seq]))
  }
}

describe("RemotesView", () => {
  it("of() knows nothing of a remote that the log does not tell of", () => {
    const { view } = new Seen(), { cursor, vector, caughtUp, refused, clockOffsetMillis } = view.of("r")
    assert.deepEqual([cursor, vector.entries.size, caughtUp, refused.size, clockOffsetMillis], [CURSOR_START, 0, false, 0, 0])
    assert.deepEqual(view.names, [])
  })

  it("S16 fold() takes a page: the new cursor, and its blocks and ranges as what the remote has", () => {
    const seen = new Seen()
    seen.fold({ cursor: cursorOf(3), ranges: [{ writer: idOf(2), seq: 4 }] }, [[1, 7], [1, 5]])
    assert.deepEqual(seen.vectorOf(), { 1: 7, 2: 4 })
    seen.fold({ cursor: cursorOf(4), ranges: [{ writer: idOf(2), seq: 3 }, { writer: idOf(1), seq: 8 }] })
    assert.deepEqual(seen.vectorOf(), { 1: 8, 2: 4 }, "nothing goes down")
    assert.deepEqual(seen.view.of("r").cursor, cursorOf(4))
    assert.deepEqual(seen.view.names, ["r"])
  })

  it("fold() leaves the cursor and what the remote has to changes that tell of them", () => {
    const seen = new Seen()
    seen.fold({ cursor: cursorOf(3), caughtUp: true })
    seen.fold({ dead: [{ writer: idOf(1), seq: 1 }] }, [[1, 7]])
    assert.deepEqual(seen.vectorOf(), {}, "the own block of a frame is not there yet")
    const { cursor, caughtUp } = seen.view.of("r")
    assert.deepEqual([cursor, caughtUp], [cursorOf(3), true])
  })

  it("S31 fold() leaves out of a remote's vector what its entries imply, whichever comes first", () => {
    const seen = new Seen()
    seen.lineage.add(2, [1, 5])
    seen.fold({ cursor: cursorOf(1) }, [[1, 5]])
    seen.fold({ cursor: cursorOf(2) }, [[2, 1]])
    assert.deepEqual(seen.vectorOf(), { 2: 1 })
    seen.fold({ cursor: cursorOf(3) }, [[1, 4]])
    assert.deepEqual(seen.vectorOf(), { 2: 1 })
    seen.fold({ cursor: cursorOf(4) }, [[1, 6]])
    assert.deepEqual(seen.vectorOf(), { 1: 6, 2: 1 }, "a clone went on")
    assert.equal(seen.view.of("r").vector.pairOf(1).seq, 6)
  })

  it("S16 fold() takes a restart: cursor and generation are others, what was known counts no more, refusals stay", () => {
    const seen = new Seen()
    seen.fold({ cursor: cursorOf(9), caughtUp: true, clockOffsetMillis: -5 }, [[1, 7]])
    seen.fold({ refused: [{ writer: idOf(1), seq: 2, code: "op_invalid", message: "no" }] })
    const { generation } = seen.view.of("r")
    seen.fold({ restart: true, cursor: CURSOR_START, ranges: [{ writer: idOf(3), seq: 1 }] }, [[2, 2]])
    const after = seen.view.of("r")
    assert.deepEqual(seen.vectorOf(), { 3: 1 })
    assert.deepEqual([after.cursor, after.caughtUp, after.refused.size, after.clockOffsetMillis], [CURSOR_START, false, 1, -5])
    assert.equal(after.generation, generation + 1)
    seen.fold({ cursor: cursorOf(1), caughtUp: true })
    assert.deepEqual([seen.view.of("r").caughtUp, seen.view.of("r").generation], [true, generation + 1])
  })

  it("S19 fold() keeps why an operation was refused, the last reason of each remote, and that it is a dead letter anywhere", () => {
    const seen = new Seen(), dot = { writer: idOf(1), seq: 2 }
    seen.fold({ refused: [{ ...dot, code: "withheld", message: "" }] })
    seen.fold({ remote: "other", refused: [{ ...dot, code: "op_invalid", message: "no" }], dead: [dot, { writer: idOf(2), seq: 1 }] })
    seen.fold({ refused: [{ ...dot, code: "clock_ahead", message: "soon" }] })
    assert.deepEqual(seen.view.of("r").refused.get(1, 2), { code: "clock_ahead", message: "soon" })
    assert.deepEqual(seen.view.of("other").refused.get(1, 2), { code: "op_invalid", message: "no" })
    assert.deepEqual(seen.view.dead.get(1, 2), { code: "op_invalid", message: "no" }, "of the remote by which it died")
    assert.deepEqual(seen.view.dead.get(2, 1), { code: "refused", message: "" }, "no remote said why")
    assert.equal(seen.view.dead.size, 2)
  })

  it("S37 fold() answers whether a change tells of a clock, and corrects by the slowest remote", () => {
    const seen = new Seen()
    assert.equal(seen.fold({ cursor: cursorOf(1) }), false)
    assert.equal(seen.fold({ clockOffsetMillis: -400_000 }), true)
    assert.equal(seen.fold({ remote: "other", clockOffsetMillis: -900_000 }), true)
    assert.equal(seen.view.clockOffsetMillis, -900_000)
    assert.equal(seen.view.of("r").clockOffsetMillis, -400_000)
    assert.equal(seen.fold({ remote: "other", clockOffsetMillis: 0 }), true)
    assert.equal(seen.view.clockOffsetMillis, -400_000)
    seen.fold({ clockOffsetMillis: 0 })
    assert.ok(Object.is(seen.view.clockOffsetMillis, 0))
  })

  it("each remote is known by itself", () => {
    const seen = new Seen()
    seen.fold({ remote: "a", cursor: cursorOf(1), caughtUp: true }, [[1, 3]])
    seen.fold({ remote: "b", cursor: cursorOf(2) }, [[2, 4]])
    seen.fold({ remote: "a", restart: true, cursor: CURSOR_START })
    assert.deepEqual([seen.vectorOf("a"), seen.vectorOf("b")], [{}, { 2: 4 }])
    assert.deepEqual([seen.view.of("b").cursor, seen.view.of("b").caughtUp], [cursorOf(2), false])
    assert.deepEqual(seen.view.names, ["a", "b"])
  })
})
