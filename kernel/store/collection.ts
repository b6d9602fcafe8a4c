/**
 * Collection: the records of one name inside a store, as users read and write them.
 *
 * Writes resolve when their frame is stored at the store's durability. Reads that begin after a write of the same store see it.
 * Every call rejects with `StoreClosed` after `close()`, and with `InvalidKey` for a key that is empty, over 1,024 bytes in UTF-8, or
 * not well-formed; nothing is stored by a call that rejects, unless the error says that the outcome is unknown.
 *
 * A write need not be awaited: it is stored all the same, in the order of the calls. If it fails and nobody handles its promise, the
 * runtime reports an unhandled rejection, which ends the process unless told otherwise, so no failure is lost in silence. Writes are
 * taken without bound, and one that waits holds about half a kilobyte beside its key and value: await some of them now and then.
 */
import { InvalidOption, NotLoaded } from "../errors.ts"
import { COMMIT_OPERATIONS_TARGET } from "../limits.ts"
import { OperationKind } from "../model/operation.ts"
import { textOf } from "../text.ts"
import { checkFunction, checkMembers, checkSignal, expectedOf } from "../arguments.ts"
import { kindOfType, writeBatch } from "./batch.ts"
import { conflictsOf, resolveRecord } from "./conflicts.ts"
import { historyOf } from "./history.ts"
import { countRange, listRange } from "./key-scan.ts"
import { type RangeQuery, toKeyRange } from "./key-range.ts"
import type { Conflict, RecordVersion } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"
import { changedValue, readInBuild, writeInBuild } from "./transaction.ts"
import type {
  BatchOperation,
  BatchWritten,
  Change,
  Entry,
  HistoryEntry,
  KeyValue,
  ListQuery,
  PutOptions,
  Watched,
  Written,
} from "./types.ts"
import { watchChanges } from "./watch.ts"

export class Collection<T> {
  /** The collection's name; "" for the default one. */
  readonly name: string
  readonly #core: StoreCore
  readonly #index: number

  /** @internal Made by a store. */
  constructor(core: StoreCore, name: string) {
    this.#core = core
    this.name = name
    this.#index = core.collectionIndex(name)
  }

