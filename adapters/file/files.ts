/**
 * Small files, whole: read, written so that they appear whole or not at all, removed. And the one way to open any file of a store:
 * never through a symbolic link.
 */
import { constants } from "node:fs"
import { join } from "node:path"
import { NotAStore } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { systemCode, systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { FILE_MODE, flushFolder } from "../system/folders.ts"

/** Ending of files that are not finished. */
export const UNFINISHED = ".tmp"
/** A name that stands for another file at every look is somebody's game. */
const ATTEMPTS_MAX = 10
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0
/** A pipe that was put in the place of a file must not keep us waiting for its other end. */
const GUARDED = NO_FOLLOW | (constants.O_NONBLOCK ?? 0)

/** Memory that is written before it is read: not zeroed, and not part of a pool that others see. */
export const allocate = (byteLength: number): Bytes => new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer)

/**
 * Opens a file of a store for reading (`r`), for reading and writing (`r+`), or makes it (`wx+`, for its owner alone).
 *
 * Only a plain file is opened: no symbolic link, and nothing else that a name can stand for. Not every system and runtime knows
 * `O_NOFOLLOW`, so it is looked at before, and what was opened must be what was seen, or all begins again: a link that is put there in
 * between is found out. Only the last part of the path is guarded: whoever may rename the folders above can lead us anywhere. Nor are hard links
 * noticed: a store whose files have further names is still a store.
 *
 * Throws what the system says, or `NotAStore`.
 */
export const openFile = (calls: FileCalls, path: string, mode: "r" | "r+" | "wx+"): number => {
  if (mode === "wx+") return calls.openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW, FILE_MODE)
  let cause: unknown
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const seen = calls.lstatSync(path)
    if (!seen.isFile()) {
      throw new NotAStore({ location: path, reason: `it is ${seen.isSymbolicLink() ? "a symbolic link" : "no plain file"}` }, { cause })
    }
    let descriptor: number
    try {
      descriptor = calls.openSync(path, (mode === "r" ? constants.O_RDONLY : constants.O_RDWR) | GUARDED)
    } catch (error) {
      if (systemCode(error) !== "ELOOP") throw error
      cause = error
      continue
    }
    const opened = calls.fstatSync(descriptor)
    if (opened.ino === seen.ino && opened.dev === seen.dev) return descriptor
    // Another file has its name by now, as when a lock goes from hand to hand: that one is looked at.
    tryClose(calls, descriptor)
  }
  throw new NotAStore({ location: path, reason: "other files come in its place while it is opened" }, { cause })
}

/** Reads into `bytes` from `index` on until `count` bytes or the end of the file; answers how many. */
export const readFully = (calls: FileCalls, descriptor: number, bytes: Bytes, index: number, count: number, byteOffset: number): number => {
  let done = 0
  while (done < count) {
    let read: number
    try {
      read = calls.readSync(descriptor, bytes, index + done, count - done, byteOffset + done)
    } catch (cause) {
      // Some network file systems answer signals; the runtimes make every other call again themselves.
      if (systemCode(cause) === "EINTR") continue
      throw cause
    }
    if (read === 0) break
    done += read
  }
  return done
}

/** Writes all of `bytes`, also over several calls. Throws what the system says. */
export const writeFully = (calls: FileCalls, descriptor: number, bytes: Uint8Array, byteOffset: number): void => {
  for (let done = 0; done < bytes.length;) {
    done += writeSome(calls, descriptor, bytes, done, bytes.length - done, byteOffset + done)
  }
}

/** Writes at least one of `count` bytes; answers how many. Throws what the system says. */
export const writeSome = (
  calls: FileCalls,
  descriptor: number,
  bytes: Uint8Array,
  index: number,
  count: number,
  byteOffset: number,
): number => {
  const written = calls.writeSync(descriptor, bytes, index, count, byteOffset)
  if (written === 0) throw new Error("the system wrote nothing and gave no reason")
  return written
}

/** A small file's bytes, cut behind `bytesMax`; undefined if there is no such file. */
export const readFileWhole = (calls: FileCalls, path: string, bytesMax: number): Bytes | undefined => {
  let descriptor: number
  try {
    descriptor = openFile(calls, path, "r")
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined
    throw systemError(cause, "open", path, true)
  }
  try {
    const bytes = new Uint8Array(bytesMax)
    return bytes.subarray(0, readFully(calls, descriptor, bytes, 0, bytesMax, 0))
  } catch (cause) {
    throw systemError(cause, "read", path, true)
  } finally {
    tryClose(calls, descriptor)
  }
}

/**
 * Writes a file that appears whole or not at all, and is on the device when this returns. One of that name is replaced.
 *
 * Throws with `storedNothing` if the old file, or none, is there. Without it the new one has its name already, but perhaps not on the
 * device. The unfinished one is removed.
 */
export const writeFileWhole = (calls: FileCalls, folder: string, name: string, pieces: Iterable<Uint8Array>): void => {
  const path = join(folder, name)
  const unfinished = path + UNFINISHED
  let descriptor: number | undefined
  let byteOffset = 0
  let isNamed = false
  try {
    removeFile(calls, unfinished)
    descriptor = openFile(calls, unfinished, "wx+")
    for (const piece of pieces) {
      writeFully(calls, descriptor, piece, byteOffset)
      byteOffset += piece.length
    }
    calls.fsyncSync(descriptor)
    tryClose(calls, descriptor)
    descriptor = undefined
    calls.renameSync(unfinished, path)
    isNamed = true
    flushFolder(folder, calls)
  } catch (cause) {
    if (descriptor !== undefined) tryClose(calls, descriptor)
    tryRemove(calls, unfinished)
    throw systemError(cause, "write to", path, !isNamed, byteOffset)
  }
}

/** Closes a file that was flushed, or only read, or is given up: whatever the system says of it then, nothing depends on it. */
export const tryClose = (calls: FileCalls, descriptor: number): void => {
  try {
    calls.closeSync(descriptor)
  } catch { /* The descriptor is gone all the same. */ }
}

/** Removes a file that is not finished. One that stays is removed by the next open. */
export const tryRemove = (calls: FileCalls, path: string): void => {
  try {
    removeFile(calls, path)
  } catch { /* see above */ }
}

/** Removes a file, if it is there. Throws what the system says. */
export const removeFile = (calls: FileCalls, path: string): void => {
  try {
    calls.unlinkSync(path)
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause
  }
}
