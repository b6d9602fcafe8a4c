/**
 * Write confirmation: in the mode write-through a write resolves only once every required remote has it.
 *
 *   stored here ─▶ waits ─┬─ every required remote is known to have it ─▶ resolves
 *                         ├─ one refused it for good (a dead letter) ───▶ `NotConfirmed`, refused
 *                         ├─ the deadline ─────────────────────────────▶ `NotConfirmed`, deadline
 *                         └─ syncing ends ─────────────────────────────▶ `NotConfirmed`, stopped
 *
 * A remote has a number if it is known to have the writer up to there and does not withhold it (section 4 of the sync model). What a remote refused
 * and this log has replaced, be it written anew or written over, is had where what replaced it is. Deadlines are timers of the platform: a clock that
 * jumps changes nothing of them; they keep a process alive, since somebody waits.
 */
import { NotConfirmed, type NotConfirmedDetails } from "../errors.ts"
import { covers } from "../model/versions.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { type Platform, startTimer } from "../ports/platform.ts"
import type { StoreViews } from "../views/store-views.ts"

/** The operations of one call, just stored: numbers after `from` up to `to` of one writer, at least one. */
export interface StoredWrite {
  readonly writer: Bytes
  readonly from: number
  readonly to: number
  /** The record of each, in the order of the numbers. */
  readonly records: readonly StoredName[]
}

/** Names a record: its collection's index in the views, and its key. */
export interface StoredName {
  readonly collection: number
  readonly key: Bytes
}

/** Asked after a write is stored: its call ends as what this answers does. */
export interface WriteConfirmer {
  confirm(write: StoredWrite): Promise<void>
}

/** A remote that has to confirm, as its cycle knows it. */
export interface ConfirmingRemote {
  readonly name: string
  /** The last number of a writer, by its index, that it is known to have. */
  knownOf(writer: number): number
}

export interface WriteConfirmationOptions {
  readonly store: string
  readonly platform: Platform
  /** As they are now. */
  readonly views: () => StoreViews
  /** At least one. */
  readonly required: () => readonly ConfirmingRemote[]
  /** Milliseconds after a write was stored. */
  readonly deadlineMillis: number
}

/** What a remote has of a write: all, not yet all, or never all since it refused some for good. */
type Standing = "had" | "open" | { readonly code: string }

interface WaitingWrite {
  readonly write: StoredWrite
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Writes of one writer that were stored together; they share a deadline. */
interface WaitingGroup {
  readonly writer: Bytes
  readonly writes: Set<WaitingWrite>
  readonly endDeadline: () => void
}

export class WriteConfirmation implements WriteConfirmer {
  readonly #options: WriteConfirmationOptions
  readonly #groups = new Set<WaitingGroup>()
  /** Takes what is stored at the same moment. */
  #newest: WaitingGroup | undefined

  constructor(options: WriteConfirmationOptions) {
    this.#options = options
  }

