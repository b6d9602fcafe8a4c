/**
 * What a lock file says: one line of JSON, always as long from its first beat to its last.
 *
 *   {"persist":"lock","host":…,"boot":…,"space":…,"pid":…,"started":…,"token":"<32 digits>","beat":"0000000042"}
 *
 * A file that only begins like this was cut short by a crash. Any other is none of ours.
 */
import type { FileCalls } from "../system/file-calls.ts"
import { readFileWhole } from "./files.ts"
import type { ProcessIdentity } from "./process-identity.ts"

/** Longer than any of ours. */
const LOCK_BYTES_MAX = 4096
/** What every lock file begins with, and its end. */
const TEXT_START = '{"persist":"lock",'
const TEXT_END = "}\n"
/** The beat of a lock that was given back and could not be removed. */
export const RELEASED: string = "-".repeat(10)

/** Who holds a lock. */
export interface Holder extends ProcessIdentity {
  readonly token: string
  readonly beat: string
}

/** What a lock file says: who holds it, that it was cut short by a crash, or nothing that we could read. */
export type Reading = Holder | "torn" | "foreign"

export const encodeHolder = (holder: Holder): Uint8Array => new TextEncoder().encode(`${JSON.stringify({ persist: "lock", ...holder })}\n`)

/** Reads a lock file; undefined if there is none. */
export const readHolder = (calls: FileCalls, path: string): Reading | undefined => {
  const bytes = readFileWhole(calls, path, LOCK_BYTES_MAX)
  if (bytes === undefined) return undefined
  const text = new TextDecoder().decode(bytes)
  if (isTorn(text)) return "torn"
  try {
    const value: unknown = JSON.parse(text)
    return isHolder(value) ? value : "foreign"
  } catch (cause) {
    if (cause instanceof SyntaxError) return "foreign"
    throw cause
  }
}

/** Whether a text is the beginning of ours, with zeros or nothing in place of the rest. */
const isTorn = (text: string): boolean => {
  const zeros = text.indexOf("\0")
  const start = zeros < 0 ? text : text.slice(0, zeros)
  return TEXT_START.startsWith(start) || (start.startsWith(TEXT_START) && (zeros >= 0 || !start.endsWith(TEXT_END)))
}

/** Whether nothing has changed between two readings of one file. */
export const isSame = (one: Reading, other: Reading | undefined): boolean =>
  typeof one === "string" || typeof other !== "object" ? one === other : one.token === other.token && one.beat === other.beat

const isHolder = (value: unknown): value is Holder => {
  if (typeof value !== "object" || value === null) return false
  const fields = value as Record<string, unknown>
  return ["host", "boot", "space", "started", "beat"].every((name) => typeof fields[name] === "string") &&
    Number.isSafeInteger(fields["pid"]) && typeof fields["token"] === "string" && /^[0-9a-f]{32}$/.test(fields["token"])
}
