/** The decoders against the second reader of the conformance vectors, on messages of which nearly everything was changed. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { Refused } from "../conformance/vectors/reader/cursor.ts"
import { type Message, readAnswer, readRequest } from "../conformance/vectors/reader/wire.ts"
import { answerVectors, requestVectors, type WireVector } from "../conformance/vectors/wire.ts"
import { fromHex } from "../kernel/format/block-notation.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { fromNotation } from "../conformance/vectors/notation.ts"
import { callOf, encodeEnvelope, type FieldValues } from "./envelope.ts"
import { WireError } from "./errors.ts"
import { CHECKSUM_BYTES, sealed } from "./testing/sealed.ts"
import { testedMessages } from "./testing/tested-messages.ts"

type Named = readonly [message: string, vector: WireVector]
const named = (kind: string, lists: ReturnType<typeof requestVectors>): readonly Named[] =>
  Object.entries(lists).filter(([endpoint]) => endpoint !== "error")
    .flatMap(([endpoint, list]) => list.map((vector): Named => [`${endpoint} ${kind}`, vector]))
const vectors = [...named("request", requestVectors()), ...named("answer", answerVectors())]

const secondly = (message: string, body: Bytes): Message | undefined => {
  const [endpoint = "", kind] = message.split(" ")
  try {
    return kind === "request" ? readRequest(endpoint, body) : readAnswer(endpoint, body)
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}
/** Without what the product leaves out: empty lists that may be absent, rights that it does not know, longer waits, parts to be ignored. */
const comparable = ({ fields, parts, call }: Message): unknown => {
  const { accept, features, rights, waitMillis, ...others } = fields
  const listed = (list: unknown): unknown => Array.isArray(list) && list.length > 0 ? list : undefined
  return {
    fields: {
      ...others,
      accept: listed(accept),
      features: listed(features),
      rights: Array.isArray(rights) ? ["read", "write", "relay", "admin"].filter((right) => rights.includes(right)) : undefined,
      waitMillis: typeof waitMillis === "number" ? Math.min(waitMillis, 25_000) : undefined,
    },
    parts: parts.filter(({ type }) => type < 128),
    call,
  }
}

/** Asserts that both take `body` for the same message, or neither for one. */
function agree(message: string, body: Bytes): boolean {
  const second = secondly(message, body)
  let first: Message | undefined
  try {
    const { encode, decode } = testedMessages[message]!
    first = secondly(message, encode(decode(body), callOf(body)))
    assert.ok(first !== undefined, "what was decoded and encoded is refused by the second reader")
  } catch (error) {
    if (!(error instanceof WireError)) throw error
  }
  assert.deepEqual(first && comparable(first), second && comparable(second))
  return first !== undefined
}

const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    "",
    "x",
    "read",
    "gzip",
    "durable",
    "ok",
    "op_invalid",
    0,
    1,
    -1,
    2,
    0.5,
    NaN,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 48,
    2 ** 53,
  ),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.string({ unit: "binary", maxLength: 70 }),
  fc.constantFrom(8, 15, 16, 17).map((length) => new Uint8Array(length)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
  fc.date({ noInvalidDate: true }),
)
const anyField: fc.Arbitrary<unknown> = fc.oneof(
  anyValue,
  fc.array(anyValue, { maxLength: 4 }),
  fc.array(fc.array(anyValue, { maxLength: 4 }), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom("partsMax", "min", "x"), anyValue, { noNullPrototype: true }),
)

/** `value` with one of its places, chosen by `where`, set to `other`. */
function changed(value: unknown, where: readonly number[], other: unknown): unknown {
  const [at, ...deeper] = where
  if (at === undefined) return other
  if (Array.isArray(value) && value.length > 0) {
    const copy = [...value]
    copy[at % copy.length] = changed(copy[at % copy.length], deeper, other)
    return copy
  }
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    const names = Object.keys(value), name = names[at % names.length]!
    return { ...value, [name]: changed((value as Record<string, unknown>)[name], deeper, other) }
  }
  return other
}

describe("the product and the second reader", () => {
  it("T11, T40 agree on every message of which one place was changed", () => {
    const outcomes = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(
        fc.constantFrom(...vectors),
        fc.array(fc.nat(50), { minLength: 1, maxLength: 4 }),
        anyField,
        ([message, vector], where, other) => {
          const fields = changed(fromNotation(vector.fields), where, other) as FieldValues
          const parts = vector.parts.map(({ type, content }) => ({ type, content: fromHex(content) }))
          outcomes[agree(message, encodeEnvelope(fields, parts)) ? "taken" : "refused"]++
        },
      ),
      { numRuns: 3000 },
    )
    assert.ok(outcomes.taken > 30 && outcomes.refused > 500, JSON.stringify(outcomes))
  })

  it("T11, T40 agree on every message of which some bytes were changed", () => {
    const outcomes = { taken: 0, refused: 0 }
    const anyFlip = fc.record({ at: fc.nat(), byte: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0x90, 0xc0, 0xff), fc.nat(255)) })
    fc.assert(
      fc.property(fc.constantFrom(...vectors), fc.array(anyFlip, { maxLength: 3 }), ([message, { hex }], flips) => {
        const body = fromHex(hex), unsummed = body.subarray(0, -CHECKSUM_BYTES)
        for (const { at, byte } of flips) unsummed[at % unsummed.length] = byte
        agree(message, body)
        outcomes[agree(message, sealed(unsummed)) ? "taken" : "refused"]++
      }),
      { numRuns: 5000 },
    )
    assert.ok(outcomes.taken > 500 && outcomes.refused > 500, JSON.stringify(outcomes))
  })
})
