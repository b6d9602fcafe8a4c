/** Goal: what a frame tells of a remote comes back as it was, and no bytes do anything else. Read twice, by the kernel and the second reader. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { splitArray } from "../../conformance/vectors/blocks.ts"
import { changeOf, placeOf } from "../../conformance/vectors/frames.ts"
import { type ChangeNotation, fromChangeNotation, noteChange, toHex } from "../../conformance/vectors/notation.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readFrame } from "../../conformance/vectors/reader/frame.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { anyChange } from "../testing/any-change.ts"
import { fromHex } from "./block-notation.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"
import { readChange, writeChange } from "./change.ts"
import { crc32 } from "./checksum.ts"
import { beginFrame } from "./frame.ts"
import { processorMillis } from "../testing/processor-time.ts"

const [A, B] = ["a0", "b0"].map((byte) => byte.repeat(16)) as [string, string]

function encode(change: ChangeNotation): Bytes {
  const out = new ByteWriter()
  writeChange(out, fromChangeNotation(change))
  return out.buffer.slice(0, out.length)
}

function decode(bytes: Uint8Array): ChangeNotation {
  const reader = new ByteReader("a change")
  reader.point(bytes, 0, bytes.length)
  const change = readChange(reader)
  reader.expectEnd()
  return noteChange(change)
}

/** A frame with these bytes as its change, for the second reader; its checksum is right. */
function framed(change: Uint8Array): Bytes {
  const out = new ByteWriter(), id = new Uint8Array(16)
  beginFrame(out, { position: 1, id, previous: id, flags: 0 }, 0)
  out.bytes(change, 0, change.length)
  out.msgNil()
  const sum = crc32(out.buffer, 0, out.length)
  return Uint8Array.from([...out.buffer.subarray(0, out.length), 0xce, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255])
}

/** What both readers make of bytes: they must agree. Anything else that is thrown is a defect. */
function judge(bytes: Uint8Array): "damaged" | "too new" | ChangeNotation {
  let judged: "damaged" | "too new" | ChangeNotation
  try {
    judged = decode(bytes)
  } catch (error) {
    if (!(error instanceof CorruptBytes || error instanceof FormatTooNew)) throw error
    judged = error instanceof CorruptBytes ? "damaged" : "too new"
  }
  let again: unknown
  try {
    again = readFrame(framed(bytes)).change
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    again = error.refusal
  }
  assert.deepEqual(judged, again)
  return judged
}

const FULL: ChangeNotation = changeOf({
  caughtUp: true,
  cursor: placeOf(3),
  ranges: [[B, 3], [A, 300]],
  refused: [{ dot: [A, 4], code: "clock_ahead", message: "ahead" }, { dot: [B, 5], code: "withheld", message: "" }],
  dead: [[B, 5]],
  offset: 70_000,
})
const full = encode(FULL)
const changed = (elements: { readonly [index: number]: string }): Bytes =>
  fromHex(`98${splitArray(full).map((element, index) => elements[index] ?? element).join("")}`)

