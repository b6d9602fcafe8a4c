/** Random changes and receipts with everything that they can have, in the words of the vectors. */
import fc from "fast-check"
import type { ChangeNotation, ReceiptNotation } from "../../conformance/vectors/notation.ts"
import { bytesToHex } from "../model/identifiers.ts"

const PLAIN = { noNullPrototype: true } as const
const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((id) => bytesToHex(id))
const anyUint = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 53 - 1 }))
const anySeq = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 0x7fff_ffff }))
/** Text of at most so many bytes, also of several bytes a character. */
const anyText = (bytesMax: number): fc.Arbitrary<string> =>
  fc.oneof(fc.string({ unit: "binary", maxLength: Math.min(12, Math.floor(bytesMax / 4)) }), fc.constantFrom("", "x".repeat(bytesMax)))

/** A change as a writer could make it. Its dots are of few writers, so that they share the table. */
export const anyChange: fc.Arbitrary<ChangeNotation> = fc.uniqueArray(anyId, { minLength: 1, maxLength: 4 }).chain((writers) => {
  const anyDot = fc.tuple(fc.constantFrom(...writers), anySeq)
  return fc.record({
    remote: anyText(1024),
    restart: fc.boolean(),
    caughtUp: fc.boolean(),
    cursor: fc.option(fc.record({ position: anyUint, id: anyId }, PLAIN)),
    ranges: fc.array(anyDot, { maxLength: 6 }),
    refused: fc.array(
      fc.record({ dot: anyDot, code: fc.oneof(fc.constant("clock_ahead"), anyText(64)), message: anyText(200) }, PLAIN),
      { maxLength: 4 },
    ),
    dead: fc.array(anyDot, { maxLength: 4 }),
    offset: fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 48 - 1 }))),
  }, PLAIN)
}).map((change) => ({ ...change, restart: change.restart && change.cursor !== null }))

export const anyReceipt: fc.Arbitrary<ReceiptNotation> = fc.record({
  principal: anyText(1024),
  millis: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  own: fc.array(anyId, { maxLength: 4 }),
}, PLAIN)
