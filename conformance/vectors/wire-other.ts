/** Vectors of the sync protocol: other bytes that mean the same, bytes that are no message, and data of events (`protocol/SPEC.md`). */
import { fromHex } from "../../kernel/format/block-notation.ts"
import { idOf, NO_ID } from "./frames.ts"
import { toHex } from "./notation.ts"
import { Refused } from "./reader/cursor.ts"
import type { Notation } from "./reader/value.ts"
import { DAMAGED, readAnswer, readRequest } from "./reader/wire.ts"
import { ANSWERS, bin, CALL, cursor, encodeMessage, type Fields, type Noted, type Parts, REQUESTS, summed } from "./wire.ts"

/** Which message bytes are, or should be: "push request", "pull answer". */
export type MessageName = `${string} ${"request" | "answer"}`
export interface EqualVector {
  readonly message: MessageName
  readonly name: string
  readonly same: string
  readonly hex: string
}
export interface RefusedMessage {
  readonly message: MessageName
  readonly name: string
  readonly rule: string
  /** Of the answer to such a request. */
  readonly code?: string
  readonly hex: string
}
export interface HintVectors {
  readonly hints: readonly { readonly data: string; readonly head: { readonly position: number; readonly id: string } }[]
  readonly ignored: readonly { readonly data: string }[]
}

/** The first vector of each request, and of each type of answer. */
function samples(): readonly (readonly [message: MessageName, noted: Noted])[] {
  const found: (readonly [MessageName, Noted])[] = Object.entries(REQUESTS).map(([endpoint, list]) => [`${endpoint} request`, list[0]!])
  for (const [endpoint, list] of Object.entries(ANSWERS)) {
    const types = new Set<unknown>()
    for (const noted of list) {
      if (!types.has(noted[1]["type"])) found.push([endpoint === "error" ? "pull answer" : `${endpoint} answer`, noted])
      types.add(noted[1]["type"])
    }
  }
  return found
}

const reversed = (value: Notation): Notation => {
  if (typeof value !== "object" || value === null || Array.isArray(value) || "$bytes" in value) return value
  return Object.fromEntries(Object.entries(value).reverse().map(([name, member]) => [name, reversed(member)]))
}
const without = (fields: Fields, name: string): Fields => Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name))

/** Other bytes with the meaning of the vector `same`. */
export function equalVectors(): { readonly equal: readonly EqualVector[] } {
  const equal: EqualVector[] = []
  for (const [message, [same, fields, parts]] of samples()) {
    const add = (name: string, changed: Fields): void => void equal.push({ message, name, same, hex: encodeMessage(changed, parts) })
    add("members in another order", reversed(fields) as Fields)
    const inner = "limits" in fields ? { limits: { later: 0, ...fields["limits"] as Fields } } : {}
    add("members that are not known", { later: [1, { constructor: null }], toString: "x", ...fields, ...inner, "": 0.5 })
  }
  const [same, least] = REQUESTS["watch"]![1]!, message = "watch request"
  equal.push({ message, name: "no replica at all", same, hex: encodeMessage(without(least, "replica")) })
  equal.push({ message, name: "nil for what may be absent", same, hex: encodeMessage({ ...least, accept: null, features: null }) })
  return { equal }
}

const OPTIONAL = ["replica", "accept", "features", "tokenExpiresMillis", "retry", "retryAfterMillis", "details", "requestId"]
type Change = readonly [name: string, fields: Fields, parts?: Parts]

