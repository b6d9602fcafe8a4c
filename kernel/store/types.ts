/** What users see of records: the plain values that calls take and give. */
import type { Strategy } from "../model/strategy.ts"
import type { RangeQuery } from "./key-range.ts"
import type { RecordVersion } from "./record-version.ts"

/** Answer of a write. */
export interface Written {
  /** Names this write for ever; opaque. Compare it, or give it as `ifVersion`. */
  readonly version: string
}

/** A record with what is known about it. */
export interface Entry<T> {
  readonly key: string
  readonly value: T
  /** Changes with every write; with several versions at once it names them all. */
  readonly version: string
  /** When it was written by its writer's clock, in milliseconds since 1970-01-01. A claim, not a proof. */
  readonly updatedAt: number
  /** Which copy of the store wrote it: 16 hex digits. */
  readonly replica: string
  /** That copy's label, if it has one. */
  readonly label?: string | undefined
  /** Several versions were written apart, and somebody has to decide: see `conflicts()`. */
  readonly conflicted: boolean
  /** Several versions were written apart, and this strategy settled it by itself; `versions` shows how. */
  readonly settledBy?: Strategy | undefined
  /** Where several versions are kept: all that can be read, oldest first. `resolve` takes any of them, and undoes what a strategy chose. */
  readonly versions?: readonly RecordVersion<T>[] | undefined
  /** A remote does not take what was written here: this is one of the store's `deadLetters`. Undefined: none refused it, or it was answered. */
  readonly refused?: { readonly code: string; readonly message: string } | undefined
}

/** One change of a record, as subscribers see it. */
export interface Change<T> {
  readonly key: string
  /** Frozen; undefined for a deleted record. */
  readonly value: T | undefined
  readonly deleted: boolean
  readonly version: string
}

/** One version in the history of a record. */
export interface HistoryEntry<T> {
  readonly value: T | undefined
  readonly deleted: boolean
  /** It settled a conflict by choosing one of the versions: the value is another version's. */
  readonly isChoice: boolean
  readonly version: string
  readonly updatedAt: number
  readonly replica: string
  readonly label?: string | undefined
  /** Position of its frame in this log. */
  readonly position: number
}

/** Which records, in which order, how many. */
export interface ListQuery extends RangeQuery {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** At most so many; an integer from 0. Default: all. */
  readonly limit?: number | undefined
  /** Ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** One key, or a range of keys. */
export type Watched = string | RangeQuery

export interface PutOptions {
  /** Write only if the record is at this version; `null`: only if there is none. Judged against this store, not other devices. */
  readonly ifVersion?: string | null | undefined
}

/** One operation of a batch. An `ifVersion` that fails rejects the whole batch. */
export type BatchOperation<T> =
  | PutOptions & { readonly type: "put"; readonly key: string; readonly value: T }
  | PutOptions & { readonly type: "delete"; readonly key: string }

/** Answer of a batch. */
export interface BatchWritten {
  /** How many operations were stored; deletes of what was not there are none. */
  readonly operations: number
}

/** A record's key and value. */
export interface KeyValue<T> {
  readonly key: string
  readonly value: T
}
