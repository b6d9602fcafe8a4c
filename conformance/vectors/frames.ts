/** Vectors of frames: what each says, and bytes that are none, each with one rule broken. */
import { type BlockNotation, encodeNotedBlock, fromHex } from "../../kernel/format/block-notation.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { A, B, B2, blockOf, MILLIS, ONE_PUT, operation, splitArray } from "./blocks.ts"
import {
  type ChangeNotation,
  encodeNotedFrame,
  type FrameNotation,
  type ReceiptNotation,
  type Refusal,
  type RefusedVector,
  refusedVector,
  type SettingNotation,
  toHex,
} from "./notation.ts"
import { readFrame } from "./reader/frame.ts"
import { settingHex, settingOf } from "./settings.ts"

export interface FrameVector {
  readonly name: string
  readonly frame: FrameNotation
  readonly hex: string
}
export interface FrameVectors {
  /** For reading and writing. */
  readonly frames: readonly FrameVector[]
  /** Other forms of what a frame says, which no writer uses. */
  readonly readOnly: readonly FrameVector[]
  readonly refused: readonly RefusedVector[]
}

export const NO_ID: string = "00".repeat(16)
/** Ids of frames are random; in the vectors they are one byte again and again. */
export const idOf = (number: number): string => number.toString(16).padStart(2, "0").repeat(16)
const part = (block: BlockNotation): { readonly type: 1; readonly content: string } => ({
  type: 1,
  content: toHex(encodeNotedBlock(block)),
})

const setting = (setting: SettingNotation): { readonly type: 4; readonly content: string } => ({ type: 4, content: settingHex(setting) })

const ONE: FrameNotation = {
  position: 1,
  id: idOf(0xf1),
  previous: NO_ID,
  flags: 1,
  parts: [part(ONE_PUT)],
  change: null,
  receipt: null,
}
const EMPTY: FrameNotation = { ...ONE, position: 2, id: idOf(0xf2), previous: idOf(0xf1), flags: 0, parts: [] }

/** Where a frame or a cursor of the vectors' only remote stands. */
export const placeOf = (position: number): NonNullable<ChangeNotation["cursor"]> => ({
  position,
  id: position === 0 ? NO_ID : idOf(0xe0 + position),
})
/** A change that says nothing but what it is given. */
export const changeOf = (change: Partial<ChangeNotation>): ChangeNotation => ({
  remote: "https://example.org/notes",
  restart: false,
  caughtUp: false,
  cursor: null,
  ranges: [],
  refused: [],
  dead: [],
  offset: null,
  ...change,
})
const FULL_CHANGE = changeOf({
  caughtUp: true,
  cursor: placeOf(7),
  ranges: [[B, 3], [A, 300]],
  refused: [
    { dot: [A, 4], code: "clock_ahead", message: "its stamp is 400 s ahead" },
    { dot: [B2, 70_000], code: "withheld", message: "" },
  ],
  dead: [[B2, 70_000], [B, 2 ** 31 - 1]],
  offset: 400_000,
})
const RECEIPT: ReceiptNotation = { principal: "ada", millis: MILLIS, own: [A, B] }
/** A frame with nothing but a change or a receipt. */
const telling = (change: ChangeNotation | null, receipt: ReceiptNotation | null = null): FrameNotation => ({ ...EMPTY, change, receipt })
const FRAMES: readonly (readonly [name: string, frame: FrameNotation])[] = [
  ["one put", ONE],
  ["no parts", EMPTY],
  ["two blocks that came from elsewhere", {
    ...EMPTY,
    parts: [
      part(blockOf([A], [operation(1, "k1", "01")])),
      part(blockOf([B, A], [operation(1, "k1", "02", { context: [[1, 1]] })], { links: null })),
    ],
  }],
  ["a position of eight bytes", { ...EMPTY, position: 2 ** 53 - 1 }],
  ["flags and parts that may be ignored", {
    ...ONE,
    flags: 257,
    parts: [{ type: 128, content: "" }, part(ONE_PUT), { type: 70_000, content: "c1ff" }],
  }],
  ["a setting", { ...EMPTY, parts: [setting(settingOf("manual", "notes"))] }],
  ["settings beside a block", { ...ONE, parts: [setting(settingOf("merge")), part(ONE_PUT), setting(settingOf("crdt", ""))] }],
  ["a setting that is none, which its fold will find", { ...EMPTY, parts: [{ type: 4, content: "c1" }] }],
  ["a change that says nothing", telling(changeOf({ remote: "" }))],
  ["a change that says everything", telling(FULL_CHANGE)],
  ["a restart", telling(changeOf({ restart: true, cursor: placeOf(0) }))],
  ["a restart that has caught up", telling(changeOf({ restart: true, caughtUp: true, cursor: placeOf(1) }))],
  ["a page of one block", { ...EMPTY, parts: [part(blockOf([B], [operation(1, "k1", "01")]))], change: changeOf({ cursor: placeOf(1) }) }],
  ["own blocks and what they answer", {
    ...ONE,
    change: changeOf({ refused: [{ dot: [A, 1], code: "clock_ahead", message: "" }], offset: 1 }),
  }],
  ["a clock that is right again", telling(changeOf({ offset: 0 }))],
  [
    "the longest texts and greatest numbers of a change",
    telling(changeOf({
      remote: "\u{1f600}".repeat(256),
      cursor: { position: 2 ** 53 - 1, id: idOf(0xff) },
      refused: [{ dot: [A, 2 ** 31 - 1], code: "c".repeat(64), message: "\u00e9".repeat(100) }],
      offset: 2 ** 48 - 1,
    })),
  ],
  ["a receipt", telling(null, RECEIPT)],
  ["a receipt without own writers", telling(null, { principal: "\u00e9".repeat(512), millis: 0, own: [] })],
  ["change and receipt", telling(FULL_CHANGE, { ...RECEIPT, millis: 2 ** 48 - 1 })],
]

