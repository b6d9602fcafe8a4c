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

/** The versions that stood beside a version when it was given out, by name, itself among them: what somebody who chooses it has seen. */
const seenWith = new WeakMap<RecordVersion<unknown>, ReadonlySet<string>>()

/** Notes that these versions of a record were given out together, of all that it had then. */
export function giveOut<T>(versions: readonly RecordVersion<T>[], all: ReadonlySet<string>): readonly RecordVersion<T>[] {
  for (const version of versions) seenWith.set(version, all)
  return versions
}

/** What somebody who was given this version has seen of its record. */
export const seenBeside = (version: RecordVersion<unknown>): ReadonlySet<string> => seenWith.get(version) ?? new Set([version.version])

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
