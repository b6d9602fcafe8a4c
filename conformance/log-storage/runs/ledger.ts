/**
 * Ledger: what another process was asked to write and what was acknowledged to it, and whether the place holds what follows from that.
 *
 *   frames      acknowledged ⊆ stored ⊆ attempted, in order, byte for byte
 *   snapshots   at most two, each whole; the newest acknowledged one, or a later one that was begun
 *   base        at least what was acknowledged, at most what the older snapshot covers
 *   store       there, if that was acknowledged; and once its removal was, gone
 *
 * Looking again finds the same and nothing to repair, and the log goes on.
 */
import { FramesTrimmed, StoreBusy, StoreLocked } from "../../../kernel/errors.ts"
import type { Bytes, Durability, LogStorage, Position, SnapshotInfo } from "../../../kernel/ports/log-storage.ts"
import { describeError, ensure, equal, equalBytes, fail, outcomeOf, RuleBroken } from "../../expect.ts"
import { type Appended, frameOf, type Orders } from "../../processes/orders.ts"
import type { OtherProcess, Reply } from "../../processes/other-process.ts"
import { ALL } from "../frames.ts"
import { slicesFor } from "../snapshots.ts"
import type { LogStorageTrial } from "../trial.ts"

/** How long a store may stay locked after the process that had it open is gone. */
const LOCKED_MILLIS_MAX = 5000

/** What is seen of a log from outside. */
interface Sight {
  readonly head: Position
  readonly base: Position
  readonly snapshots: readonly SnapshotInfo[]
}

export class Ledger {
  readonly storeName: string
  readonly durability: Durability
  /** Whether the store was begun to be made, was made, began to be removed, was removed. */
  state: "none" | "making" | "made" | "removing" | "removed" = "none"
  /** The last position that was acknowledged, and the last that was attempted. */
  acknowledged: Position = 0
  attempted: Position = 0
  readonly #frames = new Map<Position, Appended>()
  #saved: Position = 0
  #saving: Position = 0
  #trimmed: Position = 0

  constructor(storeName: string, durability: Durability) {
    this.storeName = storeName
    this.durability = durability
  }

  /** How the frame at a position is made. */
  note(frame: Appended): void {
    this.#frames.set(frame.position, frame)
    this.attempted = Math.max(this.attempted, frame.position)
  }

  async open(
    process: OtherProcess,
    options: Pick<Orders["open"], "create"> = { create: true },
  ): Promise<Reply<{ readonly head: Position }>> {
    if (this.state === "none") this.state = "making"
    const reply = await process.ask("open", { storeName: this.storeName, durability: this.durability, ...options })
    if (reply.kind === "value") this.state = "made"
    return reply
  }

  /** Appends one behind the last acknowledged one; an earlier attempt at the position must have been found not to be stored. */
  async append(process: OtherProcess, bytes?: number): Promise<Reply<null>> {
    const frame = { position: this.acknowledged + 1, bytes }
    this.note(frame)
    const reply = await process.ask("append", frame)
    if (reply.kind === "value") this.acknowledged = frame.position
    return reply
  }

  /** The attempt behind the last acknowledged frame is known to have stored nothing. */
  retract(): void {
    this.attempted = this.acknowledged
  }

  /** The log was found to end here, within what was attempted. */
  find(head: Position, what: string): void {
    ensure(head >= this.acknowledged, `${what}: the head is ${head}, and the frame at ${this.acknowledged} was acknowledged`)
    ensure(head <= this.attempted, `${what}: the head is ${head}, and nothing was appended behind ${this.attempted}`)
    this.acknowledged = this.attempted = head
  }

  /** A child that appends on its own has come so far. */
  noteOn(process: OtherProcess, from: Position, toFrame: (position: Position) => Appended): void {
    for (let position = from; position <= process.storing; position += 1) this.note(toFrame(position))
    this.acknowledged = Math.max(this.acknowledged, process.stored)
  }

  async snapshot(process: OtherProcess, at: Position): Promise<Reply<null>> {
    this.#saving = Math.max(this.#saving, at)
    const reply = await process.ask("snapshot", { at })
    if (reply.kind === "value") this.#saved = at
    return reply
  }

  async trim(process: OtherProcess, through: Position): Promise<Reply<Position>> {
    const reply = await process.ask("trim", { through })
    if (reply.kind === "value") this.#trimmed = Math.max(this.#trimmed, reply.value)
    return reply
  }

  async destroy(process: OtherProcess): Promise<Reply<null>> {
    this.state = "removing"
    const reply = await process.ask("destroy", { storeName: this.storeName })
    if (reply.kind === "value") this.state = "removed"
    return reply
  }