/** A member of each sample with each value that it may not have. */
function changesOf(message: MessageName, [, fields]: Noted): readonly Change[] {
  const changes: Change[] = []
  const isAnswer = message.endsWith("answer")
  const set = (name: string, ...values: readonly (readonly [what: string, value: Notation])[]): void => {
    if (name in fields) { for (const [what, value] of values) changes.push([`${name} ${what}`, { ...fields, [name]: value }]) }
  }
  for (const name of Object.keys(fields)) {
    if (!OPTIONAL.includes(name) || (isAnswer && name === "features")) changes.push([`${name} is missing`, without(fields, name)])
  }
  const integers = [["is below 0", -1], ["has a fraction", 1.5], ["is above 2^53 - 1", 2 ** 53], ["is a big integer", { $bigint: "1" }], [
    "is a string",
    "1",
  ], ["is not finite", { $number: "Infinity" }]] as const
  const cursors = [
    ["is nil", null],
    ["has one element", [1]],
    ["has three elements", [1, bin(idOf(1)), 1]],
    ["has a position below 0", [-1, bin(idOf(1))]],
    ["has a position above 2^53 - 1", [2 ** 53, bin(idOf(1))]],
    ["has an id of 15 bytes", [1, bin("01".repeat(15))]],
    ["has an id that is a string", [1, "x".repeat(16)]],
    ["has an id at position 0", [0, bin(idOf(1))]],
  ] as const
  for (const name of ["protocol", "partsBytesMax", "waitMillis", "head", "serverTimeMillis", "tokenExpiresMillis"]) {
    if (name !== "head" || message === "pull answer") set(name, ...integers)
  }
  for (const name of ["cursor", "next", "last", "at"]) set(name, ...cursors)
  if (message !== "pull answer") set("head", ...cursors)
  set("serverTimeMillis", ["is above 2^48 - 1", 2 ** 48])
  set("partsBytesMax", ["is 0", 0])
  set("store", ["is empty", ""], ["has 201 bytes", "ü".repeat(100) + "u"], ["has a NUL", "a\u0000b"], ["is a binary", bin("6e")])
  set("session", ["has 15 bytes", bin("5e".repeat(15))], ["is nil", null], ["is a list", [0]])
  set("replica", ["has 16 bytes", bin(NO_ID)], ["is a string", "a0a1a2a3"])
  for (const name of ["accept", "features"]) set(name, ["is a name", "gzip"], ["has an empty name", [""]], ["has a number", [1]])
  set("features", ["has a name of 65 bytes", ["f".repeat(65)]])
  set("versions", ["is empty", []], ["has a string", ["1"]], ["is a number", 1])
  set("basis", ["is empty", []], ["has nine cursors", Array.from({ length: 9 }, (_, i) => cursor(i + 1))], ["is a cursor", cursor(1)])
  set("own", ["has a writer of 8 bytes", [bin("a0a1a2a3a4a5a6a7")]], ["names a writer twice", [bin(NO_ID), bin(NO_ID)]], ["is nil", null])
  const seqs = [["0", 0], ["2^31", 2 ** 31], ["a string", "1"]] as const
  const dots = seqs.map(([what, seq]) => [`has the seq ${what}`, [[bin(NO_ID), seq]]] as const)
  set("have", ...dots, ["names a writer twice", [[bin(NO_ID), 1], [bin(NO_ID), 2]]], ["has an entry of one element", [[bin(NO_ID)]]])
  set("ranges", ...dots, ["has an entry of three elements", [[bin(NO_ID), 1, 1]]])
  const pair = (seq: Notation, withheld: Notation): Notation => [[bin(NO_ID), seq, withheld]]
  set(
    "pairs",
    ...seqs.map(([what, seq]) => [`has the seq ${what}`, pair(seq, [])] as const),
    ["names a writer twice", [[bin(NO_ID), 1, []], [bin(NO_ID), 1, []]]],
    ["withholds a number above the seq", pair(3, [4])],
    ["withholds 0", pair(3, [0])],
    ["withholds a number twice", pair(3, [2, 2])],
    ["withholds in descending order", pair(3, [2, 1])],
    ["has nil for withheld numbers", pair(3, null)],
    ["has an entry of two elements", [[bin(NO_ID), 1]]],
  )
  const refusal = (code: Notation, text: Notation): Notation => [[bin(NO_ID), 1, code, text]]
  set(
    "refused",
    ["is empty", []],
    ["has an unknown code", refusal("forbidden", "")],
    ["has a message of 201 bytes", refusal("op_invalid", "m".repeat(201))],
    ["has nil for a message", refusal("op_invalid", null)],
    ["has the seq 0", [[bin(NO_ID), 0, "op_invalid", ""]]],
    ["names an operation twice", [[bin(NO_ID), 1, "op_invalid", ""], [bin(NO_ID), 1, "op_invalid", ""]]],
  )
  set("writers", ["is empty", []], ["names a writer twice", [bin(NO_ID), bin(NO_ID)]], ["has a string", ["x".repeat(16)]])
  set("upToDate", ["is a number", 1], ["is nil", null])
  set("durability", ["is unknown", "perhaps"], ["is a boolean", true])
  set("rights", ["is a name", "read"], ["has a boolean", [true]])
  set("limits", ["is a list", [1, 1, 1, 1, 1]], ["has a limit of 0", { ...fields["limits"] as Fields, partsMax: 0 }], ["lacks one", {}])
  if (isAnswer) {
    set("type", ["is unknown", "state"], ["is of another request", message === "wait answer" ? "page" : "head"], ["is a number", 1])
  } else set("protocol", ["is 2", 2], ["is 0", 0])
  set("code", ["is empty", ""], ["is no name", "Rate limited"], ["is a number", 429])
  set("message", ["has 1,001 bytes", "m".repeat(1001)], ["is nil", null])
  return changes
}

