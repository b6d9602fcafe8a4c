/**
 * Bounds of the wire, each with its unit; those of values, frames and blocks are in `kernel/limits.ts`. `SPEC.md`, section 8.
 *
 * They bind every message whatever a handshake announces, so that a decoder knows beforehand how much it may have to keep.
 */
import { FRAME_BYTES_MAX, PAIRS_WITHHELD_MAX, PARTS_BYTES_MAX, PARTS_MAX, VALUE_BYTES_MAX, VALUE_NODES_MAX } from "../kernel/limits.ts"

/** Bytes of the fields of one message: they are one value. */
export const FIELDS_BYTES_MAX: number = VALUE_BYTES_MAX
/**
 * Bytes of the contents of all parts of one message. Above `PARTS_BYTES_MAX`, since a block that is cut may need a few more than it had in its
 * frame; below the bytes of a frame, since head, change and receipt have to fit too.
 */
export const MESSAGE_PARTS_BYTES_MAX = 3_800_000
/** Bytes of a part around its content. */
export const PART_HEAD_BYTES_MAX = 15
/** Bytes that tell one call from all others. */
export const CALL_BYTES = 16
/** Bytes of one message as it is decoded. */
export const MESSAGE_BYTES_MAX = 5_242_880
/** Bytes that a server inflates for one request before it gives up, unless it is told another number. */
export const INFLATED_BYTES_MAX = 16_777_216

/** Frames that a push builds on. */
export const BASIS_MAX = 8
/** Writers that one message lists: `own`, `have`, `pairs`, `writers`; and ranges of a page. */
export const WRITERS_MAX: number = PARTS_MAX
/** Refused operations that one answer lists; others are named at the next push. */
export const REFUSED_MAX = 4096
/** Withheld numbers that one answer lists, of all writers together. */
export const WITHHELD_MAX: number = PAIRS_WITHHELD_MAX
/** Versions that a handshake offers. */
export const VERSIONS_MAX = 64
/** Features or encodings that a request names. */
export const NAMES_MAX = 64
/** UTF-8 bytes of the name of a feature, an encoding, a right, a type or a code. */
export const NAME_BYTES_MAX = 64
/** UTF-8 bytes of what a refusal says to people. */
export const REFUSAL_MESSAGE_BYTES_MAX = 200
/** UTF-8 bytes of what an error says to people. */
export const ERROR_MESSAGE_BYTES_MAX = 1000
/** Bytes of a request's id: visible ASCII. */
export const REQUEST_ID_BYTES_MAX = 128

/** Bytes of the id of a session. */
export const SESSION_BYTES = 16
/** Longest time that a server lets `wait` wait. */
export const WAIT_MILLIS_MAX = 25_000
/** Longest time between two signs of life of `watch`. */
export const BEAT_MILLIS_MAX = 21_000
/** Time after which `watch` counts as dead if nothing came. */
export const SILENCE_MILLIS_MAX = 45_000
/** Time after which a server ends `watch`, with some jitter. */
export const WATCH_MILLIS = 60_000
/** Longest `retryAfterMillis` that is believed. */
export const RETRY_AFTER_MILLIS_MAX = 3_600_000

const holds = (relation: boolean, words: string): void => {
  if (!relation) throw new Error(`protocol/limits.ts: ${words}`)
}
holds(PARTS_BYTES_MAX < MESSAGE_PARTS_BYTES_MAX, "a frame of a store fits a message")
holds(
  MESSAGE_PARTS_BYTES_MAX + PARTS_MAX * PART_HEAD_BYTES_MAX + WRITERS_MAX * 26 < FRAME_BYTES_MAX,
  "the parts and ranges of a page fit a frame",
)
holds(
  FIELDS_BYTES_MAX + MESSAGE_PARTS_BYTES_MAX + PARTS_MAX * PART_HEAD_BYTES_MAX + 16 + CALL_BYTES < MESSAGE_BYTES_MAX,
  "fields, parts and call fit a message",
)
holds(REFUSED_MAX * (1 + 18 + 5 + 17 + 2 + REFUSAL_MESSAGE_BYTES_MAX) + 4096 < FIELDS_BYTES_MAX, "refusals fit the fields")
holds(WRITERS_MAX * 26 + WITHHELD_MAX * 5 + 4096 < FIELDS_BYTES_MAX, "pairs fit the fields")
holds(WRITERS_MAX * 4 + WITHHELD_MAX < VALUE_NODES_MAX, "pairs are few enough nodes")
