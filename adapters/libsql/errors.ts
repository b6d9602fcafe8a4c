/**
 * What failures of the library, of SQLite and of the network mean in our errors: one table.
 *
 *   SQLite, here or at the server                    meaning       becomes
 *   SQLITE_BUSY LOCKED PROTOCOL, HTTP 429            busy          tried again, then StoreBusy
 *   SQLITE_CONSTRAINT                                constraint    decided by the caller: an append lost its race
 *   SQLITE_READONLY, BLOCKED                         read-only     ReadOnly
 *   SQLITE_FULL                                      full          StorageFull
 *   SQLITE_PERM AUTH, HTTP 401 and 403, AUTH_*       denied        PermissionDenied
 *   SQLITE_CANTOPEN, READONLY_DIRECTORY (1544)       no-open       StorageFailed, nothing stored
 *   SQLITE_CORRUPT NOTADB                            damaged       CorruptFrame where a position is meant, else NotAStore
 *   result codes 1034 and 1290 (a failed fsync)      no-flush      FlushFailed
 *   a statement that was not understood              rejected      StorageFailed, nothing stored
 *
 *   the network
 *   no connection was made (refused, no such host)   unreachable   StorageFailed, nothing stored, retryable
 *   any other HTTP 4xx but 408                       rejected      StorageFailed, nothing stored
 *   all else: a lost answer, a time-out, HTTP 5xx    failed        StorageFailed, outcome unknown
 *
 * A statement that fails with one of the first seven has changed nothing: each is found before its commit is written.
 */
import { FlushFailed, NotAStore, PermissionDenied, PersistError, ReadOnly, StorageFailed, StorageFull } from "../../kernel/errors.ts"

export type Meaning =
  | "busy"
  | "constraint"
  | "read-only"
  | "full"
  | "denied"
  | "no-open"
  | "damaged"
  | "no-flush"
  | "rejected"
  | "unreachable"
  | "failed"

/** A call to a database failed; never leaves the adapter. */
export class DatabaseError extends Error {
  readonly meaning: Meaning
  /** The HTTP status that a server answered with. */
  readonly status: number | undefined

  constructor(meaning: Meaning, reason: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(reason, options)
    this.name = "DatabaseError"
    this.meaning = meaning
    this.status = options.status
  }
}

const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_PROTOCOL", "busy"],
  ["SQLITE_CONSTRAINT", "constraint"],
  ["SQLITE_READONLY", "read-only"],
  ["BLOCKED", "read-only"],
  ["SQLITE_FULL", "full"],
  ["SQLITE_PERM", "denied"],
  ["SQLITE_AUTH", "denied"],
  ["SQLITE_CANTOPEN", "no-open"],
  ["SQLITE_CORRUPT", "damaged"],
  ["SQLITE_NOTADB", "damaged"],
  ["SQLITE_TOOBIG", "rejected"],
  ["ARGS_INVALID", "rejected"],
  ["SQL_PARSE_ERROR", "rejected"],
  ["SQL_NO_STATEMENT", "rejected"],
  ["SQL_MANY_STATEMENTS", "rejected"],
])
const FAILED_SYNCS: ReadonlySet<unknown> = new Set([1034, 1290])
/** No log or journal can be made beside the file. */
const READONLY_FOLDER = 1544
/** Primary result codes as they stand at the end of a failed open's words: `ConnectionFailed("Unable to open … : 14")`. */
const CODES: ReadonlyMap<string, string> = new Map([["5", "SQLITE_BUSY"], ["8", "SQLITE_READONLY"], ["14", "SQLITE_CANTOPEN"], [
  "26",
  "SQLITE_NOTADB",
]])

const wordsOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** What an error of the library says that an SQLite found; undefined if no SQLite was asked, or none answered. */
export const answerOf = (cause: unknown): DatabaseError | undefined => {
  if (cause instanceof DatabaseError) return cause
  const { code, rawCode } = Object(cause) as { readonly code?: unknown; readonly rawCode?: unknown }
  const words = wordsOf(cause)
  if (rawCode === READONLY_FOLDER) return new DatabaseError("no-open", words, { cause })
  if (FAILED_SYNCS.has(rawCode)) return new DatabaseError("no-flush", words, { cause })
  if (/\bno such table\b/.test(words)) return new DatabaseError("rejected", words, { cause })
  const opened = /^ConnectionFailed\(".*: (\d+)"\)$/s.exec(words)
  const known = opened === null ? code : CODES.get(opened[1]!)
  if (typeof known !== "string") return undefined
  if (known.startsWith("AUTH_")) return new DatabaseError("denied", words, { cause })
  const meaning = MEANINGS.get(known)
  if (meaning !== undefined) return new DatabaseError(meaning, words, { cause })
  return /^(SQLITE_|SQL_|TRANSACTION_|RESPONSE_)/.test(known) ? new DatabaseError("failed", words, { cause }) : undefined
}

export const meaningOf = (cause: unknown): Meaning => cause instanceof DatabaseError ? cause.meaning : "failed"

/** The database failed before anything was changed. */
class StorageFailedUnchanged extends StorageFailed {
  override readonly storedNothing: boolean = true
}
/** No connection could be made, so nothing was sent. */
class StorageUnreachable extends StorageFailedUnchanged {
  override readonly retryable: boolean = true
  override readonly hint: string = "check the URL and the network; the server may be down"
}

/**
 * Our error for a failed call; one of ours is answered as it is. `call` is a verb that reads well before the location. `neededBytes` is
 * what did not fit.
 */
export const persistError = (cause: unknown, call: string, location: string, neededBytes: number = 0): PersistError => {
  if (cause instanceof PersistError) return cause
  const reason = wordsOf(cause)
  const options = { cause: cause instanceof DatabaseError ? cause.cause ?? cause : cause }
  switch (meaningOf(cause)) {
    case "read-only":
      return new ReadOnly({ location, reason }, options)
    case "full":
      return new StorageFull({ location, neededBytes, reason }, options)
    case "denied":
      return new PermissionDenied({ location, reason }, options)
    case "damaged":
      return new NotAStore({ location, reason }, options)
    case "no-flush":
      return new FlushFailed({ location, reason }, options)
    case "rejected":
    case "no-open":
    case "busy":
      return new StorageFailedUnchanged({ location, call, reason }, options)
    case "unreachable":
      return new StorageUnreachable({ location, call, reason }, options)
    default:
      return new StorageFailed({ location, call, reason }, options)
  }
}
