/**
 * Pending call: one exchange with the other end from its beginning to its end, and the one reason for which it ends early: the caller's signal,
 * a time limit, or that everything is closed. Whoever waits for something within it waits through `race`, so that it ends even if what it waits
 * for takes no notice.
 */
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"

/** A time limit that is running. */
export interface Limit {
  /** Begins it again. */
  restart(): void
  /** Calls it off. Idempotent. */
  stop(): void
}

/** One for all calls: nobody ever sees where it came from. */
const HAS_ENDED = new Error("the call has ended")

export class PendingCall {
  readonly #platform: Platform
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #onOuterAbort = (): void => this.abort(this.#outer.reason)
  readonly #aborted: Promise<never>
  readonly #stops = new Set<() => void>()

  readonly #onEnd: () => void
  #hasEnded = false

  /** Throws the signal's reason if that has aborted already. `onEnd` is called by `end`. */
  constructor(platform: Platform, outer: AbortSignal, onEnd: () => void = () => undefined) {
    outer.throwIfAborted()
    this.#platform = platform
    this.#onEnd = onEnd
    this.#outer = outer
    outer.addEventListener("abort", this.#onOuterAbort, { once: true })
    this.#aborted = new Promise((_, reject) => {
      this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true })
    })
    this.#aborted.catch(() => undefined) // nobody may be waiting just then
  }

  /** Aborts when the call ends early, and when it has ended. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Ends it early, for this reason unless there was one before. */
  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }

  /** Resolves or rejects as `work` does; rejects with the reason once the call has ended early, whatever `work` does. */
  async race<T>(work: Promise<T>): Promise<T> {
    try {
      const result = await Promise.race([work, this.#aborted])
      this.signal.throwIfAborted()
      return result
    } catch (error) {
      // What fails because of the abort fails in a way of its own in every runtime.
      throw this.signal.aborted ? this.signal.reason : error
    }
  }

  /** Ends the call early after so many milliseconds. */
  limit(millis: number, reason: () => unknown): Limit {
    let stopTimer = (): void => undefined
    const stop = (): void => {
      stopTimer()
      this.#stops.delete(stop)
    }
    const restart = (): void => {
      stop()
      if (this.#hasEnded) return
      stopTimer = startTimer(this.#platform, () => this.abort(reason()), millis, true)
      this.#stops.add(stop)
    }
    restart()
    return { restart, stop }
  }

  /**
   * A limit in total that is put off by what is moved: by a millisecond for every so many bytes that the answered function is told of. So a slow
   * link gets through, and somebody who sends a byte now and then does not.
   */
  deadline(millis: number, bytesPerMilli: number, reason: () => unknown): (bytes: number) => void {
    let granted = 0
    let stopTimer = (): void => undefined
    const start = (delayMillis: number): void => {
      stopTimer = startTimer(
        this.#platform,
        () => {
          const more = Math.floor(granted)
          granted -= more
          if (more > 0) start(more)
          else this.abort(reason())
        },
        delayMillis,
        true,
      )
    }
    start(millis)
    this.#stops.add(() => stopTimer())
    return (bytes) => void (granted += bytes / bytesPerMilli)
  }

  /** Ends it: calls off its limits and frees whatever it still has of the network. Idempotent. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const stop of [...this.#stops]) stop()
    this.#stops.clear()
    this.#outer.removeEventListener("abort", this.#onOuterAbort)
    this.#controller.abort(HAS_ENDED)
    this.#onEnd()
  }
}
