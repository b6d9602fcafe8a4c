import assert from "node:assert/strict"
import { Buffer } from "node:buffer"
import { describe, it } from "node:test"
import { Packr } from "msgpackr"
import { CorruptBytes, InvalidValue, ValueTooLarge } from "../errors.ts"
import { MAP_MEMBERS_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_NODES_MAX } from "../limits.ts"
import { ByteWriter } from "./bytes.ts"
import { checkValue, decodeValue, encodeValue, freezeDeep } from "./msgpack.ts"

const bytesOf = (value: unknown): Uint8Array<ArrayBuffer> => {
  const writer = new ByteWriter(1)
  encodeValue(value, writer, "k")
  return writer.buffer.slice(0, writer.length)
}
const hexOf = (value: unknown): string => Buffer.from(bytesOf(value)).toString("hex")
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"))

/** Checks and decodes `bytes` in the middle of others, so that a read outside of the range shows. */
const read = (bytes: Uint8Array): unknown => {
  const around = new Uint8Array(bytes.length + 12).fill(0xc1)
  around.set(bytes, 7)
  checkValue(around, 7, 7 + bytes.length)
  return decodeValue(around, 7, 7 + bytes.length)
}
const refuses = (bytes: Uint8Array | string, reason: RegExp): void => {
  const whole = typeof bytes === "string" ? fromHex(bytes) : bytes
  assert.throws(() => checkValue(whole, 0, whole.length), (error) => {
    assert.ok(error instanceof CorruptBytes, String(error))
    assert.match(error.details.reason, reason)
    assert.ok(error.details.byteOffset >= 0 && error.details.byteOffset <= whole.length)
    return true
  })
}
const rejects = (value: unknown, path: string, reason: RegExp): void => {
  const writer = new ByteWriter()
  writer.u8(1)
  assert.throws(() => encodeValue(value, writer, "k"), (error) => {
    assert.ok(error instanceof InvalidValue, String(error))
    assert.equal(error.details.path, path)
    assert.match(error.details.reason, reason)
    return true
  })
  assert.equal(writer.length, 1)
  writer.u8(2)
  assert.deepEqual([...writer.buffer.subarray(0, 2)], [1, 2])
}
const nested = (depth: number, inner: unknown, wrap: (value: unknown) => unknown): unknown => {
  let value = inner
  for (let level = 0; level < depth; level++) value = wrap(value)
  return value
}
const inArray = (value: unknown): unknown => [value]
const inMap = (value: unknown): unknown => ({ a: value })

const s = (length: number): string => "x".repeat(length)
const xs = (length: number): string => "78".repeat(length)

