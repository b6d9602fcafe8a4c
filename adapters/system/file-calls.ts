/**
 * The calls of the file system that adapters make, as one object, so that a test can fail or kill any one of them.
 *
 * Synchronous on purpose: a `pwrite` of a frame takes 1 to 4 µs, a promise around it as much again. Only flushes that nobody has to
 * wait for synchronously run beside the event loop.
 */
import fs from "node:fs"

/** What is used of `node:fs`, and nothing else. */
export type FileCalls = Pick<
  typeof fs,
  | "closeSync"
  | "fdatasync"
  | "fdatasyncSync"
  | "fstatSync"
  | "fsyncSync"
  | "ftruncateSync"
  | "linkSync"
  | "lstatSync"
  | "mkdirSync"
  | "openSync"
  | "readSync"
  | "readdirSync"
  | "renameSync"
  | "rmSync"
  | "rmdirSync"
  | "unlinkSync"
  | "writeSync"
  | "writevSync"
>

/** The runtime's own. */
export const fileCalls: FileCalls = fs
