/**
 * Finding, making, opening and removing stores in a folder.
 *
 *   nothing, or an unfinished store ── create ──▶ folder · lock · first segment · `store` (last: from here on it is a store)
 *   a store ── open ──▶ lock · recover · flush · remove what is unfinished ──▶ FileLogStorage
 *   a store ── destroy ──▶ lock · rename to `.destroyed-…` (from here on there is none) · remove
 *   anything else ──▶ NotAStore, nothing is changed
 */
import { randomBytes } from "node:crypto"
import { join, resolve } from "node:path"
import { FormatTooNew, InvalidOption, NotAStore, PathNotFound, PermissionDenied, ReadOnly, StoreNotFound } from "../../kernel/errors.ts"
import type { Adapter, LogStorage, OpenOptions, Position } from "../../kernel/ports/log-storage.ts"
import { systemCode, systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder, makeFolder } from "../system/folders.ts"
import { decodeStoreName, encodeStoreName } from "../system/store-names.ts"
import { FileLogStorage } from "./file-log-storage.ts"
import { acquireLock, type Lock, type LockSettings } from "./lock.ts"
import { LogWriter } from "./log-writer.ts"
import { findPrefix, recoverLog } from "./recovery.ts"
import { Snapshots } from "./snapshots.ts"
import { createStoreFiles, type FoundStore, inspectStore, readBase, settleStore, tidyStore } from "./store-folder.ts"

/** What a test changes; everybody else takes what `mod.ts` gives. */
export interface FileAdapterSettings extends LockSettings {
  readonly calls: FileCalls
  readonly segmentBytesMax: number
}

export interface FileAdapterPlace {
  readonly path: string
  readonly createFolders?: boolean
}

/** Folders on their way out: no store has such a name. */
const DESTROYED = ".destroyed-"
/** How often a folder may vanish between a look and the lock. */
const ATTEMPTS_MAX = 10

export const makeFileAdapter = ({ path, createFolders = false }: FileAdapterPlace, settings: FileAdapterSettings): Adapter => {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new InvalidOption({ option: "path", found: String(path), expected: "the path of a folder" })
  }
  const root = resolve(path)
  const { calls } = settings
  const folderOf = (storeName: string): string => join(root, encodeStoreName(storeName))

  const list = (): readonly string[] => {
    let entries: readonly string[]
    try {
      entries = calls.readdirSync(root)
    } catch (cause) {
      if (systemCode(cause) === "ENOENT") return []
      throw systemError(cause, "list the stores in", root, true)
    }
    return entries.flatMap((entry) => entry.startsWith(".") ? [] : nameOf(calls, root, entry) ?? [])
  }

  const missing = (storeName: string): StoreNotFound => new StoreNotFound({ store: storeName, location: root, stores: list() })

  const open = async (storeName: string, options: OpenOptions): Promise<LogStorage> => {
    const { create, readPrefix = false, signal } = options
    const folder = folderOf(storeName)
    for (let attempt = 1;; attempt++) {
      signal?.throwIfAborted()
      const made: string[] = []
      if (inspectStore(calls, folder, storeName).kind !== "store") {
        // Left undefined it is made: a folder of its own cannot be taken for another's, as a name in a database can.
        if (create === false || readPrefix) throw missing(storeName)
        if (makeFolder(root, createFolders, calls)) made.push(root)
        if (makeFolder(folder, false, calls)) made.unshift(folder)
      }
      let lock: Lock | undefined
      try {
        lock = await acquireLock(folder, storeName, settings, signal)
      } catch (cause) {
        // A store that was destroyed between the look and the lock: look again.
        if (cause instanceof PathNotFound && attempt < ATTEMPTS_MAX) continue
        if (!(readPrefix && (cause instanceof ReadOnly || cause instanceof PermissionDenied))) {
          removeEmpty(calls, made)
          throw cause
        }
      }
      try {
        return openLocked(storeName, folder, options, lock, settings)
      } catch (cause) {
        lock?.release()
        removeEmpty(calls, made)
        throw cause
      }
    }
  }

  const destroy = async (storeName: string): Promise<void> => {
    const folder = folderOf(storeName)
    if (inspectStore(calls, folder, storeName).kind !== "store") throw missing(storeName)
    let lock: Lock
    try {
      lock = await acquireLock(folder, storeName, settings)
    } catch (cause) {
      throw cause instanceof PathNotFound ? missing(storeName) : cause
    }
    try {
      calls.renameSync(folder, join(root, `${DESTROYED}${randomBytes(8).toString("hex")}`))
      flushFolder(root, calls)
    } catch (cause) {
      throw systemError(cause, "remove", folder)
    } finally {
      lock.release()
    }
    // With what an earlier call that was interrupted has left.
    for (const entry of calls.readdirSync(root)) {
      if (entry.startsWith(DESTROYED)) calls.rmSync(join(root, entry), { recursive: true, force: true })
    }
  }

  /** Passes on what the caller's signal says, and translates all else. */
  const translated = async <T>(call: string, run: () => T | Promise<T>, signal?: AbortSignal): Promise<T> => {
    try {
      return await run()
    } catch (cause) {
      throw signal?.aborted ? signal.reason : systemError(cause, call, root)
    }
  }

  return {
    name: "file",
    capabilities: { durable: true, levels: ["normal", "full", "relaxed"], snapshots: true, sliceReads: true },
    open: (storeName, options) => translated("open", () => open(storeName, options), options.signal),
    list: () => translated("list", list),
    destroy: (storeName) => translated("remove", () => destroy(storeName)),
  }
}

