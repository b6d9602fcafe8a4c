/**
 * Stall: one kind of call that goes wrong, and when it is tried again.
 *
 *   open ──fail──▶ waits: back-off, with what the remote asked for ──▶ open       for an error that may pass, as often as it takes
 *     └────fail──▶ waits ──▶ open ──fail──▶ parked ──an hour──▶ open ──fail──▶ parked …     for any other: twice, then with somebody's help;
 *                                                                                           for no version in common: once
 *   any ──release──▶ open, both tries anew          any ──succeed──▶ open, as if nothing had been
 *
 * A wait is one timer of the platform: a clock that jumps changes nothing of it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { UnsupportedVersion } from "../../errors.ts"
import type { Platform } from "../../ports/platform.ts"
import { Alarm } from "./alarm.ts"
import { BackOff } from "./back-off.ts"
import { isRetryable, isUnreachable, retryAfterOf, stateOf, toFailure } from "./failure.ts"
import type { RemoteCall, SyncFailure, SyncState } from "./sync-status.ts"

/** How often an error is met that does not pass by itself, before it is parked. */
export const TRIES_MAX = 2
/** What is parked is tried again after this time, and up to a tenth more. */
export const PARK_MILLIS = 3_600_000
const PARK_SPREAD = 0.1

export interface StallOptions {
  readonly remote: string
  readonly call: RemoteCall
  readonly platform: Platform
  /** Called when a wait is over. */
  readonly onOpen: () => void
}

export class Stall {
  readonly #options: StallOptions
  readonly #backOff = new BackOff()
  #error: unknown
  #failure: SyncFailure | undefined
  /** Failures in a row that do not pass by themselves. */
  #tries = 0
  #nextAttemptAt: number | undefined
  readonly #alarm: Alarm

  constructor(options: StallOptions) {
    this.#options = options
    this.#alarm = new Alarm(options.platform, () => this.#open())
  }

  /** May be tried now. */
  get isOpen(): boolean {
    return this.#nextAttemptAt === undefined
  }

  /** Waits for somebody. */
  get isParked(): boolean {
    return this.#tries >= TRIES_MAX
  }

  /** What has gone wrong and not gone well since. */
  get failure(): SyncFailure | undefined {
    return this.#failure
  }

  /** State of a remote because of it. */
  get state(): SyncState | undefined {
    return this.#failure === undefined ? undefined : stateOf(this.#error)
  }

  get isUnreachable(): boolean {
    return isUnreachable(this.#error)
  }

  /** Milliseconds since 1970-01-01, as it was reckoned when the wait began. */
  get nextAttemptAt(): number | undefined {
    return this.#nextAttemptAt
  }

  /** Takes note of an error and waits. */
  fail(error: unknown): Effect.Effect<void> {
    const { platform, remote, call } = this.#options
    return Effect.gen({ self: this }, function* () {
      this.#error = error
      this.#failure = toFailure(error, remote, call, platform.now())
      // Who speaks no version of ours is not asked the same again (W-20).
      if (!isRetryable(error)) this.#tries = error instanceof UnsupportedVersion ? TRIES_MAX : this.#tries + 1
      yield* this.isParked
        ? Effect.map(Random.next, (random) => this.#start(Math.ceil(PARK_MILLIS * (1 + PARK_SPREAD * random))))
        : this.rest(retryAfterOf(error))
    })
  }

  /** Waits as after a failure, without one. */
  rest(retryAfterMillis?: number): Effect.Effect<void> {
    return Effect.map(this.#backOff.next(retryAfterMillis), (delayMillis) => this.#start(delayMillis))
  }

  /** It has gone well. */
  succeed(): void {
    this.recover()
    this.#backOff.reset()
    this.#end()
  }

  /** It goes well for now: there is nothing to show any more, but the next wait is no shorter for that. */
  recover(): void {
    this.#error = this.#failure = undefined
    this.#tries = 0
  }

  /** Somebody asks to try at once; what went wrong is shown until something goes well. */
  release(): void {
    this.#tries = 0
    if (!this.isOpen) this.#open()
  }

  /** Frees its timer. */
  close(): void {
    this.#end()
  }

  #start(delayMillis: number): void {
    this.#nextAttemptAt = this.#options.platform.now() + delayMillis
    this.#alarm.set(delayMillis)
  }

  #end(): void {
    this.#nextAttemptAt = undefined
    this.#alarm.clear()
  }

  #open(): void {
    this.#end()
    this.#options.onOpen()
  }
}
