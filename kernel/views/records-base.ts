/**
 * The base under the records view: what a snapshot holds, sorted by key and searched in place.
 *
 * No snapshot is written yet, so the only base is the empty one. Everything above already goes through it: reads and writes load
 * a key first, which may take a promise while a slice is read.
 */
import type { OperationKind } from "../model/operation.ts"
import type { Version } from "../model/versions.ts"
import type { Awaitable } from "../ports/log-storage.ts"

/** A version as the base holds it. */
export interface BaseVersion extends Version {
  readonly kind: OperationKind
  readonly value: Uint8Array
}

export interface RecordsBase {
  /** Certain to hold nothing, so that nobody need ask for keys. */
  readonly isEmpty: boolean
  /** All versions of a record, or undefined if the base has none. */
  find(collection: number, key: Uint8Array): Awaitable<readonly BaseVersion[] | undefined>
}

/** Holds nothing. */
export const EMPTY_BASE: RecordsBase = { isEmpty: true, find: () => undefined }
