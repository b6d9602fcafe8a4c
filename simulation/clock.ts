/** Clocks and platforms: what the code under test sees of time and chance. True time is the scheduler's alone. */
import type { Platform } from "../kernel/ports/platform.ts"
import type { Random } from "./random.ts"
import type { Actor, Scheduler } from "./scheduler.ts"

/** A year of 365 days. */
export const YEAR_MILLIS = 31_536_000_000
/** More than the five minutes by which a stamp may be ahead. */
export const JUMP_MILLIS = 600_000

/** The clock of a device or a server: right, off by some time, or standing still. */
export class Clock {
  offsetMillis: number = 0
  /** What it shows while it stands still. */
  frozenMillis: number | undefined
  readonly #scheduler: Scheduler

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  readonly now = (): number => this.frozenMillis ?? this.#scheduler.millis + this.offsetMillis

  /** Stands still, or goes on. */
  freeze(isFrozen: boolean): void {
    this.frozenMillis = isFrozen ? this.#scheduler.millis + this.offsetMillis : undefined
  }
}

/** The platform of one process. Its timers are `timerRate` times as long as they should be by the scheduler's time. */
export const processPlatform = (process: Actor, scheduler: Scheduler, clock: Clock, random: Random, timerRate: number): Platform => ({
  now: clock.now,
  randomBytes: (length) => random.bytes(length),
  startTimer: (callback, delayMillis) => scheduler.add(process, `timer of ${delayMillis} ms`, callback, Math.ceil(delayMillis * timerRate)),
})
