import assert from "node:assert/strict"
import { Buffer } from "node:buffer"
import { describe, it } from "node:test"
import fc from "fast-check"
import { CorruptBytes } from "../errors.ts"
import { ByteReader, ByteWriter } from "./bytes.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const written = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter(1)
  write(writer)
  return writer.buffer.slice(0, writer.length)
}
const readerOf = (bytes: Uint8Array | string): ByteReader => {
  const content = typeof bytes === "string" ? Buffer.from(bytes, "hex") : bytes
  const reader = new ByteReader("a test")
  // Other bytes around the range show a read outside of it.
  const around = new Uint8Array(content.length + 7).fill(0xc1)
  around.set(content, 2)
  reader.point(around, 2, 2 + content.length)
  return reader
}
const corruptAt = (byteOffset: number, reason: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof CorruptBytes, String(error))
  assert.equal(error.details.what, "a test")
  assert.equal(error.details.byteOffset, byteOffset)
  assert.match(error.details.reason, reason)
  return true
}

const NUMBERS: readonly (readonly [number, string, string])[] = [
  // number, varint, MessagePack
  [0, "00", "00"],
  [1, "01", "01"],
  [127, "7f", "7f"],
  [128, "8001", "cc80"],
  [255, "ff01", "ccff"],
  [256, "8002", "cd0100"],
  [16383, "ff7f", "cd3fff"],
  [16384, "808001", "cd4000"],
  [65535, "ffff03", "cdffff"],
  [65536, "808004", "ce00010000"],
  [2 ** 28 - 1, "ffffff7f", "ce0fffffff"],
  [2 ** 28, "8080808001", "ce10000000"],
  [2 ** 31, "8080808008", "ce80000000"],
  [2 ** 32 - 1, "ffffffff0f", "ceffffffff"],
  [2 ** 32, "8080808010", "cf0000000100000000"],
  [2 ** 35, "808080808001", "cf0000000800000000"],
  [2 ** 49, "8080808080808001", "cf0002000000000000"],
  [Number.MAX_SAFE_INTEGER, "ffffffffffffff0f", "cf001fffffffffffff"],
]
const safe = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(),
  fc.nat(300),
  fc.nat(52).map((bit) => 2 ** bit),
  fc.nat(52).map((bit) => 2 ** (bit + 1) - 1),
)

