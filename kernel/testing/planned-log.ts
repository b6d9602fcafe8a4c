/** A log with its views, as syncing sees it, that a test writes frame by frame. */
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { changeOf, placeOf } from "../../conformance/vectors/frames.ts"
import { type ChangeNotation, noteChange } from "../../conformance/vectors/notation.ts"
import type { BlockNotation } from "../format/block-notation.ts"
import { type Checksum, crc32 } from "../format/checksum.ts"
import { FRAME_BYTES_MAX } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Position } from "../ports/log-storage.ts"
import { type Logger, silentLogger } from "../ports/logger.ts"
import type { Platform } from "../ports/platform.ts"
import type { SyncCommit, SyncedLog } from "../sync/synced-log.ts"
import type { StoreViews } from "../views/store-views.ts"
import { FaultyStorage } from "./faulty-storage.ts"
import { NotedFrames, type Told } from "./noted-frames.ts"
import { newViews } from "./oracle-frames.ts"
import { TestPlatform } from "./platform.ts"

/** The remote that such a log knows. */
export const REMOTE = "r"

export class PlannedLog implements SyncedLog {
  readonly name: string = "log"
  readonly platform: Platform = new TestPlatform()
  readonly logger: Logger = silentLogger
  readonly frameBytesMax: number = FRAME_BYTES_MAX
  readonly checksum: Checksum = crc32
  readonly storage: FaultyStorage
  views: StoreViews = newViews()
  readonly #frames = new NotedFrames()

  constructor() {
    const storage = memoryAdapter().open("log", { durability: "none", create: true })
    if (storage instanceof Promise) throw new Error("the memory adapter answers at once")
    this.storage = new FaultyStorage(storage)
  }

  get head(): Position {
    return this.#frames.position
  }

  /** Appends a frame and folds it. */
  add(blocks: readonly BlockNotation[], told: Told = {}): this {
    const bytes = this.#frames.next(blocks, told)
    const appended = this.storage.append(this.head, bytes)
    if (appended instanceof Promise) throw new Error("the memory adapter answers at once")
    this.#frames.reader.read(bytes)
    this.views.foldFrame(this.#frames.reader)
    return this
  }

  /** A frame that the log's own writer wrote. */
  write(...blocks: readonly BlockNotation[]): this {
    return this.add(blocks, { flags: 1 })
  }

  /** A frame that tells of the remote. */
  tell(change: Partial<ChangeNotation>, ...blocks: readonly BlockNotation[]): this {
    return this.add(blocks, { change: changeOf({ remote: REMOTE, ...change }) })
  }

  /** A pull that reached the head, and what the remote has by then. */
  caughtUp(ranges: ChangeNotation["ranges"] = []): this {
    return this.tell({ cursor: placeOf(1), caughtUp: true, ranges })
  }

  /** Appends a frame that brings and tells; what is to be written anew takes a store. */
  commit(commit: SyncCommit): Promise<boolean> {
    const frame = commit(this.views)
    if (frame === undefined) return Promise.resolve(false)
    if (frame.rewrites.length > 0) return Promise.reject(new Error("nobody writes here"))
    const parts = frame.parts.map(({ type, content }) => ({ type, content: bytesToHex(content) }))
    this.add([], { parts, change: frame.change === undefined ? null : noteChange(frame.change) })
    return Promise.resolve(true)
  }
  flush(): Promise<void> {
    return Promise.resolve()
  }
  refresh(): Promise<void> {
    return Promise.resolve()
  }
}
