/** Goal: a push is taken whole or not at all, and what is taken harms nobody who reads it later. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, MILLIS, operation } from "../../conformance/vectors/blocks.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readBlock } from "../../conformance/vectors/reader/frame.ts"
import { readValue } from "../../conformance/vectors/reader/value.ts"
import { BatchTooLarge, CorruptBytes, FormatTooNew } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, type OperationNotation } from "../format/block-notation.ts"
import { CLOCK_DRIFT_MILLIS_MAX, WITHHELD_BYTES } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Part, PushRequest } from "../ports/remote.ts"
import { NotedFrames, partOf, type Told } from "../testing/noted-frames.ts"
import { encodedHex } from "../testing/view-feeder.ts"
import { processorMillis } from "../testing/processor-time.ts"
import { LogViews } from "../views/log-views.ts"
import { type Admission, judge, type Verdict } from "./judge.ts"
import { checkParts } from "./pages.ts"
import { type ArrivingOperation, type Caller, DEFAULT_REMOTE_LIMITS } from "./remote-log.ts"

const C = "c0c1c2c3c4c5c6c70000000000000001"
const ADA: Caller = { principal: "ada", rights: { read: true, write: true, relay: true, admin: false } }
const without = (right: "write" | "relay", caller: Caller = ADA): Caller => ({ ...caller, rights: { ...caller.rights, [right]: false } })

/** A log that is pushed to. */
class Judged {
  readonly views = new LogViews()
  readonly #frames = new NotedFrames()
  now: number = MILLIS
  admission: Admission = { limits: DEFAULT_REMOTE_LIMITS, clockAheadMillisMax: CLOCK_DRIFT_MILLIS_MAX, refuse: undefined }

  has(blocks: readonly BlockNotation[], told: Told = {}): this {
    this.#frames.fold(this.views, blocks, told)
    return this
  }
  judge(blocks: readonly (BlockNotation | Part)[], own: readonly string[] = [A], caller: Caller = ADA): Verdict {
    const parts = blocks.map((block) => ("content" in block ? block : partOf(block)))
    const request: PushRequest = { basis: [], own: own.map(fromHex), parts }
    return judge(request, caller, this.views, this.admission, this.now)
  }
}

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
const kindOf = (verdict: Verdict): string => verdict.kind
const taken = (verdict: Verdict): string[] => {
  assert.equal(verdict.kind, "taken")
  return verdict.kind === "taken" ? verdict.parts.map(({ content }) => bytesToHex(content)) : []
}
const hexOf = (...blocks: readonly BlockNotation[]): string[] => blocks.map((block) => bytesToHex(encodeNotedBlock(block)))
const refusals = (verdict: Verdict): unknown => {
  assert.equal(verdict.kind, "refused")
  return verdict.kind === "refused" ? verdict.refused.map(({ writer, seq, code }) => [bytesToHex(writer), seq, code]) : []
}
const forbidden = (verdict: Verdict): unknown => {
  assert.equal(verdict.kind, "forbidden")
  return verdict.kind === "forbidden" ? verdict.writers.map((writer) => bytesToHex(writer)) : []
}

const FIRST = blockOf([A], [put(1, "k1")])
const FUTURE = { millis: MILLIS + CLOCK_DRIFT_MILLIS_MAX + 1 }

/** How long it takes to judge parts, which are taken. */
function timed(log: Judged, parts: readonly Part[]): number {
  const started = processorMillis()
  assert.equal(kindOf(log.judge(parts, [])), "taken")
  return processorMillis() - started
}
/** Comparing everything with everything takes several times as long, or far more. */
const requireLinear = (plainMillis: number, millis: number): void =>
  assert.ok(millis < plainMillis * 3 + 300, `${millis} ms, and without it ${plainMillis} ms`)

