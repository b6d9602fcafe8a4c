/** Vectors of operation blocks: what each says, and bytes that are none, each with one rule broken. */
import { type BlockNotation, encodeNotedBlock, fromHex, type OperationNotation } from "../../kernel/format/block-notation.ts"
import { type Refusal, type RefusedVector, refusedVector, toHex } from "./notation.ts"
import { readBlock } from "./reader/frame.ts"

export interface BlockVectors {
  /** For reading and writing. */
  readonly blocks: readonly { readonly name: string; readonly block: BlockNotation; readonly hex: string }[]
  /** For reading: longer forms that no writer chooses. */
  readonly readOnly: readonly { readonly name: string; readonly block: BlockNotation; readonly hex: string }[]
  readonly refused: readonly RefusedVector[]
}

/** Writers of two replicas: one of `a`, two opens of `b`. */
export const A = "a0a1a2a3a4a5a6a70000000000000001", B = "b0b1b2b3b4b5b6b70000000000000001", B2 = "b0b1b2b3b4b5b6b70000000000000002"
/** Milliseconds of the first stamp: 2026-10-17T00:00:00Z. */
export const MILLIS = 1_792_195_200_000

/** An operation with the usual members left out. */
export const operation = (seq: number, key: string, value: string | null, more: Partial<OperationNotation> = {}): OperationNotation => ({
  kind: value === null ? "delete" : "put",
  seq,
  millis: MILLIS,
  counter: 0,
  collection: 0,
  context: [],
  keeps: [],
  settles: null,
  key,
  value,
  ...more,
})
/** A block of operations that are all listed, unless `more` says otherwise. */
export const blockOf = (
  writers: readonly string[],
  operations: readonly OperationNotation[],
  more: Partial<BlockNotation> = {},
): BlockNotation => ({
  writers,
  from: (operations[0]?.seq ?? 1) - 1,
  to: operations.at(-1)?.seq ?? 1,
  withheld: [],
  origin: null,
  links: null,
  label: null,
  names: [""],
  operations,
  ...more,
})

const own = (seq: number): { readonly context: readonly [readonly [number, number]] } => ({ context: [[0, seq]] })
export const ONE_PUT: BlockNotation = blockOf([A], [operation(1, "note:1", "81a474657874a26869")])