describe("ByteWriter and ByteReader", () => {
  it("write each number in its one form and read it back", () => {
    for (const [n, varint, message] of NUMBERS) {
      assert.equal(hex(written((writer) => writer.varint(n))), varint)
      assert.equal(hex(written((writer) => writer.msgUint(n))), message)
      assert.equal(readerOf(varint).varint(), n)
      assert.equal(readerOf(message).msgUint(), n)
    }
  })

  it("give any sequence of writes back", () => {
    const step = fc.oneof(
      safe.map((n) => ["varint", n] as const),
      safe.map((n) => ["msgUint", n] as const),
      fc.maxSafeInteger().map((n) => ["zigzag", Math.trunc(n / 2) + 0] as const), // + 0: never -0
      fc.nat(70000).map((n) => ["msgArray", n] as const),
      fc.string({ unit: "binary", maxLength: 400 }).map((text) => ["msgStr", text] as const),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => ["msgBin", bytes] as const),
      fc.constant(["msgNil"] as const),
      fc.nat(255).map((n) => ["u8", n] as const),
    )
    // The counts announce members that nobody wrote: those must seem to be there.
    const padded = new Uint8Array(300_000)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const bytes = written((writer) => {
          for (const [kind, value] of steps) {
            if (kind === "msgBin") {
              writer.msgBin(value.length)
              writer.bytes(value, 0, value.length)
            } else if (kind === "msgNil") writer.msgNil()
            else if (kind === "msgStr") writer.msgStr(value)
            else writer[kind](value)
          }
        })
        const reader = new ByteReader()
        padded.set(bytes)
        reader.point(padded, 0, padded.length)
        for (const [kind, value] of steps) {
          if (kind === "msgBin") {
            const length = reader.msgBin()
            const start = reader.skip(length)
            assert.deepEqual(reader.buffer.slice(start, start + length), value)
          } else if (kind === "msgNil") {
            assert.equal(reader.takeNil(), true)
          } else assert.equal(reader[kind](), value)
        }
        assert.equal(reader.at, bytes.length)
      }),
      { numRuns: 300, interruptAfterTimeLimit: 3000 },
    )
  })

  it("zigzag() covers -2^52 to 2^52 - 1", () => {
    for (const n of [0, -1, 1, -64, 63, 64, -65, 2 ** 31, -(2 ** 31), 2 ** 52 - 1, -(2 ** 52)]) {
      assert.equal(readerOf(written((writer) => writer.zigzag(n))).zigzag(), n)
    }
    for (const n of [2 ** 52, -(2 ** 52) - 1, 0.5, NaN]) assert.throws(() => new ByteWriter().zigzag(n), RangeError)
  })

  it("writers refuse numbers that they cannot write, and add nothing", () => {
    for (const n of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
      const writer = new ByteWriter()
      assert.throws(() => writer.varint(n), RangeError)
      assert.throws(() => writer.msgUint(n), RangeError)
      assert.throws(() => writer.msgArray(n), RangeError)
      assert.throws(() => writer.msgBin(n), RangeError)
      assert.equal(writer.length, 0)
    }
    const writer = new ByteWriter()
    assert.throws(() => writer.msgStr("\ud800"), /not well-formed/)
    assert.equal(writer.length, 0)
  })

  it("bytes() copies short and long ranges, also out of its own buffer", () => {
    const source = Uint8Array.from({ length: 200 }, (_, index) => index)
    for (const length of [0, 1, 47, 48, 200]) {
      assert.deepEqual(written((writer) => writer.bytes(source, 200 - length, 200)), source.slice(200 - length))
    }
    const writer = new ByteWriter(64)
    writer.bytes(source, 0, 60)
    writer.bytes(writer.buffer, 10, 60)
    assert.deepEqual(writer.buffer.slice(60, 110), source.slice(10, 60))
  })

  it("lend() closes a writer until takeBack()", () => {
    const writer = new ByteWriter()
    writer.u8(7)
    assert.equal(writer.lend(), 1)
    for (
      const write of [
        () => writer.u8(1),
        () => writer.varint(1),
        () => writer.msgStr("a"),
        () => writer.reserve(1),
        () => writer.reset(),
        () => writer.lend(),
      ]
    ) {
      assert.throws(write, /lent/)
    }
    assert.equal(writer.buffer[0], 7)
    writer.takeBack(undefined, 0)
    assert.equal(writer.length, 1)
    writer.u8(8)
    assert.deepEqual(writer.buffer.slice(0, writer.length), Uint8Array.of(7, 8))
  })
})