describe("judge()", () => {
  it("takes what brings anything, byte for byte, and leaves out the rest (rule S13)", () => {
    const log = new Judged(), second = blockOf([A], [put(2, "k2")]), both = blockOf([A], [put(1, "k1"), put(2, "k2")])
    const other = blockOf([B], [put(1, "k3")])
    assert.deepEqual(taken(log.judge([FIRST, second, other])), hexOf(FIRST, second, other))
    log.has([FIRST])
    assert.deepEqual(taken(log.judge([FIRST, second])), hexOf(second))
    assert.deepEqual(taken(log.judge([both])), hexOf(both), "a range that overlaps goes whole")
    assert.deepEqual(taken(log.judge([second, both, FIRST])), hexOf(second))
    assert.deepEqual(taken(log.judge([])), [])
  })

  it("S20 takes what a block of the push names as withheld and a later one brings", () => {
    const block = blockOf([A], [put(2, "k2")], { from: 0, to: 2, withheld: [1] })
    assert.deepEqual(taken(new Judged().judge([block, FIRST])), hexOf(block, FIRST))
    assert.deepEqual(taken(new Judged().judge([block, FIRST, FIRST])), hexOf(block, FIRST))
    const far = blockOf([A], [put(1, "k1", FUTURE)])
    assert.deepEqual(refusals(new Judged().judge([block, far])), [[A, 1, "clock_ahead"]])
  })

  it("T34 takes a push again, and finds nothing in it", () => {
    const log = new Judged(), blocks = [blockOf([A], [put(1, "k1"), put(2, "k2")]), blockOf([B, A], [put(1, "k1", { context: [[1, 1]] })])]
    assert.deepEqual(taken(log.judge(blocks)), hexOf(...blocks))
    log.has(blocks)
    assert.deepEqual(taken(log.judge(blocks)), [])
    assert.deepEqual(taken(log.judge(blocks, [], without("relay", without("write")))), [], "for whoever brings it")
  })

  it("judges in the order of the rules: size, rights, links, gaps, voids, operations", () => {
    const bad = operation(9, "k", "c1", FUTURE)
    const steps: readonly (readonly [kind: string, block: BlockNotation])[] = [
      ["too large", blockOf([A, B], [bad], { from: 0, to: 20, links: [[1, 5]] })],
      ["forbidden", blockOf([A, B], [bad], { from: 0, to: 20, links: [[1, 5]] })],
      ["unknown", blockOf([A, B], [bad], { from: 0, to: 20, links: [[1, 5]] })],
      ["unknown", blockOf([A], [bad], { from: 7, to: 20 })],
      ["damaged", blockOf([A], [bad], { from: 0, to: 20 })],
      ["refused", blockOf([A], [{ ...bad, seq: 1 }], { from: 0, to: 1 })],
    ]
    for (const [at, [kind, block]] of steps.entries()) {
      const log = new Judged()
      if (at === 0) log.admission = { ...log.admission, limits: { ...DEFAULT_REMOTE_LIMITS, partsBytesMax: 10 } }
      const judged = (): string => kindOf(log.judge([block], [A], at < 2 ? without("write") : ADA))
      if (kind === "too large") assert.throws(judged, BatchTooLarge)
      else if (kind === "damaged") assert.throws(judged, CorruptBytes)
      else assert.equal(judged(), kind)
    }
  })

  it("changes nothing, whatever it finds", () => {
    const log = new Judged().has([FIRST], { receipt: { principal: "ada", millis: 1, own: [A] } })
    log.judge([blockOf([A], [put(2, "k2", FUTURE)]), blockOf([B, C], [put(1, "k")], { links: [[1, 3]] })])
    assert.deepEqual([...log.views.vector.entries], [[0, { seq: 1, withheld: [] }]])
    assert.deepEqual([log.views.owners.size, log.views.lineage.has(1), log.views.labels.size], [1, false, 0])
  })

  describe("sizes", () => {
    it("T60 takes a push of as many bytes, operations and parts as the limits say, and refuses one more", () => {
      const log = new Judged(), blocks = [blockOf([A], [put(1, "k1"), put(2, "k2")]), blockOf([B], [put(1, "k3")])]
      const bytes = blocks.reduce((sum, block) => sum + encodeNotedBlock(block).length, 0)
      const exact = { partsBytesMax: bytes, operationsMax: 3, partsMax: 2 }
      log.admission = { ...log.admission, limits: exact }
      assert.equal(kindOf(log.judge(blocks)), "taken")
      for (const less of [{ partsBytesMax: bytes - 1 }, { operationsMax: 2 }, { partsMax: 1 }]) {
        log.admission = { ...log.admission, limits: { ...exact, ...less } }
        assert.throws(() => log.judge(blocks), BatchTooLarge, JSON.stringify(less))
      }
    })

    it("T40 counts withheld numbers with what everybody who pulls them has to tell of them", () => {
      const log = new Judged(), withheld = Array.from({ length: 100 }, (_, at) => at + 1)
      const block = blockOf([A], [put(101, "k")], { from: 0, withheld }), bytes = encodeNotedBlock(block).length + 100 * WITHHELD_BYTES
      log.admission = { ...log.admission, limits: { ...DEFAULT_REMOTE_LIMITS, partsBytesMax: bytes } }
      assert.equal(kindOf(log.judge([block])), "taken")
      log.admission = { ...log.admission, limits: { ...DEFAULT_REMOTE_LIMITS, partsBytesMax: bytes - 1 } }
      assert.throws(() => log.judge([block]), BatchTooLarge)
    })

    it("T45 refuses contexts of more than 1,024 entries and more than 64 links, which nobody could read", () => {
      const ids = (count: number): string[] => [A, ...Array.from({ length: count }, (_, i) => (i + 1).toString(16).padStart(32, "0"))]
      const entries = (count: number): (readonly [number, number])[] => Array.from({ length: count }, (_, i) => [i + 1, 1])
      const wide = (count: number): BlockNotation => blockOf(ids(count), [put(1, "k", { context: entries(count) })])
      const linked = (count: number): BlockNotation => blockOf(ids(count), [put(1, "k")], { links: entries(count) })
      const log = new Judged()
      for (let writer = 1; writer <= 64; writer++) log.has([blockOf([writer.toString(16).padStart(32, "0")], [put(1, "k")])])
      assert.equal(kindOf(log.judge([wide(1024)])), "taken")
      assert.throws(() => log.judge([wide(1025)]), CorruptBytes)
      assert.equal(kindOf(log.judge([linked(64)])), "taken")
      assert.throws(() => log.judge([linked(65)]), CorruptBytes)
    })

    it("T45 judges thousands of first blocks with all their links in no time", () => {
      const ids = Array.from({ length: 2800 }, (_, at) => (at + 1).toString(16).padStart(32, "0"))
      const others = (at: number): string[] => Array.from({ length: 64 }, (_, other) => ids[(at + other + 1) % ids.length]!)
      const plain = ids.map((id, at) => partOf(blockOf([id, ...others(at)], [put(1, `k${at}`)])))
      const links = Array.from({ length: 64 }, (_, other) => [other + 1, 1] as const)
      const linked = ids.map((id, at) => partOf(blockOf([id, ...others(at)], [put(1, `k${at}`)], { links })))
      requireLinear(timed(new Judged(), plain), timed(new Judged(), linked))
    })

    it("T45 judges very many numbers that are withheld here in no time", () => {
      const rows = 60_000, numbers = Array.from({ length: rows }, (_, at) => at + 1)
      const block = partOf(blockOf([A], numbers.map((seq) => put(seq, `k${seq}`, { counter: seq })), { from: 0, to: rows }))
      const withheld = new Judged().has([blockOf([A], [put(rows + 1, "k")], { from: 0, withheld: numbers })])
      requireLinear(timed(new Judged(), [block]), timed(withheld, [block]))
    })
  })

  describe("rights", () => {
    it("T33, S35 forbids what is new of own writers without the right to write, of others without the right to relay", () => {
      const log = new Judged().has([FIRST]),
        news = [blockOf([A], [put(2, "k2")]), blockOf([B], [put(1, "k3")]), blockOf([B], [put(2, "k4")])]
      assert.deepEqual(forbidden(log.judge(news, [A], without("relay"))), [B])
      assert.deepEqual(forbidden(log.judge(news, [A], without("write"))), [A])
      assert.deepEqual(forbidden(log.judge(news, [A, B], without("write"))), [A, B])
      assert.equal(kindOf(log.judge(news, [A, B], without("relay"))), "taken")
      assert.equal(kindOf(log.judge(news, [], without("write"))), "taken", "all of it is relayed")
    })

    it("T33 refuses new operations of a writer that another principal brought first as its own", () => {
      const receipt = { principal: "ada", millis: 1, own: [A] }, bob: Caller = { ...ADA, principal: "bob" }
      const log = new Judged().has([FIRST], { receipt }), both = blockOf([A], [put(1, "k1"), put(2, "k2"), put(3, "k3")])
      assert.deepEqual(refusals(log.judge([both], [A], bob)), [[A, 2, "writer_not_owned"], [A, 3, "writer_not_owned"]])
      assert.deepEqual(taken(log.judge([FIRST], [A], bob)), [], "what is here may come from anybody")
      assert.equal(kindOf(log.judge([both], [A])), "taken")
      assert.equal(kindOf(log.judge([both], [], bob)), "taken", "as somebody who relays it")
      assert.deepEqual(forbidden(log.judge([both], [], without("relay", bob))), [A])
    })

    it("takes a writer of nobody from whoever names it first", () => {
      const log = new Judged().has([FIRST], { receipt: { principal: "bob", millis: 1, own: [] } })
      assert.equal(kindOf(log.judge([blockOf([A], [put(2, "k2")])], [A], without("relay"))), "taken")
    })
  })

  describe("what a push builds on", () => {
    it("S33 answers unknown to a link above what the log has, and above what the push brings", () => {
      const linked = (seq: number): BlockNotation => blockOf([B2, B], [put(1, "k")], { links: [[1, seq]] })
      const log = new Judged(), first = blockOf([B], [put(1, "k1"), put(2, "k2")])
      assert.equal(kindOf(log.judge([linked(1)])), "unknown", "forged: nobody has seen that writer")
      assert.equal(kindOf(log.judge([first, linked(2)])), "taken")
      assert.equal(kindOf(log.judge([linked(2), first])), "taken", "in any order")
      assert.equal(kindOf(log.judge([first, linked(3)])), "unknown")
      log.has([first])
      assert.equal(kindOf(log.judge([linked(2)])), "taken")
      assert.equal(kindOf(log.judge([linked(3)])), "unknown")
      log.has([linked(2)])
      const third = blockOf([C, B], [put(1, "k")], { links: [[1, 2]] })
      assert.equal(kindOf(log.judge([third])), "taken", "an entry that another implies is had")
    })

    it("answers unknown to a gap before a block, also inside the push", () => {
      const log = new Judged(),
        at = (from: number, to: number): BlockNotation => blockOf([A], [put(to, "k")], { from, to, withheld: withheldIn(from, to) })
      assert.equal(kindOf(log.judge([at(1, 2)])), "unknown")
      assert.equal(kindOf(log.judge([at(0, 1), at(2, 3)])), "unknown")
      assert.equal(kindOf(log.judge([at(1, 2), at(0, 1)])), "unknown", "in this order")
      assert.equal(kindOf(log.judge([at(0, 1), at(1, 2)])), "taken")
      log.has([at(0, 3)])
      assert.equal(kindOf(log.judge([at(2, 5)])), "taken", "an overlap is none (rule S13)")
      assert.equal(kindOf(log.judge([at(4, 5)])), "unknown")
    })

    it("T35 refuses a forged range whose numbers are neither listed, withheld nor covered", () => {
      const log = new Judged().has([FIRST]), huge = { from: 1, to: 0x7fff_ffff }
      for (
        const block of [
          blockOf([A], [], huge),
          blockOf([A], [put(2, "k")], huge),
          blockOf([A], [put(0x7fff_ffff, "k")], huge),
          blockOf([A], [put(3, "k")], { from: 1, to: 3 }),
          blockOf([B], [], { from: 0, to: 1 }),
        ]
      ) {
        for (const own of [[], [A, B]]) {
          assert.throws(
            () => log.judge([block], own),
            (error) => error instanceof CorruptBytes && /neither listed, withheld nor covered/.test(error.message),
          )
        }
      }
      assert.deepEqual([...log.views.vector.entries], [[0, { seq: 1, withheld: [] }]])
    })

    it("T35 takes numbers that another operation of the push covers, of any writer that has seen them", () => {
      const log = new Judged().has([FIRST])
      const squashed = blockOf([A], [put(3, "k", { context: [[0, 2]] })], { from: 1, to: 3 })
      assert.equal(kindOf(log.judge([squashed])), "taken", "a later one of the same writer")
      const gone = blockOf([A], [], { from: 1, to: 3 }), cover = blockOf([B, A], [put(1, "k", { context: [[1, 3]] })])
      assert.equal(kindOf(log.judge([gone, cover])), "taken", "one of another writer")
      assert.throws(() => log.judge([gone, blockOf([B, A], [put(1, "k", { context: [[1, 2]] })])]), CorruptBytes, "it has not seen all")
      const second = blockOf([B, A], [put(1, "other")], { links: [[1, 3]] }),
        implied = blockOf([C, B], [put(1, "k", { context: [[1, 1]] })])
      assert.equal(kindOf(log.judge([gone, second, implied])), "taken", "through who continued the writer")
    })
  })

  describe("operations", () => {
    it("T46, S21 refuses own stamps that are further ahead than the limit, to the millisecond, and no past ones", () => {
      for (
        const [ahead, kind] of [[-1, "taken"], [0, "taken"], [1, "refused"], [86_400_000, "refused"], [315_360_000_000, "refused"]] as const
      ) {
        const millis = MILLIS + CLOCK_DRIFT_MILLIS_MAX + ahead
        for (const kindOfOperation of ["put", "delete", "choice"] as const) {
          const more: Partial<OperationNotation> = kindOfOperation === "choice"
            ? { kind: "choice", settles: [[1, 1]] }
            : kindOfOperation === "delete"
            ? { kind: "delete", value: null }
            : {}
          assert.equal(
            kindOf(new Judged().judge([blockOf([A, B], [put(1, "k", { millis, ...more })])])),
            kind,
            `${kindOfOperation} ${ahead}`,
          )
        }
      }
      const last = { millis: 0xffff_ffff_ffff, counter: 0xffff }
      assert.deepEqual(refusals(new Judged().judge([blockOf([A], [put(1, "k1"), put(2, "k2", last)])])), [[A, 2, "clock_ahead"]])
      assert.equal(kindOf(new Judged().judge([blockOf([A], [put(1, "k", { millis: 0 })])])), "taken")
    })

    it("T46, S21 takes stamps of others, of events and of forgets, however far ahead they are", () => {
      const block = blockOf([A], [put(1, "k", FUTURE)])
      assert.equal(kindOf(new Judged().judge([block], [])), "taken")
      const timeless = blockOf([A], [
        put(1, "k", { ...FUTURE, kind: "event" }),
        put(2, "k", { ...FUTURE, kind: "forget", value: null, counter: 1 }),
      ])
      assert.equal(kindOf(new Judged().judge([timeless])), "taken")
    })

    it("S19 stores nothing of a push of which one operation is refused, and names all that are", () => {
      const log = new Judged(),
        blocks = [blockOf([A], [put(1, "k1"), put(2, "k2", FUTURE)]), blockOf([B], [put(1, "k3", FUTURE), put(2, "k4")])]
      assert.deepEqual(refusals(log.judge(blocks, [A, B])), [[A, 2, "clock_ahead"], [B, 1, "clock_ahead"]])
      const verdict = log.judge(blocks, [A, B])
      assert.ok(verdict.kind === "refused" && verdict.serverTimeMillis === MILLIS)
    })

    it("S21 judges nothing that the log has seen, but a number that is withheld here and arrives", () => {
      const log = new Judged().has([blockOf([A], [put(1, "k1"), put(3, "k3", { counter: 1 })], { from: 0, to: 4, withheld: [2, 4] })])
      const again = blockOf([A], [put(1, "k1", FUTURE), put(3, "k3", FUTURE)], { from: 0, to: 4, withheld: [2, 4] })
      assert.deepEqual(taken(log.judge([again])), [])
      const late = blockOf([A], [put(1, "k1", FUTURE), put(2, "k2", FUTURE)], { from: 0, to: 2 })
      assert.deepEqual(refusals(log.judge([late])), [[A, 2, "clock_ahead"]])
      const fine = blockOf([A], [put(2, "k2")], { from: 1, to: 2 })
      assert.deepEqual(taken(log.judge([fine])), hexOf(fine))
    })

    it("T1, T40 refuses a value that nobody could read, whatever is wrong with it", () => {
      const values = [
        "c1",
        "d400",
        `${"91".repeat(65)}c0`,
        "ca00000000",
        "a1ff",
        "0101",
        "81a161",
        "81a9" + "5f5f70726f746f5f5f" + "01",
        "cf0000000000000001",
      ]
      for (const value of values) {
        for (const own of [[A], []]) {
          assert.deepEqual(refusals(new Judged().judge([blockOf([A], [operation(1, "k", value)])], own)), [[A, 1, "op_invalid"]], value)
        }
      }
      assert.equal(kindOf(new Judged().judge([blockOf([A], [operation(1, "k", `${"91".repeat(64)}c0`)])])), "taken")
    })

    it("T40, T9 takes no block with a key that is no text, also where the log has that number already", () => {
      const spoiled = (block: BlockNotation): Part => {
        const { type, content } = partOf(block), hex = bytesToHex(content)
        assert.ok(hex.includes("7a7a7a7a"))
        return { type, content: fromHex(hex.replace("7a7a7a7a", "7affffff")) }
      }
      assert.deepEqual(refusals(new Judged().judge([spoiled(blockOf([A], [put(1, "zzzz")]))])), [[A, 1, "op_invalid"]])
      const log = new Judged().has([blockOf([A], [put(1, "zzzz")])])
      assert.throws(() => log.judge([spoiled(blockOf([A], [put(1, "zzzz"), put(2, "k")]))]), CorruptBytes)
      assert.throws(() => log.judge([spoiled(blockOf([A], [put(1, "zzzz"), put(2, "k")]))], []), CorruptBytes)
    })

    it("T40 takes no block with a value that is none, also where the log has that number already", () => {
      const log = new Judged().has([FIRST])
      assert.throws(() => log.judge([blockOf([A], [operation(1, "k1", "c1"), put(2, "k2")])]), CorruptBytes)
    })

    it("asks the owner's rule once for each operation that is new, with what it says", () => {
      const seen: unknown[] = [], log = new Judged().has([FIRST])
      log.admission = {
        ...log.admission,
        refuse: (arriving: ArrivingOperation) => {
          const { kind, collection, key } = arriving
          seen.push({ kind, collection, key, value: arriving.value() })
          return key === "k3" ? "not here" : undefined
        },
      }
      const value = encodedHex({ a: [1] })
      const block = blockOf([A, B], [
        put(1, "k1"),
        operation(2, "k2", value, { collection: 1 }),
        operation(3, "k3", null),
        operation(4, "\u{1f600}", "", { kind: "choice", settles: [[1, 1]] }),
      ], { names: ["", "users"] })
      const verdict = log.judge([block])
      assert.deepEqual(seen, [
        { kind: "put", collection: "users", key: "k2", value: { a: [1] } },
        { kind: "delete", collection: "", key: "k3", value: undefined },
        { kind: "choice", collection: "", key: "\u{1f600}", value: undefined },
      ])
      assert.deepEqual(verdict, {
        kind: "refused",
        refused: [{ writer: fromHex(A), seq: 3, code: "op_invalid", message: "not here" }],
        serverTimeMillis: MILLIS,
      })
    })

    it("gives the owner's rule no operation that could not be read, nor one that is refused anyway", () => {
      const log = new Judged()
      log.admission = { ...log.admission, refuse: () => assert.fail("asked") }
      assert.deepEqual(refusals(log.judge([blockOf([A], [operation(1, "k", "c1"), put(2, "k", FUTURE)])])), [
        [A, 1, "op_invalid"],
        [A, 2, "clock_ahead"],
      ])
    })

    it("T78 cuts messages to 200 bytes of text, whatever the owner's rule says", () => {
      for (
        const [message, bytes] of [["x".repeat(500), 200], ["\u00e9".repeat(200), 200], ["\u{1f600}".repeat(100), 200], [
          "x\u{1f600}".repeat(80),
          200,
        ]] as const
      ) {
        const log = new Judged()
        log.admission = { ...log.admission, refuse: () => message }
        const verdict = log.judge([blockOf([A], [put(1, "k")])])
        assert.ok(verdict.kind === "refused")
        const { message: cut } = verdict.refused[0]!, length = new TextEncoder().encode(cut).length
        assert.ok(message.startsWith(cut))
        assert.ok(length <= 200 && length > bytes - 4, `${length} bytes`)
      }
    })

    it("names 1,024 refused operations at most, and the others when it is asked again", () => {
      const block = blockOf([A], Array.from({ length: 2000 }, (_, at) => put(at + 1, `k${at}`, { ...FUTURE, counter: at })))
      const verdict = new Judged().judge([block])
      assert.ok(verdict.kind === "refused" && verdict.refused.length === 1024 && verdict.refused[1023]!.seq === 1024)
    })
  })

  it("F-14 leaves out parts that may be ignored, and refuses those that may not", () => {
    const ignorable = { type: 128, content: fromHex("c1ff") }
    assert.deepEqual(taken(new Judged().judge([ignorable, FIRST])), hexOf(FIRST))
    assert.deepEqual(taken(new Judged().judge([ignorable])), [])
    for (const type of [0, 2, 3, 4, 127]) {
      assert.throws(() => new Judged().judge([{ ...partOf(FIRST), type }]), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.equal(error.details.found, type)
        return true
      })
    }
  })

  it("T8, T40 whatever bytes it takes, everybody can read: keys, values, blocks, pages", () => {
    const anyValue = fc.constantFrom("01", "c0", "a0", "81a16101", "c1", "91", "d90161", "cb0000000000000000", "c403010203", "ff00")
    const anySplice = fc.tuple(fc.nat(), fc.nat(2), fc.uint8Array({ maxLength: 3 }))
    let takenPushes = 0
    fc.assert(
      fc.property(
        fc.array(anyValue, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.array(anySplice, { maxLength: 2 }),
        fc.boolean(),
        (values, had, splices, isOwn) => {
          const log = new Judged()
          if (had > 0) log.has([blockOf([A], Array.from({ length: had }, (_, at) => put(at + 1, `k${at}`)))])
          const bytes = [...encodeNotedBlock(blockOf([A], values.map((value, at) => operation(at + 1, `kk${at}`, value))))]
          for (const [at, drop, insert] of splices) bytes.splice(at % bytes.length, drop, ...insert)
          const part = { type: 1, content: Uint8Array.from(bytes) }
          let verdict: Verdict
          try {
            verdict = log.judge([part], isOwn ? [A] : [])
          } catch (error) {
            if (error instanceof CorruptBytes || error instanceof FormatTooNew) return
            throw error
          }
          if (verdict.kind !== "taken") return
          for (const { content } of verdict.parts) {
            takenPushes++
            checkParts([{ type: 1, content }], "r")
            try {
              for (const { key, value } of readBlock(content).operations) {
                new TextDecoder("utf-8", { fatal: true }).decode(key)
                if (value !== null && value.length > 0) readValue(value)
              }
            } catch (error) {
              assert.fail(`the second reader refuses it: ${error instanceof Refused ? error.message : error}`)
            }
          }
        },
      ),
      { numRuns: 3000 },
    )
    assert.ok(takenPushes > 100, `${takenPushes} pushes were taken`)
  })
})

/** All numbers of a range but the last, as withheld ones. */
const withheldIn = (from: number, to: number): number[] => Array.from({ length: to - from - 1 }, (_, at) => from + at + 1)
