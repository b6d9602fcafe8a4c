/** Goal: the bytes of a frame are those of `docs/format.md`, and no change of them goes unseen. Reading twice, by the kernel and the second reader. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { changeOf, placeOf } from "../../conformance/vectors/frames.ts"
import {
  type ChangeNotation,
  fromChangeNotation,
  fromReceiptNotation,
  noteChange,
  noteReceipt,
  type ReceiptNotation,
} from "../../conformance/vectors/notation.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readFrame } from "../../conformance/vectors/reader/frame.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { anyChange, anyReceipt } from "../testing/any-change.ts"
import { encodeNotedBlock, fromHex } from "./block-notation.ts"
import { ByteWriter } from "./bytes.ts"
import { chooseChecksum, crc32 } from "./checksum.ts"
import { beginFrame, beginPart, endFrame, endPart, FRAME_FLAG_LOCAL, FrameReader, PartType, writePart } from "./frame.ts"
import { processorMillis } from "../testing/processor-time.ts"

interface Part {
  readonly type: number
  readonly content: Uint8Array
}

const idOf = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const hexOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")

interface Told {
  readonly change?: ChangeNotation | null
  readonly receipt?: ReceiptNotation | null
}

function encode(parts: readonly Part[], head: { readonly position?: number; readonly flags?: number } & Told = {}): Bytes {
  const out = new ByteWriter(), { position = 7, flags = FRAME_FLAG_LOCAL, change, receipt } = head
  beginFrame(out, { position, id: idOf(0xaa), previous: idOf(0xbb), flags }, parts.length)
  for (const { type, content } of parts) writePart(out, type, content)
  endFrame(out, crc32, change ? fromChangeNotation(change) : undefined, receipt ? fromReceiptNotation(receipt) : undefined)
  return out.buffer.slice(0, out.length)
}

/** The same bytes with a checksum that is right. */
function summed(bytes: readonly number[]): Bytes {
  const body = Uint8Array.from(bytes), sum = crc32(body, 0, body.length)
  return Uint8Array.from([...body, 0xce, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255])
}

interface Read {
  readonly position: number
  readonly id: string
  readonly previous: string
  readonly flags: number
  readonly parts: readonly Part[]
  readonly change: ChangeNotation | null
  readonly receipt: ReceiptNotation | null
}

function read(bytes: Uint8Array, reader: FrameReader = new FrameReader(crc32)): Read {
  reader.read(bytes)
  const parts: Part[] = []
  while (reader.nextPart()) {
    const { at, end, buffer } = reader.reader
    parts.push({ type: reader.partType, content: buffer.slice(at, end) })
  }
  const { position, id, previous, flags, change, receipt } = reader
  return {
    position,
    id: hexOf(id),
    previous: hexOf(previous),
    flags,
    parts,
    change: change === undefined ? null : noteChange(change),
    receipt: receipt === undefined ? null : noteReceipt(receipt),
  }
}

/** What both readers make of bytes: they must agree. */
function judge(bytes: Uint8Array, reader?: FrameReader): "damaged" | "too new" | Read {
  let judged: "damaged" | "too new" | Read
  try {
    judged = read(bytes, reader)
  } catch (error) {
    if (!(error instanceof CorruptBytes || error instanceof FormatTooNew)) throw error
    judged = error instanceof CorruptBytes ? "damaged" : "too new"
  }
  let again: unknown
  try {
    again = readFrame(bytes)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    again = error.refusal
  }
  // Parts are views of other buffers.
  const plain = (read: unknown): unknown => typeof read === "object" ? JSON.parse(JSON.stringify(read)) : read
  assert.deepEqual(plain(judged), plain(again))
  return judged
}

const block = encodeNotedBlock(
  blockOf(["a0".repeat(16)], [operation(1, "note:1", "81a474657874a26869"), operation(2, "k", null, { counter: 1 })]),
)
const TOLD: Required<Told> = {
  change: changeOf({
    cursor: placeOf(3),
    ranges: [["a0".repeat(16), 3]],
    refused: [{ dot: ["a0".repeat(16), 4], code: "clock_ahead", message: "" }],
    dead: [["a0".repeat(16), 4]],
    offset: 5,
  }),
  receipt: { principal: "ada", millis: 1_792_195_200_000, own: ["a0".repeat(16)] },
}
/** Frames of everything that a frame has: one as a log writes its own, one as sync does. */
const WHOLES = [
  encode([{ type: PartType.block, content: block }]),
  encode([{ type: PartType.block, content: block }], { ...TOLD, flags: 0 }),
]
const [whole] = WHOLES as [Bytes, Bytes]

