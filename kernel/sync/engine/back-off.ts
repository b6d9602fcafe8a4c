/**
 * Back-off: how long to wait after a failure. The n-th delay is drawn evenly from 0 to 0.5 s × 2ⁿ⁻¹, at most 60 s ("full jitter": Brooker,
 * "Exponential Backoff And Jitter", AWS 2015), so that devices that were cut off together do not come back together. What the remote asks
 * to wait for comes on top, up to an hour.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/** Bound of the first delay, before what the remote asks for. */
export const BACK_OFF_MILLIS = 500
/** Bound of every delay, before what the remote asks for. */
export const BACK_OFF_MILLIS_MAX = 60_000
/** A remote is believed that it wants to be left alone for so long. */
export const RETRY_AFTER_MILLIS_MAX = 3_600_000

/** Its input is the milliseconds that the remote asked for. */
const schedule: Schedule.Schedule<unknown, number> = Schedule.min([
  Schedule.exponential(BACK_OFF_MILLIS),
  Schedule.spaced(BACK_OFF_MILLIS_MAX),
]).pipe(
  Schedule.setInputType<number>(),
  Schedule.modifyDelay(({ duration, input }) => Effect.map(Random.next, (random) => input + random * Duration.toMillis(duration))),
)

const isMillis = (asked: unknown): asked is number => typeof asked === "number" && asked > 0

export class BackOff {
  #step: Effect.Success<ReturnType<typeof Schedule.toStep<unknown, number, never, never>>> | undefined

  /** The next delay in whole milliseconds, at least what was asked for. */
  next(retryAfterMillis?: number): Effect.Effect<number> {
    const floor = isMillis(retryAfterMillis) ? Math.min(retryAfterMillis, RETRY_AFTER_MILLIS_MAX) : 0
    return Effect.gen({ self: this }, function* () {
      const step = this.#step ??= yield* Schedule.toStep(schedule)
      // This schedule looks at no time, and never ends.
      const [, delay] = yield* Effect.orDie(step(0, floor))
      return Math.ceil(Duration.toMillis(delay))
    })
  }

  /** Begins anew: something has gone well. */
  reset(): void {
    this.#step = undefined
  }
}
