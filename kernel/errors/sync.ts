/** Errors of syncing: what a remote answers, and what keeps a store from being synced. */
import { printable, quote } from "../text.ts"
import { PersistError } from "./base.ts"

/** No answer, or none that a remote of this protocol gives: the network, a proxy's page, a time-out. */
export class RemoteUnreachable extends PersistError<{ readonly remote: string; readonly call: string; readonly reason: string }> {
  readonly _tag = "RemoteUnreachable" as const
  readonly code = "remote_unreachable"
  override readonly retryable = true
  override readonly hint: string = "check the URL and the network; what was written stays here and is sent later"

  constructor(details: { readonly remote: string; readonly call: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot ${printable(details.call)} at ${quote(details.remote)}: ${printable(details.reason)}`, details, options)
  }
}

/** When the same request may be sent again. */
export type RetryAdvice = "never" | "now" | "later" | "after_action"

export interface RemoteErrorDetails {
  readonly remote: string
  readonly call: string
  /** The remote's code; a closed list by version of the protocol, others are passed on as they are. */
  readonly remoteCode: string
  readonly reason: string
  readonly retry: RetryAdvice
  /** A floor for the next attempt, at most an hour. */
  readonly retryAfterMillis?: number | undefined
  readonly requestId?: string | undefined
}

/** The remote answered with an error. `details.remoteCode` says which. */
export class RemoteError extends PersistError<RemoteErrorDetails> {
  readonly _tag = "RemoteError" as const
  readonly code = "remote_error"
  override readonly retryable: boolean
  override readonly hint: string

  constructor(details: RemoteErrorDetails, options?: ErrorOptions) {
    super(
      `Cannot ${printable(details.call)} at ${quote(details.remote)}: it answered ${printable(details.remoteCode)}: ${
        printable(details.reason)
      }`,
      details,
      options,
    )
    this.retryable = details.retry === "now" || details.retry === "later"
    this.hint = this.retryable ? "nothing: it is tried again" : "see the remote's code in docs/errors.md"
  }
}

/** The remote does not know who is asking, or no longer: a token is missing, wrong or too old. */
export class Unauthenticated extends PersistError<{ readonly remote: string; readonly call: string; readonly reason: string }> {
  readonly _tag = "Unauthenticated" as const
  readonly code = "unauthenticated"
  override readonly hint: string = "give a valid token; as a function it is asked again by itself"

  constructor(details: { readonly remote: string; readonly call: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot ${printable(details.call)} at ${quote(details.remote)}: ${printable(details.reason)}`, details, options)
  }
}

/** The remote and this release have no version of the protocol in common. */
export class UnsupportedVersion
  extends PersistError<{ readonly remote: string; readonly min: number; readonly max: number; readonly ours: number }> {
  readonly _tag = "UnsupportedVersion" as const
  readonly code = "unsupported_version"
  override readonly hint: string = "update the side that is older"

  constructor(
    details: { readonly remote: string; readonly min: number; readonly max: number; readonly ours: number },
    options?: ErrorOptions,
  ) {
    super(
      `Cannot sync with ${
        quote(details.remote)
      }: it speaks the protocol from version ${details.min} to ${details.max}, this release version ${details.ours}`,
      details,
      options,
    )
  }
}

/** A remote broke the protocol; what it answered was not taken. */
export class ProtocolViolation extends PersistError<{ readonly remote: string; readonly call: string; readonly reason: string }> {
  readonly _tag = "ProtocolViolation" as const
  readonly code = "protocol_violation"
  override readonly hint: string = "report it to the remote's operator; the conformance suite finds such answers"

  constructor(details: { readonly remote: string; readonly call: string; readonly reason: string }, options?: ErrorOptions) {
    super(
      `Cannot ${printable(details.call)} at ${quote(details.remote)}: its answer breaks the protocol: ${printable(details.reason)}`,
      details,
      options,
    )
  }
}

/** The store is being synced with this remote already. */
export class AlreadySyncing extends PersistError<{ readonly store: string; readonly remote: string }> {
  readonly _tag = "AlreadySyncing" as const
  readonly code = "already_syncing"
  override readonly hint: string = "use the handle of the first call, or stop it before"

  constructor(details: { readonly store: string; readonly remote: string }, options?: ErrorOptions) {
    super(`Cannot sync ${quote(details.store)} with ${quote(details.remote)} twice from one handle`, details, options)
  }
}

