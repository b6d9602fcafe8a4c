import assert from "node:assert/strict"
import { describe, it } from "node:test"
import * as Effect from "effect/Effect"
import { TestPlatform } from "../../testing/platform.ts"
import { BackOff } from "./back-off.ts"
import { runtimeServices } from "./runtime-services.ts"

const HOUR_MILLIS = 3_600_000

/** The next delays. */
function delaysOf(backOff: BackOff, seed: number, count: number, retryAfterMillis?: number): readonly number[] {
  const all = Effect.forEach(Array.from({ length: count }, (_, n) => n), () => backOff.next(retryAfterMillis))
  return Effect.runSyncWith(runtimeServices(new TestPlatform(seed)))(all)
}

describe("BackOff", () => {
  it("next() stays below 0.5 s × 2ⁿ⁻¹ and below 60 s, and uses all of that (R82, P63: full jitter)", () => {
    const bounds = [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]
    const runs = Array.from({ length: 500 }, (_, seed) => delaysOf(new BackOff(), seed, bounds.length))
    for (const [n, bound] of bounds.entries()) {
      const delays = runs.map((run) => run[n] ?? NaN)
      assert.equal(delays.every((delay) => delay >= 0 && delay <= bound), true, `delay ${n + 1} of ${Math.max(...delays)}`)
      assert.equal(Math.min(...delays) < bound * 0.05 && Math.max(...delays) > bound * 0.95, true, `delay ${n + 1} is not spread`)
    }
  })

  it("next() never ends: the thousandth delay is at most 60 s", () => {
    assert.equal(delaysOf(new BackOff(), 1, 2000).every((delay) => delay <= 60_000), true)
  })

  it("R82: next() spreads 1,000 devices that were cut off at once, over the whole time", () => {
    const first = Array.from({ length: 1000 }, (_, seed) => delaysOf(new BackOff(), seed, 8).at(-1) ?? NaN)
    const bySecond = new Map<number, number>()
    for (const delay of first) bySecond.set(Math.floor(delay / 1000), (bySecond.get(Math.floor(delay / 1000)) ?? 0) + 1)
    assert.equal(bySecond.size, 60)
    assert.equal(Math.max(...bySecond.values()) < 60, true, `${Math.max(...bySecond.values())} come in one second`)
  })

  it("R88: next() waits at least as long as the remote asks for, and no longer than an hour for it", () => {
    const next = (asked: number): number => delaysOf(new BackOff(), 1, 1, asked)[0] ?? NaN
    assert.equal(next(10_000) >= 10_000 && next(10_000) <= 10_500, true)
    const untilYear9999 = Date.UTC(9999, 0) - Date.UTC(2026, 0)
    assert.equal(next(untilYear9999) >= HOUR_MILLIS && next(untilYear9999) <= HOUR_MILLIS + 500, true)
    assert.equal(next(Infinity) <= HOUR_MILLIS + 500, true)
  })

  it("R88: next() takes what is no time for nothing: negative, not a number", () => {
    for (const asked of [-5, -Infinity, NaN, 0]) assert.equal((delaysOf(new BackOff(), 1, 1, asked)[0] ?? NaN) <= 500, true, `${asked}`)
    assert.equal((delaysOf(new BackOff(), 1, 1, "soon" as unknown as number)[0] ?? NaN) <= 500, true)
  })

  it("reset() begins anew", () => {
    const backOff = new BackOff()
    delaysOf(backOff, 1, 20)
    backOff.reset()
    for (let seed = 0; seed < 50; seed++) {
      const [delay = NaN] = delaysOf(backOff, seed, 1)
      assert.equal(delay <= 500, true, `${delay}`)
      backOff.reset()
    }
  })
})
