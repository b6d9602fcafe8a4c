import assert from "node:assert/strict"
import { describe, it } from "node:test"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { runtimeServices } from "./runtime-services.ts"
import { SimulatedTime } from "./testing/simulated-time.ts"

/** What an effect gives, or undefined while it has not ended. */
function start<A>(time: SimulatedTime, effect: Effect.Effect<A>): { value: A | undefined } {
  const result: { value: A | undefined } = { value: undefined }
  Effect.runForkWith(runtimeServices(time))(Effect.map(effect, (value) => void (result.value = value)))
  return result
}

describe("runtimeServices()", () => {
  it("gives fibers the platform's clock", async () => {
    const time = new SimulatedTime()
    time.millis = 123_456
    const read = start(time, Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos]))
    await time.run()
    assert.deepEqual(read.value, [123_456, 123_456_000_000n])
  })

  it("has fibers sleep by timers of the platform that keep no process alive", async () => {
    const time = new SimulatedTime()
    const slept = start(time, Effect.as(Effect.sleep(1000), true))
    await time.run(999)
    assert.equal(slept.value, undefined)
    assert.deepEqual(time.waiting, { all: 1, holding: 0 })
    await time.run(1)
    assert.equal(slept.value, true)
  })

  it("has fibers sleep longer than a timer can", async () => {
    const time = new SimulatedTime(), days = 60 * 86_400_000
    const slept = start(time, Effect.as(Effect.sleep(days), true))
    await time.run(days - 1)
    assert.equal(slept.value, undefined)
    await time.run(1)
    assert.equal(slept.value, true)
  })

  it("frees the timer of a fiber that is interrupted while it sleeps", async () => {
    const time = new SimulatedTime()
    const fiber = Effect.runForkWith(runtimeServices(time))(Effect.sleep(1000))
    await time.run()
    fiber.interruptUnsafe()
    assert.equal(time.waiting.all, 0)
  })

  it("draws the same numbers from the same bytes, evenly from 0 to below 1", async () => {
    const draw = async (seed: number): Promise<readonly number[]> => {
      const time = new SimulatedTime(seed)
      const drawn = start(time, Effect.all(Array.from({ length: 2000 }, () => Random.next)))
      await time.run()
      return drawn.value ?? []
    }
    const numbers = await draw(7), mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
    assert.deepEqual(numbers, await draw(7))
    assert.notDeepEqual(numbers, await draw(8))
    assert.equal(numbers.every((number) => number >= 0 && number < 1), true)
    assert.equal(Math.abs(mean - 0.5) < 0.03, true, `mean ${mean}`)
  })

  it("goes on in microtasks alone: fibers that fork, wait for each other and sleep set no timer of the runtime", async () => {
    const time = new SimulatedTime()
    const timers = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval, setImmediate: globalThis.setImmediate }
    const used: string[] = []
    for (const name of ["setTimeout", "setInterval", "setImmediate"] as const) {
      Object.assign(globalThis, { [name]: () => used.push(name) })
    }
    try {
      const work = Effect.gen(function* () {
        const fibers = yield* Effect.forEach([1, 2, 3], (n) => Effect.forkChild(Effect.as(Effect.yieldNow, n)))
        yield* Effect.forEach(Array.from({ length: 5000 }, (_, n) => n), () => Effect.yieldNow, { discard: true })
        return fibers.length
      })
      const worked = start(time, work)
      for (let microtasks = 0; worked.value === undefined && microtasks < 100_000; microtasks++) await undefined
      assert.equal(worked.value, 3)
      assert.deepEqual(used, [])
    } finally {
      Object.assign(globalThis, timers)
    }
  })
})