describe("writeChange() and readChange()", () => {
  it("give back every change, and the same bytes again", () => {
    fc.assert(
      fc.property(anyChange, (change) => {
        const bytes = encode(change)
        assert.deepEqual(judge(bytes), change)
        assert.deepEqual(encode(decode(bytes)), bytes)
      }),
      { numRuns: 400 },
    )
  })

  it("writeChange() names each writer once, in the order in which ranges, refusals and dead letters come to it", () => {
    const elements = splitArray(encode(changeOf({ ranges: [[B, 1]], refused: FULL.refused, dead: [[A, 1], [B, 2]] })))
    assert.equal(elements[3], `c420${B}${A}`)
    assert.deepEqual([elements[4], elements[6]], ["c4020001", "c40401010002"])
  })

  it("a page without news costs few bytes", () => {
    assert.equal(encode(changeOf({ remote: "r", cursor: { position: 300, id: A } })).length, 1 + 2 + 1 + (1 + 3 + 18) + 5)
  })

  it("readChange() keeps nothing of the bytes that it reads", () => {
    const bytes = full.slice(), reader = new ByteReader("a change")
    reader.point(bytes, 0, bytes.length)
    const change = readChange(reader)
    bytes.fill(0)
    assert.deepEqual(noteChange(change), FULL)
  })

  it("readChange() reads in the middle of a buffer and stops behind the change", () => {
    const bytes = Uint8Array.from([1, 2, ...full, 3, 4]), reader = new ByteReader("a change")
    reader.point(bytes, 2, bytes.length)
    assert.deepEqual(noteChange(readChange(reader)), FULL)
    assert.deepEqual([reader.at, reader.end], [2 + full.length, bytes.length])
  })

  it("readChange() takes names, texts and numbers up to their limits, and refuses one more", () => {
    const refused = (seq: number, code: string, message: string): ChangeNotation =>
      changeOf({ refused: [{ dot: [A, seq], code, message }] })
    const cases: readonly (readonly [at: (more: number) => ChangeNotation])[] = [
      [(more) => changeOf({ remote: "\u00e9".repeat(512) + "x".repeat(more) })],
      [(more) => refused(1, "c".repeat(64 + more), "")],
      [(more) => refused(1, "", "\u{1f600}".repeat(50) + "x".repeat(more))],
      [(more) => refused(0x7fff_ffff + more, "", "")],
      [(more) => changeOf({ ranges: [[A, 0x7fff_ffff + more]] })],
      [(more) => changeOf({ dead: [[A, 0x7fff_ffff + more]] })],
      [(more) => changeOf({ offset: 2 ** 48 - 1 + more })],
    ]
    for (const [at] of cases) {
      assert.deepEqual(judge(encode(at(0))), at(0))
      assert.equal(judge(encode(at(1))), "damaged")
    }
    for (const change of [changeOf({ ranges: [[A, 0]] }), changeOf({ dead: [[A, 0]] }), refused(0, "", "")]) {
      assert.equal(judge(encode(change)), "damaged")
    }
  })

  it("readChange() names flags that it does not know, and ignores those from bit 8 on", () => {
    for (const flags of [4, 8, 64, 127]) {
      assert.throws(
        () => decode(changed({ 1: flags.toString(16).padStart(2, "0") })),
        (error) => {
          assert.ok(error instanceof FormatTooNew)
          assert.deepEqual(error.details, { location: "a change's flags", found: flags, known: 3 })
          return true
        },
      )
    }
    assert.equal(judge(changed({ 1: "cc82" })), "too new")
    assert.equal(judge(changed({ 1: "cd0104" })), "too new")
    assert.deepEqual(judge(changed({ 1: "cd0102" })), FULL)
    assert.deepEqual(judge(changed({ 1: "cf0010000000000000" })), { ...FULL, caughtUp: false })
  })

  it("I23 readChange() refuses every truncation, and bytes behind the end", () => {
    for (let length = 0; length < full.length; length++) assert.equal(judge(full.slice(0, length)), "damaged", `${length} bytes`)
    for (const byte of [0, 0xc0, 0xff]) assert.throws(() => decode(Uint8Array.from([...full, byte])), CorruptBytes)
  })

  // Without a checksum a flip may give another change; it must never give anything else, and both readers must agree which.
  it("I23 readChange() takes or refuses every single-bit flip as the second reader does", () => {
    let refused = 0
    for (let bit = 0; bit < full.length * 8; bit++) {
      const bytes = full.slice()
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      if (typeof judge(bytes) === "string") refused++
    }
    assert.ok(refused > full.length, "structure is checked")
  })

  it("readChange() takes or refuses any bytes as the second reader does, and throws nothing else", () => {
    const splice = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 5 }))
    fc.assert(
      fc.property(anyChange, fc.array(splice, { minLength: 1, maxLength: 3 }), (change, splices) => {
        const bytes = [...encode(change)]
        for (const [at, drop, insert] of splices) bytes.splice(at % bytes.length, drop, ...insert)
        const read = new Uint8Array(bytes), reader = new ByteReader("a change")
        reader.point(read, 0, read.length)
        try {
          readChange(reader)
          judge(read.slice(0, reader.at)) // what follows is not its business
        } catch (error) {
          if (!(error instanceof CorruptBytes || error instanceof FormatTooNew)) throw error
          judge(read)
        }
      }),
      { numRuns: 1500 },
    )
  })

  it("T3, T16 readChange() refuses forged counts and lengths before it reserves memory for them", () => {
    const forged = [
      "c6ffffffff",
      "c6000f4240",
      "dbffffffff",
      "daffff",
      "ddffffffff",
      "dc7fff",
      "dfffffffff",
      "ceffffffff",
      "cfffffffffffffffff",
    ]
    for (let index = 0; index < 8; index++) {
      for (const head of forged) {
        const started = processorMillis(), bytes = changed({ [index]: head })
        // Flags and an offset may be that large.
        const isNumber = (index === 1 || index === 7) && head === "ceffffffff"
        if (!isNumber) assert.equal(judge(bytes), "damaged", `element ${index}, ${head}`)
        assert.ok(processorMillis() - started < 250, `element ${index}, ${head}`)
      }
    }
    const entry = (head: string): Bytes => changed({ 5: `91${head}` })
    for (const head of forged) assert.equal(judge(entry(head)), "damaged", head)
    for (const bytes of [fromHex("ddffffffff"), fromHex("dcffff"), fromHex("9f")]) assert.equal(judge(bytes), "damaged", toHex(bytes))
  })
})
