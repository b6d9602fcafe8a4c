/**
 * Store: a named log with its records, as users hold it. Made by `openStore`; everything it shows is folded from the log.
 */
import { CorruptFrame } from "../errors.ts"
import { openStorage } from "../log/checked-storage.ts"
import { prefixOf } from "../log/prefix.ts"
import type { CrdtEditor } from "../ports/crdt-type.ts"
import { type Adapter, capabilitiesOf } from "../ports/log-storage.ts"
import { kindOf, silentLogger, storeLogger } from "../ports/logger.ts"
import { webPlatform } from "../ports/platform.ts"
import type { SyncedStore } from "../sync/engine/synced-store.ts"
import type { WriteGate } from "../sync/queue-gate.ts"
import type { WriteConfirmer } from "../sync/write-confirmation.ts"
import type { SyncedLog } from "../sync/synced-log.ts"
import { checkFunction } from "../arguments.ts"
import { Collection } from "./collection.ts"
import { type CrdtCollectionOptions, parseCollectionOptions, type ParsedStrategy, type StrategyOptions } from "./collection-options.ts"
import { configure } from "./configure.ts"
import { CrdtCollection } from "./crdt-collection.ts"
import { digestOf } from "./digest.ts"
import { DeadLetters } from "./dead-letters.ts"
import type { RecordsReader } from "./records-reader.ts"
import { checkOptions, type OpenStoreOptions } from "./options.ts"
import type { StoreStatus } from "./status.ts"
import { StoreCore } from "./store-core.ts"
import { syncedStoreOf } from "./synced-store.ts"
import { runTransaction, type Transaction } from "./transaction.ts"
import type { BatchWritten } from "./types.ts"

// deno-lint-ignore no-explicit-any -- `any` is the documented default: values are not checked unless a type is given
export class Store<T = any> {
  /** The default collection. */
  readonly records: Collection<T>
  /** Writes that a remote does not take, of all collections. */
  readonly deadLetters: DeadLetters<T>
  readonly #core: StoreCore
  readonly #adapter: string
  readonly #collections = new Map<string, RecordsReader<unknown>>()
  readonly #crdtCollections = new Map<string, RecordsReader<unknown>>()
  readonly #stopWatching: () => void
  #closing: Promise<void> | undefined

  /** @internal Made by {@link openStore}. */
  constructor(core: StoreCore, adapter: string, stopWatching: () => void) {
    this.#core = core
    this.#adapter = adapter
    this.#stopWatching = stopWatching
    this.records = this.collection<T>("")
    this.deadLetters = new DeadLetters<T>(core)
  }

  get name(): string {
    return this.#core.name
  }

