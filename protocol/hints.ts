/**
 * Hints: what a stream of events says, for both ends. `SPEC.md`, section 7.
 *
 *   event head, data "<position> <id in 32 hex digits>"     the head, now and when it moves
 *   event bye, data ""                                      the stream ends on purpose: come back, with some jitter
 *   a comment                                               a sign of life
 *
 * Nothing else is ever put into an event, so nothing that a user chose can break its lines.
 */
import { bytesToHex, FRAME_ID_BYTES } from "../kernel/model/identifiers.ts"
import type { Cursor } from "../kernel/ports/remote.ts"

/** Names of the events. */
export const HEAD_EVENT = "head"
export const BYE_EVENT = "bye"

/** The data of an event that tells a head. */
export const formatHint = ({ position, id }: Cursor): string => `${position} ${bytesToHex(id)}`

const HINT = /^(0|[1-9][0-9]{0,15}) ([0-9a-f]{32})$/

/** The head in the data of an event; undefined if it is none: a hint that is not understood is passed over. */
export function parseHint(data: string): Cursor | undefined {
  const [, digits, hex] = HINT.exec(data) ?? []
  const position = Number(digits)
  if (hex === undefined || !Number.isSafeInteger(position)) return undefined
  const id = new Uint8Array(FRAME_ID_BYTES)
  for (let at = 0; at < FRAME_ID_BYTES; at++) id[at] = parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  return position === 0 && id.some((byte) => byte !== 0) ? undefined : { position, id }
}
