import type { MergeFailed } from "../errors.ts"
import type { Strategy } from "../model/strategy.ts"

/** One of several versions of a record, as `conflicts()` and `getEntry()` give it; only such an object makes `resolve` a choice. */
export class RecordVersion<T> {
  /** Undefined for a delete. */
  readonly value: T | undefined
  readonly deleted: boolean
  /** By its writer's clock, in milliseconds since 1970-01-01. */
  readonly updatedAt: number
  /** Which copy of the store wrote it: 16 hex digits. */
  readonly replica: string
  /** Names it for ever; opaque. */
  readonly version: string
  /** That copy's label, if it has one. */
  readonly label: string | undefined

  constructor(value: T | undefined, deleted: boolean, updatedAt: number, replica: string, version: string, label: string | undefined) {
    this.value = value
    this.deleted = deleted
    this.updatedAt = updatedAt
    this.replica = replica
    this.version = version
    this.label = label
  }
}

/** A version with a value, as a merge function gets it. */
export type UpdateVersion<T> = RecordVersion<T> & { readonly value: T; readonly deleted: false }

/** A record with several versions of which none has seen another. */
export interface Conflict<T> {
  readonly key: string
  /** The greatest version that this copy wrote, else the one that is shown. */
  readonly local: RecordVersion<T>
  /** The greatest other version. */
  readonly remote: RecordVersion<T>
  /** All versions, oldest first. */
  readonly versions: readonly RecordVersion<T>[]
  /** The strategy that settled it by itself; undefined: somebody has to decide. */
  readonly settledBy: Strategy | undefined
  /** Why the versions could not be merged. */
  readonly failure: MergeFailed | undefined
  /** The last version that all others build on, if it was asked for and the log has one. */
  readonly base: RecordVersion<T> | undefined
}

/** Which conflicts, and what of them. */
export interface ConflictsQuery {
  /** Also those that a strategy settled by itself: its choice can be undone with `resolve`. Default false. */
  readonly settled?: boolean | undefined
  /** Find the version that all others build on: reads the log from its beginning. Default false. */
  readonly base?: boolean | undefined
  /** Ends that with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}
