/** Messages of the sync protocol, read by the second reader: written from `protocol/SPEC.md` alone. The rules that a line follows stand in it. */
import { check, crc32, Cursor, damaged, toHex, tooNew } from "./cursor.ts"
import { type Notation, takeValue } from "./value.ts"

/** A message: its fields in the notation of the vectors, without members that its table does not name, its parts and its call. */
export interface Message {
  readonly fields: { readonly [name: string]: Notation }
  readonly parts: readonly { readonly type: number; readonly content: string }[]
  readonly call: string
}
/** What may be at a place; throws `Refused` for anything else. */
type Shape = (value: Notation | undefined) => void

const SEQ_MAX = 2 ** 31 - 1, TIME_MAX = 2 ** 48 - 1
const isInteger = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value)
const integer = (min: number, max: number, rule: string): Shape => (value) => check(isInteger(value) && value >= min && value <= max, rule)
const COUNT = integer(0, Number.MAX_SAFE_INTEGER, "W-15"), SEQ = integer(1, SEQ_MAX, "W-15"), TIME = integer(0, TIME_MAX, "W-15")
const LIMIT = integer(1, Number.MAX_SAFE_INTEGER, "W-25")
const bytesOf = (value: Notation | undefined): string => {
  const { $bytes } = (value ?? {}) as { readonly $bytes?: Notation }
  return typeof $bytes === "string" ? $bytes : damaged("W-15")
}
const binary = (length: number): Shape => (value) => check(bytesOf(value).length === length * 2, "W-15")
const WRITER = binary(16)
const text = (min: number, max: number, rule: string): Shape => (value) => {
  check(typeof value === "string", rule)
  const { length } = new TextEncoder().encode(String(value))
  check(length >= min && length <= max, rule)
}
const NAME = text(1, 64, "W-15")
const word = (rule: string, ...words: readonly string[]): Shape => (value) =>
  check(typeof value === "string" && words.includes(value), rule)
const items = (value: Notation | undefined, rule: string): readonly Notation[] => Array.isArray(value) ? value : damaged(rule)
/** A list; `keys` tells what may stand in it only once. */
const list = (max: number, element: Shape, rule: string, key?: (element: Notation) => string, min = 0): Shape => (value) => {
  const elements = items(value, rule)
  check(elements.length >= min && elements.length <= max, rule)
  elements.forEach((each) => element(each))
  if (key !== undefined) check(new Set(elements.map(key)).size === elements.length, "W-15")
}
const tuple = (rule: string, ...shapes: readonly Shape[]): Shape => (value) => {
  const elements = items(value, rule)
  check(elements.length === shapes.length, "W-14")
  shapes.forEach((shape, at) => shape(elements[at]))
}
const CURSOR: Shape = (value) => {
  tuple("W-15", COUNT, binary(16))(value)
  const [position, id] = items(value, "W-15")
  check(position !== 0 || bytesOf(id) === "0".repeat(32), "W-15")
}
const optional = (shape: Shape): Shape => (value) => {
  if (value !== undefined && value !== null) shape(value)
}
const isMap = (value: Notation | undefined): value is { readonly [name: string]: Notation } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !("$bytes" in value) && !("$date" in value) &&
  !("$bigint" in value)
const map = (shapes: { readonly [name: string]: Shape }, rule: string): Shape => (value) => {
  if (!isMap(value)) return damaged(rule)
  for (const [name, shape] of Object.entries(shapes)) shape(memberOf(value, name))
}
/** Members of a map that had to be noted as pairs are found there. */
const memberOf = (value: { readonly [name: string]: Notation }, name: string): Notation | undefined => {
  const { $map } = value
  if (Array.isArray($map)) return ($map as readonly (readonly [string, Notation])[]).find(([key]) => key === name)?.[1]
  return Object.hasOwn(value, name) ? value[name] : undefined
}
const bool: Shape = (value) => check(typeof value === "boolean", "W-39")
const WRITER_SEQ = tuple("W-38", WRITER, SEQ)
const first = (element: Notation): string => bytesOf(items(element, "W-15")[0])
const dot = (element: Notation): string => `${first(element)} ${items(element, "W-15")[1]}`
const DURABILITY = word("W-25", "durable", "buffered")

const STORE: Shape = (value) => {
  text(1, 200, "W-17")(value)
  check(!String(value).includes("\u0000"), "W-17")
}

/** W-17. */
const REQUEST = {
  protocol: COUNT,
  store: STORE,
  session: binary(16),
  replica: optional(binary(8)),
  accept: optional(list(64, NAME, "W-51")),
  features: optional(list(64, NAME, "W-51")),
}
let withheldLeft = 0
const PAIR: Shape = (value) => {
  tuple("W-31", WRITER, SEQ, list(131_072, SEQ, "W-51"))(value)
  const [, seq, withheld] = items(value, "W-31"), numbers = withheld as readonly number[]
  check(numbers.every((number, at) => number <= (seq as number) && number > (numbers[at - 1] ?? 0)), "W-31")
  check((withheldLeft -= numbers.length) >= 0, "W-51")
}
const REFUSALS = word("W-33", "clock_ahead", "writer_not_owned", "op_invalid", "op_too_large")

