import assert from "node:assert/strict"
import { Buffer } from "node:buffer"
import { describe, it } from "node:test"
import fc from "fast-check"
import { CorruptBytes } from "../errors.ts"
import { compareBytes, isUtf8, readUtf8, utf8Length, writeUtf8 } from "./utf8.ts"

/** Well-formed text of all planes, often short, sometimes longer than every threshold of the module. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: "binary-ascii", maxLength: 80 }),
  fc.string({ unit: "grapheme", minLength: 30, maxLength: 400 }),
)

const write = (value: string): Uint8Array => {
  const target = new Uint8Array(value.length * 3 + 2).fill(0xee)
  const end = writeUtf8(value, target, 1)
  assert.equal(target[0], 0xee)
  assert.ok(end > 0)
  return target.slice(1, end)
}

const refused = (bytes: readonly number[]): void => {
  // Alone, behind and before short and long ASCII: each length has a way of its own through the module.
  for (const before of [0, 3, 20, 300]) {
    for (const after of [0, 5, 300]) {
      const all = Uint8Array.from([...new Array<number>(before).fill(0x61), ...bytes, ...new Array<number>(after).fill(0x62)])
      assert.equal(isUtf8(all, 0, all.length), false, `${Buffer.from(bytes).toString("hex")} between ${before} and ${after}`)
      assert.throws(() => readUtf8(all, 0, all.length), CorruptBytes)
    }
  }
}

/** What is well-formed text in UTF-16 and hard in UTF-8: the first and last of each length, noncharacters, marks, controls. */
const HARD = [
  "",
  "\u0000",
  "a\u0000b",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\ufeff",
  "\ufeffabc",
  "\ufffd",
  "\ufffe",
  "\uffff",
  "\u{10000}",
  "\u{1f600}",
  "\u{10ffff}",
  "\u202eabc\u202c",
  "e\u0301",
  "\u00e9",
  "\ufeff" + "x".repeat(100),
  "é".repeat(50),
  "\u{1f600}".repeat(90),
]

describe("writeUtf8() and readUtf8()", () => {
  it("agree with the runtime's codec on well-formed text", () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = write(value)
        assert.deepEqual(bytes, Uint8Array.from(Buffer.from(value, "utf8")))
        assert.equal(utf8Length(value), bytes.length)
        assert.equal(isUtf8(bytes, 0, bytes.length), true)
        assert.equal(readUtf8(bytes, 0, bytes.length), value)
      }),
      { numRuns: 2000 },
    )
  })

  it("T9 keep every well-formed text byte for byte", () => {
    for (const value of HARD) {
      const bytes = write(value)
      assert.deepEqual(bytes, Uint8Array.from(Buffer.from(value, "utf8")))
      assert.equal(readUtf8(bytes, 0, bytes.length), value)
    }
  })

  it("read ASCII of every length around the thresholds", () => {
    const source = Uint8Array.from({ length: 400 }, (_, index) => 0x20 + (index * 7) % 95)
    for (let length = 0; length < 300; length++) {
      assert.equal(readUtf8(source, 50, 50 + length), Buffer.from(source.subarray(50, 50 + length)).toString("latin1"))
    }
  })

  it("read a range of a Buffer and of a view as they read a whole array", () => {
    for (const value of ["short", "a text that is longer than the loop reads", "ünïcödé", "ü".repeat(300)]) {
      const inner = Buffer.from(`--${value}--`)
      assert.equal(readUtf8(inner, 2, inner.length - 2), value)
      const view = new Uint8Array([9, 9, 9, ...inner]).subarray(3)
      assert.equal(readUtf8(view, 2, view.length - 2), value)
    }
  })
})

describe("T9 ill-formed text", () => {
  it("T9 writeUtf8() answers -1 for a lone surrogate, wherever it stands", () => {
    for (const lone of ["\ud800", "\udbff", "\udc00", "\udfff", "\udc00\ud800", "\udc00\udc00", "\ud800\ud800\udc00"]) {
      for (const padding of [0, 1, 20, 47, 48, 500]) {
        for (const value of [lone + "x".repeat(padding), "x".repeat(padding) + lone, "ü".repeat(padding) + lone + "x"]) {
          assert.equal(writeUtf8(value, new Uint8Array(value.length * 3 + 1), 1), -1)
          assert.equal(utf8Length(value), -1)
        }
      }
    }
  })

  it("T9 readUtf8() refuses overlong forms, surrogates, too large values and cut sequences", () => {
    const bad =
      "80 bf c080 c1bf e08080 e09fbf f0808080 f08fbfbf eda080 edbfbf f4908080 f5808080 f888808080 fe ff c3 e282 f09f98 c341 e28241 f09f9841 e228a1"
    for (const hex of bad.split(" ")) refused([...Buffer.from(hex, "hex")])
  })

  it("T9 isUtf8() agrees with the strict decoder on all pairs of bytes and the edges of longer sequences", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true })
    const same = (bytes: Uint8Array): void => {
      let expected = true
      try {
        decoder.decode(bytes)
      } catch {
        expected = false
      }
      assert.equal(isUtf8(bytes, 0, bytes.length), expected, Buffer.from(bytes).toString("hex"))
    }
    for (let first = 0xc0; first < 0x100; first++) {
      for (let second = 0; second < 0x100; second += first < 0xe0 ? 1 : 5) same(Uint8Array.of(first, second))
    }
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]
    for (let first = 0xe0; first < 0xf8; first++) {
      for (const second of edges) {
        for (const third of edges) {
          same(Uint8Array.of(first, second, third))
          for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) same(Uint8Array.of(first, second, third, fourth))
        }
      }
    }
  })

  it("T9 readUtf8() gives text or CorruptBytes for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        if (isUtf8(bytes, 0, bytes.length)) {
          assert.deepEqual(write(readUtf8(bytes, 0, bytes.length)), bytes)
        } else {
          assert.throws(() => readUtf8(bytes, 0, bytes.length), CorruptBytes)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe("compareBytes()", () => {
  it("orders ranges as Buffer.compare does", () => {
    const bytes = fc.uint8Array({ maxLength: 6, max: 3 })
    fc.assert(fc.property(bytes, bytes, (a, b) => {
      const left = Uint8Array.of(7, ...a, 7)
      const right = Uint8Array.of(9, 9, ...b, 200)
      assert.equal(Math.sign(compareBytes(left, 1, 1 + a.length, right, 2, 2 + b.length)), Buffer.compare(a, b))
    }))
  })
})
