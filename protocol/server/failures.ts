/**
 * Failures: what goes wrong inside a server, as an error of the protocol. What a principal may learn is in the first three columns; the error
 * itself stays here.
 *
 *   decoding a message     `MalformedMessage`, passed on
 *   the request            too much, too deep, not allowed: passed on with its code
 *   the storage            busy, full, uncertain: `overloaded` or `quota_exceeded`, to be tried again
 *   everything else        `internal`, told to the logger
 */
import { PersistError } from "../../kernel/errors.ts"
import { kindOf, type Logger } from "../../kernel/ports/logger.ts"
import { WireError, wireError, type WireErrorCode } from "../errors.ts"

interface Translation {
  readonly code: WireErrorCode
  readonly message: string
  readonly retryAfterMillis?: number
}

const BUSY: Translation = { code: "overloaded", message: "the store is busy", retryAfterMillis: 1000 }
const TOO_LARGE: Translation = { code: "batch_too_large", message: "the push is larger than the store takes" }

/** By the code of a `PersistError`. */
const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  batch_too_large: TOO_LARGE,
  frame_too_large: TOO_LARGE,
  corrupt_bytes: { code: "invalid_request", message: "a part is damaged" },
  store_not_found: { code: "store_not_found", message: "there is no such store" },
  store_busy: BUSY,
  store_locked: BUSY,
  store_uncertain: BUSY,
  outcome_unknown: BUSY,
  position_taken: BUSY,
  // Its place was needed for another store; the next request opens it anew.
  store_closed: BUSY,
  storage_full: { code: "quota_exceeded", message: "the server has no room left", retryAfterMillis: 60_000 },
}

/** The error to answer. Tells `logger` what the answer does not, never with keys, values or tokens. */
export function toWireError(error: unknown, logger: Logger, where: Readonly<Record<string, string | undefined>>): WireError {
  if (error instanceof WireError) return error
  const translation = error instanceof PersistError && Object.hasOwn(TRANSLATIONS, error.code) ? TRANSLATIONS[error.code] : undefined
  if (translation !== undefined) {
    const { code, message, retryAfterMillis } = translation
    if (code === "quota_exceeded") tell(logger, "warn", "a store is full", error, where)
    return wireError(code, message, { retryAfterMillis, cause: error })
  }
  tell(logger, "error", "a request failed", error, where)
  return wireError("internal", "the server could not do it; its log says more", { cause: error })
}

/** A failing logger must not fail a request. */
function tell(
  logger: Logger,
  level: keyof Logger,
  message: string,
  error: unknown,
  where: Readonly<Record<string, string | undefined>>,
): void {
  try {
    logger[level](message, { ...where, code: kindOf(error), at: placeOf(error) })
  } catch {
    // Nobody is left to tell.
  }
}

/** Where an error that is none of ours was thrown. Its message may hold anything, so the lines of its stack alone are told. */
function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof PersistError || typeof error.stack !== "string") return undefined
  const frame = error.stack.slice(error.stack.startsWith(String(error)) ? String(error).length : 0).split("\n").find((line) =>
    /^\s*at /.test(line)
  )
  return frame?.trim().slice(0, 300)
}
