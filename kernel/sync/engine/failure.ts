/** What an error that was thrown means for syncing. */
import {
  NoProgress,
  PersistError,
  ProtocolViolation,
  RemoteError,
  RemoteUnreachable,
  Unauthenticated,
  UnsupportedVersion,
} from "../../errors.ts"
import { kindOf } from "../../ports/logger.ts"
import { printable } from "../../text.ts"
import type { RemoteCall, SyncFailure, SyncState } from "./sync-status.ts"

const MESSAGE_LENGTH_MAX = 500
const REMOTE_CODE_LENGTH_MAX = 100

/** As plain data. Of an error that is not ours only the kind is told: its message may hold anything. */
export function toFailure(error: unknown, remote: string, call: RemoteCall, at: number): SyncFailure {
  const { code, message, retryable } = error instanceof PersistError
    ? error
    : { code: "unknown", message: `Cannot ${call} at "${remote}": something unexpected was thrown (${kindOf(error)})`, retryable: false }
  const failure: SyncFailure = { code, message: printable(message, MESSAGE_LENGTH_MAX), retryable, at, remote, call }
  return Object.freeze(
    error instanceof RemoteError ? { ...failure, remoteCode: printable(error.details.remoteCode, REMOTE_CODE_LENGTH_MAX) } : failure,
  )
}

/** State of a remote that waits because of this error. */
export function stateOf(error: unknown): SyncState {
  if (error instanceof Unauthenticated) return "needs-auth"
  if (error instanceof UnsupportedVersion) return "update-required"
  return isUnreachable(error) ? "offline" : "error"
}

/** There was no answer at all. */
export const isUnreachable = (error: unknown): boolean => error instanceof RemoteUnreachable

/** The remote said no, or nonsense: it is there. */
export const isAnswer = (error: unknown): boolean =>
  [RemoteError, Unauthenticated, UnsupportedVersion, ProtocolViolation].some((kind) => error instanceof kind)

/** Milliseconds for which the remote is to be left alone. */
export const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof RemoteError || error instanceof NoProgress ? error.details.retryAfterMillis : undefined

/** The same call may go well later with nothing changed. */
export const isRetryable = (error: unknown): boolean => error instanceof PersistError && error.retryable
