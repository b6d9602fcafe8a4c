/**
 * Debounce of local writes: when what was written is to be sent.
 *
 *   a write that stands alone        at once
 *   several since the last cycle     when none came for 20 ms; at most 250 ms after the second
 *   very many                        as soon as they fill a push, looked at every 20 ms
 *   any, if somebody waits for each  at once; what is stored while a cycle runs goes with the next one, which begins when it ends
 *
 * So somebody who waits for each write to arrive is not slowed down, and a loop of writes makes few requests. It reads no clock: it counts windows
 * of 20 ms, so that a clock that jumps neither holds a write back nor lets a loop through.
 */
import { type Platform, startTimer } from "../../ports/platform.ts"

export const DEBOUNCE_MILLIS = 20
/** No write waits longer for others. */
export const DEBOUNCE_MILLIS_MAX = 250

export interface WriteDebounceOptions {
  readonly platform: Platform
  /** Whoever writes waits until it has arrived: nothing is held back. */
  readonly isAwaited?: boolean | undefined
  /** A cycle is running: what is written now goes with the next one. */
  readonly isBusy: () => boolean
  /** What waits is enough for a push. */
  readonly isFull: () => boolean
  /** Called when something is due. */
  readonly onDue: () => void
  /** Called for the first write, and then, while more come, every 20 ms. */
  readonly onTick: () => void
}

export class WriteDebounce {
  readonly #options: WriteDebounceOptions
  #isDue = false
  /** Writes since the last cycle began. */
  #writes = 0
  /** The same at the beginning of the present window. */
  #writesBefore = 0
  #windows = 0
  #endWindow: (() => void) | undefined

  constructor(options: WriteDebounceOptions) {
    this.#options = options
  }

  /** What was written is to be sent now. */
  get isDue(): boolean {
    return this.#isDue
  }

  /** Something was written. */
  note(): void {
    this.#writes++
    if (this.#writes === 1) {
      this.#letGo()
      this.#options.onTick()
      return
    }
    const { isAwaited = false, isBusy } = this.#options
    if (isAwaited) this.#letGo()
    if (this.#isDue && !isBusy()) this.#tickLater()
    else if (!isAwaited && this.#endWindow === undefined) this.#openWindow()
  }

  /** What is due stays so, paused or offline, and more is written: whoever listens is told. */
  #tickLater(): void {
    this.#endWindow ??= startTimer(
      this.#options.platform,
      () => {
        this.#endWindow = undefined
        this.#options.onTick()
      },
      DEBOUNCE_MILLIS,
      true,
    )
  }

  /** A cycle begins: it takes all that was written. */
  take(): void {
    this.#isDue = false
    this.#writes = this.#windows = 0
    this.#endWindow?.()
    this.#endWindow = undefined
  }

  #openWindow(): void {
    this.#isDue = false
    this.#writesBefore = this.#writes
    this.#endWindow = startTimer(this.#options.platform, () => this.#closeWindow(), DEBOUNCE_MILLIS, true)
  }

  #closeWindow(): void {
    this.#endWindow = undefined
    this.#windows++
    const isLate = (this.#windows + 1) * DEBOUNCE_MILLIS > DEBOUNCE_MILLIS_MAX
    if (isLate || this.#writes === this.#writesBefore || this.#options.isFull()) this.#letGo()
    else this.#openWindow()
    this.#options.onTick()
  }

  #letGo(): void {
    this.#isDue = true
    this.#options.onDue()
  }
}