  /** @internal This store as syncing sees it: its log, and what schedules need of it. */
  get synced(): SyncedLog {
    return this.#core.synced
  }
  /** @internal */
  get syncedStore(): SyncedStore {
    return syncedStoreOf(this.#core)
  }
  /** @internal Asked before writes are stored. */
  get gates(): WriteGate[] {
    return this.#core.gates
  }
  /** @internal Asked after writes are stored. */
  get confirmers(): WriteConfirmer[] {
    return this.#core.confirmers
  }
  /** @internal Bytes that this handle has written, ever. */
  get writtenBytes(): number {
    return this.#core.author.writtenBytes
  }

  /**
   * A named group of records; the same object for the same name. A strategy given here stands in the log from then on, before all that is called
   * later; a function or type has to be given each time that the store is opened.
   *
   * Throws `InvalidStoreName` for a name that cannot be used, `InvalidOption`, and `WrongCollectionType` if it holds records of another type.
   */
  collection<View, Editor extends CrdtEditor<State>, State>(
    name: string,
    options: CrdtCollectionOptions<View, Editor, State>,
  ): CrdtCollection<View, Editor>
  collection<U = T>(name: string, options?: StrategyOptions<U>): Collection<U>
  collection(name: string, options?: unknown): Collection<unknown> | CrdtCollection<unknown, unknown> {
    const parsed = options === undefined ? undefined : parseCollectionOptions(options)
    const collections: Map<string, RecordsReader<unknown>> = parsed?.type === undefined ? this.#collections : this.#crdtCollections
    let collection = collections.get(name)
    if (collection === undefined) {
      collection = parsed?.type === undefined
        ? new Collection<unknown>(this.#core, name)
        : new CrdtCollection<unknown, unknown>(this.#core, name)
    }
    if (parsed !== undefined) this.#configure(name, parsed)
    collections.set(name, collection)
    return collection as Collection<unknown> | CrdtCollection<unknown, unknown>
  }

  /** @internal Sets how records of collections without a setting of their own are shown. Resolves when that is stored. */
  async setStrategy(strategy: ParsedStrategy): Promise<void> {
    await configure(this.#core, undefined, strategy)
  }

  /** A setting that cannot be stored counts as long as this handle is open. */
  #configure(name: string, strategy: ParsedStrategy): void {
    this.#core.assertOpen("collection")
    configure(this.#core, this.#core.collectionIndex(name), strategy).catch((error) => {
      this.#core.options.logger.error("a collection's strategy could not be stored", { collection: name, error: kindOf(error) })
    })
  }

  /**
   * Runs `work` once the writes before it are stored, and stores what it wrote, over all collections, all or nothing.
   *
   * `work` is synchronous, sees its own writes, and may run again when another process was faster. Rejects with what it throws,
   * with `CallbackNotSynchronous` for a promise, and with `BatchTooLarge`; nothing is stored then.
   */
  batch(work: (transaction: Transaction<T>) => void): Promise<BatchWritten> {
    try {
      checkFunction("work", work)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#core.writeAdmitted("batch", "operations", () => runTransaction(this.#core, work)) as Promise<BatchWritten>
  }

  /** What the store is, where it lies and how it is doing, at once. Works after `close()` too. */
  status(): StoreStatus {
    const core = this.#core, { storage, durability, label, readOnly } = core.options, { opened } = storage
    const [own] = core.views.own
    return {
      name: core.name,
      adapter: this.#adapter,
      location: opened.location,
      durability,
      created: opened.created,
      state: core.isClosed ? "closed" : core.log.state,
      readOnly,
      recovery: opened.recovery,
      head: core.log.head,
      records: core.names.names.reduce((sum, _, index) => sum + core.records.liveCount(index), 0),
      deadLetters: core.deadLetters.count,
      collections: [...core.names.names],
      pendingWrites: core.log.pending,
      replica: own === undefined ? undefined : core.views.writers.replicaOf(own),
      label: label ?? (own === undefined ? undefined : core.views.labels.get(core.views.writers.replicaOf(own))),
      memoryBytes: core.records.memoryBytes,
    }
  }

  /** Resolves when everything written so far is on the device. Rejects with `FlushFailed`; the store then takes no more writes. */
  async flush(): Promise<void> {
    this.#core.assertOpen("flush")
    await this.#core.log.flush()
  }

  /** Shows at once what other processes have written, and finds out about a write whose outcome is not known. */
  async refresh(): Promise<void> {
    this.#core.assertOpen("refresh")
    await this.#core.log.refresh()
  }

  /**
   * SHA-256 of the live records, as 64 hex digits: equal on every device with the same data. Reads all records. Those with a dead letter are left
   * out until it is answered: no other device has what they show.
   */
  async digest(): Promise<string> {
    this.#core.assertOpen("digest")
    await this.#core.log.settled()
    return await digestOf(this.#core)
  }

  /** Ends what was called before, flushes (unless `relaxed`) and frees everything. Idempotent; all other calls reject afterwards. */
  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  async #close(): Promise<void> {
    try {
      this.#stopWatching()
    } finally {
      await this.#core.close()
    }
  }

  /** `await using store = await createStore(…)`: closes at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/**
 * Opens a store of an adapter and replays its log. Resolves when reads and writes work.
 *
 * Rejects with `InvalidStoreName`, `InvalidOption`, `UnsupportedDurability`, and whatever the adapter's `open` and `read` reject with:
 * `StoreNotFound`, `StoreLocked`, `NotAStore`, `FormatTooNew`, `PermissionDenied`, `PathNotFound`, `CorruptFrame` … Nothing stays open then.
 */
export async function openStore<T>(name: string, adapter: Adapter, options: OpenStoreOptions = {}): Promise<Store<T>> {
  const durability = checkOptions(name, adapter, options)
  const { signal, platform = webPlatform, create, readPrefix = false, label } = options
  const { multiProcess, multiHandle, watch, maxFrameBytes } = capabilitiesOf(adapter)
  const logger = storeLogger(options.logger ?? silentLogger, name)
  signal?.throwIfAborted()
  let storage = await openStorage(adapter, name, { durability, create, signal, readPrefix })
  try {
    const exclusive = !multiProcess && !multiHandle, readOnly = readPrefix
    const settings = { name, platform, logger, durability, exclusive, frameBytesMax: maxFrameBytes, label, readOnly }
    if (readPrefix) storage = prefixOf(storage, storage.opened.recovery)
    let core = new StoreCore({ ...settings, storage })
    let isOpen = false, missed = false
    const refresh = (): void => {
      if (!isOpen) missed = true
      else if (!core.isClosed) core.log.refresh().catch((error) => logger.error("a refresh failed", { error: kindOf(error) }))
    }
    // Before the log is read: what others append between the last read and the first look would go unnoticed.
    const stopWatching = watch ? storage.watch(refresh) : () => {}
    try {
      await core.log.open(signal)
    } catch (error) {
      if (!readPrefix || !(error instanceof CorruptFrame)) throw error
      const { position, reason } = error.details
      storage = prefixOf(storage, { kind: "prefix_only", position, bytes: 0, reason })
      core = new StoreCore({ ...settings, storage })
      await core.log.open(signal)
    }
    const { recovery } = storage.opened
    if (recovery !== undefined) {
      const { kind, position, reason } = recovery
      logger.warn("opening found damage", { kind, position, reason })
    }
    isOpen = true
    if (missed) refresh()
    return new Store<T>(core, adapter.name, stopWatching)
  } catch (error) {
    try {
      await storage.close()
    } catch (closing) {
      logger.error("a store that could not be opened could not be closed either", { error: kindOf(closing) })
    }
    throw error
  }
}
