/**
 * Tells listeners that another handle has appended, by asking for the head: every 100 ms in a file or in memory, every second at a server.
 *
 * A server has no cheaper means: SQLite's `data_version` counts commits as one connection sees them, and every request may get another one.
 * The timer runs only while somebody listens, asks nothing while an answer is outstanding, and keeps no process alive.
 */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"

/** Asks for what changes with every append. */
type Look = () => Awaitable<unknown>

export class Watcher {
  readonly #look: Look
  readonly #pollMillis: number
  readonly #listeners = new Set<() => void>()
  #timer: ReturnType<typeof setInterval> | undefined
  #isLooking = false
  #seen: unknown

  constructor(look: Look, pollMillis: number) {
    this.#look = look
    this.#pollMillis = pollMillis
  }

  /** `seen` is what the handle has seen of its own accord by now. */
  add(listener: () => void, seen: unknown): () => void {
    // One entry a call, so that the same function given twice is stopped once for each.
    const entry = (): void => listener()
    this.#listeners.add(entry)
    if (this.#timer === undefined) {
      this.#seen = seen
      this.#timer = setInterval(() => void this.#poll(), this.#pollMillis)
      const timer: { unref?: () => void } = Object(this.#timer)
      timer.unref?.()
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

  /** What this handle has seen itself needs no telling. */
  saw(value: unknown): void {
    this.#seen = value
  }

  async #poll(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    let value: unknown
    try {
      value = await this.#look()
    } catch {
      // What cannot be read has perhaps changed: listeners look for themselves and hear why, once.
      value = "unreadable"
    }
    this.#isLooking = false
    if (value === this.#seen) return
    this.#seen = value
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch {
        // A call that only says "look again" has nobody to report to; listeners report their own failures.
      }
    }
  }
}