  /** Looks at the place with no other process there, and fails with `what` in front unless it holds what it must. */
  async judge(trial: LogStorageTrial, what: string): Promise<void> {
    const judged = await outcomeOf(() => this.#judge(trial, what))
    if (judged.kind === "value") return
    if (judged.error instanceof RuleBroken) throw judged.error
    fail(`${what}: ${describeError(judged.error)}`, judged.error)
  }

  async #judge(trial: LogStorageTrial, what: string): Promise<void> {
    await trial.reopen()
    const isThere = (await trial.adapter.list()).includes(this.storeName)
    if (!isThere) {
      ensure(this.state !== "made", `${what}: the store is gone`)
    } else {
      ensure(this.state !== "removed", `${what}: the store was removed and is there`)
      const found = await this.#look(trial, what, false)
      await this.#goOn(trial, what, found)
      const again = await this.#look(trial, `${what}, at a second look`, true)
      equal(again, { ...found, head: found.head + 1 }, `${what}: a second look at the log`)
      if (this.state !== "removing") return
    }
    // Half made, or half removed: it can be made anew, empty.
    if (isThere) await trial.adapter.destroy(this.storeName)
    const anew = await this.#open(trial, true)
    equal(await anew.head(), 0, `${what}: head() of the store made anew`)
    await trial.closeAll()
  }

  /** As `judge` does, of an open log: its frames, snapshots and base. */
  async inspect(log: LogStorage, what: string): Promise<Sight> {
    const head = await log.head(), base = await baseOf(log), snapshots = await log.snapshots.list()
    ensure(head >= this.acknowledged, `${what}: the head is ${head}, and the frame at ${this.acknowledged} was acknowledged`)
    ensure(head <= this.attempted, `${what}: the head is ${head}, and nothing was appended behind ${this.attempted}`)
    for (let position = base; position < head;) {
      const page = await log.read(position, ALL)
      ensure(page.length > 0, `${what}: read() ends at ${position}, and the head is ${head}`)
      for (const frame of page) equalBytes(frame, this.frameAt(++position), `${what}: the frame at ${position}`)
    }

    ensure(snapshots.length <= 2, `${what}: ${snapshots.length} snapshots are kept`)
    const [newest = 0, older = 0] = snapshots.map(({ at }) => at)
    ensure(newest >= this.#saved, `${what}: the newest snapshot is at ${newest}, and the one at ${this.#saved} was acknowledged`)
    ensure(newest <= this.#saving, `${what}: there is a snapshot at ${newest}, which nobody made`)
    for (const { at, sliceBytes } of snapshots) {
      const slices = slicesFor(at)
      equal(sliceBytes, slices.map(({ length }) => length), `${what}: the slices of the snapshot at ${at}`)
      for (const [index, slice] of slices.entries()) {
        equalBytes(await log.snapshots.readSlice(at, index), slice, `${what}: slice ${index} of the snapshot at ${at}`)
      }
    }

    ensure(base >= this.#trimmed, `${what}: the base is ${base}, and trimming through ${this.#trimmed} was acknowledged`)
    ensure(base <= older, `${what}: the base is ${base}, and the older snapshot covers ${older}`)
    return { head, base, snapshots }
  }

  /** The frame that belongs at a position. */
  frameAt(position: Position): Bytes {
    return frameOf(this.#frames.get(position) ?? { position })
  }

  async #look(trial: LogStorageTrial, what: string, isRepaired: boolean): Promise<Sight> {
    const log = await this.#open(trial, false)
    if (isRepaired) equal(log.opened.recovery, undefined, `${what}: opened.recovery`)
    const sight = await this.inspect(log, what)
    await trial.reopen()
    return sight
  }

  /** What was found is where the log goes on. */
  async #goOn(trial: LogStorageTrial, what: string, { head }: Sight): Promise<void> {
    this.note({ position: head + 1 })
    const log = await this.#open(trial, false)
    equal(await log.head(), head, `${what}: head() when it is opened again`)
    await log.append(head + 1, this.frameAt(head + 1))
    this.acknowledged = this.attempted = head + 1
    await trial.reopen()
  }

  async #open(trial: LogStorageTrial, create: boolean): Promise<LogStorage> {
    const end = performance.now() + LOCKED_MILLIS_MAX
    for (;;) {
      const opened = await outcomeOf(() => trial.open(this.storeName, { durability: this.durability, create }))
      if (opened.kind === "value") return opened.value
      // What a killed process held may take a moment to be seen as free.
      const isTaken = opened.error instanceof StoreLocked || opened.error instanceof StoreBusy
      if (!isTaken || performance.now() > end) throw opened.error
      await new Promise<void>((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** The last position that was dropped. */
const baseOf = async (log: LogStorage): Promise<Position> => {
  const outcome = await outcomeOf(() => log.read(0, { maxFrames: 1, maxBytes: 1 }))
  if (outcome.kind === "value") return 0
  if (outcome.error instanceof FramesTrimmed) return outcome.error.details.base
  throw outcome.error
}
