/**
 * Log: takes writes in the order of their calls, commits them in groups, and finds out what became of each append.
 *
 *   submit ─▶ queue ─▶ group ─▶ author.build ─▶ storage.append ─┬─ stored ────▶ fold, settle, next group
 *     one group at a time; writes that come meanwhile wait       ├─ taken ─────▶ catch up, build again        (rule S2)
 *                                                                ├─ not stored ▶ reject it and all behind it
 *                                                                └─ unknown ───▶ read back; the same bytes again until decided
 *
 * An append that succeeds at head + 1 proves that the views were current, so nobody asks for the head before.
 */
import { FlushFailed, OutcomeUnknown, type PersistError, PositionTaken, StoreUncertain } from "../errors.ts"
import { ByteWriter } from "../format/bytes.ts"
import type { Checksum } from "../format/checksum.ts"
import { FRAME_FLAG_LOCAL } from "../format/frame.ts"
import { BUSY_RETRY_MILLIS_MAX } from "../limits.ts"
import { FRAME_ID_BYTES, RandomPool } from "../model/identifiers.ts"
import type { Bytes, Durability, LogStorage, Position } from "../ports/log-storage.ts"
import { kindOf, type Logger } from "../ports/logger.ts"
import { type Platform, sleep } from "../ports/platform.ts"
import type { Author, QueuedWrite } from "./author.ts"
import { BackgroundFlush } from "./background-flush.ts"
import { CommitQueue } from "./commit-queue.ts"
import { Follower } from "./follower.ts"
import { LogCondition, type LogState } from "./log-condition.ts"
import { outcomeOf, type Undecided } from "./outcome.ts"
import type { ReplayPoint } from "./replay.ts"
import type { Turns } from "./turns.ts"

export interface LogOptions<W extends QueuedWrite> {
  readonly name: string
  readonly storage: LogStorage
  readonly author: Author<W>
  readonly platform: Platform
  readonly checksum: Checksum
  readonly logger: Logger
  readonly turns: Turns
  readonly durability: Durability
  /** No other handle can append, so the views are always current. */
  readonly exclusive: boolean
}

const FIRST_RETRY_MILLIS = 5
const RETRY_MILLIS_MAX = 500
/** A position may be taken so many times in a row with no frame to read there. */
const LOSSES_MAX = 20

const isError = (error: unknown): error is PersistError => error instanceof Error && "storedNothing" in error

export class Log<W extends QueuedWrite> {
  readonly #options: LogOptions<W>
  readonly #storage: LogStorage
  readonly #author: Author<W>
  readonly #follower: Follower
  readonly #random: RandomPool
  readonly #out = new ByteWriter(4096)
  readonly #point: ReplayPoint
  readonly #head: { position: Position; readonly id: Bytes; previous: Bytes; readonly flags: number }
  readonly #queue = new CommitQueue<W>()
  #running = false
  #onIdle = (): void => {}
  #refreshes: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #losses = 0
  #closing: Promise<void> | undefined
  readonly #condition: LogCondition
  /** Only where an append itself does not flush. */
  readonly #backgroundFlush: BackgroundFlush | undefined

  constructor(options: LogOptions<W>) {
    this.#options = options
    this.#storage = options.storage
    this.#author = options.author
    this.#condition = new LogCondition(options.logger)
    this.#follower = new Follower({ ...options, condition: this.#condition })
    this.#point = this.#follower.point
    this.#random = new RandomPool(options.platform.randomBytes)
    this.#head = { position: 0, id: new Uint8Array(FRAME_ID_BYTES), previous: this.#point.id, flags: FRAME_FLAG_LOCAL }
    if (options.durability === "normal") this.#backgroundFlush = new BackgroundFlush(options.platform, () => this.#flushUnasked())
  }

  /** Position of the last frame that is folded. */
  get head(): Position {
    return this.#point.position
  }

  /** Id of that frame, a copy; 16 zero bytes before the first. */
  get headId(): Bytes {
    return this.#point.id.slice()
  }

  get state(): LogState {
    return this.#condition.state
  }

  /** Writes that were called and have not ended. */
  get pending(): number {
    return this.#queue.pending
  }

