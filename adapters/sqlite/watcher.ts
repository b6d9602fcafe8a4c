/**
 * Tells listeners that another connection has committed, by asking SQLite's `data_version` every 100 ms.
 *
 * The counter lies in shared memory: asking takes microseconds and reads no file. It counts commits to the whole database, so a listener
 * may be called for another store. The timer runs only while somebody listens, and keeps no process alive.
 */
import { clearInterval, setInterval } from "node:timers"

/** A listener hears of an append after at most this long, as far as the event loop is free. */
export const WATCH_MILLIS = 100

export class Watcher {
  readonly #version: () => unknown
  readonly #listeners = new Set<() => void>()
  #timer: ReturnType<typeof setInterval> | undefined
  #seen: unknown

  /** `version` answers a value that changes with every commit of others. */
  constructor(version: () => unknown) {
    this.#version = version
  }

  add(listener: () => void): () => void {
    // One entry a call, so that the same function given twice is stopped once for each.
    const entry = (): void => listener()
    this.#listeners.add(entry)
    if (this.#timer === undefined) {
      this.#seen = this.#look()
      this.#timer = setInterval(() => this.#poll(), WATCH_MILLIS)
      this.#timer.unref()
    }
    return () => {
      this.#listeners.delete(entry)
      if (this.#listeners.size === 0) this.stop()
    }
  }

  stop(): void {
    this.#listeners.clear()
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #poll(): void {
    const version = this.#look()
    if (version === this.#seen) return
    this.#seen = version
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch {
        // A call that only says "look again" has nobody to report to; listeners report their own failures.
      }
    }
  }

  /** The version; a new value where it cannot be read, so that listeners look for themselves and hear why. */
  #look(): unknown {
    try {
      return this.#version()
    } catch {
      return Symbol("unreadable")
    }
  }
}
