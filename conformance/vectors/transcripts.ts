/**
 * Transcripts: what two devices and a server said to each other, as it was recorded once (R9). Whoever reads version 1 reads them.
 *
 *   replayed at a server   each request is sent again; its answer means what was recorded
 *   replayed at a client   it is answered as was recorded; it asks the same, and makes the same of it
 *
 * What a server draws or reads from its clock is another thing each time: ids of frames are told apart by where they were said first, and times are
 * passed over. Calls are those of the request.
 */
import { decodeEnvelope, encodeEnvelope, type Envelope, type FieldValues } from "../../protocol/envelope.ts"
import { fromHex } from "../../kernel/format/block-notation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { toHex } from "./notation.ts"

/** One request and its answer. Bodies are as they travelled, but without an encoding. */
export interface Exchange {
  readonly route: "handshake" | "push" | "pull"
  /** Hexadecimal. */
  readonly request: string
  readonly status: number
  /** Hexadecimal. */
  readonly answer: string
}

/** What happens between two exchanges: somebody deletes the server's stores. */
export interface Wiped {
  readonly wiped: true
}

export interface Transcript {
  readonly protocol: number
  readonly steps: readonly (Exchange | Wiped)[]
}

/** Members of answers that are of one moment, or of one server's configuration. */
const PASSED_OVER: ReadonlySet<string> = new Set(["serverTimeMillis", "limits", "tokenExpiresMillis", "requestId", "message"])

const isCursor = (value: unknown): value is readonly [number, Bytes] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "number" && value[1] instanceof Uint8Array && value[1].length === 16

/** Ids of frames as they were recorded, and as this server drew them. */
export class Ids {
  readonly #drawn = new Map<string, Bytes>()

  /** Learns from two answers that mean the same what each recorded id is here. */
  learn(recorded: unknown, found: unknown): void {
    if (isCursor(recorded) && isCursor(found)) this.#drawn.set(toHex(recorded[1]), found[1])
    else if (Array.isArray(recorded) && Array.isArray(found)) { for (const [at, value] of recorded.entries()) this.learn(value, found[at]) }
    else if (isMap(recorded) && isMap(found)) { for (const [name, value] of Object.entries(recorded)) this.learn(value, found[name]) }
  }

  /** Recorded fields with the ids of here; one that was never told stays as it is. */
  here(value: unknown): unknown {
    if (isCursor(value)) return [value[0], this.#drawn.get(toHex(value[1])) ?? value[1]]
    if (Array.isArray(value)) return value.map((each) => this.here(each))
    if (!isMap(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.here(member)]))
  }
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The message of a hexadecimal text. */
export const messageOf = (hex: string): Envelope => decodeEnvelope(fromHex(hex))

/** A recorded request as it is sent to another server. */
export const requestHere = (hex: string, ids: Ids): Bytes => {
  const { fields, parts, call } = messageOf(hex)
  return encodeEnvelope(ids.here(fields) as FieldValues, parts, call)
}

/** What an answer means, as plain data to be compared: its fields with the ids of here, but for those of the moment, and its parts. */
export const meaningOf = ({ fields, parts, call }: Envelope, ids: Ids = new Ids()): unknown => ({
  fields: plain(Object.fromEntries(Object.entries(ids.here(fields) as FieldValues).filter(([name]) => !PASSED_OVER.has(name)))),
  parts: parts.map(({ type, content }) => [type, toHex(content)]),
  call: toHex(call),
})

/** Fields as JSON: binaries as hexadecimal text. */
export const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? toHex(value)
    : Array.isArray(value)
    ? value.map(plain)
    : isMap(value)
    ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
    : value