/** Every form of the profile at its edges: value, bytes. The same on every runtime, in every version. */
const VECTORS: readonly (readonly [unknown, string])[] = [
  [null, "c0"],
  [false, "c2"],
  [true, "c3"],
  [0, "00"],
  [1, "01"],
  [127, "7f"],
  [128, "cc80"],
  [255, "ccff"],
  [256, "cd0100"],
  [65535, "cdffff"],
  [65536, "ce00010000"],
  [4294967295, "ceffffffff"],
  [4294967296, "cb41f0000000000000"],
  [-1, "ff"],
  [-32, "e0"],
  [-33, "d0df"],
  [-128, "d080"],
  [-129, "d1ff7f"],
  [-32768, "d18000"],
  [-32769, "d2ffff7fff"],
  [-2147483648, "d280000000"],
  [-2147483649, "cbc1e0000000200000"],
  [0.5, "cb3fe0000000000000"],
  [-1.5, "cbbff8000000000000"],
  [5e-324, "cb0000000000000001"],
  [Number.MAX_VALUE, "cb7fefffffffffffff"],
  [Number.MAX_SAFE_INTEGER, "cb433fffffffffffff"],
  [2 ** 53, "cb4340000000000000"],
  [Infinity, "cb7ff0000000000000"],
  [-Infinity, "cbfff0000000000000"],
  [NaN, "cb7ff8000000000000"],
  [0n, "d30000000000000000"],
  [1n, "d30000000000000001"],
  [-1n, "d3ffffffffffffffff"],
  [2n ** 63n - 1n, "d37fffffffffffffff"],
  [-(2n ** 63n), "d38000000000000000"],
  [2n ** 63n, "cf8000000000000000"],
  [2n ** 64n - 1n, "cfffffffffffffffff"],
  ["", "a0"],
  ["a", "a161"],
  ["\u0000", "a100"],
  [s(31), "bf" + xs(31)],
  [s(32), "d920" + xs(32)],
  [s(255), "d9ff" + xs(255)],
  [s(256), "da0100" + xs(256)],
  [s(65535), "daffff" + xs(65535)],
  [s(65536), "db00010000" + xs(65536)],
  ["é", "a2c3a9"],
  ["é".repeat(15), "be" + "c3a9".repeat(15)],
  ["é".repeat(16), "d920" + "c3a9".repeat(16)],
  ["€".repeat(85), "d9ff" + "e282ac".repeat(85)],
  ["€".repeat(86), "da0102" + "e282ac".repeat(86)],
  ["😀", "a4f09f9880"],
  ["\ufeffa", "a4efbbbf61"],
  ["\ufeff" + s(64), "d943efbbbf" + xs(64)],
  [new Uint8Array(0), "c400"],
  [Uint8Array.of(1, 2, 255), "c4030102ff"],
  [new Uint8Array(255), "c4ff" + "00".repeat(255)],
  [new Uint8Array(256), "c50100" + "00".repeat(256)],
  [new Uint8Array(65536), "c600010000" + "00".repeat(65536)],
  [[], "90"],
  [[1, [2, []]], "92019202" + "90"],
  [new Array(15).fill(0), "9f" + "00".repeat(15)],
  [new Array(16).fill(0), "dc0010" + "00".repeat(16)],
  [new Array(65536).fill(0), "dd00010000" + "00".repeat(65536)],
  [{}, "80"],
  [{ a: 1 }, "81a16101"],
  [{ b: 1, a: 2 }, "82a16201a16102"],
  [{ "": null }, "81a0c0"],
  [{ constructor: 1, prototype: 2, toString: 3 }, "83ab636f6e7374727563746f7201a970726f746f7479706502a8746f537472696e6703"],
  [
    Object.fromEntries([..."abcdefghijklmnop"].map((name) => [name, 0])),
    "de0010" + [..."0123456789abcdef"].map((_, i) => `a1${(97 + i).toString(16)}00`).join(""),
  ],
  [{ [s(32)]: { [s(256)]: 1 } }, "81d920" + xs(32) + "81da0100" + xs(256) + "01"],
  [new Date(0), "d6ff00000000"],
  [new Date(1000), "d6ff00000001"],
  [new Date(4294967295000), "d6ffffffffff"],
  [new Date(1), "d7ff003d090000000000"],
  [new Date(999), "d7ffee2e1f0000000000"],
  [new Date(4294967296000), "d7ff0000000100000000"],
  [new Date(17179869183999), "d7ffee2e1f03ffffffff"],
  [new Date(17179869184000), "c70cff000000000000000400000000"],
  [new Date(-1), "c70cff3b8b87c0ffffffffffffffff"],
  [new Date(8.64e15), "c70cff00000000000007dba8218000"],
  [new Date(-8.64e15), "c70cff00000000fffff82457de8000"],
  [
    { id: "n1", title: "Draft while offline", done: false, tags: ["a", "bc"], count: 3, updatedAt: 1700000000123, note: "è" },
    "87a26964a26e31a57469746c65b34472616674207768696c65206f66666c696e65a4646f6e65c2a47461677392a161a26263a5636f756e7403a9757064617465644174cb4278bcfe5687b000a46e6f7465a2c3a8",
  ],
]

