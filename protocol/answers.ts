/**
 * Answers: what a server says, as bytes. `SPEC.md`, sections 4 to 7. The field `type` says which one it is:
 *
 *   handshake   protocol, features, head, serverTimeMillis, limits, rights, durability, tokenExpiresMillis?
 *   ok          pairs, last, durability, serverTimeMillis      to a push
 *   refused     refused, serverTimeMillis                      to a push
 *   unknown                                                    to a push
 *   forbidden   writers                                        to a push
 *   page        ranges, next, upToDate, head, serverTimeMillis; parts      to a pull
 *   restart     at, serverTimeMillis                           to a pull
 *   head        head                                           to a wait
 *   error       see `error-answer.ts`                          to any
 *
 * Decoders throw `MalformedMessage`, and the `WireError` that an answer of type "error" holds. They judge an answer alone; whether it fits the
 * request is judged by `client/answer-checks.ts`.
 */
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type {
  Cursor,
  Handshake,
  PullAnswer,
  PushAnswer,
  Refusal,
  RefusalCode,
  RemoteLimits,
  Rights,
  WriterPair,
} from "../kernel/ports/remote.ts"
import { decodeEnvelope, encodeEnvelope, type Envelope, type FieldValues } from "./envelope.ts"
import { readError } from "./error-answer.ts"
import { wireError } from "./errors.ts"
import {
  asBoolean,
  asCursor,
  asInteger,
  asList,
  asMap,
  asMillis,
  asOneOf,
  asSeq,
  asText,
  asTuple,
  asWriter,
  fitText,
  malformed,
  memberOf,
  nameOfWriter,
  refuseTwice,
} from "./fields.ts"
import { NAME_BYTES_MAX, NAMES_MAX, REFUSAL_MESSAGE_BYTES_MAX, REFUSED_MAX, WITHHELD_MAX, WRITERS_MAX } from "./limits.ts"
import { blocksOf, unknownPartType } from "./parts.ts"

/** Largest sizes that a server takes or gives. */
export interface WireLimits extends RemoteLimits {
  /** Bytes of a request's body as it travels. */
  readonly bodyBytesMax: number
  /** Bytes of a request's body when its encoding is undone. */
  readonly inflatedBytesMax: number
}

/** Answer to a handshake; `live` of the port is whether the feature of that name is in use. */
export interface HandshakeAnswer extends Omit<Handshake, "live" | "limits"> {
  /** The version that is spoken from now on. */
  readonly protocol: number
  /** Features in use: of those that the client named, without `must-`. */
  readonly features: readonly string[]
  readonly limits: WireLimits
  /** When the token ends, in milliseconds since 1970-01-01 by the server's clock, if it is known. */
  readonly tokenExpiresMillis?: number | undefined
}

/** Longest list of rights: unknown ones are passed over. */
const RIGHTS: readonly (keyof Rights)[] = ["read", "write", "relay", "admin"]
const DURABILITIES = ["durable", "buffered"] as const
const REFUSAL_CODES: readonly RefusalCode[] = ["clock_ahead", "writer_not_owned", "op_invalid", "op_too_large"]

export const encodeHandshakeAnswer = (answer: HandshakeAnswer, call?: Bytes): Bytes =>
  encodeEnvelope(
    {
      type: "handshake",
      protocol: answer.protocol,
      features: answer.features,
      head: cursorField(answer.head),
      serverTimeMillis: answer.serverTimeMillis,
      limits: { ...limitsField(answer.limits) },
      rights: RIGHTS.filter((right) => answer.rights[right]),
      durability: answer.durability,
      tokenExpiresMillis: answer.tokenExpiresMillis,
    },
    [],
    call,
  )

