/** Vectors of frames: what each says, and bytes that are none, each with one rule broken. */
import { type BlockNotation, encodeNotedBlock, fromHex } from "../../kernel/format/block-notation.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { A, B, blockOf, ONE_PUT, operation, splitArray } from "./blocks.ts"
import { encodeNotedFrame, type FrameNotation, type Refusal, type RefusedVector, refusedVector, toHex } from "./notation.ts"
import { readFrame } from "./reader/frame.ts"

export interface FrameVectors {
  /** For reading and writing. */
  readonly frames: readonly { readonly name: string; readonly frame: FrameNotation; readonly hex: string }[]
  readonly refused: readonly RefusedVector[]
}

export const NO_ID: string = "00".repeat(16)
/** Ids of frames are random; in the vectors they are one byte again and again. */
export const idOf = (number: number): string => number.toString(16).padStart(2, "0").repeat(16)
const part = (block: BlockNotation): { readonly type: 1; readonly content: string } => ({
  type: 1,
  content: toHex(encodeNotedBlock(block)),
})

const ONE: FrameNotation = { position: 1, id: idOf(0xf1), previous: NO_ID, flags: 1, parts: [part(ONE_PUT)] }
const EMPTY: FrameNotation = { position: 2, id: idOf(0xf2), previous: idOf(0xf1), flags: 0, parts: [] }
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
]

/** Elements in an array, with their checksum. */
const summed = (head: string, elements: readonly string[]): string => {
  const body = `${head}${elements.slice(0, 9).join("")}${elements.slice(10).join("")}`
  return `${body}ce${crc32(fromHex(body)).toString(16).padStart(8, "0")}`
}
const changed = (frame: FrameNotation, elements: { readonly [index: number]: string }): string =>
  summed("9a", splitArray(encodeNotedFrame(frame)).map((element, index) => elements[index] ?? element))

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
    ["a part of type 127", "too new", parts(`927fc6000000${length}${content}`)],
    ["a part as bin8", "damaged", parts(`9201c4${length}${content}`)],
    ["a part as nil", "damaged", parts("9201c0")],
    [
      "a part one byte longer than the frame",
      "damaged",
      parts(`9201c6${(content.length / 2 + 3).toString(16).padStart(8, "0")}${content}`),
    ],
    ["a part of 2^32 - 1 bytes", "damaged", parts(`9201c6ffffffff${content}`)],
    ["an end before the change", "damaged", summed("9a", elements.slice(0, 7))],
    ["an end before the receipt", "damaged", summed("9a", elements.slice(0, 8))],
    ["a change", "too new", changed(ONE, { 7: "80" })],
    ["a receipt", "too new", changed(ONE, { 8: "80" })],
  ]
}

export function frameVectors(): FrameVectors {
  return {
    frames: FRAMES.map(([name, frame]) => ({ name, frame, hex: toHex(encodeNotedFrame(frame)) })),
    refused: refusedFrames().map(([name, refusal, hex]) => refusedVector(name, refusal, hex, readFrame)),
  }
}
