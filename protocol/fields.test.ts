import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { fromHex } from "../kernel/format/block-notation.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { encodeEnvelope } from "./envelope.ts"
import { MalformedMessage, WireError } from "./errors.ts"
import { asText } from "./fields.ts"
import {
  decodeErrorAnswer,
  decodeHeadAnswer,
  decodePullAnswer,
  decodePullRequest,
  decodePushAnswer,
  decodePushRequest,
  decodeWaitRequest,
  encodePushAnswer,
} from "./messages.ts"
import { completed } from "./testing/sealed.ts"

const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const IDENTITY = { protocol: 1, store: "notes", session: id(5), replica: null }
const CURSOR = [7, id(7)]

describe("fields of messages", () => {
  const refuses = (decode: (body: Bytes) => unknown, fields: object, reason: RegExp): void =>
    assert.throws(() => decode(encodeEnvelope({ ...fields })), (error) => {
      assert.ok(error instanceof MalformedMessage, String(error))
      assert.match(error.message, reason)
      return true
    })
  const PULL = { ...IDENTITY, cursor: CURSOR, have: [], partsBytesMax: 1000 }

  it("P1 each missing field of who asks is named", () => {
    for (const name of ["protocol", "store", "session", "cursor", "have", "partsBytesMax"]) {
      refuses(decodePullRequest, { ...PULL, [name]: undefined }, new RegExp(`^${name} `))
    }
    assert.equal(decodePullRequest(encodeEnvelope({ ...PULL, replica: undefined })).identity.replica, undefined)
  })

  it("P2 another version in the body than in the path is a mismatch, not a malformed message", () => {
    for (const protocol of [0, 2, 999, 2 ** 53 - 1]) {
      assert.throws(() => decodePullRequest(encodeEnvelope({ ...PULL, protocol })), (error) => {
        return error instanceof WireError && error.code === "version_mismatch" && error.status === 400
      })
    }
    refuses(decodePullRequest, { ...PULL, protocol: "1" }, /^protocol is no integer/)
  })

  it("T10 positions and numbers are integers of their range, whatever else is a number", () => {
    const positions = [[0, false], [1, true], [2 ** 32 - 1, true], [2 ** 32, true], [2 ** 53 - 1, true], [2 ** 53, false], [
      -1,
      false,
    ]] as const
    const others = [NaN, Infinity, -Infinity, 0.5, 1n, 2n ** 63n, -5n, "7", null, undefined, true, [], {}, new Date(7)]
    for (const [position, good] of [...positions, ...others.map((other) => [other, false] as const)]) {
      const fields = { ...PULL, cursor: [position, id(7)] }
      // An undefined element is no value, so it cannot even be sent.
      if (position === undefined) continue
      if (good) assert.equal(decodePullRequest(encodeEnvelope(fields)).request.cursor.position, position)
      else refuses(decodePullRequest, fields, /^cursor\[[01]\] /)
    }
    const seqs = [[1, true], [2 ** 31 - 1, true], [2 ** 31, false], [0, false], [-1, false]] as const
    for (const [seq, good] of [...seqs, ...others.map((other) => [other, false] as const)]) {
      if (seq === undefined) continue
      const fields = { ...PULL, have: [[id(1), seq]] }
      if (good) assert.equal(decodePullRequest(encodeEnvelope(fields)).request.have[0]!.seq, seq)
      else refuses(decodePullRequest, fields, /^have\[0\]\[1\] is no integer from 1 to 2147483647/)
    }
    for (const partsBytesMax of [0, -0, -1, 1.5, NaN, Infinity, 2 ** 53, 1n]) {
      refuses(decodePullRequest, { ...PULL, partsBytesMax }, /^partsBytesMax /)
    }
    // -0 is 0, which is in range.
    assert.deepEqual(decodePullRequest(encodeEnvelope({ ...PULL, cursor: [-0, id(0)] })).request.cursor, { position: 0, id: id(0) })
  })

  it("T50 cursors that were tampered with are refused before anything is done with them", () => {
    const cursors = [
      null,
      7,
      "7",
      {},
      [],
      [7],
      [7, id(7), 0],
      [7, null],
      [7, "x".repeat(16)],
      [7, new Uint8Array(15)],
      [7, new Uint8Array(17)],
      [7, new Uint8Array(1_000_000)],
      [id(7), 7],
      [0, id(1)],
      [[7], id(7)],
      [-1, id(7)],
      [NaN, id(7)],
      ["x".repeat(1_000_000), id(7)],
    ]
    for (const cursor of cursors) {
      refuses(decodePullRequest, { ...PULL, cursor }, /^cursor/)
      refuses(decodeWaitRequest, { ...IDENTITY, cursor, waitMillis: 1 }, /^cursor/)
      refuses(decodePushRequest, { ...IDENTITY, basis: [cursor], own: [] }, /^basis\[0\]/)
      refuses(decodeHeadAnswer, { type: "head", head: cursor }, /^head/)
      refuses(decodePullAnswer, { type: "restart", at: cursor, serverTimeMillis: 1 }, /^at/)
    }
  })

  it("T45 lists have at most as many entries as the limits say", () => {
    const writers = (count: number): Bytes[] =>
      Array.from({ length: count }, (_, index) => {
        const writer = id(0)
        new DataView(writer.buffer).setUint32(0, index)
        return writer
      })
    const dots = (count: number): unknown[] => writers(count).map((writer) => [writer, 1])
    assert.equal(decodePullRequest(encodeEnvelope({ ...PULL, have: dots(4096) })).request.have.length, 4096)
    refuses(decodePullRequest, { ...PULL, have: dots(4097) }, /^have has 4097 elements, at most 4096/)
    const push = { ...IDENTITY, basis: [CURSOR], own: [] }, parts = [{ type: 1, content: id(1) }]
    assert.equal(decodePushRequest(encodeEnvelope({ ...push, own: writers(4096) }, parts)).request.own.length, 4096)
    refuses(decodePushRequest, { ...push, own: writers(4097) }, /^own has 4097 elements/)
    refuses(decodePushRequest, { ...push, basis: Array(9).fill(CURSOR) }, /^basis has 9 elements/)
    const ok = { type: "ok", last: CURSOR, durability: "durable", serverTimeMillis: 1 }
    const pairs = (count: number): unknown[] => writers(count).map((writer) => [writer, 1, []])
    assert.ok(decodePushAnswer(encodeEnvelope({ ...ok, pairs: pairs(4096) })).kind === "ok")
    refuses(decodePushAnswer, { ...ok, pairs: pairs(4097) }, /^pairs has 4097/)
    const withheld = Array.from({ length: 131_073 }, (_, index) => index + 1)
    refuses(decodePushAnswer, { ...ok, pairs: [[id(1), 200_000, withheld]] }, /^pairs\[0\]\[2\] has 131073/)
    const halves = [[id(1), 200_000, withheld.slice(0, 70_000)], [id(2), 200_000, withheld.slice(0, 61_073)]]
    refuses(decodePushAnswer, { ...ok, pairs: halves }, /^pairs .*131073/)
    refuses(decodePushAnswer, { type: "forbidden", writers: writers(4097) }, /^writers has 4097/)
    const page = { type: "page", next: CURSOR, upToDate: true, head: 7, serverTimeMillis: 1 }
    refuses(decodePullAnswer, { ...page, ranges: dots(4097) }, /^ranges has 4097/)
    refuses(decodePullRequest, { ...PULL, accept: Array(65).fill("gzip") }, /^accept has 65/)
    refuses(decodePullRequest, { ...PULL, features: Array(65).fill("x") }, /^features has 65/)
  })

  it("T9 names and messages are measured in bytes and kept as they are", () => {
    for (const store of ["n", "ü".repeat(100), "\u{1f30d}".repeat(50), "__proto__", "\u202e\r\n", "\ufeffx", "x".repeat(200)]) {
      assert.equal(decodePullRequest(encodeEnvelope({ ...PULL, store })).identity.store, store)
    }
    for (const store of ["ü".repeat(101), "\u{1f30d}".repeat(50) + "x", "x".repeat(201), "x".repeat(1_000_000), ""]) {
      refuses(decodePullRequest, { ...PULL, store }, /^store (has more than 200 bytes|is empty)/)
    }
    for (const store of ["\0", "notes\0", "\0notes"]) refuses(decodePullRequest, { ...PULL, store }, /^store has the character U\+0000/)
    for (let length = 0; length < 80; length++) {
      const text = "é".repeat(length)
      if (length * 2 <= 100) assert.equal(asText(text, "t", 100, true), text)
      else assert.throws(() => asText(text, "t", 100), MalformedMessage)
    }
  })

  it("T17, T18 names like those of Object.prototype are members like any other, and its members are none of a message", () => {
    const before = Object.getOwnPropertyNames(Object.prototype).length
    const decoded = decodePullRequest(encodeEnvelope({ constructor: 1, toString: null, hasOwnProperty: [], ...PULL }))
    assert.equal(decoded.identity.store, "notes")
    Object.defineProperty(Object.prototype, "partsBytesMax", { value: 1000, configurable: true })
    try {
      refuses(decodePullRequest, { ...PULL, partsBytesMax: undefined }, /^partsBytesMax /)
    } finally {
      Reflect.deleteProperty(Object.prototype, "partsBytesMax")
    }
    assert.equal(Object.getOwnPropertyNames(Object.prototype).length, before)
    assert.throws(() => decodePullRequest(completed(fromHex("9481a95f5f70726f746f5f5fc090"))), /no key/)
  })

  it("T60 times and sizes that are asked for are capped or left to the server's own", () => {
    const wait = { ...IDENTITY, cursor: CURSOR }
    assert.equal(decodeWaitRequest(encodeEnvelope({ ...wait, waitMillis: 2 ** 53 - 1 })).request.waitMillis, 25_000)
    assert.equal(decodeWaitRequest(encodeEnvelope({ ...wait, waitMillis: 24_999 })).request.waitMillis, 24_999)
  })

  it("P60, P63 errors of later versions, with strange advice or times, are errors still", () => {
    const error = { type: "error", code: "not_yet_known", message: "" }
    const read = (more: object) => decodeErrorAnswer(encodeEnvelope({ ...error, ...more }))
    assert.deepEqual([read({}).code, read({}).retry, read({}).retryAfterMillis], ["not_yet_known", "later", undefined])
    assert.equal(read({ retry: "when it rains" }).retry, "later")
    assert.equal(read({ retry: "never" }).retry, "never")
    for (const [told, believed] of [[0, 0], [1.5, 2], [3_600_000, 3_600_000], [3_600_001, 3_600_000], [253_402_300_799_000, 3_600_000]]) {
      assert.equal(read({ retryAfterMillis: told }).retryAfterMillis, believed)
    }
    for (const told of [-1, NaN, "60", null, 5n, []]) assert.equal(read({ retryAfterMillis: told }).retryAfterMillis, undefined)
    assert.equal(read({ requestId: "r".repeat(129) }).requestId, undefined)
    assert.throws(() => decodePushAnswer(encodeEnvelope({ ...error, code: "rate_limited" })), (thrown) => {
      return thrown instanceof WireError && !(thrown instanceof MalformedMessage) && thrown.status === 429
    })
  })
})