export function decodeHandshakeAnswer(body: Bytes): HandshakeAnswer {
  const { fields } = decodeAnswer(body, ["handshake"])
  const limits = asMap(memberOf(fields, "limits"), "limits")
  const limit = (name: keyof WireLimits): number => asInteger(memberOf(limits, name), `limits.${name}`, 1)
  const rights = asList(memberOf(fields, "rights"), "rights", NAMES_MAX, asName)
  const expires = memberOf(fields, "tokenExpiresMillis")
  return {
    protocol: asInteger(memberOf(fields, "protocol"), "protocol"),
    features: asList(memberOf(fields, "features"), "features", NAMES_MAX, asName),
    head: asCursor(memberOf(fields, "head"), "head"),
    serverTimeMillis: asMillis(memberOf(fields, "serverTimeMillis"), "serverTimeMillis"),
    limits: {
      partsBytesMax: limit("partsBytesMax"),
      operationsMax: limit("operationsMax"),
      partsMax: limit("partsMax"),
      bodyBytesMax: limit("bodyBytesMax"),
      inflatedBytesMax: limit("inflatedBytesMax"),
    },
    rights: {
      read: rights.includes("read"),
      write: rights.includes("write"),
      relay: rights.includes("relay"),
      admin: rights.includes("admin"),
    },
    durability: asOneOf(memberOf(fields, "durability"), "durability", DURABILITIES),
    tokenExpiresMillis: expires === undefined || expires === null ? undefined : asMillis(expires, "tokenExpiresMillis"),
  }
}

/**
 * Of more refused operations than fit an answer the first ones are named, their messages are cut. Throws `batch_too_large` where the pairs
 * have more withheld numbers than an answer can hold.
 */
export function encodePushAnswer(answer: PushAnswer, call?: Bytes): Bytes {
  switch (answer.kind) {
    case "ok": {
      const { pairs, last, durability, serverTimeMillis } = answer
      if (withheldIn(pairs) > WITHHELD_MAX) {
        throw wireError("batch_too_large", "the withheld numbers of its writers do not fit one answer")
      }
      return encodeEnvelope({ type: "ok", pairs: pairs.map(pairField), last: cursorField(last), durability, serverTimeMillis }, [], call)
    }
    case "refused": {
      const refused = answer.refused.slice(0, REFUSED_MAX).map((
        { writer, seq, code, message },
      ) => [writer, seq, code, fitText(message, REFUSAL_MESSAGE_BYTES_MAX)])
      return encodeEnvelope({ type: "refused", refused, serverTimeMillis: answer.serverTimeMillis }, [], call)
    }
    case "unknown":
      return encodeEnvelope({ type: "unknown" }, [], call)
    case "forbidden":
      return encodeEnvelope({ type: "forbidden", writers: answer.writers }, [], call)
  }
}

export function decodePushAnswer(body: Bytes): PushAnswer {
  const { type, fields } = decodeAnswer(body, ["ok", "refused", "unknown", "forbidden"])
  switch (type) {
    case "ok": {
      const pairs = asList(memberOf(fields, "pairs"), "pairs", WRITERS_MAX, asPair)
      refuseTwice(pairs, "pairs", ({ writer }) => nameOfWriter(writer))
      const withheld = withheldIn(pairs)
      if (withheld > WITHHELD_MAX) malformed("pairs", `withhold ${withheld} numbers, at most ${WITHHELD_MAX} are allowed`)
      return {
        kind: "ok",
        pairs,
        last: asCursor(memberOf(fields, "last"), "last"),
        durability: asOneOf(memberOf(fields, "durability"), "durability", DURABILITIES),
        serverTimeMillis: asMillis(memberOf(fields, "serverTimeMillis"), "serverTimeMillis"),
      }
    }
    case "refused": {
      const refused = asList(memberOf(fields, "refused"), "refused", REFUSED_MAX, asRefusal)
      if (refused.length === 0) malformed("refused", "is empty")
      refuseTwice(refused, "refused", ({ writer, seq }) => `${nameOfWriter(writer)} ${seq}`)
      return { kind: "refused", refused, serverTimeMillis: asMillis(memberOf(fields, "serverTimeMillis"), "serverTimeMillis") }
    }
    case "unknown":
      return { kind: "unknown" }
    case "forbidden": {
      const writers = asList(memberOf(fields, "writers"), "writers", WRITERS_MAX, asWriter)
      if (writers.length === 0) malformed("writers", "is empty")
      refuseTwice(writers, "writers", nameOfWriter)
      return { kind: "forbidden", writers }
    }
  }
}

