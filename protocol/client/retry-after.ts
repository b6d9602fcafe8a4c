/** The header `Retry-After` (RFC 9110, 10.2.3): a number of seconds, or a date. */

import { RETRY_AFTER_MILLIS_MAX } from "../limits.ts"

/**
 * Milliseconds to wait at least, 0 to an hour; undefined where the header is missing or is neither number nor date.
 * A date is compared with `nowMillis`, the local clock: one that is wrong makes the wait wrong, but never longer than the hour.
 */
export const retryAfterMillisOf = (header: string | null, nowMillis: number): number | undefined => {
  const text = header?.trim() ?? ""
  if (/^-?\d{1,20}(\.\d{1,20})?$/.test(text)) return clamp(Number(text) * 1000)
  // Only what looks like a date of HTTP: `Date.parse` takes much else for one, and each runtime something else.
  if (text.length > 64 || !/^[A-Za-z]{3,9},? .*\d{2}:\d{2}:\d{2}/.test(text)) return undefined
  const dateMillis = Date.parse(text)
  return Number.isNaN(dateMillis) ? undefined : clamp(dateMillis - nowMillis)
}

const clamp = (millis: number): number => Math.min(Math.max(0, Math.round(millis)), RETRY_AFTER_MILLIS_MAX)