  /** A fresh copy of the value of a key, or undefined. Rejects with `CorruptValue` if the stored bytes are no value. */
  get(key: string): Promise<T | undefined> {
    try {
      const core = this.#core
      core.assertOpen("get")
      const waiting = core.waitFor(this.#index, key)
      if (waiting !== undefined) return waiting.then(() => this.#read(key))
      return Promise.resolve(this.#read(key))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #read(key: string): T | undefined {
    const row = this.#core.liveRowOf(this.#index, key)
    return row < 0 ? undefined : this.#core.decoded.fresh(row) as T
  }

  /**
   * The last stored value of a key, at once: frozen, and the same object until the record changes or the space is needed; for as
   * long as somebody is subscribed to it, until it changes. Dates and binaries in it cannot be frozen and must be left alone.
   *
   * Throws `NotLoaded` if the record is not in memory, `StoreClosed`, `InvalidKey`, `CorruptValue`.
   */
  peek(key: string): T | undefined {
    const core = this.#core
    core.assertOpen("peek")
    if (!core.isLoaded(this.#index, key)) throw new NotLoaded({ key })
    const row = core.liveRowOf(this.#index, key)
    return row < 0 ? undefined : core.decoded.shared(row) as T
  }

  /** Is there a record under this key? */
  async has(key: string): Promise<boolean> {
    this.#core.assertOpen("has")
    await this.#core.waitFor(this.#index, key)
    return this.#core.liveRowOf(this.#index, key) >= 0
  }

  /** The value of a key with its version, time and origin, or undefined. */
  async getEntry(key: string): Promise<Entry<T> | undefined> {
    const core = this.#core
    core.assertOpen("getEntry")
    await core.waitFor(this.#index, key)
    const row = core.liveRowOf(this.#index, key)
    if (row < 0) return undefined
    const { views, records: { rows } } = core, replica = views.writers.replicaOf(rows.writerOf(row))
    return {
      key,
      value: core.decoded.fresh(row) as T,
      version: views.versionOf(row),
      updatedAt: rows.millisOf(row),
      replica,
      label: views.labels.get(replica),
      conflicted: core.records.versionsOf(row).length > 1,
    }
  }

  /** The values of several keys, in their order. */
  async getMany(keys: readonly string[]): Promise<(T | undefined)[]> {
    this.#core.assertOpen("getMany")
    if (!Array.isArray(keys)) throw new InvalidOption({ option: "keys", found: textOf(keys), expected: "an array of keys" })
    for (const key of keys) {
      const waiting = this.#core.waitFor(this.#index, key)
      if (waiting !== undefined) await waiting
    }
    return keys.map((key) => this.#read(key))
  }

  /**
   * Writes a record. The value is checked and encoded before the call returns, so it may be changed afterwards.
   *
   * Rejects with `InvalidValue` (the path inside the value is named), `ValueTooLarge` (over 1 MiB), or `VersionMismatch` if
   * `ifVersion` is given and another version is there.
   */
  put(key: string, value: T, options?: PutOptions): Promise<Written> {
    return this.#write("put", OperationKind.put, key, value, options, "version") as Promise<Written>
  }

  /** Deletes a record; resolves to whether there was one. Rejects with `VersionMismatch` as `put` does. */
  delete(key: string, options?: PutOptions): Promise<boolean> {
    return this.#write("delete", OperationKind.delete, key, undefined, options, "existed") as Promise<boolean>
  }

  #write(
    call: string,
    kind: OperationKind,
    key: string,
    value: unknown,
    options: PutOptions | undefined,
    answer: "version" | "existed",
  ): Promise<unknown> {
    try {
      this.#core.assertOpen(call)
      if (options !== undefined) checkMembers("options", options, ["ifVersion"])
      return this.#core.write(kind, this.#index, key, value, expectedOf(options), answer)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Writes what `change` makes of the value of a key (undefined: no record). `change` is synchronous, gets a copy of its own, and may
   * run again when another process was faster. Rejects with what it throws, with `CallbackNotSynchronous` for a promise, and with
   * `InvalidValue` for `undefined`.
   */
  update(key: string, change: (value: T | undefined) => T): Promise<Written> {
    const core = this.#core
    return core.writeAdmitted("update", "version", () => {
      checkFunction("change", change)
      const value = readInBuild(core, this.#index, key, false)
      writeInBuild(core, OperationKind.put, this.#index, key, changedValue(change, value, key))
    }) as Promise<Written>
  }

  /** Writes several records, all or nothing. Rejects with `BatchTooLarge` over 3,500,000 bytes or 65,536 operations. */
  putMany(records: Iterable<KeyValue<T>>): Promise<BatchWritten> {
    return writeBatch(this.#core, "putMany", this.#index, records, () => OperationKind.put)
  }

  /**
   * Puts and deletes several records, all or nothing, in their order. Rejects with `BatchTooLarge` over 3,500,000 bytes or 65,536
   * operations, and as `put` does for each key and value.
   */
  batch(operations: Iterable<BatchOperation<T>>): Promise<BatchWritten> {
    return writeBatch(this.#core, "batch", this.#index, operations, kindOfType)
  }

  /**
   * Deletes every record that is there when it is called, a thousand at a time; resolves to how many. Not one unit: calls that come
   * later may be stored in between, and what they write stays.
   */
  async clear(): Promise<number> {
    const core = this.#core
    let row = 0, rowsMax = 1, deleted = 0, own = -1, lastSeq = 0
    while (row < rowsMax) {
      const from = row
      const { operations } = await core.writeInBuild("clear", "operations", () => {
        const { records, records: { rows }, decoded, writer } = core
        if (from === 0) {
          rowsMax = rows.count
          own = writer.index
          lastSeq = writer.seq
        }
        let count = 0
        for (row = from; row < Math.min(rowsMax, rows.count) && count < COMMIT_OPERATIONS_TARGET; row++) {
          if (rows.collectionOf(row) !== this.#index || records.isDeleted(row)) continue
          if (rows.writerOf(row) === own && rows.seqOf(row) > lastSeq) continue // by a later call
          writeInBuild(core, OperationKind.delete, this.#index, decoded.keyOf(row), undefined)
          count++
        }
        if (row >= rows.count) row = rowsMax
      }, true) as BatchWritten
      deleted += operations
    }
    return deleted
  }

  /**
   * Records in the order of their keys' UTF-8 bytes, each key at most once. What is written while one iterates may be seen or not.
   */
  list(query: ListQuery = {}): AsyncIterable<KeyValue<T>> {
    return listRange<T>(this.#core, this.#index, query)
  }

  /** How many records there are, all or in a range. */
  async count(query?: RangeQuery): Promise<number> {
    this.#core.assertOpen("count")
    await this.#core.log.settled()
    return query === undefined ? this.#core.records.liveCount(this.#index) : countRange(this.#core, this.#index, query)
  }

  /**
   * Calls `callback` after each frame that changed records of the query, in order, until the function that it answers is called. A
   * callback that throws, or whose promise rejects, is told to the logger and stops nobody else.
   */
  subscribe(query: Watched, callback: (changes: readonly Change<T>[]) => void): () => void {
    this.#core.assertOpen("subscribe")
    this.#checkWatched(query)
    checkFunction("callback", callback)
    return this.#core.subscriptions.add(this.#index, query, callback as (changes: readonly Change<unknown>[]) => void)
  }

  /**
   * The same changes as an iterable, from its first `next()` on. A slow consumer gets the latest change of each key, never an ever longer
   * queue. It ends when the store is closed, when it is left, or with the signal's reason.
   */
  watch(query: Watched, options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterable<readonly Change<T>[]> {
    this.#core.assertOpen("watch")
    this.#checkWatched(query)
    checkMembers("options", options, ["signal"])
    checkSignal(options.signal)
    return watchChanges<T>(this.#core, this.#index, query, options.signal)
  }

  #checkWatched(query: Watched): void {
    if (typeof query === "object" && query !== null) toKeyRange(query)
    else this.#core.checkKey(query)
  }

  /** All versions of a record that the log still has, oldest first. Reads the log from its beginning; `signal` ends that with its reason. */
  history(key: string, options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterable<HistoryEntry<T>> {
    return historyOf<T>(this.#core, this.#index, key, options)
  }

  /** Records with several versions of which none has seen another. */
  async conflicts(): Promise<Conflict<T>[]> {
    this.#core.assertOpen("conflicts")
    await this.#core.log.settled()
    return conflictsOf<T>(this.#core, this.#index)
  }

  /**
   * Ends a conflict. With one of the versions that `conflicts()` gave it is a choice, which adds no data and gives way to whoever has
   * seen all that it settled; with anything else it is a write of that value over all versions. Either way it ends all versions that are
   * there when it is stored. Rejects with `InvalidOption` for a version that the record does not have any more.
   */
  resolve(key: string, choice: RecordVersion<T> | T): Promise<Written> {
    const core = this.#core
    return core.writeInBuild("resolve", "version", () => resolveRecord(core, this.#index, key, choice)) as Promise<Written>
  }
}
