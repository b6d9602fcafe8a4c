/**
 * What the suite needs to check `folderAdapter`: a place for each case, and how another process opens the same one.
 *
 *   npx persist conformance adapter examples/third-party-adapter/conformance.ts
 */
import type { Adapter } from "@cuitty/persist"
import { inFolder, type LogStorageSubject } from "@cuitty/persist/conformance"
import { folderAdapter } from "./folder-adapter.ts"

/** For other processes, which import this module. */
export const openAdapter = (path: string): Adapter => folderAdapter(path)

/** For each case. */
export const makeAdapter: () => Promise<LogStorageSubject> = inFolder(openAdapter, { module: import.meta.url })
