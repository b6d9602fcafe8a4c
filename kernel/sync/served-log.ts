/**
 * A log that is served to others. It keeps no state but views that it can fold again, so several processes may serve one store: an append
 * compares, and a lost race is judged anew (rule S2).
 */
import { NotSyncable, StoreClosed } from "../errors.ts"
import { type Checksum, chooseChecksum } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import { CLOCK_DRIFT_MILLIS_MAX, FRAME_BYTES_MAX } from "../limits.ts"
import { openStorage } from "../log/checked-storage.ts"
import { Log } from "../log/log.ts"
import { Turns } from "../log/turns.ts"
import { FRAME_ID_BYTES } from "../model/identifiers.ts"
import { type Adapter, capabilitiesOf, type Durability, type LogStorage, type Position } from "../ports/log-storage.ts"
import { kindOf, type Logger, storeLogger } from "../ports/logger.ts"
import type { Cursor, Handshake, PullAnswer, PullRequest, PushAnswer, PushRequest, RemoteLimits } from "../ports/remote.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { readPage, type RecentFrame, recentFrameOf } from "./log-pages.ts"
import { PushAuthor, type QueuedPush } from "./push-author.ts"
import { type Caller, DEFAULT_REMOTE_LIMITS, type RemoteLog, type RemoteLogOptions } from "./remote-log.ts"

/** Ids of the latest frames that are kept in memory, for the basis of pushes and the cursors of pulls. */
const RECENT_FRAMES = 1024

export class ServedLog implements RemoteLog {
  readonly durability: "durable" | "buffered"
  readonly limits: RemoteLimits
  readonly #name: string
  readonly #storage: LogStorage
  readonly #checksum: Checksum
  readonly #options: RemoteLogOptions
  readonly #log: Log<QueuedPush>
  readonly #author: PushAuthor
  readonly #logger: Logger
  readonly #isShared: boolean
  readonly #listeners = new Set<(head: Cursor) => void>()
  readonly #recent = new Map<Position, RecentFrame>()
  #stopWatching = (): void => {}
  #isClosed = false

