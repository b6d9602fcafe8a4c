/**
 * Follower: folds what is in a log as far as it goes, and again what others append to it.
 *
 *   catchUp ─▶ the frames after `point` are folded
 *   refresh ─▶ is the frame at `point` still the one that was folded? ─┬─ yes ▶ catch up
 *                                                                     └─ no ─▶ the log was replaced, say by an older copy: fold all anew
 *
 * What it cannot fold poisons: nothing may be built on views that are half folded or of another log.
 */
import { CorruptBytes, CorruptFrame, PositionOutOfRange, StorageFailed } from "../errors.ts"
import type { Checksum } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import type { LogStorage } from "../ports/log-storage.ts"
import type { Logger } from "../ports/logger.ts"
import type { Author, QueuedWrite } from "./author.ts"
import type { LogCondition } from "./log-condition.ts"
import { replay, type ReplayPoint, replayStart, sameId } from "./replay.ts"
import type { Turns } from "./turns.ts"

export interface FollowerOptions {
  readonly storage: LogStorage
  /** Folds the frames. */
  readonly author: Pick<Author<QueuedWrite>, "fold" | "foldAnew" | "endFoldAnew">
  readonly checksum: Checksum
  readonly logger: Logger
  readonly turns: Turns
  readonly condition: LogCondition
}

export class Follower {
  /** The last frame that is folded. Whoever folds a frame that it appended itself moves it. */
  readonly point: ReplayPoint = replayStart()
  readonly #options: FollowerOptions
  readonly #storage: LogStorage
  readonly #frame: FrameReader

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#storage = options.storage
    this.#frame = new FrameReader(options.checksum)
  }

  /** Folds the whole log; to be called once, before anything else. Rejects with `CorruptFrame`, `StorageFailed` and what the storage says. */
  async open(signal?: AbortSignal): Promise<void> {
    await this.#replay(signal)
    const head = await this.#storage.head()
    if (head <= this.point.position || await this.#replay(signal) > 0) return
    // Without its newest frames the store would show what it was, as if that were all.
    throw new StorageFailed({
      location: this.#storage.opened.location ?? "memory",
      call: "read",
      reason: `the head is ${head}, but nothing is to be read after position ${this.point.position}`,
    })
  }

  /**
   * Folds the frames that others appended; answers how many there were. A log that turns out to have been replaced is folded anew.
   * Rejects if the storage cannot be read, and with `CorruptFrame`, which poisons.
   */
  async catchUp(): Promise<number> {
    try {
      return await this.#replay()
    } catch (error) {
      if (!(error instanceof CorruptFrame) && !(error instanceof PositionOutOfRange)) throw error
      if (await this.#wasReplaced()) {
        await this.#foldAnew()
        return 1
      }
      if (error instanceof CorruptFrame) this.#options.condition.poisonWith(error)
      throw error
    }
  }

  /** As `catchUp()`, but finds a log that was replaced even where nothing is to be folded. */
  async refresh(): Promise<void> {
    if (await this.#wasReplaced()) await this.#foldAnew()
    else await this.catchUp()
  }

  #replay(signal?: AbortSignal): Promise<number> {
    const { author, turns } = this.#options
    return replay(this.#storage, this.point, this.#frame, (frame) => author.fold(frame), turns, signal)
  }

  /** Is the frame at the own position another one than the one that was folded? Then the log was restored under this handle. */
  async #wasReplaced(): Promise<boolean> {
    const { position, id } = this.point
    if (position === 0) return false
    if (await this.#storage.head() < position) return true
    const [bytes] = await this.#storage.read(position - 1, { maxFrames: 1, maxBytes: 1 })
    if (bytes === undefined) return true
    try {
      this.#frame.read(bytes)
    } catch (error) {
      if (!(error instanceof CorruptBytes)) throw error
      throw new CorruptFrame({ location: this.#storage.opened.location ?? "memory", position, reason: error.message }, { cause: error })
    }
    return !sameId(this.#frame.id, id)
  }

  async #foldAnew(): Promise<void> {
    const { author, condition, logger } = this.#options
    logger.warn("the log was replaced by another copy and is folded anew")
    this.point.position = 0
    this.point.id.fill(0)
    author.foldAnew()
    try {
      await this.#replay()
    } catch (error) {
      condition.poisonWith(error) // the views are those of the log that is gone
      throw error
    }
    author.endFoldAnew()
  }
}
