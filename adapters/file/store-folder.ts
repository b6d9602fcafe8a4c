/**
 * The folder of one store: what it is, making its first files, removing what is not finished.
 *
 * A folder is a store if it has a `store` file, which is written last. A folder with nothing but a lock, unfinished files and a first
 * segment without frames is a store that was never finished, and counts as missing. Any other folder is not ours.
 */
import { randomBytes } from "node:crypto"
import { dirname, join } from "node:path"
import { NotAStore } from "../../kernel/errors.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { systemCode, systemError, withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder } from "../system/folders.ts"
import { encodeStoreName } from "../system/store-names.ts"
import {
  BASE_FILE,
  BASE_FILE_BYTES,
  decodeBaseFile,
  decodeStoreFile,
  encodeSegmentHead,
  encodeStoreFile,
  positionInName,
  SEGMENT_HEAD_BYTES,
  segmentFileName,
  STORE_FILE,
  STORE_FILE_BYTES_MAX,
  STORE_ID_BYTES,
  type StoreIdentity,
} from "./file-heads.ts"
import { openFile, readFileWhole, removeFile, tryClose, tryRemove, UNFINISHED, writeFileWhole } from "./files.ts"
import { LOCK_FILE, type LockSettings, sweepLocks } from "./lock.ts"
import type { Segment } from "./segment.ts"

export type FoundStore =
  | { readonly kind: "missing" | "unfinished" }
  | { readonly kind: "store"; readonly identity: StoreIdentity }

const FIRST_SEGMENT = segmentFileName(1)

/**
 * What a folder is. Changes nothing.
 *
 * With `storeName`, a store of another name whose folder's name cannot tell them apart is refused. Throws `NotAStore`, `FormatTooNew`
 * or an error of the system.
 */
export const inspectStore = (calls: FileCalls, folder: string, storeName?: string): FoundStore => {
  const refuse = (reason: string): never => {
    throw new NotAStore({ location: folder, reason })
  }
  try {
    const stats = calls.lstatSync(folder)
    if (stats.isSymbolicLink()) refuse("it is a symbolic link")
    if (!stats.isDirectory()) refuse("it is not a folder")
    const found = readStoreFile(calls, folder, storeName)
    if (found !== undefined) return found
    const foreign = calls.readdirSync(folder).find((name) => !isUnfinished(calls, folder, name))
    if (foreign !== undefined) {
      // Another process may have finished it since we looked.
      return readStoreFile(calls, folder, storeName) ??
        refuse(`it holds ${JSON.stringify(foreign)}, but no file ${JSON.stringify(STORE_FILE)}`)
    }
    return { kind: "unfinished" }
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return { kind: "missing" }
    throw systemError(cause, "open", folder, true)
  }
}

/** What the `store` file of a folder says; undefined if there is none. */
const readStoreFile = (calls: FileCalls, folder: string, storeName: string | undefined): FoundStore | undefined => {
  const bytes = readFileWhole(calls, join(folder, STORE_FILE), STORE_FILE_BYTES_MAX + 1)
  if (bytes === undefined) return undefined
  const identity = decodeStoreFile(bytes, folder)
  const isShortened = storeName !== undefined && encodeStoreName(storeName).includes("~")
  if (isShortened && identity.name !== storeName) throw new NotAStore({ location: folder, reason: "it holds a store of another name" })
  return { kind: "store", identity }
}

/** Whether a file can be there before the `store` file is. */
const isUnfinished = (calls: FileCalls, folder: string, name: string): boolean =>
  name === LOCK_FILE || /^lock-[0-9a-f]{32}(?:\.tmp)?$/.test(name) || name === STORE_FILE + UNFINISHED ||
  name === FIRST_SEGMENT + UNFINISHED ||
  (name === FIRST_SEGMENT && calls.lstatSync(join(folder, name)).size <= SEGMENT_HEAD_BYTES)

/** Makes the files of an empty store in a folder that is locked, on the device when it returns. */
export const createStoreFiles = (calls: FileCalls, folder: string, name: string): StoreIdentity => {
  const id: Bytes = new Uint8Array(randomBytes(STORE_ID_BYTES))
  writeFileWhole(calls, folder, FIRST_SEGMENT, [encodeSegmentHead(id, 1, 1)])
  try {
    writeFileWhole(calls, folder, STORE_FILE, [encodeStoreFile({ id, name })])
  } catch (cause) {
    // In this order: without its first segment it would be a store that is damaged. What stays is an unfinished one, or an empty one.
    tryRemove(calls, join(folder, STORE_FILE))
    if (inspectStore(calls, folder).kind !== "store") tryRemove(calls, join(folder, FIRST_SEGMENT))
    throw cause
  }
  return { id, name }
}

/** The last position that was trimmed; 0 if none was. */
export const readBase = (calls: FileCalls, folder: string, storeId: Bytes, names: readonly string[]): Position => {
  const bytes = names.includes(BASE_FILE) ? readFileWhole(calls, join(folder, BASE_FILE), BASE_FILE_BYTES) : undefined
  if (bytes === undefined) return 0
  // A damaged one loses nothing: then the base is what the files that are there say.
  return decodeBaseFile(bytes, storeId) ?? Math.min(...names.flatMap((name) => positionInName(name, "log") ?? [])) - 1
}

/**
 * Puts on the device what a process that died may have left with the system alone: frames, names, a tail that was cut. So whatever an
 * open has shown stays, and nothing is built on what a power cut could still undo. `durableHead` is the last position that is known
 * to be there; above 0 it says that the store itself is.
 */
export const settleStore = (calls: FileCalls, folder: string, segments: readonly Segment[], durableHead: Position): void => {
  for (const [index, { path }] of segments.entries()) {
    const next = segments[index + 1]
    if (next !== undefined && next.first - 1 <= durableHead) continue
    withSystemErrors("flush", path, () => {
      const descriptor = openFile(calls, path, "r+")
      try {
        calls.fdatasyncSync(descriptor)
      } finally {
        tryClose(calls, descriptor)
      }
    }, true)
  }
  flushFolder(folder, calls)
  if (durableHead === 0) flushFolder(dirname(folder), calls)
}

/** Removes files that are not finished, and segments that were trimmed; only whoever holds the lock may call it. */
export const tidyStore = (folder: string, names: readonly string[], segments: readonly Segment[], settings: LockSettings): void => {
  const first = segments[0]!.first
  for (const name of names) {
    const isTrimmed = (positionInName(name, "log") ?? Infinity) < first
    if (isTrimmed || (name.endsWith(UNFINISHED) && !name.startsWith(`${LOCK_FILE}-`))) removeFile(settings.calls, join(folder, name))
  }
  sweepLocks(folder, names, settings)
}
