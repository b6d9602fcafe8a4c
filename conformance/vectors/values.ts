/** Vectors of values: each with its one encoding, and bytes that are none. */
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { encodeValue } from "../../kernel/format/msgpack.ts"
import { fromNotation, type RefusedVector, refusedVector, toHex } from "./notation.ts"
import { type Notation, readValue } from "./reader/value.ts"

export interface ValueVectors {
  readonly accepted: readonly { readonly name: string; readonly value: Notation; readonly hex: string }[]
  readonly refused: readonly RefusedVector[]
}

const nested = (depth: number): Notation => depth === 0 ? 1 : [nested(depth - 1)]
const members = (count: number): Notation => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, i]))

const ACCEPTED: readonly (readonly [name: string, value: Notation])[] = [
  ["null", null],
  ["false", false],
  ["true", true],
  ...[0, 1, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, -1, -32, -33, -128, -129, -32_768, -32_769, -2_147_483_648]
    .map((number): readonly [string, Notation] => [`integer ${number}`, number]),
  ["the first integer beyond 32 bits", 4_294_967_296],
  ["the first negative integer beyond 32 bits", -2_147_483_649],
  ["the greatest safe integer", Number.MAX_SAFE_INTEGER],
  ["a fraction", 0.1],
  ["the smallest positive number", 5e-324],
  ["the greatest number", 1.7976931348623157e308],
  ["not a number", { $number: "NaN" }],
  ["infinity", { $number: "Infinity" }],
  ["negative infinity", { $number: "-Infinity" }],
  ...["0", "1", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615"]
    .map((text): readonly [string, Notation] => [`big integer ${text}`, { $bigint: text }]),
  ["empty string", ""],
  ["string of 31 bytes", "x".repeat(31)],
  ["string of 32 bytes", "x".repeat(32)],
  ["string of 256 bytes", "x".repeat(256)],
  ["string with a zero, two, three and four byte character", "\u0000\u00e9\u20ac\u{1f600}"],
  ["string with a byte order mark", "\ufeffx"],
  ["a letter and a combining accent stay two characters", "e\u0301"],
  ["empty binary", { $bytes: "" }],
  ["binary", { $bytes: "00ff" }],
  ["binary of 256 bytes", { $bytes: "5a".repeat(256) }],
  ["empty array", []],
  ["array of 15", Array.from({ length: 15 }, (_, i) => i)],
  ["array of 16", Array.from({ length: 16 }, (_, i) => i)],
  ["mixed array", [null, true, 1, "a", { $bytes: "01" }, [], {}]],
  ["empty map", {}],
  ["map in the writer's order", { b: 1, a: { c: [2] } }],
  ["map of 15", members(15)],
  ["map of 16", members(16)],
  ["map with names of Object.prototype", { constructor: 1, toString: 2, hasOwnProperty: 3 }],
  ["map with an empty key", { "": 1 }],
  ["map with a key that begins with $", { $map: [["$date", 1]] }],
  ["map with a key of digits", { $map: [["1", true]] }],
  ["array nested 64 deep", nested(64)],
  ["instant 0", { $date: "1970-01-01T00:00:00.000Z" }],
  ["the last instant of 32 bits", { $date: "2106-02-07T06:28:15.000Z" }],
  ["the first instant beyond 32 bits", { $date: "2106-02-07T06:28:16.000Z" }],
  ["instant with milliseconds", { $date: "2026-10-17T12:34:56.789Z" }],
  ["the last instant of 34 bits", { $date: "2514-05-30T01:53:03.999Z" }],
  ["the first instant beyond 34 bits", { $date: "2514-05-30T01:53:04.000Z" }],
  ["instant before 1970", { $date: "1969-12-31T23:59:59.999Z" }],
  ["the first instant", { $date: "-271821-04-20T00:00:00.000Z" }],
  ["the last instant", { $date: "+275760-09-13T00:00:00.000Z" }],
]

const REFUSED: readonly (readonly [name: string, hex: string])[] = [
  ["nothing", ""],
  ["byte c1", "c1"],
  ["binary32", "ca3f800000"],
  ["1 as uint8", "cc01"],
  ["255 as uint16", "cd00ff"],
  ["65,535 as uint32", "ce0000ffff"],
  ["1 as uint64: no big integer", "cf0000000000000001"],
  ["-1 as int8", "d0ff"],
  ["127 as int8", "d07f"],
  ["-128 as int16", "d1ff80"],
  ["-32,768 as int32", "d2ffff8000"],
  ["1 as binary64", "cb3ff0000000000000"],
  ["-1 as binary64", "cbbff0000000000000"],
  ["negative zero", "cb8000000000000000"],
  ["not a number, negative", "cbfff8000000000000"],
  ["not a number, with other bits", "cb7ff8000000000001"],
  ["not a number, signalling", "cb7ff0000000000001"],
  ["string of 1 in a long form", "d90161"],
  ["string of 255 as str16", `da00ff${"61".repeat(255)}`],
  ["string, cut short", "a361"],
  ["string of 2^32 - 1 bytes", "dbffffffff"],
  ["string: a continuation alone", "a180"],
  ["string: overlong", "a2c080"],
  ["string: a surrogate", "a3eda080"],
  ["string: above U+10FFFF", "a4f4908080"],
  ["string: cut inside a character", "a2e282"],
  ["binary of 1 in a long form", "c5000161"],
  ["binary, cut short", "c40261"],
  ["array of 1 in a long form", "dc000101"],
  ["array, cut short", "9201"],
  ["array of 2^32 - 1", "ddffffffff"],
  ["map of 1 in a long form", "de0001a16101"],
  ["map, cut before its value", "81a161"],
  ["map of 2^32 - 1", "dfffffffff"],
  ["map with a key twice", "82a16101a16102"],
  ["map with a number as key", "810101"],
  ["map with nil as key", "81c001"],
  ["map with the key __proto__", "81a95f5f70726f746f5f5f01"],
  ["bytes behind the value", "0101"],
  ["array nested 65 deep", `${"91".repeat(65)}01`],
  ["extension 0", "d40000"],
  ["extension -2", "d6fe00000000"],
  ["extension 1 of 12 bytes", `c70c01${"00".repeat(12)}`],
  ["instant of 32 bits with a length", "c704ff00000000"],
  ["instant of 64 bits that fits 32", "d7ff0000000000000001"],
  ["instant of 96 bits that fits 34", "c70cff000000000000000000000001"],
  ["instant with a microsecond", "d7ff00000fa000000000"],
  ["instant with a whole second of nanoseconds", "d7ffee6b280000000000"],
  ["instant behind the last one", "c70cff00000000000007dbba821801"],
]

export function valueVectors(): ValueVectors {
  const out = new ByteWriter()
  const accepted = ACCEPTED.map(([name, value]) => {
    out.reset()
    encodeValue(fromNotation(value), out, name)
    return { name, value, hex: toHex(out.buffer, 0, out.length) }
  })
  return { accepted, refused: REFUSED.map(([name, hex]) => refusedVector(name, "damaged", hex, readValue)) }
}
