/** Goal: who brought a frame comes back as it was, and no bytes do anything else. Read twice, by the kernel and the second reader. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { fromReceiptNotation, noteReceipt, type ReceiptNotation } from "../../conformance/vectors/notation.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readFrame } from "../../conformance/vectors/reader/frame.ts"
import { CorruptBytes } from "../errors.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { anyReceipt } from "../testing/any-change.ts"
import { fromHex } from "./block-notation.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"
import { crc32 } from "./checksum.ts"
import { beginFrame } from "./frame.ts"
import { readReceipt, writeReceipt } from "./receipt.ts"
import { processorMillis } from "../testing/processor-time.ts"

const [A, B] = ["a0", "b0"].map((byte) => byte.repeat(16)) as [string, string]
const ONE: ReceiptNotation = { principal: "ada", millis: 1_792_195_200_000, own: [A, B] }

function encode(receipt: ReceiptNotation): Bytes {
  const out = new ByteWriter()
  writeReceipt(out, fromReceiptNotation(receipt))
  return out.buffer.slice(0, out.length)
}

/** What both readers make of bytes: they must agree. Anything else that is thrown is a defect. */
function judge(bytes: Uint8Array): "damaged" | ReceiptNotation {
  let judged: "damaged" | ReceiptNotation
  try {
    const reader = new ByteReader("a receipt")
    reader.point(bytes, 0, bytes.length)
    judged = noteReceipt(readReceipt(reader))
    reader.expectEnd()
  } catch (error) {
    if (!(error instanceof CorruptBytes)) throw error
    judged = "damaged"
  }
  const out = new ByteWriter(), id = new Uint8Array(16)
  beginFrame(out, { position: 1, id, previous: id, flags: 0 }, 0)
  out.msgNil()
  out.bytes(bytes, 0, bytes.length)
  const sum = crc32(out.buffer, 0, out.length)
  let again: unknown
  try {
    again = readFrame(
      Uint8Array.from([...out.buffer.subarray(0, out.length), 0xce, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255]),
    ).receipt
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    again = error.refusal
  }
  // A lone nil is no receipt, and none at all where a frame has it.
  if (bytes.length !== 1 || bytes[0] !== 0xc0) assert.deepEqual(judged, again)
  return judged
}

describe("writeReceipt() and readReceipt()", () => {
  it("give back every receipt, and the same bytes again", () => {
    fc.assert(fc.property(anyReceipt, (receipt) => {
      const bytes = encode(receipt), read = judge(bytes)
      assert.deepEqual(read, receipt)
      assert.deepEqual(encode(read as ReceiptNotation), bytes)
    }))
  })

  it("readReceipt() takes a principal of 1,024 bytes and 48 bits of milliseconds, and refuses one more", () => {
    for (const more of [0, 1]) {
      for (const receipt of [{ ...ONE, principal: "\u00e9".repeat(512) + "x".repeat(more) }, { ...ONE, millis: 2 ** 48 - 1 + more }]) {
        assert.deepEqual(judge(encode(receipt)), more === 0 ? receipt : "damaged")
      }
    }
  })

  it("readReceipt() keeps nothing of the bytes that it reads", () => {
    const bytes = encode(ONE), reader = new ByteReader("a receipt")
    reader.point(bytes, 0, bytes.length)
    const receipt = readReceipt(reader)
    bytes.fill(0)
    assert.deepEqual(noteReceipt(receipt), ONE)
  })

  it("I23 readReceipt() refuses every truncation, and takes or refuses every flipped bit as the second reader does", () => {
    const bytes = encode(ONE)
    for (let length = 0; length < bytes.length; length++) assert.equal(judge(bytes.slice(0, length)), "damaged", `${length} bytes`)
    assert.equal(judge(Uint8Array.from([...bytes, 0xc0])), "damaged")
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      judge(flipped)
    }
  })

  it("T3, T16 readReceipt() refuses forged counts and lengths before it reserves memory for them", () => {
    for (
      const forged of [
        "ddffffffff",
        "dcffff",
        "93dbffffffff",
        "93daffff",
        "93a000c6ffffffff",
        "93a000c5ffff",
        "93a000c40f00",
        "93a0cfffffffffffffffff",
      ]
    ) {
      const started = processorMillis()
      assert.equal(judge(fromHex(forged)), "damaged", forged)
      assert.ok(processorMillis() - started < 250, forged)
    }
  })
})