describe("ByteReader refuses", () => {
  const reads: Readonly<Record<string, (reader: ByteReader) => unknown>> = {
    u8: (reader) => reader.u8(),
    varint: (reader) => reader.varint(),
    zigzag: (reader) => reader.zigzag(),
    msgUint: (reader) => reader.msgUint(),
    msgArray: (reader) => reader.msgArray(),
    msgBin: (reader) => reader.msgBin(),
    msgStr: (reader) => reader.msgStr(),
    takeNil: (reader) => reader.takeNil(),
  }

  it("T8 every read at the end of its range", () => {
    for (const [name, read] of Object.entries(reads)) {
      assert.throws(() => read(readerOf("")), corruptAt(2, /cut short/), name)
    }
  })

  it("T8 every truncation of every number and string", () => {
    const whole = written((writer) => {
      for (const [n] of NUMBERS) writer.msgUint(n)
      writer.msgStr("x".repeat(40))
      for (const [n] of NUMBERS) writer.varint(n)
    })
    for (let length = 0; length < whole.length; length++) {
      const reader = readerOf(whole.subarray(0, length))
      assert.throws(() => {
        for (const [n] of NUMBERS) assert.equal(reader.msgUint(), n)
        reader.msgStr()
        for (const [n] of NUMBERS) assert.equal(reader.varint(), n)
      }, CorruptBytes)
      assert.ok(reader.at <= reader.end)
    }
  })

  it("T12 long forms", () => {
    const long: readonly (readonly [string, string])[] = [
      ["varint", "8000"],
      ["varint", "ff00"],
      ["varint", "80808000"],
      ["varint", "8080808000"],
      ["msgUint", "cc7f"],
      ["msgUint", "cd00ff"],
      ["msgUint", "ce0000ffff"],
      ["msgUint", "cf00000000ffffffff"],
      ["msgArray", "dc000100"],
      ["msgArray", "dd0000000100"],
      ["msgBin", "c5000100"],
      ["msgBin", "c60000000100"],
      ["msgStr", "d90161"],
      ["msgStr", "da000161"],
      ["msgStr", "db0000000161"],
    ]
    for (const [name, bytes] of long) {
      assert.throws(() => reads[name]!(readerOf(bytes)), corruptAt(2, /shortest form/), `${name} ${bytes}`)
    }
  })

  it("T10 integers above 2^53 - 1", () => {
    for (
      const bytes of ["8080808080808010", "ffffffffffffff1f", "ffffffffffffffff7f", "80808080808080808001", "ffffffffffffffffffffffff01"]
    ) {
      assert.throws(() => readerOf(bytes).varint(), corruptAt(2, /2\^53/), bytes)
    }
    for (const bytes of ["cf0020000000000000", "cfffffffffffffffff"]) assert.throws(() => readerOf(bytes).msgUint(), corruptAt(2, /2\^53/))
  })

  it("T3 lengths and counts over what is left, at once", () => {
    const lengths = [["c4", 1], ["c5", 2], ["c6", 4], ["d9", 1], ["da", 2], ["db", 4], ["dc", 2], ["dd", 4]] as const
    const started = performance.now()
    for (const [marker, width] of lengths) {
      for (const left of [0, 1, 40, 300]) {
        for (const announced of [left + 1, 2 ** 31, 2 ** 32 - 1]) {
          const bytes = Buffer.alloc(1 + width + left)
          bytes[0] = parseInt(marker, 16)
          bytes.writeUIntBE(Math.min(announced, 256 ** width - 1), 1, width)
          for (const read of Object.values(reads)) {
            if (read === reads.u8 || read === reads.varint || read === reads.zigzag || read === reads.takeNil) continue
            if (Math.min(announced, 256 ** width - 1) > left) assert.throws(() => read(readerOf(bytes)), CorruptBytes)
          }
        }
      }
    }
    assert.ok(performance.now() - started < 1000)
  })

  it("values of another type, and strings over a bound", () => {
    for (const name of ["msgUint", "msgArray", "msgBin", "msgStr"]) {
      assert.throws(() => reads[name]!(readerOf("c3")), corruptAt(2, /is expected/))
    }
    assert.equal(readerOf("a3616263").msgStr(3), "abc")
    assert.throws(() => readerOf("a3616263").msgStr(2), corruptAt(2, /at most 2/))
    assert.throws(() => readerOf("a2c328").msgStr(), CorruptBytes)
  })

  it("what is left over, and ranges outside of the bytes", () => {
    const reader = readerOf("0102")
    reader.u8()
    assert.throws(() => reader.expectEnd(), corruptAt(3, /1 bytes are left over/))
    reader.u8()
    reader.expectEnd()
    for (const [start, end] of [[-1, 1], [1, 0], [0, 5], [NaN, 1]] as const) {
      assert.throws(() => reader.point(new Uint8Array(4), start, end), RangeError)
    }
  })
})
