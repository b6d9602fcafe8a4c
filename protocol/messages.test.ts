import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { fromHex } from "../kernel/format/block-notation.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { answerVectors, requestVectors } from "../conformance/vectors/wire.ts"
import { DamagedMessage, MalformedMessage, WireError } from "./errors.ts"
import { decodeHandshakeAnswer, decodePushAnswer } from "./messages.ts"
import { anyMessage } from "./testing/any-message.ts"
import { CHECKSUM_BYTES, completed, sealed } from "./testing/sealed.ts"
import { testedMessages } from "./testing/tested-messages.ts"

/** What a message says, as plain objects: those of fast-check may have no prototype. */
const shown = (value: unknown): unknown => structuredClone(value instanceof WireError ? { ...value, message: value.message } : value)
const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)

/** Every vector, by the message it is. */
const golden: readonly (readonly [message: string, name: string, body: Bytes, type: unknown])[] = [
  ["request", requestVectors()] as const,
  ["answer", answerVectors()] as const,
].flatMap(([kind, lists]) =>
  Object.entries(lists).flatMap(([endpoint, list]) =>
    list.map(({ name, hex, fields }) => [`${endpoint} ${kind}`, name, fromHex(hex), fields["type"]] as const)
  )
)
/** The first of each message and type. */
const samples = golden.filter(([message, , , type], index) =>
  golden.findIndex((other) => other[0] === message && other[3] === type) === index
)

describe("messages", () => {
  for (const [message, any] of Object.entries(anyMessage)) {
    it(`P5 ${message}: what is encoded is what is decoded`, () => {
      const { encode, decode } = testedMessages[message]!
      fc.assert(fc.property(any, (original) => {
        const body = encode(original)
        assert.deepEqual(shown(decode(body)), shown(original))
        assert.deepEqual(encode(decode(body)), body)
      }))
    })
  }

  it("P19 an answer to a push says what is there, in which order whatever", () => {
    const [, , body] = golden.find(([, name]) => name === "taken, with numbers that are withheld")!
    const answer = decodePushAnswer(body)
    assert.ok(answer.kind === "ok")
    assert.deepEqual(answer.pairs.map(({ seq, withheld }) => [seq, withheld]), [[12, [3, 12]], [2 ** 31 - 1, []]])
    assert.deepEqual([answer.last.position, answer.durability, answer.serverTimeMillis], [2 ** 40, "buffered", 1_792_195_200_000])
  })

  it("P8 the answer to a handshake has every field", () => {
    const [, , body] = golden.find(([, name]) => name === "the token ends")!
    assert.deepEqual(decodeHandshakeAnswer(body), {
      protocol: 1,
      features: ["live", "gzip"],
      head: { position: 7, id: id(7) },
      serverTimeMillis: 1_792_195_200_000,
      limits: { partsBytesMax: 3_500_000, operationsMax: 65_536, partsMax: 4096, bodyBytesMax: 5_242_880, inflatedBytesMax: 16_777_216 },
      rights: { read: true, write: true, relay: true, admin: true },
      durability: "durable",
      tokenExpiresMillis: 1_792_198_800_000,
    })
  })
})

/** Asserts that `body` is read as something that is written as it was read, or refused as what a peer sends wrong. */
function readOrRefuse(message: string, body: Bytes): "read" | "refused" {
  const { encode, decode } = testedMessages[message]!
  let decoded: unknown
  try {
    decoded = decode(body)
  } catch (error) {
    assert.ok(error instanceof WireError, `${message}: ${String(error)}`)
    return "refused"
  }
  const again = encode(decoded), oncemore = encode(decode(again))
  assert.ok(again.length === oncemore.length && again.every((byte, at) => byte === oncemore[at]), message)
  return "read"
}

