/**
 * What SQLite's result codes mean in our errors: one table. A primary code stands for its extended ones unless they have a row.
 *
 *   code                                    meaning     becomes
 *    5 BUSY, 6 LOCKED, 15 PROTOCOL          busy        tried again, then StoreBusy
 *   19 CONSTRAINT                           constraint  decided by the caller: an append lost its race
 *    8 READONLY                             read-only   ReadOnly
 *   1544 READONLY_DIRECTORY                 no-open     as CANTOPEN: no log or journal can be made beside the file
 *   13 FULL                                 full        StorageFull
 *    3 PERM, 23 AUTH                        denied      PermissionDenied
 *   14 CANTOPEN                             no-open     what the file system says, else StorageFailed
 *   11 CORRUPT, 26 NOTADB                   damaged     CorruptFrame where a position is meant, else NotAStore
 *   1034 IOERR_FSYNC, 1290 IOERR_DIR_FSYNC  no-flush    FlushFailed
 *   10 IOERR and all others                 failed      StorageFailed, outcome unknown
 *
 * BUSY, CONSTRAINT, READONLY and FULL end the statement before its commit is written: nothing was stored.
 */
import { accessSync, constants } from "node:fs"
import { dirname } from "node:path"
import { FlushFailed, NotAStore, PermissionDenied, PersistError, ReadOnly, StorageFailed, StorageFull } from "../../kernel/errors.ts"
import { systemCode, systemError } from "../system/errors.ts"

export type Meaning = "busy" | "constraint" | "read-only" | "full" | "denied" | "no-open" | "damaged" | "no-flush" | "failed"

const MEANINGS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [3, "denied"],
  [5, "busy"],
  [6, "busy"],
  [8, "read-only"],
  [11, "damaged"],
  [13, "full"],
  [14, "no-open"],
  [15, "busy"],
  [19, "constraint"],
  [23, "denied"],
  [26, "damaged"],
  [1034, "no-flush"],
  [1290, "no-flush"],
  [1544, "no-open"],
])

/** The meaning of an extended result code. */
export const meaningOf = (code: number | undefined): Meaning =>
  code === undefined ? "failed" : MEANINGS.get(code) ?? MEANINGS.get(code & 0xff) ?? "failed"

/** The words of the library about a failure, with the result code. */
export const reasonOf = (cause: unknown, code: number | undefined): string => {
  const words = cause instanceof Error ? cause.message : String(cause)
  return code === undefined ? words : `${words} (SQLite result code ${code})`
}

/**
 * Our error for a failed call of the library; one of ours is answered as it is. `call` is a verb that reads well before the location.
 * `neededBytes` is what did not fit.
 */
export const sqliteError = (
  cause: unknown,
  code: number | undefined,
  call: string,
  location: string,
  neededBytes: number = 0,
): PersistError => {
  if (cause instanceof PersistError) return cause
  const reason = reasonOf(cause, code)
  switch (meaningOf(code)) {
    case "read-only":
      return new ReadOnly({ location, reason }, { cause })
    case "full":
      return new StorageFull({ location, neededBytes, reason }, { cause })
    case "denied":
      return new PermissionDenied({ location, reason }, { cause })
    case "damaged":
      return new NotAStore({ location, reason }, { cause })
    case "no-flush":
      return new FlushFailed({ location, reason }, { cause })
    case "no-open":
      return deniedByTheSystem(location) ?? new StorageFailed({ location, call, reason }, { cause })
    default:
      // Deno refuses with an error of its own before SQLite is asked.
      return systemCode(cause) === undefined ? new StorageFailed({ location, call, reason }, { cause }) : systemError(cause, call, location)
  }
}

/** Why the file cannot be opened, or another one be made beside it, as the file system sees it; SQLite only says that it cannot. */
const deniedByTheSystem = (location: string): PersistError | undefined => {
  try {
    accessSync(location, constants.R_OK | constants.W_OK)
    accessSync(dirname(location), constants.W_OK | constants.X_OK)
    return undefined
  } catch (cause) {
    return systemError(cause, "open", location)
  }
}