const BLOCKS: readonly (readonly [name: string, block: BlockNotation])[] = [
  ["one put", ONE_PUT],
  ["three puts in the same millisecond", blockOf([A], ["k1", "k2", "k3"].map((key, i) => operation(i + 1, key, `0${i}`, { counter: i })))],
  [
    "the counter starts again with each millisecond",
    blockOf(
      [A],
      [[0, 7], [0, 8], [1, 0], [1, 1], [3, 0]].map(([ms = 0, counter = 0], i) =>
        operation(i + 1, `k${i}`, "c0", { millis: MILLIS + ms, counter })
      ),
    ),
  ],
  [
    "a counter that is not the expected one",
    blockOf([A], [
      operation(1, "k1", "01"),
      operation(2, "k2", "01", { counter: 9 }),
      operation(3, "k3", "01", { millis: MILLIS + 1, counter: 4 }),
    ]),
  ],
  [
    "stamps that go backwards",
    blockOf([A], [
      operation(1, "k1", "01", { counter: 3 }),
      operation(2, "k2", "01", { millis: MILLIS - 60_000 }),
      operation(3, "k3", "01", { millis: MILLIS - 1 }),
    ]),
  ],
  [
    "a full counter carries into the milliseconds",
    blockOf([A], [operation(1, "k1", "01", { counter: 65_535 }), operation(2, "k2", "01", { millis: MILLIS + 1 })]),
  ],
  [
    "no context, one of the own writer, one of another, several",
    blockOf([A, B, B2], [
      operation(4, "k1", "01"),
      operation(5, "k1", "02", { counter: 1, ...own(4) }),
      operation(6, "k2", "03", { counter: 2, context: [[1, 70_000]] }),
      operation(7, "k3", "04", { counter: 3, context: [[0, 2], [1, 9], [2, 1]] }),
    ]),
  ],
  ["a distance of two bytes", blockOf([A], [operation(1000, "k1", "01", own(1))])],
  [
    "deletes",
    blockOf([A], [operation(1, "k1", "01"), operation(2, "k1", null, { counter: 1, ...own(1) }), operation(3, "k2", null, { counter: 2 })]),
  ],
  ["nothing but deletes", blockOf([A], [operation(8, "k1", null, own(3)), operation(9, "k2", null, { counter: 1, ...own(4) })])],
  ["a put that keeps two siblings open", blockOf([A, B], [operation(3, "k1", "03", { ...own(2), keeps: [[1, 5], [0, 1]] })])],
  [
    "a choice and what it settles",
    blockOf([A, B], [operation(3, "k1", "02", { kind: "choice", context: [[0, 2], [1, 5]], settles: [[0, 2], [1, 5]] })]),
  ],
  [
    "a choice of a delete",
    blockOf([A, B], [operation(3, "k1", "", { kind: "choice", context: [[0, 2], [1, 5]], settles: [[0, 2], [1, 5]] })]),
  ],
  [
    "side entries far apart",
    blockOf([A, B], [
      operation(11, "k1", "01"),
      operation(12, "k2", "02", { counter: 1, keeps: [[1, 1]] }),
      operation(13, "k3", "03", { counter: 2 }),
      operation(14, "k4", "04", { counter: 3, kind: "choice", context: [[1, 2]], keeps: [[1, 3]], settles: [[1, 2]] }),
    ]),
  ],
  [
    "void numbers at the start, inside and at the end",
    blockOf([A], [operation(13, "k1", "01"), operation(16, "k2", "02", { counter: 1 })], { from: 10, to: 20 }),
  ],
  [
    "withheld numbers",
    blockOf([A], [operation(2, "k1", "01"), operation(4, "k2", "02", { counter: 1 })], { from: 0, to: 7, withheld: [1, 3, 7] }),
  ],
  ["nothing listed: void and withheld numbers alone", blockOf([A], [], { from: 4, to: 9, withheld: [6] })],
  [
    "links and label",
    blockOf([B2, B, A], [operation(1, "k1", "01", { context: [[1, 12]] })], { links: [[1, 12], [2, 300]], label: "Mia's laptop" }),
  ],
  ["origin", blockOf([A], [operation(5, "k1", "01")], { origin: "0f".repeat(16) })],
  [
    "several collections",
    blockOf(
      [A],
      ["", "users", "", "drafts"].map((_, i) => operation(i + 1, "same key", `0${i}`, { counter: i, collection: [0, 1, 0, 2][i]! })),
      { names: ["", "users", "drafts"] },
    ),
  ],
  ["one collection that is not the default one", blockOf([A], [operation(1, "u1", "01")], { names: ["users"] })],
  [
    "an event and a forget",
    blockOf(
      [A],
      [operation(1, "", "a5776f726c64", { kind: "event" }), operation(2, "k1", null, { kind: "forget", counter: 1, ...own(1) })],
      { names: ["greeted"] },
    ),
  ],
  [
    "keys beyond ASCII",
    blockOf([A], ["\u00e9", "e\u0301", "\u{1f600}", "\u0000"].map((key, i) => operation(i + 1, key, "c0", { counter: i }))),
  ],
  [
    "the greatest numbers",
    blockOf([A, B], [
      operation(2_147_483_647, "k".repeat(1024), "c0", { millis: 2 ** 48 - 1, counter: 65_535, context: [[1, 2_147_483_647]] }),
    ]),
  ],
]

/** The elements of a block or frame, apart: text by text in hexadecimal. */
export function splitArray(bytes: Uint8Array): string[] {
  const [count, first] = arrayHead(bytes, 0), elements: string[] = []
  for (let at = first; elements.length < count;) elements.push(toHex(bytes, at, at = endOf(bytes, at)))
  return elements
}

