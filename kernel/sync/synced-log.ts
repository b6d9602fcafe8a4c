/**
 * What syncing asks of an open store: its views, its frames, and a way to put frames of its own into the log.
 *
 * A commit runs in the order of all writes, one at a time, on current views, and again after a lost race (rule S2).
 */
import type { RemoteChange } from "../format/change.ts"
import type { Checksum } from "../format/checksum.ts"
import type { LogStorage, Position } from "../ports/log-storage.ts"
import type { Logger } from "../ports/logger.ts"
import type { Platform } from "../ports/platform.ts"
import type { Part } from "../ports/remote.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import type { StoreViews } from "../views/store-views.ts"

/** A live version of a record, and the row that shows the record. */
export interface LiveVersion {
  readonly row: number
  readonly version: StoredVersion
}

/** A frame that a sync wants in the log. */
export interface SyncFrame {
  /** Blocks of others, in order. */
  readonly parts: readonly Part[]
  readonly change: RemoteChange | undefined
  /** Own versions that are written anew, under a new number, covering the old one (rules S19, S20). Never together with parts. */
  readonly rewrites: readonly LiveVersion[]
}

/** Decides in the build what the frame is; undefined: nothing is to be appended any more. What it throws rejects the commit. */
export type SyncCommit = (views: StoreViews) => SyncFrame | undefined

export interface SyncedLog {
  readonly name: string
  readonly platform: Platform
  readonly logger: Logger
  /** Largest frame that the storage takes. */
  readonly frameBytesMax: number
  readonly checksum: Checksum
  readonly storage: LogStorage
  /** The views as they are now; others once the log was replaced under the store. */
  readonly views: StoreViews
  /** Position of the last frame that the views hold. */
  readonly head: Position
  /** Resolves to whether a frame was appended, once it is stored and folded. Rejects as a write does. */
  commit(commit: SyncCommit): Promise<boolean>
  /** Puts everything that is stored onto the device. */
  flush(): Promise<void>
  /** Shows what other handles appended. */
  refresh(): Promise<void>
}
