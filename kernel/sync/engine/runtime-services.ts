/**
 * What fibers run on: Effect's clock, randomness and scheduler, all of them the platform's.
 *
 *   Clock      `now` and `startTimer`, whose timers are of the background: a fiber that sleeps keeps no process alive
 *   Random     53 bits of `randomBytes` each
 *   Scheduler  microtasks. Effect's own takes the runtime's `setImmediate`, which no simulation could own
 *
 * So a platform of a test owns everything that an engine does: between its steps nothing happens that is not a microtask.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import { type Platform, startTimer } from "../../ports/platform.ts"

/** Largest delay that every runtime's timers take. */
const TIMER_MILLIS_MAX = 2_147_483_647
const NANOS_PER_MILLI = 1_000_000

function platformClock(platform: Platform): Clock.Clock {
  const nanos = (): bigint => BigInt(Math.round(platform.now() * NANOS_PER_MILLI))
  let latest = nanos()
  const monotonic = (): bigint => {
    const now = nanos()
    if (now > latest) latest = now
    return latest
  }
  const sleepMillis = (millis: number): Effect.Effect<void> =>
    Effect.callback((resume) => {
      const rest = millis > TIMER_MILLIS_MAX ? sleepMillis(millis - TIMER_MILLIS_MAX) : Effect.void
      return Effect.sync(startTimer(platform, () => resume(rest), Math.min(millis, TIMER_MILLIS_MAX), true))
    })
  return {
    currentTimeMillisUnsafe: platform.now,
    currentTimeMillis: Effect.sync(platform.now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonic,
    monotonicTimeNanos: Effect.sync(monotonic),
    sleep: (duration) => sleepMillis(Duration.toMillis(duration)),
  }
}

/** A number from 0 to below 1, and a safe integer, out of 8 fresh bytes. */
function platformRandom(platform: Platform): Context.Service.Shape<typeof Random.Random> {
  const next53Bits = (): number => {
    const { buffer, byteOffset } = platform.randomBytes(8)
    const view = new DataView(buffer, byteOffset, 8)
    return (view.getUint32(0) >>> 5) * 2 ** 26 + (view.getUint32(4) >>> 6)
  }
  return {
    nextDoubleUnsafe: () => next53Bits() / 2 ** 53,
    nextIntUnsafe: () => next53Bits() * (next53Bits() % 2 === 0 ? 1 : -1),
  }
}

/** Fibers go on in microtasks, in the order in which they could. */
const microtaskScheduler = (): Scheduler.Scheduler =>
  new Scheduler.MixedScheduler("async", (run) => {
    let isCalledOff = false
    queueMicrotask(() => {
      if (!isCalledOff) run()
    })
    return () => void (isCalledOff = true)
  })

/** Services of fibers over a platform; all fibers of one handle share them. */
export const runtimeServices = (platform: Platform): Context.Context<never> =>
  Context.make(Clock.Clock, platformClock(platform)).pipe(
    Context.add(Random.Random, platformRandom(platform)),
    Context.add(Scheduler.Scheduler, microtaskScheduler()),
  )
