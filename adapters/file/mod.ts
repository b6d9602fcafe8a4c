/**
 * Adapter `file`: one folder a store, its log in preallocated segment files that are written in place.
 *
 * Fast on every runtime with `node:fs`, and the one to choose where a store is used by one process. Several processes, or a network
 * file system: adapter `sqlite`, or a server. A store may be copied while it is closed; a copy taken while it is open may be refused.
 *
 * No symbolic link in the place of a store's folder or files is followed. The folders above are the caller's: whoever may rename those,
 * or write into them, can lead a store elsewhere. Hard links are not noticed.
 */
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import { fileCalls } from "../system/file-calls.ts"
import { makeFileAdapter } from "./file-adapter.ts"
import { ownIdentity } from "./process-identity.ts"

const BEAT_MILLIS = 2000
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024

/**
 * Stores in the folder `path`, each in a folder of its own below it.
 *
 * The last folder of `path` is made with the first store, mode 0700; its missing parents only with `createFolders`. Levels are
 * `normal`, `full` and `relaxed`. One handle may have a store open, in all processes together; it is refused to others for as long as
 * its process runs. All that an open finds is on the device when it answers. Throws `InvalidOption` if `path` is empty; touches nothing
 * before the first call.
 */
export const fileAdapter = (options: { readonly path: string; readonly createFolders?: boolean }): Adapter =>
  makeFileAdapter(options, { calls: fileCalls, own: ownIdentity(), beatMillis: BEAT_MILLIS, segmentBytesMax: SEGMENT_BYTES_MAX })
