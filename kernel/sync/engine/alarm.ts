/** Alarm: calls back once after a time; whoever sets it again calls the time before off. Keeps no process alive. */
import { type Platform, startTimer } from "../../ports/platform.ts"

export class Alarm {
  readonly #platform: Platform
  readonly #callback: () => void
  #end: (() => void) | undefined

  constructor(platform: Platform, callback: () => void) {
    this.#platform = platform
    this.#callback = callback
  }

  set(delayMillis: number): void {
    this.clear()
    this.#end = startTimer(this.#platform, () => this.#ring(), delayMillis, true)
  }

  clear(): void {
    this.#end?.()
    this.#end = undefined
  }

  #ring(): void {
    this.#end = undefined
    this.#callback()
  }
}