const bigEndian = (bytes: Uint8Array, at: number, length: number): number =>
  bytes.subarray(at, at + length).reduce((number, byte) => number * 256 + byte, 0)
const arrayHead = (bytes: Uint8Array, at: number): [count: number, next: number] =>
  bytes[at] === 0xdc ? [bigEndian(bytes, at + 1, 2), at + 3] : [bytes[at]! & 15, at + 1]

/** Where the nil, number, binary, text or array at `at` ends. */
function endOf(bytes: Uint8Array, at: number): number {
  const head = bytes[at]!, behind = at + 1
  if (head < 0x80 || head === 0xc0) return behind
  if (head >= 0xcc && head <= 0xcf) return behind + 2 ** (head - 0xcc)
  if (head >> 5 === 5) return behind + (head & 31)
  const lengthBytes = head >= 0xc4 && head <= 0xc6 ? 2 ** (head - 0xc4) : head >= 0xd9 && head <= 0xdb ? 2 ** (head - 0xd9) : 0
  if (lengthBytes > 0) return behind + lengthBytes + bigEndian(bytes, behind, lengthBytes)
  let [count, next] = arrayHead(bytes, at)
  for (; count > 0; count--) next = endOf(bytes, next)
  return next
}

const bin = (hex: string): string => `c4${(hex.length / 2).toString(16).padStart(2, "0")}${hex}`
const uint = (number: number): string => number < 128 ? number.toString(16).padStart(2, "0") : `ce${number.toString(16).padStart(8, "0")}`
/** A block with some of its elements replaced. */
const changed = (block: BlockNotation, elements: { readonly [index: number]: string }): string =>
  `dc0018${splitArray(encodeNotedBlock(block)).map((element, index) => elements[index] ?? element).join("")}`

const TWO = blockOf([A, B], [operation(5, "k1", "01"), operation(6, "k2", "02", { counter: 1 })])
const CHOICE = blockOf([A, B], [operation(3, "k1", "02", { kind: "choice", context: [[1, 5]], settles: [[1, 5]] })])
const FIRST = blockOf([A, B], [operation(1, "k1", "01")])

const READ_ONLY: readonly (readonly [name: string, block: BlockNotation, hex: string])[] = [
  [
    "columns that say what nil would say",
    TWO,
    changed(TWO, {
      5: bin(""),
      9: "91a0",
      13: bin("0000"),
      14: bin("0101"),
      15: bin("00"),
      16: bin("00"),
      17: bin("0000"),
      18: bin("0000"),
      19: bin(""),
    }),
  ],
  [
    "a single entry of the own writer in the general form",
    blockOf([A, B], [operation(5, "k1", "01", own(4))]),
    changed(blockOf([A, B], [operation(5, "k1", "01")]), { 18: bin("02010004") }),
  ],
  ["links without an entry", blockOf([A, B], [operation(1, "k1", "01")], { links: [] }), changed(FIRST, { 7: bin("") })],
]

