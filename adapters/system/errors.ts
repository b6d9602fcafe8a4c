/**
 * What errors of the operating system mean in ours: one table, for every adapter on a file system.
 *
 *   ENOSPC EDQUOT EFBIG                          StorageFull        with `storedNothing: false`: StorageFailed
 *   EACCES EPERM NotCapable PermissionDenied     PermissionDenied
 *   EROFS                                        ReadOnly
 *   ENOENT ENOTDIR ENAMETOOLONG NotFound         PathNotFound
 *   EMFILE ENFILE EIO and all others             StorageFailed
 *
 * Node and Bun put the name of the errno into `code`; Deno does too, but names its own denials (`NotCapable`) in `name`, and of rarer
 * errors gives the number alone, in the message.
 */
import { constants } from "node:os"
import { PathNotFound, PermissionDenied, PersistError, ReadOnly, StorageFailed, StorageFull } from "../../kernel/errors.ts"

type Meaning = "full" | "denied" | "read-only" | "not-found"

const MEANINGS: ReadonlyMap<string, readonly [Meaning, string]> = new Map([
  ["ENOSPC", ["full", "no space is left on the device"]],
  ["EDQUOT", ["full", "the disk quota is used up"]],
  ["EFBIG", ["full", "the file may not grow further"]],
  ["EACCES", ["denied", "the operating system denies access"]],
  ["EPERM", ["denied", "the operating system does not permit it"]],
  ["NotCapable", ["denied", "the runtime was started without the permission"]],
  ["PermissionDenied", ["denied", "the runtime or the operating system denies access"]],
  ["EROFS", ["read-only", "the volume is mounted for reading only"]],
  ["ENOENT", ["not-found", "it does not exist"]],
  ["NotFound", ["not-found", "it does not exist"]],
  ["ENOTDIR", ["not-found", "a part of the path is not a folder"]],
  ["ENAMETOOLONG", ["not-found", "the path is too long"]],
])

const nameByErrno: ReadonlyMap<number, string> = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))

/** The medium failed before anything was changed. */
class StorageFailedUnchanged extends StorageFailed {
  override readonly storedNothing: boolean = true
}

/** Name of the errno, or of the runtime's own error class; undefined if `cause` is no error of the system. */
export const systemCode = (cause: unknown): string | undefined => {
  if (!(cause instanceof Error)) return undefined
  const { code } = cause as { readonly code?: unknown }
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code
  if (MEANINGS.has(cause.name)) return cause.name
  const number = /\(os error (\d+)\)$/.exec(cause.message)
  return number === null ? undefined : nameByErrno.get(Number(number[1]))
}

/**
 * Our error for a failed call of the file system; one of ours is answered as it is.
 *
 * `call` is a verb that reads well before the location ("open", "write to"). `storedNothing` is what the caller knows: `true` if the
 * medium is certainly unchanged, `false` if that is unknown; then the answer is never an error that says otherwise. `neededBytes` is
 * what did not fit, where that can be said.
 */
export const systemError = (
  cause: unknown,
  call: string,
  location: string,
  storedNothing?: boolean,
  neededBytes: number = 0,
): PersistError => {
  if (cause instanceof PersistError) return cause
  const code = systemCode(cause)
  const [meaning, words] = MEANINGS.get(code ?? "") ?? []
  const text = cause instanceof Error ? cause.message : String(cause)
  const reason = words === undefined ? text : `${words} (${code})`
  if (storedNothing !== false) {
    if (meaning === "full") return new StorageFull({ location, neededBytes, reason }, { cause })
    if (meaning === "denied") return new PermissionDenied({ location, reason }, { cause })
    if (meaning === "read-only") return new ReadOnly({ location, reason }, { cause })
    if (meaning === "not-found") return new PathNotFound({ location, reason }, { cause })
  }
  const Failed = storedNothing === true ? StorageFailedUnchanged : StorageFailed
  return new Failed({ location, call, reason }, { cause })
}

/** Runs a call of the file system; what it throws is translated by {@link systemError}. */
export const withSystemErrors = <T>(call: string, location: string, run: () => T, storedNothing?: boolean): T => {
  try {
    return run()
  } catch (cause) {
    throw systemError(cause, call, location, storedNothing)
  }
}
