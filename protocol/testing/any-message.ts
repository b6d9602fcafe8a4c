/** Random messages that may be, by name: for round trips. */
import fc from "fast-check"
import { SEQ_MAX, STAMP_MILLIS_MAX } from "../../kernel/limits.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, Part } from "../../kernel/ports/remote.ts"
import { WireError } from "../errors.ts"
import { ERROR_MESSAGE_BYTES_MAX, REFUSAL_MESSAGE_BYTES_MAX, RETRY_AFTER_MILLIS_MAX, WAIT_MILLIS_MAX } from "../limits.ts"

const bytes = (minLength: number, maxLength: number = minLength): fc.Arbitrary<Bytes> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Uint8Array.from(array))
const anyInteger = (min: number, max: number = Number.MAX_SAFE_INTEGER): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min, max: Math.min(max, min + 300) }),
    fc.maxSafeInteger().map((n) => min + Math.abs(n) % (max - min + 1)),
    fc.constant(max),
  )
const anySeq = anyInteger(1, SEQ_MAX), anyMillis = anyInteger(0, STAMP_MILLIS_MAX)
/** Well-formed text of at most `bytesMax` bytes. */
const anyText = (bytesMax: number, minLength: number = 0): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: "binary", minLength, maxLength: bytesMax >> 2 }),
    fc.string({ unit: "grapheme-ascii", minLength, maxLength: bytesMax, size: "max" }),
  )
const anyName = anyText(64, 1)
const anyCursor: fc.Arbitrary<Cursor> = fc.oneof(
  fc.constant({ position: 0, id: new Uint8Array(16) }),
  fc.record({ position: anyInteger(1), id: bytes(16) }),
)
const hexOf = (id: Bytes): string => id.join()
const anyWriters = (minLength: number, maxLength: number = 40): fc.Arbitrary<Bytes[]> =>
  fc.uniqueArray(bytes(16), { minLength, maxLength, selector: hexOf })
const anyDots = fc.uniqueArray(fc.record({ writer: bytes(16), seq: anySeq }), { maxLength: 40, selector: ({ writer }) => hexOf(writer) })
const anyParts = (minLength: number): fc.Arbitrary<Part[]> =>
  fc.array(fc.record({ type: fc.constant(1), content: fc.oneof(bytes(0, 40), bytes(250, 600)) }), {
    minLength,
    maxLength: 20,
  })
const anyIdentity = fc.record({
  store: anyText(200, 1).filter((name) => !name.includes("\0")),
  session: bytes(16),
  replica: fc.option(bytes(8), { nil: undefined }),
  accept: fc.array(anyName, { maxLength: 3 }),
  features: fc.array(anyName, { maxLength: 64 }),
  call: bytes(16),
})
const asked = <Request>(request: fc.Arbitrary<Request>): fc.Arbitrary<unknown> => fc.record({ identity: anyIdentity, request })
const anyLimit = anyInteger(1)
const anyDurability = fc.constantFrom("durable" as const, "buffered" as const)
const anyPair = fc.record({ writer: bytes(16), seq: anySeq, withheld: fc.uniqueArray(anyInteger(1, 1000), { maxLength: 30 }) }).map((
  { writer, seq, withheld },
) => ({ writer, seq, withheld: withheld.filter((number) => number <= seq).sort((a, b) => a - b) }))

/** By the names of `testedMessages`; each is what `encode` takes and `decode` gives. */
export const anyMessage: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "handshake request": asked(fc.record({ versions: fc.array(anyInteger(0), { minLength: 1, maxLength: 64 }) })),
  "push request": asked(
    fc.record({ basis: fc.array(anyCursor, { minLength: 1, maxLength: 8 }), own: anyWriters(0), parts: anyParts(1) }),
  ),
  "pull request": asked(fc.record({ cursor: anyCursor, have: anyDots, partsBytesMax: anyInteger(1) })),
  "watch request": asked(fc.constant({})),
  "wait request": asked(fc.record({ cursor: anyCursor, waitMillis: anyInteger(0, WAIT_MILLIS_MAX) })),
  "handshake answer": fc.record({
    protocol: anyInteger(0),
    features: fc.array(anyName, { maxLength: 64 }),
    head: anyCursor,
    serverTimeMillis: anyMillis,
    limits: fc.record({
      partsBytesMax: anyLimit,
      operationsMax: anyLimit,
      partsMax: anyLimit,
      bodyBytesMax: anyLimit,
      inflatedBytesMax: anyLimit,
    }),
    rights: fc.record({ read: fc.boolean(), write: fc.boolean(), relay: fc.boolean(), admin: fc.boolean() }),
    durability: anyDurability,
    tokenExpiresMillis: fc.option(anyMillis, { nil: undefined }),
  }),
  "push answer": fc.oneof(
    fc.record({
      kind: fc.constant("ok"),
      pairs: fc.uniqueArray(anyPair, { maxLength: 40, selector: ({ writer }) => hexOf(writer) }),
      last: anyCursor,
      durability: anyDurability,
      serverTimeMillis: anyMillis,
    }),
    fc.record({
      kind: fc.constant("refused"),
      refused: fc.uniqueArray(
        fc.record({
          writer: bytes(16),
          seq: anySeq,
          code: fc.constantFrom("clock_ahead", "writer_not_owned", "op_invalid", "op_too_large"),
          message: anyText(REFUSAL_MESSAGE_BYTES_MAX),
        }),
        { minLength: 1, maxLength: 40, selector: ({ writer, seq }) => `${hexOf(writer)} ${seq}` },
      ),
      serverTimeMillis: anyMillis,
    }),
    fc.constant({ kind: "unknown" }),
    fc.record({ kind: fc.constant("forbidden"), writers: anyWriters(1) }),
  ),
  "pull answer": fc.oneof(
    fc.record({
      kind: fc.constant("page"),
      parts: anyParts(0),
      ranges: fc.array(fc.record({ writer: bytes(16), seq: anySeq }), { maxLength: 40 }),
      next: anyCursor,
      upToDate: fc.boolean(),
      head: anyInteger(0),
      serverTimeMillis: anyMillis,
    }),
    fc.record({ kind: fc.constant("restart"), at: anyCursor, serverTimeMillis: anyMillis }),
  ),
  "wait answer": anyCursor,
  "error answer": fc.record({
    code: fc.constantFrom("rate_limited", "internal", "not_yet_known"),
    message: anyText(ERROR_MESSAGE_BYTES_MAX),
    retry: fc.constantFrom("never" as const, "now" as const, "later" as const, "after_action" as const),
    retryAfterMillis: fc.option(anyInteger(0, RETRY_AFTER_MILLIS_MAX), { nil: undefined }),
    details: fc.option(fc.dictionary(fc.string({ unit: "grapheme" }).filter((key) => key !== "__proto__"), fc.integer()), {
      nil: undefined,
    }),
    requestId: fc.option(fc.stringMatching(/^[!-~]{1,128}$/), { nil: undefined }),
  }).map(({ code, message, ...options }) => new WireError(code, message, options)),
}