  /** Calls that wait. */
  get waiting(): number {
    let waiting = 0
    for (const { writes } of this.#groups) waiting += writes.size
    return waiting
  }

  confirm(write: StoredWrite): Promise<void> {
    const { writes } = this.#groupOf(write.writer)
    return new Promise((resolve, reject) => void writes.add({ write, resolve, reject }))
  }

  #groupOf(writer: Bytes): WaitingGroup {
    if (this.#newest?.writer === writer) return this.#newest
    const { platform, deadlineMillis } = this.#options
    const group: WaitingGroup = {
      writer,
      writes: new Set(),
      endDeadline: startTimer(platform, () => this.#expire(group), deadlineMillis),
    }
    this.#groups.add(group)
    this.#newest = group
    queueMicrotask(() => {
      if (this.#newest === group) this.#newest = undefined
    })
    return group
  }

  /** Something was sent, taken or refused: ends the calls that it decides. */
  check(): void {
    for (const group of this.#groups) this.#checkGroup(group)
  }

  #checkGroup(group: WaitingGroup): void {
    const views = this.#options.views(), writer = views.writers.indexOf(group.writer)
    const known = this.#options.required().map((remote) => ({ remote, seq: remote.knownOf(writer) }))
    for (const waiting of group.writes) {
      let isOpen = false, refusedCode: string | undefined
      for (const { remote, seq } of known) {
        const standing = this.#standingOf(waiting.write, writer, remote, seq, views)
        if (standing === "open") isOpen = true
        else if (standing !== "had") refusedCode ??= standing.code
      }
      if (refusedCode !== undefined) this.#reject(group, waiting, "refused", refusedCode)
      else if (!isOpen) {
        this.#remove(group, waiting)
        waiting.resolve()
      }
    }
  }

  #standingOf({ from, to, records }: StoredWrite, writer: number, remote: ConfirmingRemote, known: number, views: StoreViews): Standing {
    const { refused } = views.remotes.of(remote.name)
    if (refused.size === 0 || !refused.hasInRange(writer, from, to)) return known >= to ? "had" : "open"
    let all: Standing = "had"
    for (let seq = from + 1; seq <= to; seq++) {
      const one = this.#standingOfOne(writer, seq, records[seq - from - 1], remote, known, views)
      if (one === "open") all = "open"
      else if (one !== "had") return one
    }
    return all
  }

  #standingOfOne(
    writer: number,
    seq: number,
    record: StoredName | undefined,
    remote: ConfirmingRemote,
    known: number,
    views: StoreViews,
  ): Standing {
    const { remotes: { dead }, records, lineage } = views, { refused } = views.remotes.of(remote.name)
    if (!refused.has(writer, seq)) return known >= seq ? "had" : "open"
    const letter = dead.get(writer, seq)
    if (letter !== undefined) return letter
    if (record === undefined) return "had"
    const { collection, key } = record, row = records.find(key, 0, key.length, collection, records.hash(key, 0, key.length, collection))
    let all: Standing = "had"
    for (const version of row < 0 ? [] : records.versionsOf(row)) {
      if (version.writer === writer && version.seq === seq) all = "open" // nobody has answered it yet
      if (!covers(version, writer, seq, lineage)) continue
      const letter = refused.has(version.writer, version.seq) ? dead.get(version.writer, version.seq) : undefined
      if (letter !== undefined) return letter
      if (refused.has(version.writer, version.seq) || remote.knownOf(version.writer) < version.seq) all = "open"
    }
    return all
  }

  #expire(group: WaitingGroup): void {
    this.#checkGroup(group)
    for (const waiting of group.writes) this.#reject(group, waiting, "deadline")
  }

  /** Ends the waiting of all; later writes are not asked for any more. */
  close(): void {
    for (const group of this.#groups) {
      this.#checkGroup(group)
      for (const waiting of group.writes) this.#reject(group, waiting, "stopped")
    }
  }

  #reject(group: WaitingGroup, waiting: WaitingWrite, reason: NotConfirmedDetails["reason"], refusedCode?: string): void {
    const { store, views: viewsNow, required } = this.#options, views = viewsNow(), writer = views.writers.indexOf(group.writer)
    const confirmed: string[] = [], missing: string[] = []
    for (const remote of required()) {
      const standing = this.#standingOf(waiting.write, writer, remote, remote.knownOf(writer), views)
      ;(standing === "had" ? confirmed : missing).push(remote.name)
    }
    this.#remove(group, waiting)
    const operation = views.writers.versionOf(writer, waiting.write.to)
    waiting.reject(new NotConfirmed({ store, operation, confirmed, missing, reason, refusedCode }))
  }

  #remove(group: WaitingGroup, waiting: WaitingWrite): void {
    group.writes.delete(waiting)
    if (group.writes.size > 0) return
    group.endDeadline()
    this.#groups.delete(group)
    if (this.#newest === group) this.#newest = undefined
  }
}