/** Elements in an array, with their checksum. */
const summed = (head: string, elements: readonly string[]): string => {
  const body = `${head}${elements.slice(0, 9).join("")}${elements.slice(10).join("")}`
  return `${body}ce${crc32(fromHex(body)).toString(16).padStart(8, "0")}`
}
const changed = (frame: FrameNotation, elements: { readonly [index: number]: string }): string =>
  summed("9a", splitArray(encodeNotedFrame(frame)).map((element, index) => elements[index] ?? element))

/** A frame whose change has some of its elements replaced. */
const changedChange = (elements: { readonly [index: number]: string }, change: ChangeNotation = FULL_CHANGE): string =>
  changed(EMPTY, { 7: replaced(7, telling(change), elements) })
const changedReceipt = (elements: { readonly [index: number]: string }): string =>
  changed(EMPTY, { 8: replaced(8, telling(null, RECEIPT), elements) })
/** Element `at` of a frame, itself an array, with some of its elements replaced. */
const replaced = (at: number, frame: FrameNotation, elements: { readonly [index: number]: string }): string => {
  const members = splitArray(fromHex(splitArray(encodeNotedFrame(frame))[at]!))
  return `9${members.length}${members.map((member, index) => elements[index] ?? member).join("")}`
}
const text = (length: number): string => `${length < 256 ? "d9" : "da0"}${length.toString(16)}${"61".repeat(length)}`
/** One refused operation: writer number, seq, code, message. */
const refusal = (number: string, seq: string, code: string = "a0", message: string = "a0"): string => `9194${number}${seq}${code}${message}`

const READ_ONLY: readonly (readonly [name: string, frame: FrameNotation, hex: string])[] = [
  [
    "a change that spells out what nil says",
    telling(changeOf({})),
    changedChange({ 4: "c400", 5: "90", 6: "c400" }, changeOf({})),
  ],
  [
    "writers of a change in another order, one twice, one that nobody names",
    telling(changeOf({ ranges: [[B, 1], [A, 2], [B, 3]] })),
    changedChange({ 3: `c440${B2}${A}${B}${B}`, 4: "c406020101020303" }, changeOf({})),
  ],
  [
    "flags of a change that may be ignored",
    telling(changeOf({ caughtUp: true, cursor: placeOf(1) })),
    changedChange({ 1: "cd0102" }, changeOf({ cursor: placeOf(1) })),
  ],
]