/** Bytes that break the envelope of a message, by what its elements are; the checksum is right but where it is named. */
function brokenBodies(): readonly (readonly [name: string, hex: string])[] {
  const [, fields, parts] = REQUESTS["push"]![0]!
  const whole = encodeMessage(fields, parts), call = `c410${CALL}`, unsummed = whole.slice(0, -10)
  const map = encodeMessage(fields).slice(2, -10 - call.length - 2), listed = unsummed.slice(2 + map.length, -call.length)
  const length = (parts![0]!.content.length / 2).toString(16).padStart(8, "0")
  const withFields = (hex: string): string => summed(`94${hex}90${call}`),
    withParts = (hex: string): string => summed(`94${map}${hex}${call}`)
  return [
    ["a wrong checksum", whole.replace(/..$/, (byte) => (parseInt(byte, 16) ^ 1).toString(16).padStart(2, "0"))],
    ["a bit that changed on its way", whole.replace(/^94../, (head) => head.slice(0, 2) + (parseInt(head.slice(2), 16) ^ 1).toString(16))],
    ["nothing", ""],
    ["a checksum alone", "ce00000000"],
    ["a page of HTML", toHex(new TextEncoder().encode("<!doctype html><title>Welcome</title>"))],
    ["no checksum", unsummed],
    ["a checksum as uint64", `${unsummed}cf00000000${summed(unsummed).slice(-8)}`],
    ["the last byte is missing", whole.slice(0, -2)],
    ["a byte behind the message", `${whole}00`],
    ["nil", summed("c0")],
    ["fields alone", summed(`91${map}`)],
    ["two elements", summed(`92${map}90`)],
    ["three elements", summed(`93${map}90${call}`)],
    ["five elements", summed(`95${map}90${call}c0`)],
    ["four elements in a long form", summed(`dc0004${map}90${call}`)],
    ["bytes between the call and the checksum", summed(`94${map}90${call}c0`)],
    ["a call of 15 bytes", summed(`94${map}${listed}c40f${CALL.slice(2)}`)],
    ["a call of 17 bytes", summed(`94${map}${listed}c411${CALL}00`)],
    ["a call that is nil", summed(`94${map}${listed}c0`)],
    ["a call that is a string", summed(`94${map}${listed}b0${"61".repeat(16)}`)],
    ["fields that are a list", withFields("90")],
    ["fields that are nil", withFields("c0")],
    [
      "fields with a member twice",
      withFields(`${map.replace(/^8(.)/, (_, n) => `8${(parseInt(n, 16) + 1).toString(16)}`)}a773657373696f6ec0`),
    ],
    ["fields with a key that is no string", withFields("8101c0")],
    ["fields with a member __proto__", withFields("81a95f5f70726f746f5f5fc0")],
    ["fields with a string that is not well-formed", withFields("81a161a1ff")],
    ["fields with an extension", withFields("81a161d40000")],
    ["fields with a byte C1", withFields("81a161c1")],
    ["fields with a number in a long form", withFields("81a161cc01")],
    ["fields nested 65 times", withFields(`81a161${"91".repeat(64)}c0`)],
    ["fields that announce 2^32 - 1 members", withFields("dfffffffff")],
    ["fields with a list of 2^32 - 1 elements", withFields("81a161ddffffffff")],
    ["fields with a binary of 2^32 - 1 bytes", withFields("81a161c6ffffffff")],
    ["parts that are nil", withParts("c0")],
    ["2^32 - 1 parts", withParts("ddffffffff")],
    ["a part of one element", withParts("919101")],
    ["a part of three elements", withParts("919301c600000000c0")],
    ["a part with a type below 0", withParts("9192ffc600000000")],
    ["a part with a type that is a string", withParts("9192a131c600000000")],
    ["a part with a type in a long form", withParts("9192cc01c600000000")],
    ["a part that is a bin8", withParts("919201c400")],
    ["a part that is a string", withParts("919201a0")],
    ["a part of 2^32 - 1 bytes", withParts("919201c6ffffffff")],
    ["a part with one byte too few", withParts(listed.slice(0, -2))],
    [
      "a part that says one byte more than is there",
      withParts(listed.replace(length, (parseInt(length, 16) + 1).toString(16).padStart(8, "0"))),
    ],
  ]
}

