/**
 * Judges the bare log after a kill.
 *
 *   frames      base + 1 … head, each byte as it was appended; every acknowledged one, and none that was not called
 *   snapshots   at most two, newest first, each whole; the newest acknowledged one, or one after it that was begun
 *   base        at least what was acknowledged, at most what the older snapshot covers
 *
 * Looking again finds the same, and nothing left to repair.
 */
import { FramesTrimmed } from "../../kernel/errors.ts"
import type { LogStorage, Position, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import { ensure, equal, equalBytes, outcomeOf } from "../expect.ts"
import { frameAt, isLargeFrame, sliceAt, sliceBytesAt } from "./frame-calls.ts"
import { Judge } from "./judge.ts"
import { openLog } from "./subject.ts"
import type { Victim } from "./victim.ts"

/** A page holds the largest frame, and little more. */
const PAGE = { maxFrames: 1000, maxBytes: 4_000_000 }

/** What a child said, of which the log must know. */
export type Said = Pick<Victim, "acknowledged" | "called" | "last">

export class FramesJudge extends Judge {
  /** Acknowledged: the newest snapshot, and the base. */
  #saved = 0
  #trimmed = 0

  get next(): number {
    return this.head + 1
  }

  isLarge(position: Position): boolean {
    return isLargeFrame(this.subject.seed, position)
  }

  override note(victim: Victim): void {
    super.note(victim)
    this.noteAcknowledged(victim)
  }

  noteAcknowledged({ last }: Pick<Said, "last">): void {
    this.#saved = Math.max(this.#saved, last("saved") ?? 0)
    this.#trimmed = Math.max(this.#trimmed, last("trimmed") ?? 0)
  }

  async check(victim: Victim): Promise<Position> {
    const found = await this.#open((log) => this.judge(log, victim))
    const again = await this.#open(async (log) => {
      equal(log.opened.recovery, undefined, "what opening again had to repair")
      return await sightOf(log)
    })
    equal(again, found, "a second look at the log")
    return found.head
  }

  /** Judges an open log. */
  async judge(log: LogStorage, { acknowledged, called, last }: Said): Promise<Sight> {
    const { seed } = this.subject
    const sight = await sightOf(log)
    const { head, base, snapshots } = sight
    this.noteOpened(head, log.opened.recovery?.position)
    ensure(head >= acknowledged, `the head is ${head}, and the frame at ${acknowledged} was acknowledged`)
    ensure(head <= called, `the head is ${head}, and nothing was appended behind ${called}`)
    for (let position = base; position < head;) {
      const page = await log.read(position, PAGE)
      ensure(page.length > 0, `read() ends at ${position}, and the head is ${head}`)
      for (const frame of page) equalBytes(frame, frameAt(seed, ++position), `the frame at ${position}`)
    }

    ensure(snapshots.length <= 2, `${snapshots.length} snapshots are kept`)
    const [newest = 0, older = 0] = snapshots.map(({ at }) => at)
    ensure(newest > older || snapshots.length < 2, `the snapshots are at ${newest} and ${older}`)
    ensure(newest >= this.#saved, `the newest snapshot is at ${newest}, and the one at ${this.#saved} was acknowledged`)
    ensure(newest <= Math.max(this.#saved, last("saving") ?? 0), `there is a snapshot at ${newest}, which nobody made`)
    this.#saved = newest
    for (const { at, sliceBytes } of snapshots) {
      equal(sliceBytes, sliceBytesAt(seed, at), `the slices of the snapshot at ${at}`)
      for (const index of sliceBytes.keys()) {
        equalBytes(await log.snapshots.readSlice(at, index), sliceAt(seed, at, index), `slice ${index} of the snapshot at ${at}`)
      }
    }

    ensure(base >= this.#trimmed, `the base is ${base}, and trimming through ${this.#trimmed} was acknowledged`)
    ensure(base <= older, `the base is ${base}, and the older snapshot covers ${older}`)
    this.#trimmed = base
    return sight
  }

  async #open<T>(look: (log: LogStorage) => Promise<T>): Promise<T> {
    const started = performance.now()
    const log = await openLog(this.subject)
    this.openMillis = performance.now() - started
    try {
      return await look(log)
    } finally {
      await log.close()
    }
  }
}

/** What is seen of a log from outside, but for its bytes. */
interface Sight {
  readonly head: Position
  readonly base: Position
  readonly snapshots: readonly SnapshotInfo[]
}

const sightOf = async (log: LogStorage): Promise<Sight> => ({
  head: await log.head(),
  base: await baseOf(log),
  snapshots: await log.snapshots.list(),
})

const baseOf = async (log: LogStorage): Promise<Position> => {
  const outcome = await outcomeOf(() => log.read(0, { maxFrames: 1, maxBytes: 1 }))
  if (outcome.kind === "value") return 0
  if (outcome.error instanceof FramesTrimmed) return outcome.error.details.base
  throw outcome.error
}
