import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { blockOf, operation, splitArray } from "../../conformance/vectors/blocks.ts"
import { toHex } from "../../conformance/vectors/notation.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readBlock } from "../../conformance/vectors/reader/frame.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import { BATCH_OPERATIONS_MAX } from "../limits.ts"
import { anyBlock } from "../testing/any-block.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { BlockColumns, NO_CONTEXT } from "./block-columns.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, notationOf } from "./block-notation.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"
import { decodeBlock, encodeBlock } from "./operation-block.ts"
import { processorMillis } from "../testing/processor-time.ts"

/** "damaged", "too new", or what was read; anything else that is thrown is a defect. */
function judge(bytes: Uint8Array, block: BlockColumns = new BlockColumns()): "damaged" | "too new" | BlockColumns {
  try {
    return readBlockBytes(bytes, block)
  } catch (error) {
    if (error instanceof CorruptBytes) return "damaged"
    if (error instanceof FormatTooNew) return "too new"
    throw error
  }
}
function judgeAgain(bytes: Uint8Array): string {
  try {
    readBlock(bytes)
    return "read"
  } catch (error) {
    if (error instanceof Refused) return error.refusal
    throw error
  }
}

const [A, B] = ["a0".repeat(16), "b0".repeat(16)]
/** Everything that a block can have. */
const RICH: BlockNotation = blockOf([A, B], [
  operation(1, "k1", "01"),
  operation(2, "k1", "02", { counter: 1, context: [[0, 1]] }),
  operation(4, "k2", null, { millis: 1_700_000_000_000, context: [[1, 700]] }),
  operation(5, "k3", "93010203", { millis: 1_700_000_000_001, counter: 4, context: [[0, 2], [1, 3]], keeps: [[1, 2]], collection: 1 }),
  operation(6, "k4", "", { kind: "choice", context: [[1, 9]], settles: [[1, 9], [0, 3]] }),
], { from: 0, to: 9, withheld: [3, 8], origin: "0f".repeat(16), links: [[1, 9]], label: "laptop", names: ["", "users"] })
const rich = encodeNotedBlock(RICH)

