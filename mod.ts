/**
 * Persist: a local-first, event-sourced storage kernel. This is the public face; it puts adapters and kernel together.
 *
 * ```ts
 * import { createStore } from "@cuitty/persist"
 * const store = await createStore("notes", { adapter: "sqlite", path: "./notes.db" })
 * await store.records.put("note:1", { text: "Draft while offline" })
 * ```
 *
 * @module
 */
import { adapterByName, adapterNames, type PlaceOptions } from "#adapters"
import { InvalidOption, UnknownAdapter } from "./kernel/errors.ts"
import type { EnableSyncOptions } from "./enable-sync.ts"
import { destroyStorage, listStorages } from "./kernel/log/checked-storage.ts"
import type { Adapter } from "./kernel/ports/log-storage.ts"
import { nativePlatform } from "./kernel/ports/native-platform.ts"
import { checkFlag, checkMembers, checkMethods } from "./kernel/arguments.ts"
import { checkName, OPEN_STORE_OPTIONS, type OpenStoreOptions } from "./kernel/store/options.ts"
import { openStore, Store } from "./kernel/store/store.ts"
import type { SyncHandle } from "./kernel/sync/engine/sync-handle.ts"

/** Where a store lies: an adapter of ours by name with its place, or an adapter object. */
export interface AdapterOptions extends PlaceOptions {
  /** `"sqlite"` (default), `"libsql"`, `"file"` or `"memory"`; or an adapter, which then knows its own place. */
  readonly adapter?: "sqlite" | "libsql" | "file" | "memory" | Adapter | undefined
}

/** How {@link createStore} opens a store. */
export interface CreateStoreOptions extends AdapterOptions, OpenStoreOptions {}

/**
 * Opens a store on this device, and makes it if it is missing. Without options it is kept in SQLite, at `./<name>.db`.
 *
 * Resolves when reads and writes work. Rejects with one of the errors below, and nothing stays open: `InvalidStoreName`,
 * `InvalidOption`, `UnknownAdapter`, `UnsupportedDurability`, `DriverMissing`, `StoreNotFound`, `StoreLocked`, `StoreBusy`, `NotAStore`,
 * `FormatTooNew`, `PathNotFound`, `PermissionDenied`, `CorruptFrame`, `StorageFull`, `StorageFailed`.
 */
// deno-lint-ignore no-explicit-any -- `any` is the documented default: values are not checked unless a type is given
export async function createStore<T = any>(name: string, options: CreateStoreOptions = {}): Promise<Store<T>> {
  checkMembers("options", options, [...ADAPTER_OPTIONS, ...OPEN_STORE_OPTIONS])
  const adapter = await adapterOf(name, options)
  return await openStore<T>(name, adapter, { ...options, platform: options.platform ?? nativePlatform })
}

/**
 * Names of the stores in a place, in the order of their UTF-16 code units. Creates nothing: a missing place holds none.
 *
 * `sqlite` needs a `path` here, since each store has a database of its own without one. Rejects with `InvalidOption`, `UnknownAdapter`,
 * and whatever the adapter finds wrong with the place.
 */
export async function listStores(options: AdapterOptions): Promise<string[]> {
  checkMembers("options", options, ADAPTER_OPTIONS)
  const { adapter = "sqlite", path, url } = options
  if ((adapter === "sqlite" || adapter === "libsql" && url === undefined) && path === undefined) {
    // Each store has a database of its own unless a path is given, so there is no place to look into.
    throw new InvalidOption({ option: "path", found: "undefined", expected: "the path of a database" })
  }
  return (await listStorages(await adapterOf("store", options))).sort()
}

/**
 * Removes a store with everything that belongs to it. Rejects with `StoreNotFound` if there is none, `StoreLocked` if it is open, and as
 * {@link createStore} does for a name or options that cannot be used.
 */
export async function deleteStore(name: string, options: AdapterOptions = {}): Promise<void> {
  checkMembers("options", options, ADAPTER_OPTIONS)
  checkName(name)
  await destroyStorage(await adapterOf(name, options), name)
}

/**
 * Begins to sync a store with one or several remotes, and resolves when that runs: nothing was asked of the network yet, and none is needed.
 *
 * What is written goes on being stored here at once; it is sent when a remote can be reached, and what others wrote is fetched. Everything that
 * keeps it from that stands in `status()`. It ends with `stop()`, or when the store is closed, and keeps no process alive.
 *
 * Rejects with `InvalidOption`, `AlreadySyncing` (this handle is synced with that remote already), or `NotSyncable`.
 */
export async function enableSync<T>(store: Store<T>, options: EnableSyncOptions<T>): Promise<SyncHandle> {
  if (!(store instanceof Store)) throw new InvalidOption({ option: "store", found: typeof store, expected: "a store of createStore" })
  const { startStoreSync } = await import("./enable-sync.ts")
  return await startStoreSync(store, options)
}

