/**
 * The file of an SQLite database: what is there, and making it.
 *
 * Nothing here opens one that is already there, not even to read its head: on POSIX, closing any descriptor of a file drops all locks that
 * the process holds on it, those of SQLite too.
 */
import { accessSync, closeSync, constants, fsyncSync, openSync, realpathSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { NotAStore, PathNotFound } from "../../kernel/errors.ts"
import { systemCode, systemError, withSystemErrors } from "./errors.ts"
import { FILE_MODE, flushFolder, makeFolder } from "./folders.ts"

/** One page of the smallest size. */
const DATABASE_BYTES_MIN = 512

/** Whether a database file is there. Throws `NotAStore` if something else is. */
export const isFileThere = (location: string): boolean => {
  const found = statOf(location)
  if (found === undefined) return false
  if (!found.isFile()) throw new NotAStore({ location, reason: found.isDirectory() ? "it is a folder" : "it is no file" })
  // SQLite would take a single byte for an empty database.
  if (found.size > 0 && found.size < DATABASE_BYTES_MIN) throw new NotAStore({ location, reason: "it is too short for a database" })
  return true
}

/** Throws what keeps this process from writing to the file: SQLite would open it for reading without a word, and fail at the first write. */
export const requireWritable = (location: string): void =>
  withSystemErrors("open", location, () => accessSync(location, constants.R_OK | constants.W_OK))

/**
 * Whether another process has left work behind that a writing connection would finish when it is opened or closed: a log, or the journal
 * of an interrupted transaction.
 */
export const hasLeftovers = (location: string): boolean =>
  (statOf(`${location}-wal`)?.size ?? 0) > 0 || (statOf(`${location}-journal`)?.size ?? 0) > 0

/** The path that all handles of this process agree on, whether the file is there yet or not. */
export const identityOf = (location: string): string => {
  try {
    return realpathSync(location)
  } catch {
    const folder = dirname(location)
    return folder === location ? location : join(identityOf(folder), basename(location))
  }
}

/**
 * Makes an empty file, for its owner alone, which SQLite takes for an empty database; with it the last folder of its path, with
 * `createFolders` the whole chain. Nothing if a file is there by now.
 */
export const makeFile = (location: string, createFolders: boolean): void => {
  makeFolder(dirname(location), createFolders)
  try {
    // Log, shared memory and journal get the mode of this file from SQLite.
    const descriptor = openSync(location, "wx", FILE_MODE)
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    if (systemCode(cause) !== "EEXIST") throw systemError(cause, "make", location)
    if (!isFileThere(location)) throw new PathNotFound({ location, reason: "it is a link to nothing" }, { cause })
    return
  }
  flushFolder(dirname(location))
}

const statOf = (path: string): ReturnType<typeof statSync> => {
  try {
    return statSync(path)
  } catch (cause) {
    const code = systemCode(cause)
    if (code === "ENOENT" || code === "NotFound") return undefined
    throw systemError(cause, "open", path)
  }
}
