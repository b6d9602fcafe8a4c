import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, blockOf, operation, splitArray } from "../../conformance/vectors/blocks.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import { anyBlock } from "../testing/any-block.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { processorMillis } from "../testing/processor-time.ts"
import type { BlockColumns } from "./block-columns.ts"
import { type BlockHead, readBlockHead } from "./block-head.ts"
import { type BlockNotation, encodeNotedBlock, fromHex } from "./block-notation.ts"
import { ByteReader } from "./bytes.ts"

const headOf = (bytes: Uint8Array): BlockHead => {
  const reader = new ByteReader("a block")
  reader.point(bytes, 0, bytes.length)
  return readBlockHead(reader)
}
/** Asserts that a head says what the whole block says. */
function agree({ writer, from, to, count, withheldMax }: BlockHead, block: BlockColumns): void {
  assert.deepEqual([writer, from, to, count], [new Uint8Array(block.writers[0]!), block.from, block.to, block.count])
  assert.ok(withheldMax >= block.withheld.length)
  assert.equal(withheldMax > 0, block.withheld.length > 0)
}
const RICH: BlockNotation = blockOf([A, B], [operation(3, "k", "01"), operation(5, "k", "02")], { from: 2, to: 300, withheld: [4, 299] })
const changed = (elements: { readonly [index: number]: string }): Uint8Array =>
  fromHex(`dc0018${splitArray(encodeNotedBlock(RICH)).map((element, index) => elements[index] ?? element).join("")}`)

describe("readBlockHead()", () => {
  it("says of every block what decodeBlock() says", () => {
    fc.assert(fc.property(anyBlock, (block) => {
      const bytes = encodeNotedBlock(block)
      agree(headOf(bytes), readBlockBytes(bytes))
    }))
  })

  it("takes whatever decodeBlock() takes, of spoiled bytes too, and throws nothing but its errors", () => {
    const splice = fc.tuple(fc.nat(40), fc.nat(3), fc.uint8Array({ maxLength: 4 }))
    let taken = 0
    fc.assert(
      fc.property(anyBlock, fc.array(splice, { maxLength: 2 }), (block, splices) => {
        const bytes = [...encodeNotedBlock(block)]
        for (const [at, drop, insert] of splices) bytes.splice(at % bytes.length, drop, ...insert)
        let head: BlockHead | undefined
        try {
          head = headOf(Uint8Array.from(bytes))
        } catch (error) {
          if (!(error instanceof CorruptBytes || error instanceof FormatTooNew)) throw error
        }
        let whole: BlockColumns
        try {
          whole = readBlockBytes(Uint8Array.from(bytes))
        } catch {
          return
        }
        assert.ok(head !== undefined, "the head of a whole block is refused")
        agree(head, whole)
        taken++
      }),
      { numRuns: 1000 },
    )
    assert.ok(taken > 100)
  })

  it("keeps no reference to the bytes", () => {
    const bytes = encodeNotedBlock(RICH), { writer } = headOf(bytes)
    bytes.fill(0)
    assert.deepEqual(writer, fromHex(A))
  })

  it("counts no withheld numbers in a column that is empty", () => {
    assert.equal(headOf(changed({ 5: "c0" })).withheldMax, 0)
    assert.equal(headOf(changed({ 5: "c400" })).withheldMax, 0)
    assert.equal(headOf(changed({})).withheldMax, 3, "the second number takes two bytes")
  })

  it("names a codec that it does not know, before it looks at anything else", () => {
    for (const bytes of [changed({ 0: "01" }), fromHex("9101")]) {
      assert.throws(() => headOf(bytes), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.deepEqual(error.details, { location: "a block's codec", found: 1, known: 0 })
        return true
      })
    }
  })

  it("refuses what no block begins with", () => {
    const cases: readonly { readonly [index: number]: string }[] = [
      { 1: "c400" },
      { 1: `c40f${A.slice(2)}` },
      { 2: "cd012c" },
      { 3: "02" },
      { 3: "ce80000000" },
      { 4: "cd0200" },
      { 5: "c6ffffffff" },
    ]
    for (const elements of cases) assert.throws(() => headOf(changed(elements)), CorruptBytes, JSON.stringify(elements))
    assert.throws(() => headOf(fromHex("dc001700")), CorruptBytes)
    assert.throws(() => headOf(fromHex("c0")), CorruptBytes)
  })

  it("T3, T16 refuses every truncation of the head, and forged lengths, before it reserves memory for them", () => {
    const bytes = encodeNotedBlock(RICH), headBytes = 3 + splitArray(bytes).slice(0, 6).join("").length / 2
    for (let length = 0; length < headBytes; length++) assert.throws(() => headOf(bytes.slice(0, length)), CorruptBytes, `${length} bytes`)
    headOf(bytes.slice(0, headBytes))
    for (const head of ["c6ffffffff", "c6000f4240"]) {
      const started = processorMillis()
      assert.throws(() => headOf(changed({ 1: head })), CorruptBytes)
      assert.ok(processorMillis() - started < 250)
    }
  })
})