const ADAPTER_OPTIONS: readonly (keyof AdapterOptions)[] = ["adapter", "path", "createFolders", "tablePrefix", "url", "token", "syncUrl"]

async function adapterOf(name: string, options: AdapterOptions): Promise<Adapter> {
  const { adapter = "sqlite" } = options
  if (typeof adapter !== "string") {
    checkMethods("adapter", adapter, ["open", "list", "destroy"], "a name or an adapter")
    return adapter
  }
  checkFlag("createFolders", options.createFolders)
  const found = await adapterByName(adapter, name, options)
  if (found === undefined) throw new UnknownAdapter({ adapter, known: adapterNames })
  return found
}

export {
  AlreadySyncing,
  BatchTooLarge,
  CallbackNotSynchronous,
  CorruptBytes,
  CorruptFrame,
  CorruptValue,
  CrdtTooLarge,
  DriverMissing,
  FlushFailed,
  FormatTooNew,
  FramesTrimmed,
  FrameTooLarge,
  InvalidKey,
  InvalidOption,
  InvalidStoreName,
  InvalidValue,
  MergeFailed,
  NotAStore,
  NotConfirmed,
  type NotConfirmedDetails,
  NotLoaded,
  NotSyncable,
  OutcomeUnknown,
  PathNotFound,
  PermissionDenied,
  PersistError,
  PositionOutOfRange,
  PositionTaken,
  ProtocolViolation,
  QueueFull,
  ReadOnly,
  RemoteError,
  RemoteUnreachable,
  SnapshotMissing,
  StorageFailed,
  StorageFull,
  StoreBusy,
  StoreClosed,
  StoreLocked,
  StoreNotFound,
  StoreUncertain,
  SyncStopped,
  Unauthenticated,
  UnknownAdapter,
  UnsupportedDurability,
  UnsupportedVersion,
  ValueTooLarge,
  VersionMismatch,
  WrongCollectionType,
} from "./kernel/errors.ts"
export { DEFAULT_CAPABILITIES } from "./kernel/ports/log-storage.ts"
export type {
  Adapter,
  Awaitable,
  Bytes,
  Capabilities,
  Durability,
  LogStorage,
  Opened,
  OpenOptions,
  Position,
  ReadLimits,
  Recovery,
  SnapshotInfo,
  SnapshotStorage,
} from "./kernel/ports/log-storage.ts"
export type { Logger } from "./kernel/ports/logger.ts"
export type { Platform } from "./kernel/ports/platform.ts"
export type { LogState } from "./kernel/log/log-condition.ts"
export { Collection } from "./kernel/store/collection.ts"
export type { CrdtCollectionOptions, StrategyOptions } from "./kernel/store/collection-options.ts"
export { CrdtCollection } from "./kernel/store/crdt-collection.ts"
export type { MergeFunction } from "./kernel/store/merge-function.ts"
export { RecordsReader } from "./kernel/store/records-reader.ts"
export type { DeleteConflict, Strategy } from "./kernel/model/strategy.ts"
export type { CrdtEditor, CrdtSite, CrdtType } from "./kernel/ports/crdt-type.ts"
export type { DeadLetter, DeadLetterName, DeadLetterRefusal } from "./kernel/store/dead-letter.ts"
export { DeadLetters } from "./kernel/store/dead-letters.ts"
export type { RangeQuery } from "./kernel/store/key-range.ts"
export { type Conflict, type ConflictsQuery, RecordVersion, type UpdateVersion } from "./kernel/store/record-version.ts"
export type { StoreStatus } from "./kernel/store/status.ts"
export type { OpenStoreOptions } from "./kernel/store/options.ts"
export { Store } from "./kernel/store/store.ts"
export type { EnableSyncOptions } from "./enable-sync.ts"
export type { RemoteOption, RemoteSyncOptions } from "./kernel/sync/engine/sync-options.ts"
export type { SyncEvents } from "./kernel/sync/engine/sync-events.ts"
export type { SyncCallOptions, SyncHandle } from "./kernel/sync/engine/sync-handle.ts"
export type {
  RemoteCall,
  RemoteStatus,
  SyncCounters,
  SyncFailure,
  SyncMeasures,
  SyncProgress,
  SyncState,
  SyncStatus,
} from "./kernel/sync/engine/sync-status.ts"
export type { UpstreamLoss } from "./kernel/sync/upstream-loss.ts"
export type { Transaction, TransactionRecords } from "./kernel/store/transaction.ts"
export type {
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
} from "./kernel/store/types.ts"
export type { PlaceOptions } from "#adapters"