describe("the MessagePack profile", () => {
  it("gives each vector its bytes, and its value back", () => {
    for (const [value, hex] of VECTORS) {
      assert.equal(hexOf(value), hex)
      assert.deepStrictEqual(read(fromHex(hex)), value)
    }
  })

  it("T10 keeps every number or says no: -0 becomes 0, NaN and infinities stay, 1 and 1n stay apart", () => {
    assert.equal(hexOf(-0), "00")
    assert.equal(Object.is(read(bytesOf(-0)), 0), true)
    const bits = new DataView(new ArrayBuffer(8))
    bits.setBigUint64(0, 0xfff8_0000_0000_0001n)
    assert.equal(hexOf(bits.getFloat64(0)), "cb7ff8000000000000")
    for (const value of [2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53) - 2, 2 ** 63, -(2 ** 63), 2 ** 64, 1e300, 0.1, -5e-324]) {
      assert.equal(read(bytesOf(value)), value)
    }
    for (const value of [1n, 0n, -1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) assert.equal(read(bytesOf(value)), value)
    rejects(2n ** 64n, "", /64 bits/)
    rejects([-(2n ** 63n) - 1n], "[0]", /64 bits/)
  })

  it("T9 keeps every well-formed text byte for byte, and names that look alike apart", () => {
    const values = ["\u0000", "\u202eabc", "e\u0301", "\u00e9", "\ufeff" + s(100), "\uffff", "😀".repeat(40), "\u2028"]
    for (const value of values) assert.equal(read(bytesOf(value)), value)
    const alike = { "\u00e9": 1, "e\u0301": 2, "a": 3, "\u0430": 4, "a\u0000": 5, "\u200ba": 6, "\ufeffa": 7 }
    assert.deepStrictEqual(read(bytesOf(alike)), alike)
    rejects({ title: "half \ud83d" }, "title", /surrogate/)
    rejects([["\udc00".repeat(200)]], "[0][0]", /surrogate/)
    rejects({ "\ud800": 1 }, '["\\ud800"]', /surrogate/)
  })

  it("leaves members out that are undefined, at every size of map", () => {
    for (const count of [1, 2, 15, 16, 17, 300]) {
      const full: Record<string, unknown> = {}
      const some: Record<string, unknown> = {}
      for (let index = 0; index < count; index++) {
        full[`k${index}`] = some[`k${index}`] = index
        some[`u${index}`] = undefined
      }
      assert.equal(hexOf(some), hexOf(full))
      assert.deepStrictEqual(read(bytesOf(some)), full)
    }
    assert.equal(hexOf(Object.create(null)), "80")
    assert.equal(hexOf(Object.assign(Object.create(null), { a: 1 })), hexOf({ a: 1 }))
  })

  it("refuses everything else, with the path to it", () => {
    class Point {
      x = 1
    }
    class Nameless {
      static name = 5
    }
    class Ids extends Array<number> {}
    class Bytes extends Uint8Array {}
    class Day extends Date {}
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /undefined/],
      [() => 1, /function/],
      [Symbol.iterator, /symbol/],
      [new Map(), /"Map"/],
      [new Set([1]), /"Set"/],
      [/x/, /"RegExp"/],
      [new Error("no"), /"Error"/],
      [Promise.resolve(), /"Promise"/],
      [new Point(), /"Point"/],
      [new Nameless(), /"Object"/],
      [new Ids(), /plain/],
      [new Bytes(2), /plain/],
      [new Day(0), /plain/],
      [new Float64Array(2), /"Float64Array"/],
      [new Uint8ClampedArray(2), /"Uint8ClampedArray"/],
      [new DataView(new ArrayBuffer(2)), /"DataView"/],
      [new ArrayBuffer(2), /"ArrayBuffer"/],
      [Object(1), /"Number"/],
      [Object.create({ a: 1 }), /plain/],
      [Object.create(Date.prototype), /date/],
      [Object.create(Array.prototype), /plain/],
      [Object.setPrototypeOf(new DataView(new ArrayBuffer(2)), Uint8Array.prototype), /plain/],
      [new Date(NaN), /invalid/],
      [{ [Symbol("s")]: 1 }, /symbol/],
    ]
    for (const [value, reason] of refused) {
      rejects(value, "", reason)
      rejects([0, value], "[1]", reason)
      if (value !== undefined) rejects({ ok: 1, list: [{ "two words": value }] }, 'list[0]["two words"]', reason)
    }
    rejects([, 1], "[0]", /hole/) // deno-lint-ignore no-sparse-arrays
    rejects({ a: [1, undefined] }, "a[1]", /hole/)
  })

  it("writes keys of every length the same when it meets them again, and other keys in their place", () => {
    for (let length = 0; length < 40; length++) {
      for (const character of ["k", "é", "€"]) {
        const key = character.repeat(length)
        const first = hexOf({ [key]: 1, after: 2 })
        assert.equal(hexOf({ [key]: 1, after: 2 }), first)
        assert.deepStrictEqual(read(fromHex(first)), { [key]: 1, after: 2 })
        assert.equal(hexOf({ other: 1, [key]: 1, after: 2 }), `83a56f7468657201${first.slice(2)}`)
        assert.equal(hexOf({ [key]: 1, after: 2 }), first)
      }
    }
    const many = Array.from({ length: 100 }, (_, index) => ({ id: index, name: `n${index}` }))
    assert.deepStrictEqual(read(bytesOf(many)), many)
    assert.equal(hexOf(many), hexOf(many))
  })

  it("takes Buffers and views as the bytes they show, and gives plain copies back", () => {
    const source = Uint8Array.of(0, 1, 2, 3, 4, 5)
    for (const value of [Buffer.from([2, 3, 4]), source.subarray(2, 5), new Uint8Array(source.buffer, 2, 3)]) {
      const bytes = bytesOf({ data: value })
      for (const from of [bytes, Buffer.from(bytes)]) {
        const { data } = decodeValue(from, 0, from.length) as { data: Uint8Array }
        assert.equal(Object.getPrototypeOf(data), Uint8Array.prototype)
        assert.deepEqual([...data], [2, 3, 4])
        assert.equal(data.buffer.byteLength, 3)
        from[from.length - 1] = 99
        assert.equal(data[2], 4)
        from[from.length - 1] = 4
      }
    }
    const liar = Object.defineProperties(Uint8Array.of(7), {
      length: { value: 1000 },
      byteLength: { value: 1000 },
      buffer: { value: source.buffer },
    })
    assert.equal(hexOf(liar), "c40107")
  })

  it("refuses values over the limits, and takes those at them", () => {
    const text = s(VALUE_BYTES_MAX - 5)
    assert.equal(bytesOf(text).length, VALUE_BYTES_MAX)
    assert.equal(read(bytesOf(text)), text)
    const tooLarge = [
      text + "x",
      text + text,
      [text],
      "é".repeat(VALUE_BYTES_MAX / 2),
      new Uint8Array(VALUE_BYTES_MAX),
      new Uint8Array(VALUE_BYTES_MAX * 9),
      { [text]: 1 },
    ]
    for (const value of tooLarge) {
      const writer = new ByteWriter()
      writer.u8(1)
      assert.throws(() => encodeValue(value, writer, "big"), (error) => {
        assert.ok(error instanceof ValueTooLarge)
        assert.equal(error.details.key, "big")
        assert.ok(error.details.bytes > VALUE_BYTES_MAX)
        return true
      })
      assert.equal(writer.length, 1)
    }
    const nodes = new Array(VALUE_NODES_MAX - 1).fill(0)
    assert.deepEqual(read(bytesOf(nodes)), nodes)
    rejects([...nodes, 0], "", /262144 values/)
    const nodesInMaps = Array.from({ length: (VALUE_NODES_MAX - 1) / 3 }, () => ({ a: 1, b: 2 }))
    assert.equal(nodesInMaps.length * 3 + 1, VALUE_NODES_MAX)
    assert.deepEqual(read(bytesOf(nodesInMaps)), nodesInMaps)
    rejects([...nodesInMaps, 0], `[${nodesInMaps.length - 1}]`, /262144 values/)
    const names = Object.fromEntries(Array.from({ length: MAP_MEMBERS_MAX }, (_, index) => [`k${index}`, 0]))
    assert.deepEqual(read(bytesOf(names)), names)
    rejects({ ...names, more: 1 }, "", /65536 members/)
  })

  it("appends behind what is in the writer, and grows it", () => {
    const writer = new ByteWriter(1)
    writer.u8(0xaa)
    for (let index = 0; index < 500; index++) encodeValue({ index, text: s(index) }, writer, "k")
    let at = 1
    for (let index = 0; index < 500; index++) {
      const { length } = bytesOf({ index, text: s(index) })
      assert.deepEqual(decodeValue(writer.buffer, at, at + length), { index, text: s(index) })
      at += length
    }
    assert.equal(at, writer.length)
    assert.equal(writer.buffer[0], 0xaa)
  })
})