/** What waits to be sent has reached `maxQueueBytes`; nothing was stored. */
export class QueueFull extends PersistError<{ readonly store: string; readonly queueBytes: number; readonly queueBytesMax: number }> {
  readonly _tag = "QueueFull" as const
  readonly code = "queue_full"
  override readonly retryable = true
  override readonly storedNothing = true
  override readonly hint: string = "wait until the remote is reached, raise maxQueueBytes, or delete something: deletes pass"

  constructor(details: { readonly store: string; readonly queueBytes: number; readonly queueBytesMax: number }, options?: ErrorOptions) {
    super(
      `Cannot write to ${quote(details.store)}: ${details.queueBytes} bytes wait to be sent, at most ${details.queueBytesMax} are allowed`,
      details,
      options,
    )
  }
}

export interface NotConfirmedDetails {
  readonly store: string
  /** Version of the last operation of the call, as `put` answers it. */
  readonly operation: string
  /** Names of the required remotes that have it, and of those that are not known to. */
  readonly confirmed: readonly string[]
  readonly missing: readonly string[]
  readonly reason: "deadline" | "refused" | "stopped"
  /** With `refused`: why, in the remote's word for it. */
  readonly refusedCode?: string | undefined
}

const WHY_NOT_CONFIRMED: Readonly<Record<NotConfirmedDetails["reason"], string>> = {
  deadline: "until the deadline",
  refused: "and never will: it was refused",
  stopped: "before syncing was stopped",
}

/** A write of the mode `write-through` that not all required remotes confirmed. It is stored here. */
export class NotConfirmed extends PersistError<NotConfirmedDetails> {
  readonly _tag = "NotConfirmed" as const
  readonly code = "not_confirmed"
  override readonly hint: string

  constructor(details: NotConfirmedDetails, options?: ErrorOptions) {
    const { store, missing, reason, refusedCode } = details, code = refusedCode === undefined ? "" : `, ${printable(refusedCode)}`
    super(
      `A write to ${quote(store)} is stored here, but ${missing.map((name) => quote(name)).join(" and ")} did not confirm it ${
        WHY_NOT_CONFIRMED[reason]
      }${code}`,
      details,
      options,
    )
    this.hint = reason === "refused"
      ? "do not write the same again: it is stored here as a dead letter; write what the remote takes, or delete the record"
      : "do not write it again: it is stored here and is sent as soon as that is possible"
  }
}

/** The adapter's frames are too small for what a remote may send. */
export class NotSyncable extends PersistError<{ readonly store: string; readonly adapter: string; readonly reason: string }> {
  readonly _tag = "NotSyncable" as const
  readonly code = "not_syncable"
  override readonly hint: string = "use another adapter, or open the store for writing"

  constructor(details: { readonly store: string; readonly adapter: string; readonly reason: string }, options?: ErrorOptions) {
    super(
      `Cannot sync ${quote(details.store)} of the adapter ${printable(details.adapter)}: ${printable(details.reason)}`,
      details,
      options,
    )
  }
}

export interface NoProgressDetails {
  readonly remote: string
  readonly call: string
  readonly reason: string
  /** It is not tried again before. */
  readonly retryAfterMillis?: number | undefined
}

/** A remote answers, and again nothing comes of it: what it is asked for is put off, so that no answer of a remote can keep a device busy. */
export class NoProgress extends PersistError<NoProgressDetails> {
  readonly _tag = "NoProgress" as const
  readonly code = "no_progress"
  override readonly retryable = true
  override readonly hint: string = "nothing: it is tried again, more and more rarely; see who operates the remote"

  constructor(details: NoProgressDetails, options?: ErrorOptions) {
    super(`Cannot ${printable(details.call)} at ${quote(details.remote)}: ${printable(details.reason)}`, details, options)
  }
}

/** Syncing was stopped before what was asked for had happened. */
export class SyncStopped extends PersistError<{ readonly store: string }> {
  readonly _tag = "SyncStopped" as const
  readonly code = "sync_stopped"
  override readonly hint: string = "enable sync anew; what was written stays in the store and is sent then"

  constructor(details: { readonly store: string }, options?: ErrorOptions) {
    super(`Cannot sync ${quote(details.store)}: it was stopped`, details, options)
  }
}
