/**
 * Strategies of an open store: the functions and types that its collections were given, and what they make of a record's versions. Nothing here
 * is written (rule S7); what was made is kept until a version comes.
 *
 *   settings view (what the log says)  +  functions and types (what this handle was given)  ─▶  value · in conflict or not · what a write covers
 */
import { CorruptValue, MergeFailed, WrongCollectionType } from "../errors.ts"
import { decodeValue } from "../format/msgpack.ts"
import type { Strategy } from "../model/strategy.ts"
import type { CrdtEditor, CrdtType } from "../ports/crdt-type.ts"
import type { Bytes, Position } from "../ports/log-storage.ts"
import { kindOf, type Logger } from "../ports/logger.ts"
import type { DecodedValues, MadeValue, MadeValues } from "../views/decoded-values.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import type { StoreViews } from "../views/store-views.ts"
import { type MergeFunction, runMerge } from "./merge-function.ts"
import { giveOut, RecordVersion } from "./record-version.ts"

/** Whatever its state is. */
export type AnyCrdtType = CrdtType<unknown, CrdtEditor<unknown>, unknown>

/** Where records are read. */
export interface StrategySource {
  readonly views: StoreViews
  readonly decoded: DecodedValues
}

/** The join of a record's versions, and those that it could not take. */
export interface JoinedState {
  readonly state: unknown
  readonly joined: readonly StoredVersion[]
  readonly failure: MergeFailed | undefined
}

type Merged = { readonly bytes: Bytes } | { readonly failure: MergeFailed }

/** Encoded bytes of merged values that are kept. */
const KEPT_BYTES_MAX = 8_388_608
const KEPT_OVERHEAD_BYTES = 64

export class Strategies implements MadeValues {
  readonly #source: StrategySource
  readonly #logger: Logger
  readonly #now: () => number
  readonly #merges = new Map<number | undefined, MergeFunction<unknown>>()
  readonly #types = new Map<number, AnyCrdtType>()
  readonly #kept = new Map<number, Merged>()
  #keptBytes = 0
  /** Records in conflict at a position of the log. */
  #counted = { head: -1, count: 0 }

  constructor(source: StrategySource, logger: Logger, now: () => number) {
    this.#source = source
    this.#logger = logger
    this.#now = now
  }

  /** Takes the function of a collection; without an index, of those that have none of their own. */
  setMerge(collection: number | undefined, merge: MergeFunction<unknown>): void {
    this.#merges.set(collection, merge)
    this.clear()
  }

  /** Takes the type of a collection. */
  setType(collection: number, type: AnyCrdtType): void {
    this.#types.set(collection, type)
    this.clear()
  }

  /** Nothing that was made counts any more. */
  clear(): void {
    this.#kept.clear()
    this.#keptBytes = 0
    this.#counted = { head: -1, count: 0 }
  }

