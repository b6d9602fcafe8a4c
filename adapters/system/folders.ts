/**
 * Making folders and files for stores: for their owner alone, and never more of them than was asked for.
 *
 *   path             exists ────────────────────────▶ used as it is
 *   path             missing, parent exists ────────▶ made, mode 0700, its entry flushed
 *   path             missing, parent missing ───────▶ PathNotFound; the whole chain is made with `createFolders`
 */
import { dirname } from "node:path"
import process from "node:process"
import { PathNotFound } from "../../kernel/errors.ts"
import { systemCode, systemError, withSystemErrors } from "./errors.ts"
import { type FileCalls, fileCalls } from "./file-calls.ts"

/** Mode of every folder that is made: its owner alone may enter. */
export const FOLDER_MODE = 0o700
/** Mode of every file that is made: its owner alone may read and write. */
export const FILE_MODE = 0o600

/**
 * Makes the last folder of the absolute `path` if it is missing; with `createFolders` its missing parents too. Answers whether it made any.
 *
 * The new entries are on the device when it returns. Throws `PathNotFound` if the parent is missing or something on the path is no
 * folder, else what `systemError` makes of the failure; then nothing was made, or with `createFolders` some of the parents.
 */
export const makeFolder = (path: string, createFolders: boolean = false, calls: FileCalls = fileCalls): boolean => {
  try {
    calls.mkdirSync(path, { mode: FOLDER_MODE })
  } catch (cause) {
    const code = systemCode(cause)
    if (code === "EEXIST") return requireFolder(path, calls)
    const parent = dirname(path)
    if (code !== "ENOENT" && code !== "NotFound") throw systemError(cause, "make the folder", path)
    if (!createFolders || parent === path) throw new PathNotFound({ location: path, reason: "its parent folder does not exist" }, { cause })
    makeFolder(parent, true, calls)
    // Without `createFolders`: a parent that somebody removes again and again must not keep us here.
    return makeFolder(path, false, calls)
  }
  flushFolder(dirname(path), calls)
  return true
}

const requireFolder = (path: string, calls: FileCalls): false => {
  let isFolder: boolean
  try {
    // The trailing separator follows a link: a place for stores may be one, the folder of a store may not.
    isFolder = calls.lstatSync(`${path}/`).isDirectory()
  } catch (cause) {
    throw systemError(cause, "open the folder", path)
  }
  if (!isFolder) throw new PathNotFound({ location: path, reason: "it is not a folder" })
  return false
}

/** Puts the entries of a folder (files made, renamed, removed) on the device. Windows has no such call, and needs none. */
export const flushFolder = (path: string, calls: FileCalls = fileCalls): void => {
  if (process.platform === "win32") return
  const descriptor = withSystemErrors("open the folder", path, () => calls.openSync(path, "r"))
  try {
    // Whatever the reason, what was to be flushed has happened: never an error that says otherwise.
    withSystemErrors("flush the folder", path, () => calls.fsyncSync(descriptor), false)
  } finally {
    withSystemErrors("close the folder", path, () => calls.closeSync(descriptor), false)
  }
}
