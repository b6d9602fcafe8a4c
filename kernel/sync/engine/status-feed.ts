/**
 * Status feed: who is told of the status, and in which order. Everybody is told once per change, in order, in a microtask of its own: what a
 * listener does or throws disturbs neither the engine nor other listeners.
 */
import { abortable } from "../../abortable.ts"
import { SyncStopped } from "../../errors.ts"
import { kindOf, type Logger } from "../../ports/logger.ts"
import type { SyncStatus } from "./sync-status.ts"

/** What it answers is a promise if it is asynchronous. */
type Listener = (status: SyncStatus) => unknown

export class StatusFeed {
  readonly #read: () => SyncStatus
  readonly #logger: Logger
  readonly #listeners = new Set<Listener>()
  /** As last told, while there are listeners. */
  #latest: SyncStatus | undefined
  #waiting: { readonly status: SyncStatus; readonly listeners: readonly Listener[] }[] = []
  #isOver = false

  constructor(read: () => SyncStatus, logger: Logger) {
    this.#read = read
    this.#logger = logger
  }

  /** The status may have changed. */
  publish(): void {
    if (this.#listeners.size === 0 || this.#isOver) return
    const status = this.#read()
    if (isSame(this.#latest, status)) return
    this.#latest = status
    if (this.#waiting.push({ status, listeners: [...this.#listeners] }) === 1) queueMicrotask(() => this.#deliver())
  }

  /** Publishes for the last time. */
  end(): void {
    this.publish()
    this.#isOver = true
  }

  /** Calls `listener` at once with the status, and with every one that follows. Answers the function that ends it. */
  subscribe(listener: Listener): () => void {
    if (this.#listeners.size === 0) this.#latest = this.#read()
    else this.publish()
    const own: Listener = (status) => listener(status) // one of its own for each call, so that each is ended alone
    this.#listeners.add(own)
    this.#tell(own, this.#latest ?? this.#read())
    return () => void this.#listeners.delete(own)
  }

  /** Resolves with the first status that `predicate` holds for, the present one included. Rejects with what it throws, the signal's reason or `SyncStopped`. */
  async waitFor(predicate: (status: SyncStatus) => boolean, signal: AbortSignal | undefined): Promise<SyncStatus> {
    signal?.throwIfAborted()
    let end = (): void => {}
    const found = new Promise<SyncStatus>((resolve, reject) => {
      end = this.subscribe((status) => {
        try {
          if (predicate(status)) resolve(status)
          else if (status.state === "stopped") reject(new SyncStopped({ store: status.store }))
        } catch (error) {
          reject(error)
        }
      })
    })
    return await abortable(found, signal).finally(end)
  }

  #deliver(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { status, listeners } of waiting) {
      for (const listener of listeners) if (this.#listeners.has(listener)) this.#tell(listener, status)
    }
  }

  #tell(listener: Listener, status: SyncStatus): void {
    try {
      const answer = listener(status)
      if (answer instanceof Promise) answer.catch((error) => this.#complain(error))
    } catch (error) {
      this.#complain(error)
    }
  }

  #complain(error: unknown): void {
    this.#logger.error("a listener to the status of syncing threw", { error: kindOf(error) })
  }
}

/** Plain data that say the same. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  const entries = Object.entries(a), others: Record<string, unknown> = { ...b }
  return entries.length === Object.keys(others).length && entries.every(([name, value]) => isSame(value, others[name]))
}