  /** A row changed. */
  forget(row: number): void {
    if (this.#kept.size > 0) this.#kept.delete(row)
  }

  get isNeeded(): boolean {
    return this.#source.views.settings.makesValues
  }

  /** The value that is made of a record's versions; undefined: it shows one of them as it is. Throws `WrongCollectionType`, `CorruptValue`. */
  of(row: number): MadeValue | undefined {
    const { records, settings } = this.#source.views, collection = records.rows.collectionOf(row)
    const { strategy } = settings.of(collection)
    if (strategy === "crdt") return { value: this.typeOf(collection).view(this.joined(row).state) }
    if (strategy !== "merge" || !records.isComplex(row)) return undefined
    const merged = this.#mergedOf(row)
    return merged === undefined || "failure" in merged ? undefined : { value: decodeValue(merged.bytes, 0, merged.bytes.length) }
  }

  /** A stored value of a row's record, as its collection shows it. Throws `WrongCollectionType`, `CorruptValue`. */
  toShownIn(row: number, value: unknown): unknown {
    const { records, settings } = this.#source.views, collection = records.rows.collectionOf(row), { type } = settings.of(collection)
    if (type === undefined) return value
    this.typeOf(collection)
    try {
      return this.toShown(collection, value)
    } catch (error) {
      throw this.#corrupt(row, type, error)
    }
  }

  /** A stored value as its collection shows it. Throws `WrongCollectionType`, and what the type throws. */
  toShown(collection: number, value: unknown): unknown {
    if (this.#source.views.settings.of(collection).type === undefined) return value
    const type = this.typeOf(collection)
    return type.view(type.decode(value))
  }

  /** The type of a collection that has one. Throws `WrongCollectionType` if this handle was not given it. */
  typeOf(collection: number): AnyCrdtType {
    const { type: name } = this.#source.views.settings.of(collection), type = this.#types.get(collection)
    if (type !== undefined && type.name === name) return type
    throw this.wrongType(collection, type === undefined ? "plain values" : `values of the type ${type.name}`)
  }

  /** Is a version of one of these records a state of a type? What is none shows when it is read. */
  holdsStates(rows: Iterable<number>, type: AnyCrdtType): boolean {
    const isState = (row: number, version: StoredVersion): boolean => {
      try {
        type.decode(this.#valueOf(row, version))
        return true
      } catch {
        return false
      }
    }
    for (const row of rows) {
      if (this.#source.views.records.versionsOf(row).some((version) => version.valueBytes > 0 && isState(row, version))) return true
    }
    return false
  }

  /** A collection is used as what it is not. */
  wrongType(collection: number, expected: string): WrongCollectionType {
    const { views: { settings, names } } = this.#source, { type } = settings.of(collection)
    const found = type === undefined ? "plain values" : `values of the type ${type}`
    return new WrongCollectionType({ collection: names.names[collection]!, found, expected })
  }

  /** The join of the states that a record has. Throws `WrongCollectionType`, and `CorruptValue` if none of them is one of its type. */
  joined(row: number): JoinedState {
    const { records } = this.#source.views, type = this.typeOf(records.rows.collectionOf(row)), { merged, isSettled } = records.shownOf(row)
    const joined: StoredVersion[] = []
    let state: unknown, failed: unknown
    for (const version of merged) {
      if (version.valueBytes === 0) return { state: type.empty(), joined: isSettled ? records.versionsOf(row) : merged, failure: undefined }
      try {
        const one = type.decode(this.#valueOf(row, version))
        state = joined.length === 0 ? one : type.join(state, one)
        joined.push(version)
      } catch (error) {
        failed ??= error
      }
    }
    if (joined.length > 0) {
      if (failed === undefined) return { state, joined: isSettled ? records.versionsOf(row) : merged, failure: undefined }
      return { state, joined, failure: this.#failure(row, "a version is no state of its type", failed) }
    }
    if (failed instanceof CorruptValue) throw failed
    throw this.#corrupt(row, type.name, failed)
  }

  /**
   * As `joined`, but beside a delete that is shown in a conflict the state has what the versions that stay open have: an edit may rely on seeing all
   * that its writer wrote, and would take away what it does not see.
   */
  joinedToEdit(row: number): JoinedState {
    const { records } = this.#source.views, found = this.joined(row)
    if (!this.isOpen(row)) return found
    const type = this.typeOf(records.rows.collectionOf(row))
    let { state } = found
    for (const version of records.versionsOf(row)) {
      if (version.valueBytes === 0) continue
      try {
        state = type.join(state, type.decode(this.#valueOf(row, version)))
      } catch {
        // What cannot be read stands in nobody's way.
      }
    }
    return { ...found, state }
  }

  /** Has a record several versions of which somebody has to make one? */
  isOpen(row: number): boolean {
    const { records } = this.#source.views
    if (!records.isComplex(row) || records.versionsOf(row).length < 2) return false
    return !records.shownOf(row).isSettled || this.failureOf(row) !== undefined
  }

  /** Records that are in conflict, in a log that ends at `head`: counted once for each. */
  countOpen(head: Position): number {
    if (this.#counted.head !== head) {
      const { length: count } = this.#source.views.records.rowsWithSiblings().filter((row) => this.isOpen(row))
      this.#counted = { head, count } // behind the look, which may make room and forget
    }
    return this.#counted.count
  }

  /** Why a record's versions could not be made one. */
  failureOf(row: number): MergeFailed | undefined {
    const { records, settings } = this.#source.views
    const { strategy } = settings.of(records.rows.collectionOf(row))
    if (strategy === "merge") {
      const merged = this.#mergedOf(row)
      return merged !== undefined && "failure" in merged ? merged.failure : undefined
    }
    if (strategy !== "crdt" || records.shownOf(row).merged.length < 2) return undefined
    try {
      return this.joined(row).failure
    } catch (error) {
      return this.#failure(row, error instanceof Error ? error.message : "its type failed", error)
    }
  }

  /** The strategy that settled a record with several versions; undefined: nobody has yet. */
  settledBy(row: number): Strategy | undefined {
    const { records, settings } = this.#source.views
    return this.isOpen(row) ? undefined : settings.of(records.rows.collectionOf(row)).strategy
  }

  /** The versions that a write of a record covers: all, but in a conflict the one that is shown (rule S9). */
  coveredBy(row: number): readonly StoredVersion[] {
    const { records } = this.#source.views
    return this.isOpen(row) ? [records.shownOf(row).version] : records.versionsOf(row)
  }

  /** A version as users see it. Throws `CorruptValue`, `WrongCollectionType`. */
  toRecordVersion<T>(row: number, version: StoredVersion): RecordVersion<T> {
    const { writers, labels } = this.#source.views
    const deleted = version.valueBytes === 0, replica = writers.replicaOf(version.writer)
    const value = deleted ? undefined : this.toShownIn(row, this.#valueOf(row, version)) as T
    const name = writers.versionOf(version.writer, version.seq)
    return new RecordVersion(value, deleted, version.millis, replica, name, labels.get(replica))
  }

  /** Those of a row's versions that can be read. */
  readableVersions<T>(row: number, versions: readonly StoredVersion[]): readonly RecordVersion<T>[] {
    const readable = versions.flatMap((version) => {
      try {
        return [this.toRecordVersion<T>(row, version)]
      } catch (error) {
        if (error instanceof CorruptValue) return []
        throw error
      }
    })
    return giveOut(readable, this.namesOf(versions))
  }

  /** Versions by their names. */
  namesOf(versions: readonly StoredVersion[]): ReadonlySet<string> {
    const { writers } = this.#source.views
    return new Set(versions.map(({ writer, seq }) => writers.versionOf(writer, seq)))
  }

  /** Undefined where there is nothing to be merged. */
  #mergedOf(row: number): Merged | undefined {
    const kept = this.#kept.get(row)
    if (kept !== undefined) return kept
    const { records } = this.#source.views, versions = records.shownOf(row).merged
    if (versions.length < 2) return undefined
    const merged = this.#merge(row, versions)
    if (this.#keptBytes > KEPT_BYTES_MAX) this.clear()
    this.#kept.set(row, merged)
    this.#keptBytes += KEPT_OVERHEAD_BYTES + ("bytes" in merged ? merged.bytes.length : 0)
    return merged
  }

  #merge(row: number, versions: readonly StoredVersion[]): Merged {
    const { records } = this.#source.views
    const merge = this.#merges.get(records.rows.collectionOf(row)) ?? this.#merges.get(undefined)
    if (merge === undefined) return { failure: this.#failure(row, "this handle was not given the function") }
    const read = (): RecordVersion<unknown>[] => versions.map((version) => this.toRecordVersion(row, version))
    try {
      return { bytes: runMerge(merge, read, this.#placeOf(row), this.#now) }
    } catch (error) {
      const failure = error instanceof MergeFailed ? error : this.#failure(row, "a version cannot be read", error)
      this.#logger.warn("versions could not be merged", { collection: failure.details.collection, error: kindOf(failure.cause ?? failure) })
      return { failure }
    }
  }

  #failure(row: number, reason: string, cause?: unknown): MergeFailed {
    return new MergeFailed({ ...this.#placeOf(row), reason }, cause === undefined ? undefined : { cause })
  }

  #corrupt(row: number, type: string, cause: unknown): CorruptValue {
    return new CorruptValue({ ...this.#placeOf(row), reason: `it is no state of the type ${type}` }, { cause })
  }

  #placeOf(row: number): { readonly collection: string; readonly key: string } {
    const { views: { records, names }, decoded } = this.#source
    return { collection: names.names[records.rows.collectionOf(row)]!, key: decoded.keyOf(row) }
  }

  #valueOf(row: number, version: StoredVersion): unknown {
    const { views: { records }, decoded } = this.#source, chunk = records.arena.chunks[version.chunk]!
    const end = version.valueAt + version.valueBytes
    decoded.check(chunk, version.valueAt, end, row)
    return decodeValue(chunk, version.valueAt, end)
  }
}
