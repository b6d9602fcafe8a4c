/**
 * Records reader: what every collection can be asked, whatever it holds.
 *
 * Reads that begin after a write of the same store see it. What they show of versions that were written apart is decided by the collection's
 * strategy; nothing is written by that.
 */
import { InvalidOption, NotLoaded } from "../errors.ts"
import { checkFunction, checkMembers, checkSignal, expectedOf } from "../arguments.ts"
import type { OperationKind } from "../model/operation.ts"
import { textOf } from "../text.ts"
import { conflictsOf, sortedVersions } from "./conflicts.ts"
import { refusalOf } from "./dead-letter.ts"
import { historyOf } from "./history.ts"
import { type RangeQuery, toKeyRange } from "./key-range.ts"
import { countRange, listRange } from "./key-scan.ts"
import type { Conflict, ConflictsQuery } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"
import type { Change, Entry, HistoryEntry, KeyValue, ListQuery, PutOptions, Watched } from "./types.ts"
import { watchChanges } from "./watch.ts"

export class RecordsReader<T> {
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

  /** @internal */
  protected get core(): StoreCore {
    return this.#core
  }
  /** @internal */
  protected get index(): number {
    return this.#index
  }

  /** @internal Queues an operation as `core.write` does. */
  protected write(
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

  /** A fresh copy of the value of a key, or undefined. Rejects with `CorruptValue` if the stored bytes are no value,
   * and with `WrongCollectionType` if they are of a type that the collection was not given. */
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
    const { views, strategies, records: { rows } } = core, replica = views.writers.replicaOf(rows.writerOf(row))
    const versions = core.records.versionsOf(row).length > 1 ? sortedVersions(core, row) : undefined, refused = refusalOf(core, row)
    return {
      key,
      value: core.decoded.fresh(row) as T,
      version: views.versionOf(row),
      updatedAt: rows.millisOf(row),
      replica,
      label: views.labels.get(replica),
      conflicted: strategies.isOpen(row),
      ...(versions && {
        settledBy: strategies.settledBy(row),
        versions: strategies.readableVersions<T>(row, versions),
      }),
      ...(refused && { refused }),
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

  /**
   * The records in conflict, in key order: several versions were written apart, and the strategy leaves it to somebody to decide, or could not make one
   * of them. With `settled` also those that a strategy settled. Rejects with `InvalidOption`, and as `get` does for a value that cannot be read.
   */
  async conflicts(query: ConflictsQuery = {}): Promise<Conflict<T>[]> {
    this.#core.assertOpen("conflicts")
    return await conflictsOf<T>(this.#core, this.#index, query)
  }
}