describe("encodeBlock() and decodeBlock()", () => {
  it("give back every block, whatever was in the columns before, and the same bytes again", () => {
    const used = new BlockColumns()
    fc.assert(
      fc.property(anyBlock, (block) => {
        const bytes = encodeNotedBlock(block)
        assert.deepEqual(notationOf(readBlockBytes(bytes, used)), block)
        assert.deepEqual(toHex(encodeNotedBlock(notationOf(used))), toHex(bytes))
      }),
      { numRuns: 400 },
    )
  })

  it("write what the second reader reads", () => {
    fc.assert(fc.property(anyBlock, (block) => {
      const again = readBlock(encodeNotedBlock(block))
      const dots = (numbered: readonly (readonly [number, number])[]) => numbered.map(([number, seq]) => [block.writers[number], seq])
      assert.deepEqual([again.from, again.to, again.withheld, again.names, again.label], [
        block.from,
        block.to,
        block.withheld,
        block.names,
        block.label,
      ])
      assert.deepEqual(
        again.operations.map(({ seq, millis, counter }) => [seq, millis, counter]),
        block.operations.map(({ seq, millis, counter }) => [seq, millis, counter]),
      )
      assert.deepEqual(
        again.operations.map(({ context, keeps }) => [context, keeps]),
        block.operations.map(({ context, keeps }) => [dots(context), dots(keeps)]),
      )
    }))
  })

  it("encodeBlock() leaves keys and values as ranges of what it wrote", () => {
    const block = new BlockColumns(), out = new ByteWriter(), keys = new TextEncoder().encode("..k2k1"), values = Uint8Array.of(0, 7, 8)
    block.writers.push(fromHex(A))
    block.names.push("")
    block.from = 0
    block.to = block.count = 3
    for (const [row, [keyStart, valueStart, valueEnd]] of [[4, 1, 2], [2, 2, 3], [4, 0, 0]].entries()) {
      block.seqs[row] = row + 1
      block.kinds[row] = row === 2 ? 1 : 0
      block.contextWriters[row] = NO_CONTEXT
      block.keyStarts[row] = keyStart!
      block.keyEnds[row] = keyStart! + 2
      block.valueStarts[row] = valueStart!
      block.valueEnds[row] = valueEnd!
    }
    out.u8(0xc0) // the block need not begin at 0
    encodeBlock(block, keys, values, out)
    block.bytes = out.buffer
    const range = (starts: Uint32Array, ends: Uint32Array, row: number): Uint8Array => block.bytes.slice(starts[row], ends[row])
    assert.deepEqual([0, 1, 2].map((row) => new TextDecoder().decode(range(block.keyStarts, block.keyEnds, row))), ["k1", "k2", "k1"])
    assert.deepEqual([0, 1, 2].map((row) => [...range(block.valueStarts, block.valueEnds, row)]), [[7], [8], []])
    assert.deepEqual(notationOf(readBlockBytes(out.buffer.slice(1, out.length))).operations.map(({ key, value }) => [key, value]), [
      ["k1", "07"],
      ["k2", "08"],
      ["k1", null],
    ])
  })

  it("an operation costs few bytes: a put of a new key 2, an update 4, beside key and value", () => {
    const put = (rows: number): number =>
      encodeNotedBlock(blockOf([A], Array.from({ length: rows }, (_, i) => operation(i + 1, "k", "01", { counter: i })))).length
    const update = (rows: number): number =>
      encodeNotedBlock(
        blockOf([A], Array.from({ length: rows }, (_, i) => operation(1000 + i, "k", "01", { counter: i, context: [[0, 1 + i]] }))),
      ).length
    assert.equal(put(100) - put(90), 10 * (2 + 2))
    assert.equal(update(60) - update(50), 10 * (2 + 2 + 3))
  })

  it("I23 decodeBlock() refuses every truncation", () => {
    for (let length = 0; length < rich.length; length++) assert.equal(judge(rich.slice(0, length)), "damaged", `${length} bytes`)
    assert.equal(judge(Uint8Array.from([...rich, 0])), "damaged")
  })

  // Without a checksum a flip may give another block; it must never give anything else, and both readers must agree which.
  it("I23 decodeBlock() takes or refuses every single-bit flip as the second reader does", () => {
    const block = new BlockColumns()
    let refused = 0
    for (let bit = 0; bit < rich.length * 8; bit++) {
      const bytes = rich.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      const judged = judge(bytes, block)
      assert.equal(typeof judged === "string" ? judged : "read", judgeAgain(bytes), `bit ${bit}`)
      if (typeof judged === "string") refused++
    }
    assert.ok(refused > rich.length, "structure is checked")
  })

  it("decodeBlock() refuses or reads any bytes, and throws nothing but its errors", () => {
    const block = new BlockColumns()
    const splice = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 6 }))
    fc.assert(
      fc.property(anyBlock, fc.array(splice, { minLength: 1, maxLength: 4 }), (noted, splices) => {
        const bytes = [...encodeNotedBlock(noted)]
        for (const [at, drop, insert] of splices) bytes.splice(at % bytes.length, drop, ...insert)
        const judged = judge(Uint8Array.from(bytes), block)
        assert.equal(typeof judged === "string" ? judged : "read", judgeAgain(Uint8Array.from(bytes)))
        if (typeof judged !== "string") { for (let row = 0; row < judged.count; row++) judged.contextOf(row) }
      }),
      { numRuns: 800 },
    )
  })

  it("T3, T16 decodeBlock() refuses forged counts and lengths before it reserves memory for them", () => {
    const elements = splitArray(rich)
    const forged = [
      "c6ffffffff",
      "c6000f4240",
      "dbffffffff",
      "ddffffffff",
      "dfffffffff",
      "ceffffffff",
      "ce7fffffff",
      "cf001fffffffffffff",
      "cfffffffffffffffff",
    ]
    for (const [index] of elements.entries()) {
      for (const head of forged) {
        const bytes = fromHex(`dc0018${elements.map((element, at) => at === index ? head : element).join("")}`)
        const block = new BlockColumns(), started = processorMillis()
        const judged = judge(bytes, block)
        assert.ok(processorMillis() - started < 250, `element ${index}, ${head}`)
        // Only the upper end of the range may be that large.
        if (index !== 3 || head !== "ce7fffffff") assert.notEqual(typeof judged, "object", `element ${index}, ${head}`)
        assert.ok(block.kinds.length <= 64, `element ${index}, ${head} made ${block.kinds.length} rows`)
      }
    }
  })

  it("T3 decodeBlock() takes as many rows as a batch has, and refuses one more", () => {
    const rows = (count: number): BlockNotation =>
      blockOf(
        [A],
        Array.from({ length: count }, (_, i) => operation(i + 1, "k", "c0", { counter: i % 60_000, millis: 1 + Math.floor(i / 60_000) })),
      )
    const judged = judge(encodeNotedBlock(rows(BATCH_OPERATIONS_MAX)))
    assert.ok(typeof judged === "object" && judged.count === BATCH_OPERATIONS_MAX)
    assert.equal(judge(encodeNotedBlock(rows(BATCH_OPERATIONS_MAX + 1))), "damaged")
  })

  it("T45 decodeBlock() takes contexts of 1,024 entries and 64 links, and refuses one more", () => {
    const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => i.toString(16).padStart(32, "0"))
    const entries = (count: number): (readonly [number, number])[] => Array.from({ length: count }, (_, i) => [i + 1, 1])
    for (const [count, outcome] of [[1024, "object"], [1025, "string"]] as const) {
      const put = operation(1, "k", "01", { context: entries(count) })
      assert.equal(typeof judge(encodeNotedBlock(blockOf(ids(count + 1), [put]))), outcome)
      const side = operation(1, "k", "01", { kind: "choice", keeps: entries(count), settles: entries(count) })
      assert.equal(typeof judge(encodeNotedBlock(blockOf(ids(count + 1), [side]))), outcome)
    }
    for (const [count, outcome] of [[64, "object"], [65, "string"]] as const) {
      assert.equal(typeof judge(encodeNotedBlock(blockOf(ids(count + 1), [operation(1, "k", "01")], { links: entries(count) }))), outcome)
    }
  })

  it("decodeBlock() reads a block in the middle of a buffer and stops behind it", () => {
    const bytes = Uint8Array.from([1, 2, 3, ...rich, 4, 5]), block = new BlockColumns()
    const reader = new ByteReader("a block")
    reader.point(bytes, 3, 3 + rich.length)
    decodeBlock(reader, block)
    assert.equal(reader.at, 3 + rich.length)
    assert.deepEqual(notationOf(block), RICH)
  })
})
