/**
 * Messages as a case writes them: by hand where they are to be wrong, else with the fields that every request has.
 *
 *   requestOf("pull", names, { cursor })   the bytes of a good request, members replaced, or left out where they are undefined
 *   sealed(head, …)                        any bytes with a checksum that is right
 */
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { encodeValue } from "../../kernel/format/msgpack.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, Part } from "../../kernel/ports/remote.ts"
import { encodeEnvelope } from "../../protocol/envelope.ts"
import type { RouteName } from "../../protocol/routes.ts"

/** Members of a request's fields; one that is undefined is left out. */
export type Fields = Readonly<Record<string, unknown>>

/** Before the first frame. */
export const START_FIELD: readonly [number, Bytes] = [0, new Uint8Array(16)]
/** What a request has behind its parts, up to its checksum: the head of a call. */
export const CALL_HEAD: readonly number[] = [0xc4, 16]

/** A cursor as a member of fields. */
export const cursorField = ({ position, id }: Cursor): readonly [number, Bytes] => [position, id]

/** What each request has beside the fields of all. */
const OWN_FIELDS: Readonly<Record<RouteName, Fields>> = {
  handshake: { versions: [1] },
  push: { basis: [START_FIELD], own: [] },
  pull: { cursor: START_FIELD, have: [], partsBytesMax: 3_600_000 },
  watch: {},
  wait: { cursor: START_FIELD, waitMillis: 0 },
}

/** Every endpoint that takes a message. */
export const ROUTE_NAMES: readonly RouteName[] = ["handshake", "push", "pull", "watch", "wait"]

/** The fields of a good request. */
export const fieldsOf = (route: RouteName, store: string, more: Fields = {}): Fields => ({
  protocol: 1,
  store,
  session: new Uint8Array(16).fill(0x5e),
  replica: null,
  ...OWN_FIELDS[route],
  ...more,
})

let calls = 0
/** Drawn by the first call: a Worker may draw nothing while it loads. */
let callPrefix: Bytes | undefined

/** A call that no other request of this process names. */
export const drawCall = (): Bytes => {
  const call = new Uint8Array(16)
  call.set(callPrefix ??= crypto.getRandomValues(new Uint8Array(8)))
  new DataView(call.buffer).setUint32(12, calls += 1)
  return call
}

/** The bytes of a good request, but for what `more` says. */
export const requestOf = (
  route: RouteName,
  store: string,
  more: Fields = {},
  parts: readonly Part[] = [],
  call: Bytes = drawCall(),
): Bytes => encodeEnvelope(fieldsOf(route, store, more), parts, call)

/** One value as bytes. */
export const valueOf = (value: unknown): Bytes => {
  const out = new ByteWriter(256)
  encodeValue(value, out, "a value of a case")
  return out.buffer.slice(0, out.length) as Bytes
}

/** Bytes back to back. */
export const joined = (...pieces: readonly ArrayLike<number>[]): Bytes => {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** Bytes with their checksum behind them. */
export const sealed = (...pieces: readonly ArrayLike<number>[]): Bytes => {
  const bytes = joined(...pieces, [0xce, 0, 0, 0, 0])
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes, 0, bytes.length - 5))
  return bytes
}

/** A message without its checksum. */
export const unsealed = (message: Uint8Array): Uint8Array => message.subarray(0, message.length - 5)

/** A message of a request with other bytes in place of its fields, its parts, or its call; each a whole value. */
export const rawRequest = (
  raw: { readonly fields: ArrayLike<number>; readonly parts?: ArrayLike<number>; readonly call?: ArrayLike<number> },
): Bytes => sealed([0x94], raw.fields, raw.parts ?? [0x90], raw.call ?? joined(CALL_HEAD, drawCall()))
