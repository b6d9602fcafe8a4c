/** Vectors of the sync protocol: each message with its bytes (`protocol/SPEC.md`). */
import { encodeNotedBlock, fromHex } from "../../kernel/format/block-notation.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { writePart } from "../../kernel/format/frame.ts"
import { encodeValue } from "../../kernel/format/msgpack.ts"
import { A, B, B2, blockOf, MILLIS, ONE_PUT, operation } from "./blocks.ts"
import { idOf, NO_ID } from "./frames.ts"
import { fromNotation, toHex } from "./notation.ts"
import type { Message } from "./reader/wire.ts"
import type { Notation } from "./reader/value.ts"

export type Fields = Message["fields"]
export type Parts = Message["parts"]
/** What a message says, and its bytes. */
export interface WireVector extends Message {
  readonly name: string
  readonly hex: string
}
export type WireVectors = { readonly [endpoint: string]: readonly WireVector[] }

export const bin = (hex: string): Notation => ({ $bytes: hex })
export const cursor = (position: number, id: string = idOf(position)): Notation => [position, bin(id)]
const START: Notation = cursor(0, NO_ID)
const block = (notation = ONE_PUT): Parts[number] => ({ type: 1, content: toHex(encodeNotedBlock(notation)) })
const IDENTITY: Fields = {
  protocol: 1,
  store: "notes",
  session: bin("5e55101e".repeat(4)),
  replica: bin("a0a1a2a3a4a5a6a7"),
  accept: ["gzip"],
  features: ["live", "gzip"],
}
const LEAST: Fields = { protocol: 1, store: "n", session: bin(NO_ID), replica: null }
const NO_PARTS: Parts = []
export type Noted = readonly [name: string, fields: Fields, parts?: Parts]

export const REQUESTS: { readonly [endpoint: string]: readonly Noted[] } = {
  handshake: [
    ["one version", { ...IDENTITY, versions: [1] }],
    ["several versions, features that are needed", { ...IDENTITY, features: ["must-live", "later"], versions: [1, 2, 70_000] }],
    ["a copy that never wrote", { ...LEAST, versions: [1] }],
    ["a store with a long name", { ...LEAST, store: "ü/".repeat(66), versions: [0, 1] }],
  ],
  push: [
    ["one put", { ...IDENTITY, basis: [cursor(7)], own: [bin(A)] }, [block()]],
    ["the first of a log", { ...IDENTITY, basis: [START], own: [bin(A)] }, [block()]],
    ["what others wrote", { ...IDENTITY, basis: [cursor(7), cursor(2 ** 40, idOf(9))], own: [] }, [
      block(blockOf([B], [operation(1, "k1", "01")])),
      block(blockOf([B2, B], [operation(1, "k1", "02", { context: [[1, 1]] })], { links: [[1, 1]] })),
    ]],
    ["a part that may be ignored", { ...IDENTITY, basis: [cursor(7)], own: [bin(A)] }, [block(), { type: 128, content: "c1" }]],
    ["parts around an empty one that may be ignored", { ...IDENTITY, basis: [cursor(7)], own: [] }, [
      block(),
      { type: 70_000, content: "" },
      block(blockOf([B], [operation(1, "k1", "01")])),
    ]],
  ],
  pull: [
    ["from the beginning", { ...IDENTITY, cursor: START, have: [], partsBytesMax: 3_500_000 }],
    ["behind a frame", { ...IDENTITY, cursor: cursor(7), have: [[bin(A), 3], [bin(B), 2 ** 31 - 1]], partsBytesMax: 1 }],
    ["behind a frame far away", { ...LEAST, cursor: cursor(2 ** 53 - 1, idOf(7)), have: [], partsBytesMax: 2 ** 53 - 1 }],
  ],
  watch: [["hints", IDENTITY], ["hints of a copy that never wrote", LEAST]],
  wait: [
    ["25 seconds", { ...IDENTITY, cursor: cursor(7), waitMillis: 25_000 }],
    ["no time", { ...IDENTITY, cursor: START, waitMillis: 0 }],
  ],
}

const LIMITS: Fields = {
  partsBytesMax: 3_500_000,
  operationsMax: 65_536,
  partsMax: 4096,
  bodyBytesMax: 5_242_880,
  inflatedBytesMax: 16_777_216,
}
const HANDSHAKE: Fields = {
  type: "handshake",
  protocol: 1,
  features: ["live", "gzip"],
  head: cursor(7),
  serverTimeMillis: MILLIS,
  limits: LIMITS,
  rights: ["read", "write", "relay"],
  durability: "durable",
}
const OK: Fields = { type: "ok", pairs: [[bin(A), 1, []]], last: cursor(8), durability: "durable", serverTimeMillis: MILLIS }
const PAGE: Fields = { type: "page", ranges: [], next: cursor(8), upToDate: true, head: 8, serverTimeMillis: MILLIS }
const REFUSED: Fields = { type: "refused", refused: [[bin(A), 1, "clock_ahead", "3,600,000 ms ahead"]], serverTimeMillis: MILLIS }
const ERROR: Fields = { type: "error", code: "rate_limited", message: "too many requests", retry: "later" }