describe("T1 and T7 nesting", () => {
  it("T1 is written and read up to a depth of 64 and refused above", () => {
    for (const wrap of [inArray, inMap, (value: unknown) => [{ a: value }]]) {
      for (let levels = 1; levels <= 70; levels++) {
        const value = nested(levels, 1, wrap)
        const depth = wrap === inArray || wrap === inMap ? levels : levels * 2
        if (depth <= VALUE_DEPTH_MAX) assert.deepStrictEqual(read(bytesOf(value)), value)
        else assert.throws(() => bytesOf(value), InvalidValue)
      }
    }
    assert.deepStrictEqual(read(bytesOf(nested(63, [], inArray))), nested(63, [], inArray))
    rejects(nested(64, {}, inArray), "[0]".repeat(64), /deeper than 64/)
    rejects(nested(64, {}, inMap), new Array(64).fill("a").join("."), /deeper than 64/)
  })

  it("T1 bytes are refused above 64, whatever the depth, as arrays, maps and mixed", () => {
    for (const [open, close] of [["91", "c0"], ["91", "90"], ["81a161", "c0"], ["81a161", "80"], ["9181a161", "c0"]] as const) {
      for (const levels of [...Array.from({ length: 11 }, (_, index) => 60 + index), 30, 32, 33, 1000, 100_000]) {
        const bytes = fromHex(open.repeat(levels) + close)
        const depth = levels * (open.length === 8 ? 2 : 1) + (close === "c0" ? 0 : 1)
        if (depth <= VALUE_DEPTH_MAX) checkValue(bytes, 0, bytes.length)
        else refuses(bytes, /deeper than 64/)
      }
    }
    // 10^6 levels are over the limit of bytes; told otherwise, the decoder still ends.
    refuses(new Uint8Array(1_000_000).fill(0x91), /deeper than 64/)
    assert.throws(() => decodeValue(new Uint8Array(1_000_000).fill(0x91), 0, 1_000_000), CorruptBytes)
  })

  it("T7 cycles and shared trees are refused when written, with a bounded effort", () => {
    const self: unknown[] = []
    self.push(self, self)
    assert.throws(() => bytesOf(self), InvalidValue)
    const map: Record<string, unknown> = {}
    map.a = { b: map }
    assert.throws(() => bytesOf(map), (error) => error instanceof InvalidValue && /holds itself/.test(error.details.reason))
    const started = performance.now()
    assert.throws(
      () => bytesOf(nested(30, 1, (value) => [value, value])),
      (error) => error instanceof InvalidValue && /values in all/.test(error.details.reason),
    )
    assert.throws(
      () => bytesOf(nested(30, 1, (value) => ({ a: value, b: value }))),
      (error) => error instanceof InvalidValue && /values in all/.test(error.details.reason),
    )
    assert.throws(() => bytesOf(nested(30, s(60_000), (value) => [value, value])), ValueTooLarge)
    assert.ok(performance.now() - started < 2000)
  })

  it("T7 the clone extension of msgpackr, with its cycles, is refused", () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    refuses(Uint8Array.from(new Packr({ structuredClone: true }).pack([cycle, cycle])), /timestamp/)
  })
})