const REFUSED: readonly (readonly [name: string, refusal: Refusal, hex: string])[] = [
  ["no array", "damaged", "c0"],
  ["23 elements", "damaged", `dc0017${splitArray(encodeNotedBlock(ONE_PUT)).slice(0, 23).join("")}`],
  ["25 elements", "damaged", `dc0019${splitArray(encodeNotedBlock(ONE_PUT)).join("")}c0`],
  ["bytes behind the block", "damaged", `${toHex(encodeNotedBlock(ONE_PUT))}c0`],
  ["codec 1", "too new", changed(ONE_PUT, { 0: "01" })],
  ["codec 1 with another number of elements", "too new", "9101"],
  ["codec in a long form", "damaged", changed(ONE_PUT, { 0: "cc00" })],
  ["no writer", "damaged", changed(ONE_PUT, { 1: bin("") })],
  ["a writer of 15 bytes", "damaged", changed(ONE_PUT, { 1: bin(A.slice(2)) })],
  ["a writer twice", "damaged", changed(ONE_PUT, { 1: bin(A + B + A) })],
  ["an empty range", "damaged", changed(ONE_PUT, { 2: "01" })],
  ["a range backwards", "damaged", changed(ONE_PUT, { 2: "02" })],
  ["a seq above 2^31 - 1", "damaged", changed(TWO, { 3: uint(2 ** 31) })],
  ["more rows than the range has", "damaged", changed(ONE_PUT, { 4: "02" })],
  ["fewer rows than the range has, and no seqs", "damaged", changed(TWO, { 3: "07" })],
  ["65,537 rows", "damaged", changed(ONE_PUT, { 3: uint(70_000), 4: uint(65_537) })],
  ["2^31 - 2 rows", "damaged", changed(ONE_PUT, { 3: uint(2 ** 31 - 1), 4: uint(2 ** 31 - 2) })],
  ["a withheld number beyond the range", "damaged", changed(TWO, { 5: bin("09") })],
  ["a withheld number that does not ascend", "damaged", changed(TWO, { 3: "08", 5: bin("0300"), 14: bin("0101") })],
  ["a number that is listed and withheld", "damaged", changed(TWO, { 5: bin("02") })],
  ["an origin of 15 bytes", "damaged", changed(ONE_PUT, { 6: bin("00".repeat(15)) })],
  ["links in a block that does not begin at 0", "damaged", changed(TWO, { 7: bin("0101") })],
  ["a link to the own writer", "damaged", changed(FIRST, { 7: bin("0001") })],
  ["a link to no writer", "damaged", changed(FIRST, { 7: bin("0201") })],
  ["a link to number 0", "damaged", changed(FIRST, { 7: bin("0100") })],
  ["half a link", "damaged", changed(FIRST, { 7: bin("01") })],
  ["65 links", "damaged", changed(FIRST, { 7: bin("0101".repeat(65)) })],
  ["a label in a block that does not begin at 0", "damaged", changed(TWO, { 8: "a161" })],
  ["a label of 201 bytes", "damaged", changed(FIRST, { 8: `d9c9${"61".repeat(201)}` })],
  ["a label that is not well-formed", "damaged", changed(FIRST, { 8: "a180" })],
  ["no names", "damaged", changed(ONE_PUT, { 9: "90" })],
  ["a name of 201 bytes", "damaged", changed(ONE_PUT, { 9: `91d9c9${"61".repeat(201)}` })],
  ["a name that is no string", "damaged", changed(ONE_PUT, { 9: "9101" })],
  ["2^32 - 1 names", "damaged", changed(ONE_PUT, { 9: "ddffffffff" })],
  ["shapes", "too new", changed(ONE_PUT, { 10: "90" })],
  ["an end before the shapes", "damaged", `dc0018${splitArray(encodeNotedBlock(ONE_PUT)).slice(0, 10).join("")}`],
  ["milliseconds above 48 bits", "damaged", changed(ONE_PUT, { 11: "cf0001000000000000" })],
  ["a counter above 16 bits", "damaged", changed(ONE_PUT, { 12: "ce00010000" })],
  ["fewer kinds than rows", "damaged", changed(TWO, { 13: bin("00") })],
  ["kind 5", "too new", changed(ONE_PUT, { 13: bin("05") })],
  ["kind 5 behind a counter above 16 bits", "damaged", changed(ONE_PUT, { 12: "ce00010000", 13: bin("05") })],
  ["kind 5 before a collection that has no name", "too new", changed(ONE_PUT, { 13: bin("05"), 17: bin("01") })],
  ["a seq that does not ascend", "damaged", changed(TWO, { 14: bin("0100") })],
  ["a seq beyond the range", "damaged", changed(TWO, { 14: bin("0102") })],
  ["fewer seqs than rows", "damaged", changed(TWO, { 14: bin("01") })],
  ["more seqs than rows", "damaged", changed(TWO, { 3: "08", 14: bin("010101") })],
  ["a seq in a long form", "damaged", changed(TWO, { 14: bin("018100") })],
  ["milliseconds below 0", "damaged", changed(TWO, { 15: bin("ffffffffffffff03") })],
  ["a counter below 0", "damaged", changed(TWO, { 16: bin("03") })],
  ["an expected counter above 16 bits", "damaged", changed(TWO, { 12: "cdffff" })],
  ["a collection that has no name", "damaged", changed(TWO, { 17: bin("0001") })],
  ["context code 3", "too new", changed(TWO, { 18: bin("0003") })],
  ["fewer contexts than rows, where the next byte would be an unknown code", "damaged", changed(TWO, { 18: bin("00") })],
  ["a context at a distance of 0", "damaged", changed(TWO, { 18: bin("0100") })],
  ["a context before the first seq", "damaged", changed(TWO, { 18: bin("010500") })],
  ["a context without entries", "damaged", changed(TWO, { 18: bin("020000") })],
  ["a context of an unknown writer", "damaged", changed(TWO, { 18: bin("0201020100") })],
  ["a context of seq 0", "damaged", changed(TWO, { 18: bin("0201010000") })],
  ["a context of the operation itself", "damaged", changed(TWO, { 18: bin("0201000500") })],
  ["a context of 1,025 entries", "damaged", changed(TWO, { 18: `c50806` + `028108` + "0101".repeat(1025) + "00" })],
  ["a context that announces 2^32 entries", "damaged", changed(TWO, { 18: bin("02808080801000") })],
  ["side flags of 0", "damaged", changed(TWO, { 19: bin("0000") })],
  ["side flag 4", "too new", changed(TWO, { 19: bin("0004") })],
  ["side flags behind the end of their column", "damaged", changed(TWO, { 19: bin("00") })],
  ["a side entry of no row", "damaged", changed(TWO, { 19: bin("0201010101") })],
  ["a side entry twice", "damaged", changed(TWO, { 19: bin("00010101010001010101") })],
  ["a put that settles", "damaged", changed(TWO, { 19: bin("0002010101") })],
  ["a choice that settles nothing", "damaged", changed(CHOICE, { 19: "c0" })],
  ["a choice that only keeps", "damaged", changed(CHOICE, { 19: bin("0001010101") })],
  ["no key lengths", "damaged", changed(ONE_PUT, { 20: "c0" })],
  ["an empty key", "damaged", changed(TWO, { 20: bin("0004") })],
  ["a key of 1,025 bytes", "damaged", changed(ONE_PUT, { 20: bin("8108"), 21: `c50401${"6b".repeat(1025)}` })],
  ["keys that are longer than their lengths say", "damaged", changed(TWO, { 21: bin("6b316b3278") })],
  ["keys that are shorter than their lengths say", "damaged", changed(TWO, { 21: bin("6b316b") })],
  ["fewer key lengths than rows", "damaged", changed(TWO, { 20: bin("02"), 21: bin("6b31") })],
  ["no value lengths", "damaged", changed(ONE_PUT, { 22: "c0", 23: bin("") })],
  ["a put without a value", "damaged", changed(TWO, { 22: bin("0001"), 23: bin("02") })],
  ["a value above 1 MiB", "damaged", changed(ONE_PUT, { 22: bin("818040") })],
  ["values that are longer than their lengths say", "damaged", changed(TWO, { 23: bin("010203") })],
  ["values that are shorter than their lengths say", "damaged", changed(TWO, { 23: bin("01") })],
  ["values of 2^32 - 1 bytes", "damaged", changed(TWO, { 23: "c6ffffffff" })],
]

export function blockVectors(): BlockVectors {
  return {
    blocks: BLOCKS.map(([name, block]) => ({ name, block, hex: toHex(encodeNotedBlock(block)) })),
    readOnly: READ_ONLY.map(([name, block, hex]) => ({ name, block, hex: toHex(fromHex(hex)) })),
    refused: REFUSED.map(([name, refusal, hex]) => refusedVector(name, refusal, hex, readBlock)),
  }
}