/** Calls `use` with `body` once for each bit before the byte `end`, with that bit changed. */
function eachFlipped(body: Bytes, end: number, use: (flipped: Bytes, what: string) => void): void {
  const flipped = body.slice()
  for (let at = 0; at < end; at++) {
    for (let bit = 1; bit < 0x100; bit <<= 1) {
      flipped[at] = body[at]! ^ bit
      use(flipped, `bit ${bit} of byte ${at}`)
    }
    flipped[at] = body[at]!
  }
}

const isDamaged = (message: string, body: Bytes): boolean => {
  try {
    testedMessages[message]!.decode(body)
    return false
  } catch (error) {
    return error instanceof DamagedMessage && error.code === "body_damaged"
  }
}

describe("bytes that are no message", () => {
  it("T8 every truncation of every message is known for damage", () => {
    for (const [message, name, body] of golden) {
      for (let length = 0; length < body.length; length++) {
        assert.throws(() => testedMessages[message]!.decode(body.subarray(0, length)), DamagedMessage, `${message}, ${name}: ${length}`)
      }
    }
  })

  it("T8 every truncation of every message is refused where its checksum is right again", () => {
    for (const [message, name, body] of golden) {
      for (let length = 1; length < body.length - CHECKSUM_BYTES; length++) {
        assert.throws(
          () => testedMessages[message]!.decode(sealed(body.subarray(0, length))),
          MalformedMessage,
          `${message}, ${name}: ${length}`,
        )
      }
    }
  })

  it("T8, F7 every flipped bit of every message is known for damage, so that none is read as another message", () => {
    for (const [message, name, body] of golden) {
      eachFlipped(body, body.length, (flipped, what) => assert.ok(isDamaged(message, flipped), `${message}, ${name}: ${what}`))
    }
  })

  it("T8 every flipped bit is refused, or read as another message, where the checksum is right again", () => {
    const outcomes = { read: 0, refused: 0 }
    for (const [message, , body] of samples) {
      const end = body.length - CHECKSUM_BYTES
      eachFlipped(body, end, (flipped) => outcomes[readOrRefuse(message, sealed(flipped.subarray(0, end)))]++)
    }
    // Ids, numbers and contents may be any; names, types and lengths may not.
    assert.ok(outcomes.read > 5000 && outcomes.refused > 5000, JSON.stringify(outcomes))
  })

  it("T8 trailing bytes, byte C1 and an empty body are refused", () => {
    for (const [message, , body] of golden) {
      const { decode } = testedMessages[message]!, unsummed = body.subarray(0, -CHECKSUM_BYTES)
      for (const more of [[0xc0], [0xc1], [0x90], body]) {
        assert.throws(() => decode(Uint8Array.from([...body, ...more])), DamagedMessage)
        assert.throws(() => decode(sealed([...unsummed, ...more])), MalformedMessage)
      }
      for (const other of ["", "c1", "94c190", "9480c1", "c0", "80", "90"]) {
        assert.throws(() => decode(fromHex(other)), DamagedMessage)
        assert.throws(() => decode(completed(fromHex(other))), MalformedMessage)
      }
      assert.throws(() => decode(sealed([])), DamagedMessage)
    }
  })

  it("T8 random bytes end as a message or as an error of the protocol", () => {
    const decoders = Object.keys(testedMessages)
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 200 }), (message, random) => {
        for (const bytes of [random, [0x94, 0x80, ...random], [0x94, 0x81, 0xa1, 0x61, ...random]]) {
          readOrRefuse(message, Uint8Array.from(bytes))
          readOrRefuse(message, sealed(bytes))
          readOrRefuse(message, completed(bytes))
        }
      }),
      { numRuns: 2000 },
    )
  })

  it("T8 one message taken for another is refused", () => {
    for (const [message, name, body] of golden) {
      for (const [other, { decode }] of Object.entries(testedMessages)) {
        if (other === message || message.startsWith("error") || other === "watch request") continue
        assert.throws(() => decode(body), WireError, `${message}, ${name}, read as ${other}`)
      }
    }
  })
})