describe("T21 values are data", () => {
  it("T21 toJSON is never called", () => {
    let calls = 0
    const toJSON = (): unknown => ++calls
    rejects({ toJSON }, "toJSON", /function/)
    rejects({ deep: [Object.create({ toJSON })] }, "deep[0]", /plain/)
    const date = Object.assign(new Date(5), { toJSON, getTime: () => 7 })
    assert.deepEqual(read(bytesOf(date)), new Date(5))
    assert.equal(hexOf(Object.assign([1], { toJSON })), "9101")
    assert.equal(calls, 0)
  })

  it("T21 a getter is read once, and what it gave is what is judged and stored", () => {
    let calls = 0
    const value = {
      get sly(): unknown {
        return ++calls === 1 ? "data" : () => "code"
      },
    }
    assert.deepStrictEqual(read(bytesOf(value)), { sly: "data" })
    assert.equal(calls, 1)
    const proxy = new Proxy({ a: 1, b: [2] }, {})
    assert.deepStrictEqual(read(bytesOf(proxy)), { a: 1, b: [2] })
    rejects(new Proxy([], { get: (_, name) => name === "length" ? 2 ** 40 : 0 }), "", /values in all/)
  })

  it("T21 a getter, proxy or tag that throws is an InvalidValue with the error as cause", () => {
    const cause = new Error("mine")
    const thrower = (): never => {
      throw cause
    }
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    for (
      const value of [
        {
          get x() {
            return thrower()
          },
        },
        new Proxy({}, { ownKeys: thrower }),
        {
          a: Object.create({
            get [Symbol.toStringTag]() {
              return thrower()
            },
          }),
        },
        revoked.proxy,
      ]
    ) {
      const writer = new ByteWriter()
      assert.throws(
        () => encodeValue(value, writer, "k"),
        (error) => error instanceof InvalidValue && (error.cause === cause || error.cause instanceof TypeError),
      )
      assert.equal(writer.length, 0)
    }
    assert.equal(hexOf({ a: 1 }), "81a16101")
  })

  it("T21 a getter that encodes another value neither sees nor harms the walk around it", () => {
    const writer = new ByteWriter()
    const other = new ByteWriter()
    let refused: unknown
    const value = {
      before: "x",
      get inside(): number {
        encodeValue({ before: "other", list: [1, 2, 3], deep: s(5000) }, other, "other")
        try {
          encodeValue(1, writer, "same")
        } catch (error) {
          refused = error
        }
        return 5
      },
      after: ["y"],
    }
    encodeValue(value, writer, "k")
    assert.deepStrictEqual(read(writer.buffer.slice(0, writer.length)), { before: "x", inside: 5, after: ["y"] })
    assert.deepStrictEqual(read(other.buffer.slice(0, other.length)), { before: "other", list: [1, 2, 3], deep: s(5000) })
    assert.ok(refused instanceof InvalidValue)
  })

  it("T21 members named then and toJSON are data like others", () => {
    const value = { then: 1, toJSON: "x", valueOf: null, hasOwnProperty: 2, length: 3 }
    assert.deepStrictEqual(read(bytesOf(value)), value)
  })
})

