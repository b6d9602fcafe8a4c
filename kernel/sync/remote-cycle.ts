/**
 * The cycle over the log of an open store: plans, sends, notes the answers; asks for pages and takes them.
 *
 *   push   after the first pull: plan ─▶ flush ─▶ push ─┬─ ok ────────▶ acks, plan again        unknown ─▶ a pull has to come first
 *                                                       ├─ refused ───▶ a frame (S19), plan again
 *                                                       ├─ forbidden ─▶ left out from now on (S35), plan again
 *                                                       └─ too large ─▶ half of it (W-62), plan again
 *   pull   ask with the cursor of the view ─┬─ page ────▶ one frame, the next page is on its way; at the head: acks are forgotten (S16)
 *                                           └─ restart ─▶ one frame, ask again
 *   at the end of a pull: answer what pages named as withheld (S20)
 */
import { NoProgress, ProtocolViolation, RemoteError } from "../errors.ts"
import { BATCH_BYTES_MAX } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Position } from "../ports/log-storage.ts"
import type { Cursor, Handshake, PassedRange, PullAnswer, PushAnswer, Refusal, Remote, RemoteLimits } from "../ports/remote.ts"
import type { CycleStatus, PullResult, PushResult, PushTotals, SyncCycle } from "./cycle.ts"
import { Known } from "./known.ts"
import type { StoreViews } from "../views/store-views.ts"
import { checkParts, type Page, pageCommit, restartCommit, sameCursor } from "./pages.ts"
import { basisOf, planPush, type PushPlan } from "./planner.ts"
import { foreignWriters, hasUnanswered, refusalCommit, withheldCommit } from "./refusals.ts"
import type { SyncedLog } from "./synced-log.ts"
import { type UpstreamLoss, upstreamLossOf } from "./upstream-loss.ts"

/** An `ok` may leave what was pushed lacking this many times in a row before it is taken for a lie. */
const FRUITLESS_PUSHES_MAX = 3
/** A pull begins anew this often, and is given this many pages in a row that bring nothing: then it is put off. */
const RESTARTS_MAX = 8
const EMPTY_PAGES_MAX = 16
/** Writers whose blocks a pull asks to be left out. */
const HAVE_MAX = 64
/** A slow network passes for a clock that is off by less. */
const CLOCK_OFFSET_MILLIS_MIN = 60_000

/** Codes of a push that brings too much at once. */
const TOO_LARGE: ReadonlySet<string> = new Set(["batch_too_large", "body_too_large"])

/** Of one push, at most. */
interface PushSize {
  readonly operations: number
  readonly bytes: number
}

/** A page that was asked for. */
interface AskedPage {
  readonly cursor: Cursor
  readonly have: readonly PassedRange[]
  readonly answer: Promise<PullAnswer>
}

export class RemoteCycle implements SyncCycle {
  readonly remote: Remote
  readonly #log: SyncedLog
  readonly #known: Known
  #handshake: Handshake | undefined
  /** What one push may bring, where the remote took less than it had announced; until the next handshake. */
  #reduced: PushSize | undefined
  #totals: PushTotals = { operations: 0, coalesced: 0, coalescedBytes: 0, refused: 0 }
  #remoteHead = 0
  /** The remote's clock less this one; undefined before it has told the time. */
  #clockOffsetMillis: number | undefined
  #queue = { head: -1, acks: -1, bytes: 0 }
  #loss: { readonly views: StoreViews; readonly head: Position; readonly acks: number; readonly loss: UpstreamLoss | undefined } | undefined
  /** Counts what answers told: what was looked up before is to be looked up anew. */
  #acks = 0

  constructor(log: SyncedLog, remote: Remote) {
    this.#log = log
    this.remote = remote
    this.#known = new Known(remote.name)
  }

