/** A store that only counts, and the cycles over it: they ask their remote as real ones do, and keep nothing. */
import type { Cursor, Handshake, Remote } from "../../../ports/remote.ts"
import type { CycleStatus, PullResult, PushResult, PushTotals, SyncCycle } from "../../cycle.ts"
import type { UpstreamLoss } from "../../upstream-loss.ts"
import type { SyncedStore } from "../synced-store.ts"
import { cursorAt, partOf } from "./double-remote.ts"

export class DoubleStore implements SyncedStore {
  readonly name: string = "notes"
  head: number = 0
  deadLetterCount: number = 0
  conflictCount: number = 0
  flushes: number = 0
  onFlush: (() => Promise<void>) | undefined
  readonly cycles: DoubleCycle[] = []
  readonly writeListeners: Set<() => void> = new Set()
  readonly closeListeners: Set<() => Promise<void>> = new Set()

  readonly makeCycle = (remote: Remote): DoubleCycle => {
    const cycle = new DoubleCycle(this, remote)
    this.cycles.push(cycle)
    return cycle
  }

  /** One frame of so many operations. */
  write(operations: number = 1): void {
    this.head++
    for (const cycle of this.cycles) cycle.pending += operations
    this.tell()
  }

  tell(): void {
    for (const listener of this.writeListeners) listener()
  }

  onWrite(listener: () => void): () => void {
    this.writeListeners.add(listener)
    return () => void this.writeListeners.delete(listener)
  }

  async flush(): Promise<void> {
    this.flushes++
    await this.onFlush?.()
  }

  onClose(listener: () => Promise<void>): () => void {
    this.closeListeners.add(listener)
    return () => void this.closeListeners.delete(listener)
  }

  async close(): Promise<void> {
    await Promise.all([...this.closeListeners].map((listener) => listener()))
  }
}

/** Operations of one push. */
const PUSH_OPERATIONS_MAX = 1000

export class DoubleCycle implements SyncCycle {
  readonly remote: Remote
  pending: number = 0
  cursor: Cursor = cursorAt(0)
  caughtUp: boolean = false
  /** Bytes of a pushed part, for each operation. */
  operationBytes: number = 10
  /** Calls that ran at the same time, at most. */
  overlapMax: number = 0
  forgets: number = 0
  upstreamLoss: UpstreamLoss | undefined = undefined
  readonly #store: DoubleStore
  #handshake: Handshake | undefined
  #totals: PushTotals = { operations: 0, coalesced: 0, coalescedBytes: 0, refused: 0 }
  #remoteHead = 0
  #running = 0

  constructor(store: DoubleStore, remote: Remote) {
    this.#store = store
    this.remote = remote
  }

  get hasPending(): boolean {
    return this.pending > 0
  }

  connect(signal: AbortSignal): Promise<Handshake> {
    return this.#alone(() => this.#connect(signal))
  }

  push(signal: AbortSignal): Promise<PushResult> {
    return this.#alone(() => this.#push(signal))
  }

  pull(signal: AbortSignal): Promise<PullResult> {
    return this.#alone(() => this.#pull(signal))
  }

  async #connect(signal: AbortSignal): Promise<Handshake> {
    if (this.#handshake === undefined) {
      this.#handshake = await this.remote.handshake({ signal })
      this.#remoteHead = this.#handshake.head.position
    }
    return this.#handshake
  }

  async #push(signal: AbortSignal): Promise<PushResult> {
    await this.#connect(signal)
    let result: PushResult = { requests: 0, operations: 0, bytes: 0, coalesced: 0, coalescedBytes: 0, refused: 0, stoppedBy: "done" }
    // What is written meanwhile is for the next cycle: somebody who writes all the time would keep it from pulling.
    for (let left = this.pending; left > 0; left -= PUSH_OPERATIONS_MAX) {
      const operations = Math.min(left, PUSH_OPERATIONS_MAX), bytes = operations * this.operationBytes
      const answer = await this.remote.push({ basis: [this.cursor], own: [], parts: [partOf(bytes)] }, { signal })
      result = { ...result, requests: result.requests + 1 }
      if (answer.kind === "unknown") return { ...result, stoppedBy: "pull_first" }
      if (answer.kind === "forbidden") return { ...result, stoppedBy: "forbidden" }
      this.pending -= operations
      if (answer.kind === "refused") {
        // Written anew with a right stamp, as real ones do: lacking again.
        this.#store.write(operations)
        this.#totals = { ...this.#totals, refused: this.#totals.refused + operations }
        return { ...result, refused: result.refused + operations }
      }
      this.#remoteHead = Math.max(this.#remoteHead, answer.last.position)
      this.#totals = { ...this.#totals, operations: this.#totals.operations + operations }
      result = { ...result, operations: result.operations + operations, bytes: result.bytes + bytes }
    }
    return result
  }

  async #pull(signal: AbortSignal): Promise<PullResult> {
    await this.#connect(signal)
    let result: PullResult = { requests: 0, parts: 0, bytes: 0, restarts: 0 }
    for (;;) {
      const answer = await this.remote.pull({ cursor: this.cursor, have: [], partsBytesMax: 3_500_000 }, { signal })
      result = { ...result, requests: result.requests + 1 }
      if (answer.kind === "restart") {
        this.cursor = answer.at
        result = { ...result, restarts: result.restarts + 1 }
        continue
      }
      this.cursor = answer.next
      this.#remoteHead = answer.head
      const bytes = answer.parts.reduce((sum, { content }) => sum + content.length, 0)
      result = { ...result, parts: result.parts + answer.parts.length, bytes: result.bytes + bytes }
      if (answer.parts.length > 0) {
        this.#store.head++
        this.#store.tell()
      }
      if (!answer.upToDate) continue
      this.caughtUp = true
      return result
    }
  }

  forget(): void {
    this.forgets++
    this.#handshake = undefined
  }

  status(): CycleStatus {
    return {
      pendingOperations: this.pending,
      pendingBytes: this.pending * this.operationBytes,
      upstreamLoss: this.upstreamLoss,
      cursor: this.cursor,
      caughtUp: this.caughtUp,
      remoteHead: this.#remoteHead,
      clockOffsetMillis: 0,
      handshake: this.#handshake,
      totals: this.#totals,
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    this.overlapMax = Math.max(this.overlapMax, ++this.#running)
    try {
      return await work()
    } finally {
      this.#running--
    }
  }
}