describe("encoding a frame", () => {
  it("lays it out as the page says", () => {
    assert.equal(
      hexOf(encode([{ type: 1, content: fromHex("c0c1") }, { type: 128, content: new Uint8Array(0) }], { position: 300, flags: 0 })).slice(
        0,
        -8,
      ),
      `9a 00 cd012c c410 ${"aa".repeat(16)} c410 ${"bb".repeat(16)} 00 00 92 92 01 c600000002 c0c1 92 cc80 c600000000 c0 c0 ce`.replaceAll(
        " ",
        "",
      ),
    )
  })

  it("fills in lengths of parts and the checksum afterwards, and begins anew in a used buffer", () => {
    const out = new ByteWriter()
    for (const length of [0, 1, 255, 256, 65_536, 1_100_000]) {
      beginFrame(out, { position: 1, id: idOf(1), previous: idOf(0), flags: 0 }, 1)
      const mark = beginPart(out, PartType.block)
      out.bytes(new Uint8Array(length).fill(length), 0, length)
      endPart(out, mark)
      endFrame(out, crc32)
      const { parts: [part] } = read(out.buffer.slice(0, out.length))
      assert.deepEqual(part!.content, new Uint8Array(length).fill(length))
    }
  })
})

describe("FrameReader", () => {
  it("gives back every frame, and again after rewind(), whatever it read before", () => {
    const reader = new FrameReader(chooseChecksum(undefined))
    const anyPart = fc.record({ type: fc.constantFrom(1, 1, 4, 128, 255, 70_000), content: fc.uint8Array({ maxLength: 300 }) }, {
      noNullPrototype: true,
    })
    const anyFlags = fc.constantFrom(0, 1, 256, 257, 2 ** 40 + 1, 2 ** 52)
    const anyTold = fc.record({ change: fc.option(anyChange), receipt: fc.option(anyReceipt) })
    const anyPosition = fc.integer({ min: 1, max: 2 ** 53 - 1 })
    fc.assert(
      fc.property(fc.array(anyPart, { maxLength: 20 }), anyPosition, anyFlags, anyTold, (parts, position, flags, { change, receipt }) => {
        const bytes = encode(parts, { position, flags, change, receipt })
        const frame = { position, id: "aa".repeat(16), previous: "bb".repeat(16), flags, parts, change, receipt }
        assert.deepEqual(judge(bytes, reader), frame)
        assert.equal(reader.local, flags % 2 === 1)
        assert.equal(reader.parts, parts.length)
        assert.equal(reader.nextPart(), false)
        reader.rewind()
        for (const { type, content } of parts) {
          assert.ok(reader.nextPart())
          assert.deepEqual([reader.partType, reader.reader.left], [type, content.length])
        }
      }),
      { numRuns: 200 },
    )
  })

  it("forgets change and receipt of the frame that it read before", () => {
    const reader = new FrameReader(crc32)
    reader.read(WHOLES[1]!)
    assert.notEqual(reader.change, undefined)
    assert.notEqual(reader.receipt, undefined)
    reader.read(whole)
    assert.deepEqual([reader.change, reader.receipt], [undefined, undefined])
  })

  it("keeps no frame alive by its ids: they are copies", () => {
    const reader = new FrameReader(crc32), bytes = whole.slice()
    reader.read(bytes)
    bytes.fill(0)
    assert.deepEqual([reader.id, reader.previous], [idOf(0xaa), idOf(0xbb)])
  })

  it("lets nobody read behind the part at hand", () => {
    const reader = new FrameReader(crc32)
    reader.read(encode([{ type: 1, content: Uint8Array.of(1) }, { type: 1, content: Uint8Array.of(2) }]))
    reader.nextPart()
    assert.equal(reader.reader.u8(), 1)
    assert.throws(() => reader.reader.u8(), CorruptBytes)
    reader.nextPart() // goes on all the same
    assert.equal(reader.reader.u8(), 2)
  })

  it("I23 read() refuses every flipped bit, truncation, and byte behind the end as damaged", () => {
    for (const whole of WHOLES) {
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = whole.slice()
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        assert.equal(judge(flipped), "damaged", `bit ${bit}`)
      }
      for (let length = 0; length < whole.length; length++) assert.equal(judge(whole.slice(0, length)), "damaged", `${length} bytes`)
      for (const byte of [0, 0xc0, 0xff]) assert.equal(judge(Uint8Array.from([...whole, byte])), "damaged")
      assert.equal(judge(Uint8Array.from([0, ...whole])), "damaged")
    }
  })

  it("I23 read() finds every run of up to 32 changed bits", () => {
    fc.assert(fc.property(fc.nat((whole.length - 4) * 8 - 1), fc.integer({ min: 1, max: 0x7fff_ffff }), (bit, run) => {
      const changed = whole.slice(), at = bit >> 3
      for (let byte = 0; byte < 4; byte++) changed[at + byte]! ^= (run >>> (byte * 8)) & 255
      assert.equal(judge(changed), "damaged")
    }))
  })

  it("I23 read() refuses every truncation as damaged, also with a checksum that is right", () => {
    for (const whole of WHOLES) {
      const body = [...whole.slice(0, -5)]
      for (let length = 0; length < body.length; length++) assert.equal(judge(summed(body.slice(0, length))), "damaged", `${length} bytes`)
      assert.equal(judge(summed([...body, 0xc0])), "damaged")
    }
  })

  it("read() takes or refuses any bytes with a right checksum as the second reader does, and throws nothing else", () => {
    const splice = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 5 })), reader = new FrameReader(crc32)
    const parts = [{ type: 1, content: Uint8Array.of(1, 2) }, { type: 129, content: Uint8Array.of(3) }]
    const bodies = [encode(parts), encode(parts, TOLD)].map((bytes) => [...bytes.slice(0, -5)])
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.array(splice, { minLength: 1, maxLength: 3 }), (body, splices) => {
        const bytes = [...body]
        for (const [at, drop, insert] of splices) bytes.splice(at % bytes.length, drop, ...insert)
        judge(summed(bytes), reader)
      }),
      { numRuns: 1500 },
    )
  })

  it("names what is too new: version, kind, flags, part types", () => {
    const body = [...encode([]).slice(0, -5)], at = body.length
    const changed = (index: number, byte: number): Bytes => summed(body.with(index, byte))
    const cases: readonly (readonly [bytes: Bytes, location: string, found: number, known: number])[] = [
      [changed(1, 1), "a frame", 1, 0],
      [changed(1, 0x7f), "a frame", 127, 0],
      [summed([0x91, 5]), "a frame", 5, 0],
      [changed(at - 5, 1), "a frame's kind", 1, 0],
      ...[3, 4, 64, 127].map((flags) => [changed(at - 4, flags), "a frame's flags", flags, 1] as const),
      [summed(body.toSpliced(at - 4, 1, 0xcc, 0x80)), "a frame's flags", 128, 1],
      [summed(body.toSpliced(at - 4, 1, 0xcd, 0x01, 0x02)), "a frame's flags", 258, 1],
      ...[0, 2, 3, 5, 127].map((type) => [encode([{ type, content: block }]), "a part of a frame", type, PartType.settings] as const),
    ]
    for (const [bytes, location, found, known] of cases) {
      assert.equal(judge(bytes), "too new", location)
      assert.throws(() => new FrameReader(crc32).read(bytes), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.deepEqual(error.details, { location, found, known })
        return true
      })
    }
  })

  it("leaves settings to who folds them, whatever they say", () => {
    for (const content of [block, fromHex("c1"), new Uint8Array(0)]) {
      assert.deepEqual((judge(encode([{ type: PartType.settings, content }])) as Read).parts, [{ type: 4, content }])
    }
  })

  it("ignores flags from bit 8 on and parts of types from 128 on", () => {
    const parts = [{ type: 128, content: Uint8Array.of(0xff) }, { type: 1, content: block }]
    for (const flags of [256, 2 ** 32, 2 ** 53 - 256]) assert.deepEqual((judge(encode(parts, { flags })) as Read).parts, parts)
  })

  it("refuses what stands for change and receipt and is none as damaged, the change first", () => {
    const body = [...encode([]).slice(0, -5)], at = body.length
    for (const head of [0x00, 0x80, 0x90, 0xa0, 0xc2]) {
      assert.equal(judge(summed(body.with(at - 2, head))), "damaged")
      assert.equal(judge(summed(body.with(at - 1, head))), "damaged")
    }
    const tooNew = body.toSpliced(at - 2, 1, 0x98, 0xa0, 0x04, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0)
    assert.equal(judge(summed(tooNew)), "too new")
    assert.equal(judge(summed(tooNew.with(-1, 0x80))), "too new", "whatever follows it")
  })

  it("T3, T16 read() refuses forged counts and lengths with a right checksum, in no time", () => {
    const body = [...encode([]).slice(0, -5)], parts = body.length - 3
    for (const head of ["ddffffffff", "dc0010", "9f", "dfffffffff", "c6ffffffff"]) {
      const started = processorMillis()
      assert.equal(judge(summed(body.toSpliced(parts, 1, ...fromHex(head)))), "damaged", head)
      assert.equal(judge(summed(body.toSpliced(parts, 1, 0x91, 0x92, 0x01, ...fromHex(head)))), "damaged", head)
      assert.ok(processorMillis() - started < 250)
    }
  })
})