/** What each message has in its tables; answers by their type. */
const REQUESTS: { readonly [endpoint: string]: { readonly [name: string]: Shape } } = {
  handshake: { ...REQUEST, versions: list(64, COUNT, "W-24", undefined, 1) },
  push: { ...REQUEST, basis: list(8, CURSOR, "W-26", undefined, 1), own: list(4096, WRITER, "W-26", bytesOf) },
  pull: { ...REQUEST, cursor: CURSOR, have: list(4096, WRITER_SEQ, "W-38", first), partsBytesMax: LIMIT },
  watch: REQUEST,
  wait: { ...REQUEST, cursor: CURSOR, waitMillis: COUNT },
}
const LIMITS = { partsBytesMax: LIMIT, operationsMax: LIMIT, partsMax: LIMIT, bodyBytesMax: LIMIT, inflatedBytesMax: LIMIT }
const ANSWERS: { readonly [endpoint: string]: { readonly [type: string]: { readonly [name: string]: Shape } } } = {
  handshake: {
    handshake: {
      protocol: COUNT,
      features: list(64, NAME, "W-51"),
      head: CURSOR,
      serverTimeMillis: TIME,
      limits: map(LIMITS, "W-25"),
      rights: list(64, NAME, "W-51"),
      durability: DURABILITY,
      tokenExpiresMillis: optional(TIME),
    },
  },
  push: {
    ok: { pairs: list(4096, PAIR, "W-51", first), last: CURSOR, durability: DURABILITY, serverTimeMillis: TIME },
    refused: {
      refused: list(4096, tuple("W-31", WRITER, SEQ, REFUSALS, text(0, 200, "W-33")), "W-31", dot, 1),
      serverTimeMillis: TIME,
    },
    unknown: {},
    forbidden: { writers: list(4096, WRITER, "W-31", bytesOf, 1) },
  },
  pull: {
    page: {
      ranges: list(4096, tuple("W-39", WRITER, SEQ), "W-39"),
      next: CURSOR,
      upToDate: bool,
      head: COUNT,
      serverTimeMillis: TIME,
    },
    restart: { at: CURSOR, serverTimeMillis: TIME },
  },
  wait: { head: { head: CURSOR } },
}
/** What is wrong with the other members of an error makes them absent (W-57). */
const ERROR = { code: NAME, message: text(0, 1000, "W-54") }

/** A request to an endpoint. */
export function readRequest(endpoint: string, bytes: Uint8Array): Message {
  const { fields, parts, call } = readEnvelope(bytes)
  COUNT(memberOf(fields, "protocol"))
  if (memberOf(fields, "protocol") !== 1) tooNew("W-19")
  const named = pick(fields, REQUESTS[endpoint]!)
  check(endpoint === "push" || parts.length === 0, "W-12")
  if (parts.some(({ type }) => type < 128 && type !== 1)) tooNew("W-16")
  check(endpoint !== "push" || parts.some(({ type }) => type === 1), "W-26")
  return { fields: named, parts, call }
}

/** An answer of an endpoint, errors too. */
export function readAnswer(endpoint: string, bytes: Uint8Array): Message {
  const { fields, parts, call } = readEnvelope(bytes), type = memberOf(fields, "type")
  if (type === "error") {
    check(/^[a-z][a-z0-9_]*$/.test(String(memberOf(fields, "code"))), "W-54")
    return { fields: { type, ...pick(fields, ERROR, ["retry", "retryAfterMillis", "details", "requestId"]) }, parts, call }
  }
  withheldLeft = 131_072
  const shapes = typeof type === "string" && Object.hasOwn(ANSWERS[endpoint]!, type) ? ANSWERS[endpoint]![type]! : damaged("W-18")
  const named = pick(fields, shapes)
  check(type === "page" || parts.length === 0, "W-12")
  if (parts.some(({ type }) => type < 128 && type !== 1)) tooNew("W-16")
  return { fields: { type: String(type), ...named }, parts, call }
}

/** The members that are named, absent ones left out (W-14). */
function pick(
  fields: Message["fields"],
  shapes: { readonly [name: string]: Shape },
  unchecked: readonly string[] = [],
): Message["fields"] {
  map(shapes, "W-12")(fields)
  const names = [...Object.keys(shapes), ...unchecked]
  return Object.fromEntries(names.flatMap((name) => {
    const value = memberOf(fields, name)
    if (name === "replica") return [[name, value ?? null]]
    if (value === undefined || value === null) return []
    return name === "limits" ? [[name, pick(value as Message["fields"], LIMITS)]] : [[name, value]]
  }))
}

/** The rule of what is not, or not as it was sent (W-13). */
export const DAMAGED = "W-13"

/** W-12. */
function readEnvelope(bytes: Uint8Array): Message {
  check(bytes.length <= 5_242_880, "W-51")
  const end = bytes.length - 5
  check(end > 0 && bytes[end] === 0xce && new Cursor(bytes.subarray(end + 1)).number(4, 0) === crc32(bytes.subarray(0, end)), DAMAGED)
  const cursor = new Cursor(bytes.subarray(0, end))
  check(cursor.array() === 4, "W-12")
  const fields = takeValue(cursor)
  if (!isMap(fields)) return damaged("W-12")
  const count = cursor.array()
  check(count <= 4096, "W-51")
  let contents = 0
  const parts = Array.from({ length: count }, () => {
    check(cursor.array() === 2, "F-13")
    const type = cursor.uint()
    check(cursor.take(1)[0] === 0xc6, "F-15")
    const content = cursor.take(cursor.number(4, 0))
    check((contents += content.length) <= 3_800_000, "W-51")
    return { type, content: toHex(content) }
  })
  const call = toHex(cursor.bin())
  check(call.length === 32 && cursor.left === 0, "W-12")
  return { fields, parts, call }
}

/** The head in the data of an event (W-48); undefined if it is none. */
export function readHint(data: string): { readonly position: number; readonly id: string } | undefined {
  const [position = "", id = "", ...rest] = data.split(" ")
  const isHead = rest.length === 0 && /^[0-9a-f]{32}$/.test(id) && String(Number(position)) === position &&
    Number.isSafeInteger(Number(position))
  return isHead && Number(position) >= 0 && (Number(position) > 0 || /^0+$/.test(id)) ? { position: Number(position), id } : undefined
}