  constructor(name: string, adapter: Adapter, storage: LogStorage, level: Durability, options: RemoteLogOptions) {
    const { platform, clockAheadMillisMax = CLOCK_DRIFT_MILLIS_MAX, refuse } = options,
      { multiProcess, multiHandle } = capabilitiesOf(adapter)
    const durability = this.durability = level === "full" ? "durable" : "buffered"
    this.limits = { ...DEFAULT_REMOTE_LIMITS, ...options.limits }
    this.#name = name
    this.#storage = storage
    this.#options = options
    this.#isShared = multiProcess || multiHandle
    this.#logger = storeLogger(options.logger, name)
    this.#checksum = chooseChecksum(platform.crc32)
    this.#author = new PushAuthor({
      platform,
      checksum: this.#checksum,
      durability,
      admission: { limits: this.limits, clockAheadMillisMax, refuse },
      containsAll: (basis) => this.#containsAll(basis),
      head: () => this.head,
      onFrame: (frame) => this.#note(recentFrameOf(frame)),
      onReplaced: () => this.#recent.clear(),
    })
    this.#log = new Log<QueuedPush>({
      name,
      storage,
      author: this.#author,
      platform,
      checksum: this.#checksum,
      logger: this.#logger,
      turns: new Turns(platform),
      durability: level,
      exclusive: !this.#isShared,
    })
  }

  /** Folds the log and begins to watch it. */
  async open(canWatch: boolean): Promise<this> {
    await this.#log.open()
    if (canWatch) this.#stopWatching = this.#storage.watch(() => this.#refreshUnasked())
    return this
  }

  get head(): Cursor {
    return { position: this.#log.head, id: this.#log.headId }
  }

  #note(frame: RecentFrame): void {
    const cursor: Cursor = { position: frame.position, id: frame.id }
    this.#recent.set(frame.position, frame)
    this.#recent.delete(frame.position - RECENT_FRAMES)
    for (const listener of this.#listeners) listener(cursor)
  }

  #refreshUnasked(): void {
    if (this.#isClosed) return
    // Only if the head moved: a medium of many stores calls for commits to any of them, and a refresh reads a frame.
    this.#catchUp().catch((error) => {
      if (!this.#isClosed) this.#logger.error("a refresh failed", { error: kindOf(error) })
    })
  }

  /** Another process may have appended. */
  async #catchUp(): Promise<void> {
    if (this.#isClosed) throw new StoreClosed({ store: this.#name, call: "serve" })
    if (this.#isShared && await this.#storage.head() !== this.#log.head) await this.#log.refresh()
  }

  async handshake({ rights }: Caller): Promise<Handshake> {
    await this.#catchUp()
    const { head, limits, durability } = this
    return { head, serverTimeMillis: this.#options.platform.now(), limits, rights, durability, live: true }
  }

  push(request: PushRequest, caller: Caller): Promise<PushAnswer> {
    if (this.#isClosed) return Promise.reject(new StoreClosed({ store: this.#name, call: "push" }))
    const bytes = request.parts.reduce((sum, { content }) => sum + content.length, 0)
    return new Promise((end, fail) => this.#log.submit({ request, caller, bytes, operations: 0, end, fail }))
  }

  async pull(request: PullRequest, _caller: Caller): Promise<PullAnswer> {
    await this.#catchUp()
    const { head } = this, serverTimeMillis = this.#options.platform.now()
    if (!await this.#containsAll([request.cursor])) return { kind: "restart", at: CURSOR_START, serverTimeMillis }
    const page = await readPage(this.#storage, this.#checksum, request, head.position, this.limits, this.#recent)
    return { kind: "page", ...page, upToDate: page.next.position === head.position, head: head.position, serverTimeMillis }
  }

  async #containsAll(basis: readonly Cursor[]): Promise<boolean> {
    for (const cursor of basis) if (!await this.#contains(cursor)) return false
    return true
  }

  async #contains({ position, id }: Cursor): Promise<boolean> {
    if (position === 0) return true
    if (!Number.isSafeInteger(position) || position < 0 || position > this.#log.head) return false
    const there = this.#recent.get(position)?.id ?? await this.#readId(position)
    return there !== undefined && Array.from({ length: FRAME_ID_BYTES }, (_, at) => there[at] === id[at]).every(Boolean)
  }

  async #readId(position: Position): Promise<Uint8Array | undefined> {
    const [bytes] = await this.#storage.read(position - 1, { maxFrames: 1, maxBytes: 1 })
    if (bytes === undefined) return undefined
    const frame = new FrameReader(this.#checksum)
    frame.read(bytes)
    return frame.id
  }

  onHead(listener: (head: Cursor) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopWatching()
    this.#listeners.clear()
    await this.#log.close()
  }
}

/** Opens a store's log for serving it. */
export async function openRemoteLog(adapter: Adapter, name: string, options: RemoteLogOptions): Promise<RemoteLog> {
  const { levels, watch, maxFrameBytes } = capabilitiesOf(adapter)
  if (maxFrameBytes < FRAME_BYTES_MAX) {
    const reason = `its frames have at most ${maxFrameBytes} bytes, ${FRAME_BYTES_MAX} are needed`
    throw new NotSyncable({ store: name, adapter: adapter.name, reason })
  }
  const durability = levels.includes("full") ? "full" : levels[0]!
  const storage = await openStorage(adapter, name, { durability, create: options.create ?? true })
  try {
    return await new ServedLog(name, adapter, storage, durability, options).open(watch)
  } catch (error) {
    await Promise.resolve(storage.close()).catch((closing) => options.logger.error("a log could not be closed", { error: kindOf(closing) }))
    throw error
  }
}