export const ANSWERS: { readonly [endpoint: string]: readonly Noted[] } = {
  handshake: [
    ["a server", HANDSHAKE],
    ["an empty log, of which only reading is allowed", {
      ...HANDSHAKE,
      features: [],
      head: START,
      rights: ["read"],
      durability: "buffered",
    }],
    ["the token ends", { ...HANDSHAKE, rights: ["read", "write", "relay", "admin"], tokenExpiresMillis: MILLIS + 3_600_000 }],
    ["the least that can be said", {
      ...HANDSHAKE,
      features: [],
      serverTimeMillis: 0,
      limits: { partsBytesMax: 1, operationsMax: 1, partsMax: 1, bodyBytesMax: 1, inflatedBytesMax: 1 },
      rights: [],
    }],
  ],
  push: [
    ["taken", OK],
    ["taken, with numbers that are withheld", {
      ...OK,
      pairs: [[bin(A), 12, [3, 12]], [bin(B), 2 ** 31 - 1, []]],
      last: cursor(2 ** 40, idOf(9)),
      durability: "buffered",
    }],
    ["refused for the clock", REFUSED],
    ["refused, each for another reason", {
      ...REFUSED,
      refused: [
        [bin(A), 1, "clock_ahead", ""],
        [bin(A), 2, "op_invalid", "no title"],
        [bin(A), 3, "op_too_large", "at most 4,096 bytes"],
        [bin(B), 3, "writer_not_owned", "ü".repeat(100)],
      ],
    }],
    ["unknown", { type: "unknown" }],
    ["forbidden", { type: "forbidden", writers: [bin(B), bin(B2)] }],
  ],
  pull: [
    ["one frame, the last", PAGE, [block()]],
    ["some frames of many", { ...PAGE, upToDate: false, head: 2 ** 40 }, [block(), { type: 200, content: "c0" }, block()]],
    ["what the puller has", { ...PAGE, ranges: [[bin(A), 1], [bin(A), 4]] }],
    ["nothing new", PAGE],
    ["an empty log", { ...PAGE, next: START, head: 0 }],
    ["a restart", { type: "restart", at: START, serverTimeMillis: MILLIS }],
    ["a restart behind a frame", { type: "restart", at: cursor(7), serverTimeMillis: MILLIS }],
  ],
  wait: [["a head", { type: "head", head: cursor(8) }], ["an empty log", { type: "head", head: START }]],
  error: [
    ["too many requests", { ...ERROR, retryAfterMillis: 1500, requestId: "r-1" }],
    ["no common version", {
      ...ERROR,
      code: "unsupported_version",
      message: "this server speaks the versions 2 to 3",
      retry: "never",
      details: { min: 2, max: 3 },
    }],
    ["a code and advice of later", { ...ERROR, code: "sun_is_down", message: "", retry: "at_dawn" }],
  ],
}

/** What the calls of the vectors are; errors of the vectors belong to none. */
export const CALL: string = "ca11ca11".repeat(4), NO_CALL: string = NO_ID
const callOf = (fields: Fields): string => fields["type"] === "error" ? NO_CALL : CALL

/** Bytes with their checksum behind them, in hexadecimal. */
export const summed = (hex: string): string => `${hex}ce${crc32(fromHex(hex)).toString(16).padStart(8, "0")}`

/** The bytes of a message in hexadecimal, with members in the order in which they are given. */
export function encodeMessage(fields: Fields, parts: Parts = NO_PARTS): string {
  const out = new ByteWriter()
  out.msgArray(4)
  encodeValue(fromNotation(fields), out, "fields")
  out.msgArray(parts.length)
  for (const { type, content } of parts) writePart(out, type, fromHex(content))
  return summed(`${toHex(out.buffer, 0, out.length)}c410${callOf(fields)}`)
}
const vectorsOf = (messages: typeof REQUESTS): WireVectors =>
  Object.fromEntries(
    Object.entries(messages).map(([endpoint, list]) => [
      endpoint,
      list.map(([name, fields, parts = NO_PARTS]) => ({ name, fields, parts, call: callOf(fields), hex: encodeMessage(fields, parts) })),
    ]),
  )
export const requestVectors = (): WireVectors => vectorsOf(REQUESTS)
export const answerVectors = (): WireVectors => vectorsOf(ANSWERS)