describe("T17 names of Object.prototype", () => {
  it("T17 come back as own members, and __proto__ is refused on both sides", () => {
    const before = Object.getOwnPropertyNames(Object.prototype).join()
    for (const name of Object.getOwnPropertyNames(Object.prototype)) {
      if (name === "__proto__") continue
      const back = read(bytesOf({ [name]: { [name]: "x" } })) as Record<string, unknown>
      assert.equal(Object.hasOwn(back, name), true)
      assert.equal(JSON.stringify(back), JSON.stringify({ [name]: { [name]: "x" } }))
      assert.equal(Object.getPrototypeOf(back), Object.prototype)
    }
    rejects(JSON.parse('{"a":{"__proto__":{"polluted":1}}}'), "a.__proto__", /no key/)
    refuses("81a95f5f70726f746f5f5f80", /__proto__/)
    refuses("9181a16181a95f5f70726f746f5f5fc0", /__proto__/)
    assert.throws(() => decodeValue(fromHex("81a95f5f70726f746f5f5f80"), 0, 12), CorruptBytes)
    assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), before)
    assert.equal(({} as { polluted?: unknown }).polluted, undefined)
  })

  it("T17 members that someone added to Object.prototype are not stored", () => {
    Object.defineProperty(Object.prototype, "polluted", { value: 1, enumerable: true, configurable: true, writable: true })
    try {
      assert.equal(hexOf({ a: 1 }), "81a16101")
    } finally {
      delete (Object.prototype as { polluted?: unknown }).polluted
    }
  })
})

describe("freezeDeep()", () => {
  it("freezes arrays and objects at every depth, and leaves dates and binaries", () => {
    const value = { list: [{ a: 1 }, [2]], when: new Date(0), data: Uint8Array.of(1), none: null }
    assert.equal(freezeDeep(value), value)
    for (const part of [value, value.list, value.list[0], value.list[1]]) assert.equal(Object.isFrozen(part), true)
    assert.throws(() => (value.list as unknown[]).push(1), TypeError)
    value.data[0] = 2
    assert.equal(freezeDeep(5), 5)
    const cycle: unknown[] = []
    cycle.push(cycle)
    assert.equal(freezeDeep(cycle), cycle)
    assert.equal(Object.isFrozen(freezeDeep(nested(200_000, 1, inArray))), true)
  })
})
