import assert from "node:assert/strict"
import { Buffer } from "node:buffer"
import { describe, it } from "node:test"
import fc from "fast-check"
import { Packr, Unpackr } from "msgpackr"
import { CorruptBytes, InvalidValue } from "../errors.ts"
import { ByteWriter } from "./bytes.ts"
import { checkValue, decodeValue, encodeValue } from "./msgpack.ts"

const writer = new ByteWriter()
const bytesOf = (value: unknown): Uint8Array<ArrayBuffer> => {
  writer.reset()
  encodeValue(value, writer, "k")
  return writer.buffer.slice(0, writer.length)
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ minLength: 28, maxLength: 70 }),
)
const name = fc.oneof(fc.constantFrom("id", "title", "constructor", "1", "007", ""), text).filter((key) => key !== "__proto__")
/** Bun ends a test after 5 s, and the machine may be busy: what was tried until then must do. */
const runs = (numRuns: number): fc.Parameters<unknown> => ({ numRuns, interruptAfterTimeLimit: 3000 })

/** -0 has no bytes of its own. */
const float = fc.double().map((value) => value === 0 ? 0 : value)
const date = fc.date({ noInvalidDate: true })
const scalar = fc.oneof(
  fc.constantFrom<unknown>(null, true, false),
  fc.integer(),
  fc.maxSafeInteger(),
  float,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  text,
  date,
  fc.uint8Array({ maxLength: 40 }),
)
const valuesOf = (leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      leaf,
      fc.array(tie("value"), { maxLength: 17, size: "small" }),
      fc.dictionary(name, tie("value"), { maxKeys: 17, size: "small", noNullPrototype: true }),
    ),
  })).value
const value = valuesOf(scalar)

/** Whether a map in it has a key that JavaScript orders by number, so that the order of the bytes is lost. */
const hasNumericKey = (whole: unknown): boolean => {
  if (typeof whole !== "object" || whole === null || whole instanceof Uint8Array || whole instanceof Date) return false
  return (!Array.isArray(whole) && Object.keys(whole).some((key) => /^\d{1,10}$/.test(key))) || Object.values(whole).some(hasNumericKey)
}

describe("any value", () => {
  it("comes back as it was, and passes the check", () => {
    fc.assert(
      fc.property(value, (whole) => {
        const bytes = bytesOf(whole)
        checkValue(bytes, 0, bytes.length)
        assert.deepStrictEqual(decodeValue(bytes, 0, bytes.length), whole)
      }),
      runs(800),
    )
  })

  it("comes back without its undefined members and without the sign of zero", () => {
    const members = fc.dictionary(name, fc.constantFrom<unknown>(undefined, -0, 1, "x"), { maxKeys: 40 })
    fc.assert(
      fc.property(members, (whole) => {
        const kept = Object.fromEntries(
          Object.entries(whole).filter(([, member]) => member !== undefined).map(([key, member]) => [key, member === 0 ? 0 : member]),
        )
        const bytes = bytesOf(whole)
        checkValue(bytes, 0, bytes.length)
        assert.deepStrictEqual(decodeValue(bytes, 0, bytes.length), kept)
        assert.deepEqual(bytes, bytesOf(kept))
      }),
      runs(300),
    )
  })

  it("has the bytes that msgpackr gives it, and is read by msgpackr", () => {
    const options = { useRecords: false, variableMapSize: true, mapsAsObjects: true, copyBuffers: true } as const
    const packr = new Packr(options)
    const unpackr = new Unpackr(options)
    // Outside of 1970 to 2106 msgpackr writes all dates in 12 bytes; the profile takes the shortest form that MessagePack defines.
    const common = valuesOf(fc.oneof(
      scalar.filter((leaf) => !(leaf instanceof Date) && !(typeof leaf === "string" && leaf.startsWith("\ufeff"))),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4_294_967_295_000) }),
    ))
    fc.assert(
      fc.property(common, (whole) => {
        const bytes = bytesOf(whole)
        assert.deepEqual(bytes, Uint8Array.from(packr.pack(whole)))
        assert.deepStrictEqual(unpackr.unpack(bytes), whole)
      }),
      runs(500),
    )
  })
})

describe("any bytes", () => {
  /** Bytes of values with a few bytes changed, cut out, doubled or put in, preferring markers and lengths. */
  const mutant = fc.tuple(
    value,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc7, 0xcb, 0xcf, 0xd6, 0xd7, 0xd9, 0xdc, 0xde, 0xff)),
        fc.nat(5),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  ).map(([whole, changes]) => {
    const bytes = [...bytesOf(whole)]
    for (const [place, byte, kind] of changes) {
      const at = place % (bytes.length + 1)
      if (kind === 0) bytes.splice(at, 1)
      else if (kind === 1) bytes.splice(at, 0, byte)
      else if (kind === 2) bytes.length = at
      else bytes[Math.min(at, bytes.length - 1)] = byte
    }
    return Uint8Array.from(bytes)
  })

  const judge = (bytes: Uint8Array): boolean => {
    try {
      checkValue(bytes, 0, bytes.length)
    } catch (error) {
      assert.ok(error instanceof CorruptBytes, String(error))
      return false
    }
    const whole = decodeValue(bytes, 0, bytes.length)
    const again = bytesOf(whole)
    if (!hasNumericKey(whole)) assert.deepEqual(Buffer.from(again).toString("hex"), Buffer.from(bytes).toString("hex"))
    checkValue(again, 0, again.length)
    return true
  }

  it("T8, T12 that were mutated are refused as CorruptBytes, or are the one encoding of what they decode to", () => {
    const prototype = Object.getOwnPropertyNames(Object.prototype).join()
    let accepted = 0
    fc.assert(
      fc.property(mutant, (bytes) => {
        if (judge(bytes)) accepted++
      }),
      runs(2000),
    )
    assert.ok(accepted > 20, `only ${accepted} mutants were accepted`)
    assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), prototype)
  })

  it("at random are refused as CorruptBytes, or are the one encoding of what they decode to", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (bytes) => void judge(bytes)), runs(3000))
  })

  it("that were never checked decode to something or to CorruptBytes", () => {
    fc.assert(
      fc.property(fc.oneof(mutant, fc.uint8Array({ maxLength: 30 })), (bytes) => {
        try {
          decodeValue(bytes, 0, bytes.length)
        } catch (error) {
          assert.ok(error instanceof CorruptBytes, String(error))
        }
      }),
      runs(2000),
    )
  })
})

describe("any object", () => {
  it("is stored or refused with InvalidValue, and the writer is as before", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    })
    fc.assert(
      fc.property(anything, (whole) => {
        writer.reset()
        writer.u8(1)
        try {
          encodeValue(whole, writer, "k")
        } catch (error) {
          assert.ok(error instanceof InvalidValue, String(error))
          assert.equal(writer.length, 1)
          return
        }
        checkValue(writer.buffer, 1, writer.length)
      }),
      runs(1500),
    )
  })
})