/** Frames whose change is refused, each with the elements of the change that differ from one that says everything. */
const REFUSED_CHANGES: readonly (readonly [name: string, refusal: Refusal, elements: { readonly [index: number]: string }])[] = [
  ["a remote as binary", "damaged", { 0: "c40161" }],
  ["a remote of 1,025 bytes", "damaged", { 0: text(1025) }],
  ["a remote that is not well-formed", "damaged", { 0: "a2c080" }],
  ["flag 4 of a change", "too new", { 1: "04" }],
  ["flag 128 of a change", "too new", { 1: "cc83" }],
  ["flags of a change in a long form", "damaged", { 1: "cc02" }],
  ["a cursor of one element", "damaged", { 2: "9107" }],
  ["a cursor of three elements", "damaged", { 2: `9307c410${NO_ID}c0` }],
  ["a cursor whose id has 15 bytes", "damaged", { 2: `9207c40f${"00".repeat(15)}` }],
  ["a cursor at a position below 0", "damaged", { 2: `92ffc410${NO_ID}` }],
  ["an empty table of writers in a change", "damaged", { 3: "c400" }],
  ["a writer of 15 bytes in a change", "damaged", { 3: `c40f${A.slice(2)}` }],
  ["ranges of a writer that the table does not have", "damaged", { 4: "c4020301" }],
  ["ranges without a table of writers", "damaged", { 3: "c0", 5: "c0", 6: "c0" }],
  ["a range up to 0", "damaged", { 4: "c4020000" }],
  ["a range up to 2^31", "damaged", { 4: "c406008080808008" }],
  ["half a range", "damaged", { 4: "c40100" }],
  ["ranges as array", "damaged", { 4: "920001" }],
  ["more refused operations than bytes", "damaged", { 5: "ddffffffff" }],
  ["a refused operation of three elements", "damaged", { 5: "91930001a0" }],
  ["a refused operation of a writer that the table does not have", "damaged", { 5: refusal("03", "01") }],
  ["a refused operation with seq 0", "damaged", { 5: refusal("00", "00") }],
  ["a refused operation with a seq of 2^31", "damaged", { 5: refusal("00", "ce80000000") }],
  ["a code of 65 bytes", "damaged", { 5: refusal("00", "01", text(65)) }],
  ["a code as nil", "damaged", { 5: refusal("00", "01", "c0") }],
  ["a message of 201 bytes", "damaged", { 5: refusal("00", "01", "a0", text(201)) }],
  ["a dead letter with seq 0", "damaged", { 6: "c4020000" }],
  ["dead letters as long as all memory", "damaged", { 6: "c6ffffffff" }],
  ["an offset of 2^48 ms", "damaged", { 7: "cf0001000000000000" }],
  ["an offset below 0", "damaged", { 7: "ff" }],
  ["a restart without a cursor", "damaged", { 1: "01", 2: "c0" }],
]

const REFUSED_RECEIPTS: readonly (readonly [name: string, elements: { readonly [index: number]: string }])[] = [
  ["a principal of 1,025 bytes", { 0: text(1025) }],
  ["a principal as nil", { 0: "c0" }],
  ["a time before 1970", { 1: "ff" }],
  ["a time of 2^48 ms", { 1: "cf0001000000000000" }],
  ["own writers as nil", { 2: "c0" }],
  ["own writers of 15 bytes", { 2: `c40f${A.slice(2)}` }],
]

