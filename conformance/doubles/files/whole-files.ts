/** Files that appear whole: written under another name, then given their own. */
import fs from "node:fs"
import { NotAStore, StorageFailed, StorageFull } from "../../../kernel/errors.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { sumOf, wordAt } from "../disk.ts"
import type { FileFault } from "./file-fault.ts"

/** The code of an error of the operating system. */
export const codeOf = (error: unknown): unknown => Object(error).code

class FailedUnchanged extends StorageFailed {
  override readonly storedNothing: boolean = true
}

/** An error of ours for one of the operating system. */
export const toOurs = (error: unknown, path: string, storedNothing: boolean): Error => {
  if (codeOf(error) === undefined || error instanceof StorageFailed || error instanceof StorageFull) return error as Error
  const reason = String(error), isFull = ["ENOSPC", "EDQUOT", "EFBIG"].includes(String(codeOf(error)))
  if (isFull && storedNothing) return new StorageFull({ location: path, neededBytes: 0, reason }, { cause: error })
  return new (storedNothing ? FailedUnchanged : StorageFailed)({ location: path, call: "write to", reason }, { cause: error })
}

/** Flushes a file or a folder. */
export const flushPath = (path: string): void => {
  const descriptor = fs.openSync(path, "r")
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Removes what nobody looks for: if it stays, no harm is done. */
export const tryRemove = (path: string): void => {
  try {
    fs.rmSync(path, { force: true })
  } catch { /* It has a name that is left out. */ }
}

/** Whether there is something at the path; what cannot be found out is thrown. */
export const isThere = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false }) !== undefined

/** Writes all bytes to a file that is made for it. */
export const writeFile = (path: string, bytes: Uint8Array, faults: ReadonlySet<FileFault>): void => {
  const descriptor = fs.openSync(path, "wx")
  try {
    for (let written = 0; written < bytes.length;) {
      written += fs.writeSync(descriptor, bytes, written, bytes.length - written)
      if (faults.has("writes once, and does not look how much")) break
    }
  } finally {
    fs.closeSync(descriptor)
  }
}

/** What of a file of ours stands behind its sum; undefined if there is no file. Throws if the sum is another. */
export const contentOf = (path: string): Bytes | undefined => {
  let bytes: Bytes
  try {
    bytes = new Uint8Array(fs.readFileSync(path))
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw toOurs(error, path, true)
  }
  const content = bytes.slice(4)
  if (bytes.length < 4 || wordAt(bytes, 0) !== sumOf(content)) throw new NotAStore({ location: path, reason: "its sum is another" })
  return content
}

let count = 0

/** A name in the folder that nobody else uses. */
export const freshPath = (folder: string): string => `${folder}/.${process.pid}-${count++}-${Math.random().toString(36).slice(2)}`