/** Codes of the answers to requests that are refused otherwise than as malformed. */
const CODES: { readonly [rule: string]: string } = { [DAMAGED]: "body_damaged", "W-16": "unsupported_feature", "W-19": "version_mismatch" }

/** Bytes that are refused, and the rule that they break. Throws if the second reader takes one. */
export function refusedMessages(): { readonly refused: readonly RefusedMessage[] } {
  const refused: RefusedMessage[] = []
  const add = (message: MessageName, name: string, hex: string): void => {
    const rule = ruleOf(message, name, hex)
    refused.push({ message, name, rule, ...(message.endsWith("request") ? { code: CODES[rule] ?? "invalid_request" } : {}), hex })
  }
  for (const [name, hex] of brokenBodies()) add("push request", name, hex)
  for (const [message, noted] of samples()) {
    for (const [name, fields, parts = noted[2]] of changesOf(message, noted)) add(message, name, encodeMessage(fields, parts))
    const isPush = message === "push request", mayHaveParts = isPush || noted[1]["type"] === "page"
    if (isPush) add(message, "no parts", encodeMessage(noted[1]))
    if (isPush) add(message, "parts without a block", encodeMessage(noted[1], [{ type: 128, content: "" }]))
    if (!mayHaveParts && noted[1]["type"] !== "error") {
      add(message, "parts where there are none", encodeMessage(noted[1], [{ type: 1, content: "" }]))
    }
    for (const type of mayHaveParts ? [0, 2, 4, 5, 127] : []) {
      add(message, `a part of type ${type}`, encodeMessage(noted[1], [{ type, content: "c0" }]))
    }
  }
  return { refused }
}

function ruleOf(message: MessageName, name: string, hex: string): string {
  const [endpoint = "", kind] = message.split(" ")
  try {
    if (kind === "request") readRequest(endpoint, fromHex(hex))
    else readAnswer(endpoint, fromHex(hex))
  } catch (error) {
    if (error instanceof Refused) return error.rule
    throw error
  }
  throw new Error(`${message}: ${name}: it is not refused`)
}

/** Data of events that tell a head, and data that does not. */
export function hintVectors(): HintVectors {
  const heads = [[0, NO_ID], [1, idOf(1)], [2 ** 53 - 1, idOf(0xf1)]] as const, id = idOf(0xf1)
  const ignored = [
    "",
    "7",
    `7 ${id.slice(1)}`,
    `7 ${id}0`,
    `7 ${id.toUpperCase()}`,
    `07 ${id}`,
    `-7 ${id}`,
    `7.5 ${id}`,
    `7e3 ${id}`,
    `7  ${id}`,
  ]
  return {
    hints: heads.map(([position, id]) => ({ data: `${position} ${id}`, head: { position, id } })),
    ignored: [...ignored, ` 7 ${id}`, `7 ${id} `, `0 ${id}`, `9007199254740992 ${id}`, `Infinity ${id}`, `7 ${id} 8`].map((data) => ({
      data,
    })),
  }
}