  /** The writes that have not ended, oldest first. */
  waiting(): Iterable<W> {
    return this.#queue.waiting()
  }

  /** Folds the whole log; to be called once, before anything else. */
  open(signal?: AbortSignal): Promise<void> {
    return this.#follower.open(signal)
  }

  /** Queues a write; it is committed at the end of this turn, or with the next group. */
  submit(write: W): void {
    this.#queue.push(write)
    this.#start()
  }

  /** Folds what other handles appended; decides an undecided append first. Rejects if the storage cannot be read. */
  refresh(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refreshes.push({ resolve, reject })
      this.#start()
    })
  }

  /** Resolves when every write called so far has ended; undefined if there is none. Never rejects. */
  settled(): Promise<void> | undefined {
    return this.#queue.settled()
  }

  /** Puts everything that was stored onto the device. */
  async flush(): Promise<void> {
    const settled = this.settled()
    if (settled !== undefined) await settled // else at once: a close that is called next must not come first
    this.#condition.throwPoison()
    await this.#flushStorage()
  }

  /** Ends what is queued, then frees the storage. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close()
  }

  async #close(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#onIdle = resolve)
    this.#condition.isClosed = true
    this.#backgroundFlush?.end()
    await this.#storage.close()
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    queueMicrotask(this.#pump)
  }

  readonly #pump = (): void => {
    for (;;) {
      const step = this.#options.turns.due() ?? this.#step()
      if (step !== undefined) {
        step.then(this.#pump, (error) => {
          this.#queue.rejectAll(error)
          this.#pump()
        })
        return
      }
      if (this.pending === 0 && this.#refreshes.length === 0) break
    }
    this.#running = false
    this.#author.idle()
    this.#onIdle()
  }

  /** Whatever throws where nothing should is a defect: the views may be half folded, so nothing is built on them any more. */
  #step(): Promise<void> | undefined {
    try {
      return this.#refreshes.length > 0 ? this.#runRefreshes() : this.pending > 0 ? this.#commitNext() : undefined
    } catch (error) {
      this.#condition.poisonWith(error)
      return undefined
    }
  }

  /** Commits the next group, at once if storage and views allow. */
  #commitNext(): Promise<void> | undefined {
    if (this.#condition.poison !== undefined || this.#condition.undecided !== undefined) return this.#commitWhenDecided()
    const group = this.#queue.group()
    const prepared = this.#author.prepare(group)
    return prepared instanceof Promise ? prepared.then(() => this.#build(group)) : this.#build(group)
  }

  async #commitWhenDecided(): Promise<void> {
    if (this.#condition.poison === undefined && await this.#decide()) return
    this.#queue.rejectAll(
      this.#condition.poison === undefined
        ? new StoreUncertain({ store: this.#options.name, position: this.#condition.undecided!.position })
        : this.#condition.poison.error,
    )
  }

  #build(group: readonly W[]): Promise<void> | undefined {
    const out = this.#out, head = this.#head
    head.position = this.#point.position + 1
    this.#random.fill(head.id, 0, FRAME_ID_BYTES)
    out.reset()
    const taken = this.#author.build(group, out, head)
    if (out.length === 0) return this.#options.exclusive ? this.#end(group, taken) : this.#endIfCurrent(group, taken)
    let appended: void | Promise<void>
    try {
      appended = this.#storage.append(head.position, out.buffer.subarray(0, out.length))
    } catch (error) {
      return this.#failed(group, taken, error)
    }
    if (appended === undefined) return this.#stored(group, taken)
    return Promise.resolve(appended).then(() => this.#stored(group, taken), (error) => this.#failed(group, taken, error))
  }

  /** The frame that was built is in the log and nobody else's came between. */
  #stored(group: readonly W[], taken: number): undefined {
    this.#losses = 0
    this.#point.position = this.#head.position
    this.#point.id.set(this.#head.id)
    try {
      this.#author.foldBuilt()
    } catch (error) {
      return this.#condition.poisonWith(error) // a defect: the views are half folded
    }
    this.#backgroundFlush?.start()
    return this.#end(group, taken)
  }

  #end(group: readonly W[], taken: number): undefined {
    this.#queue.end(taken)
    this.#author.settle(group, taken)
    this.#queue.wake()
  }

  /** A build without operations rejected or answered calls from the views; that is right only if the views are current. */
  async #endIfCurrent(group: readonly W[], taken: number): Promise<void> {
    const head = await this.#storage.head()
    const { position } = this.#point
    if (head === position) this.#end(group, taken)
    else await this.#buildAgain(new PositionTaken({ position: position + 1, head }))
  }

  /** What became of an append that did not answer "stored" (rule S2). Leaves the group queued if it is to be built again. */
  async #failed(group: readonly W[], taken: number, error: unknown): Promise<void> {
    if (error instanceof PositionTaken) return await this.#buildAgain(error)
    if (isError(error) && error.storedNothing) return this.#queue.rejectAll(error)
    if (error instanceof FlushFailed) return this.#condition.poisonWith(error)
    const undecided = { position: this.#head.position, frame: this.#out.buffer.slice(0, this.#out.length) }
    const deadline = this.#options.platform.now() + BUSY_RETRY_MILLIS_MAX
    for (let delay = FIRST_RETRY_MILLIS;; delay = Math.min(delay * 2, RETRY_MILLIS_MAX)) {
      const outcome = await this.#outcomeOf(undecided)
      if (outcome === "stored") return this.#stored(group, taken)
      if (outcome === "taken") return void await this.#follower.catchUp()
      if (this.#condition.poison !== undefined) return
      if (this.#options.platform.now() >= deadline) break
      await sleep(this.#options.platform, delay)
    }
    this.#condition.undecided = undecided
    this.#options.logger.error("the outcome of an append is not known", { position: undecided.position })
    const unknown = new OutcomeUnknown({ store: this.#options.name, position: undecided.position }, { cause: error })
    this.#queue.rejectFirst(taken, unknown)
    this.#queue.rejectAll(new StoreUncertain({ store: this.#options.name, position: undecided.position }, { cause: error }))
  }

  /** A lost race: the frames that won are folded, and the group, still queued, is built on them. */
  async #buildAgain(error: PositionTaken): Promise<void> {
    if (await this.#follower.catchUp() > 0) {
      this.#losses = 0
      return
    }
    // Only a storage that reads late, or a broken one, takes a position and shows no frame there.
    if (++this.#losses > LOSSES_MAX) return this.#queue.rejectAll(error)
    await sleep(this.#options.platform, FIRST_RETRY_MILLIS * this.#losses)
  }

  /** Tries once to find out what became of an append; undefined: still not known. */
  async #outcomeOf(undecided: Undecided): Promise<"stored" | "taken" | undefined> {
    try {
      return await outcomeOf(this.#storage, undecided, this.#options.durability)
    } catch (error) {
      if (error instanceof FlushFailed) this.#condition.poisonWith(error)
      return undefined
    }
  }

  /** Tries once to decide the undecided append; answers whether the handle is open again. */
  async #decide(): Promise<boolean> {
    const outcome = await this.#outcomeOf(this.#condition.undecided!)
    if (outcome === undefined) return false
    this.#condition.undecided = undefined
    await this.#follower.catchUp()
    return true
  }

  async #runRefreshes(): Promise<void> {
    const waiting = this.#refreshes
    this.#refreshes = []
    try {
      if (this.#condition.undecided !== undefined && !await this.#decide()) {
        throw new OutcomeUnknown({ store: this.#options.name, position: this.#condition.undecided.position })
      }
      if (!this.#options.exclusive) await this.#follower.refresh()
      for (const { resolve } of waiting) resolve()
    } catch (error) {
      for (const { reject } of waiting) reject(error)
    }
  }

  #flushUnasked(): void {
    if (this.state === "open") this.#flushStorage().catch(() => {}) // told through the state and the logger
  }

  async #flushStorage(): Promise<void> {
    try {
      await this.#storage.flush()
    } catch (error) {
      if (error instanceof FlushFailed) this.#condition.poisonWith(error)
      else this.#options.logger.error("a flush failed", { error: kindOf(error) })
      throw error
    }
  }
}