  async connect(signal: AbortSignal): Promise<Handshake> {
    if (this.#handshake !== undefined) return this.#handshake
    const handshake = await this.remote.handshake({ signal })
    this.#known.allow()
    this.#reduced = undefined
    this.#acks++
    this.#remoteHead = handshake.head.position
    this.#hearTime(handshake.serverTimeMillis)
    return this.#handshake = handshake
  }

  /** The remote's. */
  get name(): string {
    return this.remote.name
  }

  forget(): void {
    this.#handshake = undefined
  }

  get hasPending(): boolean {
    const { views } = this.#log
    this.#known.follow(views)
    return this.#known.lacking(views).length > 0
  }

  async push(signal: AbortSignal): Promise<PushResult> {
    const { limits: announced } = await this.connect(signal)
    let limits = this.#pushLimits(announced)
    let total: PushResult = { requests: 0, operations: 0, bytes: 0, coalesced: 0, coalescedBytes: 0, refused: 0, stoppedBy: "done" }
    // A log that was replaced by an older copy would send numbers that this handle has given away (rule S2); another handle may have written.
    if (this.hasPending || await this.#log.storage.head() !== this.#log.head) await this.#log.refresh()
    // What is written meanwhile is for the next push: somebody who writes all the time would keep this one from ending, and pulls from beginning.
    let until = this.#log.head
    const began = this.#ownSeqs()
    let ahead: Promise<PushPlan | undefined> | undefined, flushed: Position = 0
    for (let fruitless = 0;;) {
      signal.throwIfAborted()
      if (!this.#known.follow(this.#log.views).caughtUp) return { ...total, stoppedBy: "pull_first" }
      const plan = await ahead ?? await planPush(this.#log, this.#known, limits)
      ahead = undefined
      if (plan === undefined) return total
      if (plan.views !== this.#log.views) continue // the log was replaced meanwhile
      if (plan.through > flushed) flushed = await this.#flush()
      const view = this.#known.follow(this.#log.views)
      if (view.generation !== plan.generation) continue // another handle was told to begin again: what the plan leaves out may be lost there
      const request = { ...plan.request, basis: basisOf(view, this.#known) }
      const answering = this.remote.push(request, { signal })
      // The next one is planned while this one is on its way, as if it were taken.
      if (plan.through < until) ahead = planPush(this.#log, this.#known, limits, plan).catch(() => undefined)
      let answer: PushAnswer
      try {
        answer = await answering
      } catch (error) {
        if (!this.#halve(plan, error)) throw error
        total = { ...total, requests: total.requests + 1 }
        ahead = undefined
        limits = this.#pushLimits(announced)
        continue
      }
      total = { ...total, requests: total.requests + 1 }
      if (answer.kind === "unknown") return { ...total, stoppedBy: "pull_first" }
      if (answer.kind === "ok") {
        const isTaken = this.#learn(answer, plan)
        if (!isTaken) ahead = undefined
        fruitless = isTaken ? 0 : fruitless + 1
        total = { ...added(total, plan), bytes: total.bytes + plan.bytes }
        this.#totals = added(this.#totals, plan)
        if (isTaken && plan.through >= until) return total
      } else if (answer.kind === "refused") {
        ahead = undefined
        const { refused, serverTimeMillis } = answer, foreign = foreignWriters(this.#log.views, refused)
        if (foreign.length > 0) this.#forbid(foreign)
        const isNews = await this.#log.commit(refusalCommit(this.remote.name, refused, this.#now, serverTimeMillis))
        // What this push wrote anew has a stamp by the remote's own clock: whoever refuses that too will never have enough.
        const isLess = foreign.some((writer) => plan.ranges.has(writer)) || isNews && refused.some((dot) => this.#wasThere(dot, began))
        fruitless = isLess ? 0 : fruitless + 1
        until = this.#log.head
        this.#totals = { ...this.#totals, refused: this.#totals.refused + refused.length }
        total = { ...total, refused: total.refused + refused.length, stoppedBy: foreign.length > 0 ? "forbidden" : total.stoppedBy }
      } else {
        ahead = undefined
        const writers = answer.writers.map((writer) => this.#log.views.writers.indexOf(writer))
        fruitless = writers.some((writer) => plan.ranges.has(writer)) ? 0 : fruitless + 1
        this.#forbid(writers)
        total = { ...total, stoppedBy: "forbidden" }
      }
      if (fruitless > FRUITLESS_PUSHES_MAX) {
        throw new ProtocolViolation({
          remote: this.remote.name,
          call: "push",
          reason: `it answered ${answer.kind} again and again, and nothing changed`,
        })
      }
    }
  }

  #pushLimits({ partsMax, operationsMax, partsBytesMax }: RemoteLimits): RemoteLimits {
    const { operations = Infinity, bytes = Infinity } = this.#reduced ?? {}
    return {
      partsMax,
      operationsMax: Math.min(operationsMax, operations),
      partsBytesMax: Math.min(partsBytesMax, BATCH_BYTES_MAX, bytes),
    }
  }

  /** After a push that was too large, the next ones are half of it; answers whether that is less than it was: one frame is never cut. */
  #halve(plan: PushPlan, error: unknown): boolean {
    if (!(error instanceof RemoteError) || !TOO_LARGE.has(error.details.remoteCode)) return false
    const half = (whole: number): number => Math.max(1, Math.floor(whole / 2)), before = this.#reduced
    const { operations, bytes } = this.#reduced = {
      operations: half(plan.operations + plan.coalesced),
      bytes: half(plan.bytes + plan.coalescedBytes),
    }
    return before === undefined || operations < before.operations || bytes < before.bytes
  }

  #forbid(writers: readonly number[]): void {
    this.#known.forbid(writers)
    this.#acks++
  }

  /** Own writers and their last numbers. */
  #ownSeqs(): ReadonlyMap<number, number> {
    const { views } = this.#log
    return new Map([...views.own].map((writer) => [writer, views.vector.pairOf(writer).seq]))
  }

  /** Was an operation in the log when the own writers had come to these numbers? */
  #wasThere({ writer, seq }: Refusal, seqs: ReadonlyMap<number, number>): boolean {
    const { views } = this.#log, index = views.writers.indexOf(writer)
    return !views.own.has(index) || seq <= (seqs.get(index) ?? 0)
  }

  /** Puts the log onto the device; answers up to which frame that is known. */
  async #flush(): Promise<Position> {
    const { head } = this.#log
    await this.#log.flush()
    return head
  }

  /** Notes an `ok`; answers whether the remote has what was pushed. */
  #learn(answer: Extract<PushAnswer, { kind: "ok" }>, plan: PushPlan): boolean {
    const { views } = this.#log
    this.#known.follow(views)
    for (const { writer, seq } of answer.pairs) this.#known.ack(views.writers.indexOf(writer), seq)
    this.#known.last = answer.last
    this.#remoteHead = Math.max(this.#remoteHead, answer.last.position)
    this.#acks++
    for (const [writer, to] of plan.ranges) if (this.#known.of(writer, views) < to) return false
    this.#known.readFrom = plan.through
    return true
  }

  async pull(signal: AbortSignal): Promise<PullResult> {
    const { limits } = await this.connect(signal), { remote: { name } } = this
    let requests = 0, parts = 0, bytes = 0, restarts = 0, emptyPages = 0, ahead: AskedPage | undefined
    for (let upToDate = false; !upToDate;) {
      signal.throwIfAborted()
      const { cursor } = this.#known.follow(this.#log.views)
      const asked = ahead !== undefined && sameCursor(ahead.cursor, cursor) ? ahead : this.#ask(cursor, limits, signal)
      ahead = undefined
      const answer = await asked.answer
      requests++
      if (answer.kind === "restart") {
        if (cursor.position === 0) this.#refuse("it wants a restart of a pull that began at the first frame")
        if (restarts++ === RESTARTS_MAX) {
          throw new NoProgress({ remote: name, call: "pull", reason: "it asks for a new beginning, again and again" })
        }
        await this.#log.commit(restartCommit(name, answer.at, cursor))
        continue
      }
      this.#checkPage(answer, asked)
      const blocks = checkParts(answer.parts, name)
      if (!answer.upToDate) ahead = this.#ask(answer.next, limits, signal) // while this one is stored
      await this.#log.commit(pageCommit(name, answer, blocks, cursor, this.#now))
      parts += blocks.length
      for (const { content } of answer.parts) bytes += content.length
      this.#remoteHead = answer.head
      this.#hearTime(answer.serverTimeMillis)
      const { views } = this.#log
      this.#known.follow(views)
      for (const { writer, to } of blocks) this.#known.raise(views.writers.indexOf(writer), to)
      upToDate = answer.upToDate && sameCursor(this.#known.follow(views).cursor, answer.next)
      emptyPages = answer.parts.length + answer.ranges.length === 0 ? emptyPages + 1 : 0
      if (!upToDate && emptyPages === EMPTY_PAGES_MAX) {
        throw new NoProgress({ remote: name, call: "pull", reason: "its pages bring nothing" })
      }
    }
    this.#known.settle(this.#log.views)
    this.#acks++
    while (hasUnanswered(this.#log.views, name) && await this.#log.commit(withheldCommit(name)));
    return { requests, parts, bytes, restarts }
  }

  #ask(cursor: Cursor, { partsBytesMax }: RemoteLimits, signal: AbortSignal): AskedPage {
    const have = this.#have(), answer = this.remote.pull({ cursor, have, partsBytesMax }, { signal })
    answer.catch(() => {}) // it may be asked for ahead, and never looked at
    return { cursor, have, answer }
  }

  /** What would make asking never end, or leave something out, is not taken. */
  #checkPage({ next, upToDate, ranges }: Page, { cursor, have }: AskedPage): void {
    const moves = next.position > cursor.position || (upToDate && sameCursor(next, cursor))
    if (!moves) this.#refuse(`after position ${cursor.position} it went on at ${next.position}`)
    const bounds = new Map(have.map(({ writer, seq }) => [bytesToHex(writer), seq]))
    for (const { writer, seq } of ranges) {
      if (seq > (bounds.get(bytesToHex(writer)) ?? 0)) this.#refuse("it left out a block that was not said to be here")
    }
  }

  #refuse(reason: string): never {
    throw new ProtocolViolation({ remote: this.remote.name, call: "pull", reason })
  }

  #have(): PassedRange[] {
    const { views } = this.#log
    const whole = [...views.vector.entries].filter(([, { withheld }]) => withheld.length === 0)
    const own = whole.filter(([writer]) => views.own.has(writer)), others = whole.filter(([writer]) => !views.own.has(writer))
    return [...own, ...others].slice(0, HAVE_MAX).map(([writer, { seq }]) => ({ writer: views.writers.idOf(writer), seq }))
  }

  /** The last number of a writer, by its index in the views, that the remote is known to have. */
  knownOf(writer: number): number {
    const { views } = this.#log
    this.#known.follow(views)
    return this.#known.of(writer, views)
  }

  readonly #now = (): number => this.#log.platform.now()

  #hearTime(serverTimeMillis: number): void {
    const offset = Math.round(serverTimeMillis - this.#now())
    this.#clockOffsetMillis = Math.abs(offset) < CLOCK_OFFSET_MILLIS_MIN ? 0 : offset
  }

  status(): CycleStatus {
    const { views } = this.#log, view = this.#known.follow(views)
    const pendingOperations = this.#pendingOperations()
    const pendingBytes = (): number => pendingOperations === 0 ? 0 : this.#pendingBytes(), upstreamLoss = () => this.#upstreamLoss()
    return {
      pendingOperations,
      // Of all this the only parts that take long: looked up when somebody reads them.
      get pendingBytes(): number {
        return pendingBytes()
      },
      get upstreamLoss(): UpstreamLoss | undefined {
        return upstreamLoss()
      },
      cursor: view.cursor,
      caughtUp: view.caughtUp,
      remoteHead: this.#remoteHead,
      clockOffsetMillis: this.#clockOffsetMillis ?? view.clockOffsetMillis,
      handshake: this.#handshake,
      totals: this.#totals,
    }
  }

  /** Own writers too: an entry implies the ones that it continued. */
  #pendingOperations(): number {
    const { views } = this.#log
    if (!this.hasPending) return 0
    let pending = 0
    for (const writer of new Set([...views.vector.entries.keys(), ...views.own])) {
      if (this.#known.takes(writer, views)) pending += Math.max(0, views.vector.pairOf(writer).seq - this.#known.of(writer, views))
    }
    return pending
  }

  /** Keys and values of the live versions that the remote lacks: what a squashed plan would bring. Looked up once for each state. */
  #pendingBytes(): number {
    const { views, head } = this.#log
    if (this.#queue.head === head && this.#queue.acks === this.#acks) return this.#queue.bytes
    const seqs = new Map<number, number>()
    const lacks = (writer: number, seq: number): boolean => {
      let known = seqs.get(writer)
      if (known === undefined) seqs.set(writer, known = this.#known.takes(writer, views) ? this.#known.of(writer, views) : Infinity)
      return seq > known
    }
    let bytes = 0
    for (const { version } of views.records.liveVersions(lacks)) bytes += version.keyBytes + version.valueBytes
    this.#queue = { head, acks: this.#acks, bytes }
    return bytes
  }

  #upstreamLoss(): UpstreamLoss | undefined {
    const { views, head } = this.#log
    if (this.#loss?.views !== views || this.#loss.head !== head || this.#loss.acks !== this.#acks) {
      this.#loss = { views, head, acks: this.#acks, loss: upstreamLossOf(views, this.#known) }
    }
    return this.#loss.loss
  }
}

const added = <Total extends PushTotals>(total: Total, plan: PushPlan): Total => ({
  ...total,
  operations: total.operations + plan.operations,
  coalesced: total.coalesced + plan.coalesced,
  coalescedBytes: total.coalescedBytes + plan.coalescedBytes,
})
