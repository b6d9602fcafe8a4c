/**
 * Bounds of a server, each with its unit and default. All can be set; `docs/guides/server.md` lists them for operators.
 *
 * They bound what one server holds in memory and what one principal can make it do. What a message may hold at most is fixed by the
 * protocol (`protocol/limits.ts`).
 */
import { InvalidOption } from "../../kernel/errors.ts"
import { BATCH_OPERATIONS_MAX, PARTS_BYTES_MAX, PARTS_MAX } from "../../kernel/limits.ts"
import { textOf } from "../../kernel/text.ts"
import { INFLATED_BYTES_MAX, MESSAGE_BYTES_MAX, WAIT_MILLIS_MAX } from "../limits.ts"

export interface ServerLimits {
  /** Bytes of a request's body as it arrives, before its encoding is undone. */
  readonly bodyBytesMax: number
  /** Bytes of a request's body once its encoding is undone; counted while it is undone. */
  readonly inflatedBytesMax: number
  /** Bytes of parts in one push or page; a single frame is always taken and given. */
  readonly partsBytesMax: number
  /** Parts of one push or page. */
  readonly partsMax: number
  /** Operations of one push. */
  readonly operationsMax: number
  /** Seconds for a body to arrive. */
  readonly bodySecondsMax: number
  /** Bytes a second that a body has to bring on average, after five seconds. */
  readonly bodyBytesPerSecondMin: number
  /** Seconds in which a client has to take something of its answer; then the answer is given up. */
  readonly answerStallSecondsMax: number
  /** Bytes of bodies and answers held at once, of all requests together. */
  readonly heldBytesMax: number
  /** Requests at once, of all principals together. */
  readonly requestsMax: number
  /** Requests of one principal at once. */
  readonly requestsPerPrincipalMax: number
  /** Streams and waits for hints at once, of all principals together. */
  readonly liveMax: number
  /** Streams and waits for hints of one principal at one store. */
  readonly livePerStoreMax: number
  /** Longest time that a `wait` waits. */
  readonly waitMillisMax: number
  /** Stores of one namespace. */
  readonly storesMax: number
  /** Stores that are open at once. One that nobody works with makes room for another; who listens to it is told to come again. */
  readonly openStoresMax: number
  /** Time after which a store that nobody uses is closed. */
  readonly idleStoreMillis: number
  /** Writers that one principal may bring for the first time in 24 hours. */
  readonly newWritersPerDayMax: number
}

/** What holds unless a server is told otherwise. */
export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  bodyBytesMax: MESSAGE_BYTES_MAX,
  inflatedBytesMax: MESSAGE_BYTES_MAX,
  partsBytesMax: PARTS_BYTES_MAX,
  partsMax: PARTS_MAX,
  operationsMax: BATCH_OPERATIONS_MAX,
  bodySecondsMax: 30,
  bodyBytesPerSecondMin: 1024,
  answerStallSecondsMax: 35,
  heldBytesMax: 268_435_456,
  requestsMax: 256,
  requestsPerPrincipalMax: 16,
  liveMax: 10_000,
  livePerStoreMax: 10,
  waitMillisMax: WAIT_MILLIS_MAX,
  storesMax: 1000,
  openStoresMax: 256,
  idleStoreMillis: 300_000,
  newWritersPerDayMax: 10_000,
}

/** Bounds that the protocol itself has: a server may only be stricter. */
const GREATEST: Partial<ServerLimits> = {
  bodyBytesMax: INFLATED_BYTES_MAX,
  inflatedBytesMax: INFLATED_BYTES_MAX,
  partsBytesMax: PARTS_BYTES_MAX,
  partsMax: PARTS_MAX,
  operationsMax: BATCH_OPERATIONS_MAX,
  waitMillisMax: WAIT_MILLIS_MAX,
}

/** All limits, defaults filled in. Throws `InvalidOption` for a name that is none, or a number that is no positive integer or too great. */
export function resolveLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const resolved: Record<keyof ServerLimits, number> = { ...DEFAULT_SERVER_LIMITS }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (!Object.hasOwn(DEFAULT_SERVER_LIMITS, name)) {
      throw new InvalidOption({ option: "limits", found: name, expected: `one of ${Object.keys(DEFAULT_SERVER_LIMITS).join(", ")}` })
    }
    const key = name as keyof ServerLimits
    const most = GREATEST[key] ?? Number.MAX_SAFE_INTEGER
    if (!Number.isSafeInteger(value) || value < 1 || value > most) {
      throw new InvalidOption({ option: `limits.${name}`, found: textOf(value), expected: `an integer from 1 to ${most}` })
    }
    resolved[key] = value
  }
  return resolved
}