function refusedFrames(): readonly (readonly [name: string, refusal: Refusal, hex: string])[] {
  const one = toHex(encodeNotedFrame(ONE)), elements = splitArray(encodeNotedFrame(ONE))
  const content = ONE.parts[0]!.content
  const parts = (...parts: string[]): string => changed(ONE, { 6: `9${parts.length}${parts.join("")}` })
  const length = (content.length / 2).toString(16)
  return [
    ["nothing", "damaged", ""],
    ["a checksum alone", "damaged", "ce00000000"],
    ["a wrong checksum", "damaged", one.replace(/..$/, (byte) => (parseInt(byte, 16) ^ 1).toString(16).padStart(2, "0"))],
    ["a checksum of version 0 after version 1", "damaged", one.replace(/^9a00/, "9a01")],
    ["the last byte is missing", "damaged", one.slice(0, -2)],
    ["one byte too many", "damaged", `${one}00`],
    ["bytes between the last element and the checksum", "damaged", summed("9a", [...elements.slice(0, 9), "", "c0"])],
    ["no array", "damaged", summed("81", elements)],
    ["version 1", "too new", changed(ONE, { 0: "01" })],
    ["version 1 with another number of elements", "too new", summed("9c", ["01", ...elements.slice(1, 9), "", "c0", "c0"])],
    ["nine elements", "damaged", summed("99", [...elements.slice(0, 8), ""])],
    ["eleven elements", "damaged", summed("9b", [...elements.slice(0, 9), "", "c0"])],
    ["the number of elements in a long form", "damaged", summed("dc000a", elements)],
    ["a version in a long form", "damaged", changed(ONE, { 0: "cc00" })],
    ["a position in a long form", "damaged", changed(ONE, { 1: "cd0001" })],
    ["a position above 2^53 - 1", "damaged", changed(ONE, { 1: "cf0020000000000000" })],
    ["a position below 0", "damaged", changed(ONE, { 1: "ff" })],
    ["an id of 15 bytes", "damaged", changed(ONE, { 2: `c40f${"f1".repeat(15)}` })],
    ["an id as string", "damaged", changed(ONE, { 2: `b0${"61".repeat(16)}` })],
    ["a previous id of 17 bytes", "damaged", changed(ONE, { 3: `c411${"00".repeat(17)}` })],
    ["a previous id that is nil", "damaged", changed(ONE, { 3: "c0" })],
    ["kind 1", "too new", changed(ONE, { 4: "01" })],
    ["flag 2", "too new", changed(ONE, { 5: "03" })],
    ["flag 128", "too new", changed(ONE, { 5: "cc80" })],
    ["parts that are no array", "damaged", changed(ONE, { 6: "c0" })],
    ["more parts than bytes", "damaged", changed(ONE, { 6: "ddffffffff" })],
    ["a part of three elements", "damaged", parts(`9301c6000000${length}${content}c0`)],
    ["a part of type 0", "too new", parts(`9200c6000000${length}${content}`)],
    ["a part of type 2", "too new", parts(`9202c6000000${length}${content}`)],
    ["a part of type 3", "too new", parts(`9203c6000000${length}${content}`)],
    ["a part of type 5", "too new", parts(`9205c6000000${length}${content}`)],
    ["a part of type 127", "too new", parts(`927fc6000000${length}${content}`)],
    ["a part as bin8", "damaged", parts(`9201c4${length}${content}`)],
    ["a part as nil", "damaged", parts("9201c0")],
    ["a setting as bin8", "damaged", parts(`9204c405${settingHex(settingOf("manual"))}`)],
    ["a setting that stands in its part as it is", "damaged", parts(`9204${settingHex(settingOf("manual"))}`)],
    [
      "a part one byte longer than the frame",
      "damaged",
      parts(`9201c6${(content.length / 2 + 3).toString(16).padStart(8, "0")}${content}`),
    ],
    ["a part of 2^32 - 1 bytes", "damaged", parts(`9201c6ffffffff${content}`)],
    ["an end before the change", "damaged", summed("9a", elements.slice(0, 7))],
    ["an end before the receipt", "damaged", summed("9a", elements.slice(0, 8))],
    ["a change that is no array", "damaged", changed(ONE, { 7: "80" })],
    ["a change of seven elements", "damaged", changed(ONE, { 7: `97${"c0".repeat(7)}` })],
    ["a change of nine elements", "damaged", changed(ONE, { 7: `99a000${"c0".repeat(7)}` })],
    ["a change that ends with its frame", "damaged", summed("9a", [...elements.slice(0, 7), "98a000c0"])],
    ["a receipt that is no array", "damaged", changed(ONE, { 8: "80" })],
    ["a receipt of two elements", "damaged", changed(ONE, { 8: "92a000" })],
    ["a receipt of four elements", "damaged", changed(ONE, { 8: "94a000c400c0" })],
    ...REFUSED_CHANGES.map(([name, refusal, elements]) => [name, refusal, changedChange(elements)] as const),
    ...REFUSED_RECEIPTS.map(([name, elements]) => [name, "damaged", changedReceipt(elements)] as const),
  ]
}

export function frameVectors(): FrameVectors {
  return {
    frames: FRAMES.map(([name, frame]) => ({ name, frame, hex: toHex(encodeNotedFrame(frame)) })),
    readOnly: READ_ONLY.map(([name, frame, hex]) => ({ name, frame, hex })),
    refused: refusedFrames().map(([name, refusal, hex]) => refusedVector(name, refusal, hex, readFrame)),
  }
}