describe("encoding", () => {
  it("names the first refused operations, and cuts messages at the end of a character", () => {
    const refused = Array.from({ length: 5000 }, (_, index) => ({
      writer: id(1),
      seq: index + 1,
      code: "op_invalid" as const,
      message: "\u{1f30d}".repeat(51) + "\ud800",
    }))
    const answer = decodePushAnswer(encodePushAnswer({ kind: "refused", refused, serverTimeMillis: 1 }))
    assert.ok(answer.kind === "refused")
    assert.equal(answer.refused.length, 4096)
    assert.equal(answer.refused.at(-1)!.seq, 4096)
    assert.equal(answer.refused[0]!.message, "\u{1f30d}".repeat(50))
  })

  it("answers batch_too_large where withheld numbers do not fit", () => {
    const withheld = Array.from({ length: 131_073 }, (_, index) => index + 1)
    const pairs = [{ writer: id(1), seq: 200_000, withheld }]
    const ok = { kind: "ok" as const, last: { position: 1, id: id(1) }, durability: "durable" as const, serverTimeMillis: 1 }
    assert.throws(() => encodePushAnswer({ ...ok, pairs }), (error) => error instanceof WireError && error.code === "batch_too_large")
    const most = { ...ok, pairs: [{ ...pairs[0]!, withheld: withheld.slice(1) }] }
    assert.deepEqual(decodePushAnswer(encodePushAnswer(most)), most)
  })
})