/** Removes folders that were made for nothing, innermost first; those that others use by now stay. */
const removeEmpty = (calls: FileCalls, folders: readonly string[]): void => {
  try {
    for (const folder of folders) calls.rmdirSync(folder)
  } catch { /* An empty folder is as good as none. */ }
}

/** The name of the store in a folder; undefined if there is none that this release can open. */
const nameOf = (calls: FileCalls, root: string, entry: string): string | undefined => {
  let found: FoundStore
  try {
    found = inspectStore(calls, join(root, entry))
  } catch (cause) {
    if (cause instanceof NotAStore || cause instanceof FormatTooNew || cause instanceof PermissionDenied) return undefined
    throw cause
  }
  if (found.kind !== "store") return undefined
  // A folder that was copied under another name is the store of that name.
  return encodeStoreName(found.identity.name) === entry ? found.identity.name : decodeStoreName(entry)
}

const openLocked = (
  storeName: string,
  folder: string,
  { durability, readPrefix = false }: OpenOptions,
  lock: Lock | undefined,
  { calls, own, beatMillis, segmentBytesMax }: FileAdapterSettings,
): LogStorage => {
  // Again: before the lock was ours, another process may have made the store, or died while making it.
  const found = inspectStore(calls, folder, storeName)
  const created = found.kind !== "store"
  const { id: storeId } = found.kind === "store" ? found.identity : createStoreFiles(calls, folder, storeName)
  const names = calls.readdirSync(folder)
  const base: Position = readBase(calls, folder, storeId, names)
  const snapshots = new Snapshots(calls, folder, storeId, names)
  const files = { calls, folder, storeId, names, base, durableHead: snapshots.newest }
  const log = readPrefix ? findPrefix(files) : recoverLog(files)
  const segments = [...log.segments]
  const { head, durableHead } = log
  let writer: LogWriter | undefined
  if (!readPrefix) {
    settleStore(calls, folder, segments, durableHead)
    tidyStore(folder, names, segments, { calls, own, beatMillis })
    writer = new LogWriter({ calls, folder, storeId, segments, head, durableHead, segmentBytesMax, isFull: durability === "full" })
  }
  const opened = { created, location: folder, ...(log.recovery === undefined ? {} : { recovery: log.recovery }) }
  return new FileLogStorage({ calls, storeName, storeId, folder, durability, opened, segments, head, base, snapshots, writer, lock })
}