export function encodePullAnswer(answer: PullAnswer, call?: Bytes): Bytes {
  if (answer.kind === "restart") {
    return encodeEnvelope({ type: "restart", at: cursorField(answer.at), serverTimeMillis: answer.serverTimeMillis }, [], call)
  }
  const { parts, ranges, next, upToDate, head, serverTimeMillis } = answer
  return encodeEnvelope(
    {
      type: "page",
      ranges: ranges.map(({ writer, seq }) => [writer, seq]),
      next: cursorField(next),
      upToDate,
      head,
      serverTimeMillis,
    },
    parts,
    call,
  )
}

/** Contents of the parts are views into `body`; those that may be ignored are left out. */
export function decodePullAnswer(body: Bytes): PullAnswer {
  const { type, fields, parts } = decodeAnswer(body, ["page", "restart"])
  const serverTimeMillis = asMillis(memberOf(fields, "serverTimeMillis"), "serverTimeMillis")
  if (type === "restart") return { kind: "restart", at: asCursor(memberOf(fields, "at"), "at"), serverTimeMillis }
  const unknown = unknownPartType(parts)
  if (unknown !== undefined) malformed("parts", `have one of the unknown type ${unknown}`)
  return {
    kind: "page",
    parts: blocksOf(parts),
    ranges: asList(memberOf(fields, "ranges"), "ranges", WRITERS_MAX, asRange),
    next: asCursor(memberOf(fields, "next"), "next"),
    upToDate: asBoolean(memberOf(fields, "upToDate"), "upToDate"),
    head: asInteger(memberOf(fields, "head"), "head"),
    serverTimeMillis,
  }
}

export const encodeHeadAnswer = (head: Cursor, call?: Bytes): Bytes => encodeEnvelope({ type: "head", head: cursorField(head) }, [], call)

export function decodeHeadAnswer(body: Bytes): Cursor {
  return asCursor(memberOf(decodeAnswer(body, ["head"]).fields, "head"), "head")
}

/** An answer of one of these types; only pages have parts. */
function decodeAnswer<Type extends string>(body: Bytes, types: readonly Type[]): Envelope & { readonly type: Type } {
  const { fields, parts, call } = decodeEnvelope(body)
  const type = memberOf(fields, "type")
  if (type === "error") throw readError(fields)
  const known = asOneOf(type, "type", types)
  if (parts.length > 0 && known !== "page") malformed("parts", `are ${parts.length}, not 0`)
  return { type: known, fields, parts, call }
}

const withheldIn = (pairs: readonly WriterPair[]): number => pairs.reduce((sum, { withheld }) => sum + withheld.length, 0)
const cursorField = ({ position, id }: Cursor): FieldValues[string] => [position, id]
const pairField = ({ writer, seq, withheld }: WriterPair): FieldValues[string] => [writer, seq, withheld]
const limitsField = ({ partsBytesMax, operationsMax, partsMax, bodyBytesMax, inflatedBytesMax }: WireLimits): FieldValues => ({
  partsBytesMax,
  operationsMax,
  partsMax,
  bodyBytesMax,
  inflatedBytesMax,
})

const asName = (value: unknown, field: string): string => asText(value, field, NAME_BYTES_MAX)

function asPair(value: unknown, field: string): WriterPair {
  const [id, number, numbers] = asTuple(value, field, 3)
  const writer = asWriter(id, `${field}[0]`), seq = asSeq(number, `${field}[1]`)
  const withheld = asList(numbers, `${field}[2]`, WITHHELD_MAX, asSeq)
  for (const [index, refused] of withheld.entries()) {
    if (refused > seq || refused <= (withheld[index - 1] ?? 0)) {
      malformed(`${field}[2][${index}]`, "is above the pair's number or not ascending")
    }
  }
  return { writer, seq, withheld }
}

function asRange(value: unknown, field: string): { readonly writer: Bytes; readonly seq: number } {
  const [writer, seq] = asTuple(value, field, 2)
  return { writer: asWriter(writer, `${field}[0]`), seq: asSeq(seq, `${field}[1]`) }
}

function asRefusal(value: unknown, field: string): Refusal {
  const [writer, seq, code, message] = asTuple(value, field, 4)
  return {
    writer: asWriter(writer, `${field}[0]`),
    seq: asSeq(seq, `${field}[1]`),
    code: asOneOf(code, `${field}[2]`, REFUSAL_CODES),
    message: asText(message, `${field}[3]`, REFUSAL_MESSAGE_BYTES_MAX, true),
  }
}
