import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { CLOCK_DRIFT_MILLIS_MAX, STAMP_COUNTER_MAX, STAMP_MILLIS_MAX } from "../limits.ts"
import { HybridClock } from "./clock.ts"

const NOW = 1_792_195_200_000
const stampOf = ({ millis, counter }: HybridClock): [number, number] => [millis, counter]
const isGreater = ([millis, counter]: [number, number], [otherMillis, otherCounter]: [number, number]): boolean =>
  millis > otherMillis || (millis === otherMillis && counter > otherCounter)

describe("HybridClock", () => {
  it("send() takes the physical time, with counter 0 in a new millisecond", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    assert.deepEqual(stampOf(clock), [NOW, 0])
    clock.send(NOW)
    assert.deepEqual(stampOf(clock), [NOW, 1])
    clock.send(NOW + 1)
    assert.deepEqual(stampOf(clock), [NOW + 1, 0])
  })

  it("send() goes on counting when the physical clock goes back", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    clock.send(NOW - 3_600_000)
    assert.deepEqual(stampOf(clock), [NOW, 1])
  })

  it("send() cuts fractions, and takes nonsense for the start of 1970", () => {
    const clock = new HybridClock()
    for (const now of [-1, Number.NaN, Number.NEGATIVE_INFINITY, -0]) clock.send(now)
    assert.deepEqual(stampOf(clock), [0, 4])
    clock.send(NOW + 0.999)
    assert.deepEqual(stampOf(clock), [NOW, 0])
  })

  it("send() gives a greater stamp than every one before, whatever was received and whatever the physical clock says", () => {
    const now = fc.oneof(fc.integer({ min: NOW - 1000, max: NOW + 1000 }), fc.double({ min: -1, max: 2 * NOW, noNaN: false }))
    const counter = fc.oneof(fc.nat(3), fc.integer({ min: STAMP_COUNTER_MAX - 2, max: STAMP_COUNTER_MAX }))
    const received = fc.record({ millis: fc.integer({ min: NOW - 1000, max: NOW + 2 * CLOCK_DRIFT_MILLIS_MAX }), counter, now })
    fc.assert(fc.property(fc.array(fc.oneof(now, received), { maxLength: 50 }), (steps) => {
      const clock = new HybridClock()
      let before: [number, number] = [0, 0]
      for (const step of steps) {
        if (typeof step === "number") {
          clock.send(step)
          assert.ok(isGreater(stampOf(clock), before))
        } else {
          const took = clock.receive(step.millis, step.counter, step.now)
          assert.ok(!isGreater(before, stampOf(clock)), "receive() never takes the clock back")
          if (took) assert.ok(!isGreater([step.millis, step.counter], stampOf(clock)), "what was taken is not ahead")
          else assert.deepEqual(stampOf(clock), before)
        }
        assert.ok(clock.millis <= STAMP_MILLIS_MAX && clock.counter <= STAMP_COUNTER_MAX)
        before = stampOf(clock)
      }
    }))
  })

  it("T47 send() carries a full counter into the milliseconds, so a write never fails because of a clock", () => {
    const clock = new HybridClock()
    assert.ok(clock.receive(NOW, STAMP_COUNTER_MAX, NOW))
    clock.send(NOW)
    assert.deepEqual(stampOf(clock), [NOW + 1, 0])
    for (let i = 0; i <= STAMP_COUNTER_MAX; i++) clock.send(NOW)
    assert.deepEqual(stampOf(clock), [NOW + 2, 0])
  })

  it("T47 send() stays at the last stamp of all when there is none after it", () => {
    const clock = new HybridClock()
    clock.receive(STAMP_MILLIS_MAX, STAMP_COUNTER_MAX, STAMP_MILLIS_MAX)
    clock.send(Number.POSITIVE_INFINITY)
    assert.deepEqual(stampOf(clock), [STAMP_MILLIS_MAX, STAMP_COUNTER_MAX])
  })

  it("T46 receive() is moved by a stamp 5 minutes ahead, and not by one a millisecond later", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    for (const millis of [NOW + CLOCK_DRIFT_MILLIS_MAX + 1, NOW + 86_400_000, NOW + 315_360_000_000, STAMP_MILLIS_MAX]) {
      assert.equal(clock.receive(millis, STAMP_COUNTER_MAX, NOW), false)
      assert.deepEqual(stampOf(clock), [NOW, 0])
    }
    assert.equal(clock.receive(NOW + CLOCK_DRIFT_MILLIS_MAX, 7, NOW), true)
    assert.deepEqual(stampOf(clock), [NOW + CLOCK_DRIFT_MILLIS_MAX, 7])
  })

  it("receive() ignores older stamps and takes a greater counter of the same millisecond", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    assert.equal(clock.receive(NOW - 1, STAMP_COUNTER_MAX, NOW), true)
    assert.deepEqual(stampOf(clock), [NOW, 0])
    assert.equal(clock.receive(NOW, 9, NOW), true)
    assert.deepEqual(stampOf(clock), [NOW, 9])
  })

  it("S37 fallBack() goes back to a corrected time, from where stamps ascend again", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    clock.send(NOW)
    clock.fallBack(NOW - 600_000)
    assert.deepEqual(stampOf(clock), [NOW - 600_000, 0])
    clock.send(NOW - 600_000)
    assert.deepEqual(stampOf(clock), [NOW - 600_000, 1], "behind the corrected time, not at it: it may have been sent")
    clock.send(NOW - 599_999)
    assert.deepEqual(stampOf(clock), [NOW - 599_999, 0])
  })

  it("fallBack() leaves a clock alone that is behind", () => {
    const clock = new HybridClock()
    clock.send(NOW)
    clock.fallBack(NOW + 1)
    assert.deepEqual(stampOf(clock), [NOW, 0])
    clock.send(NOW)
    clock.fallBack(NOW)
    assert.deepEqual(stampOf(clock), [NOW, 0], "in its own millisecond it begins anew")
  })

  it("T49 fallBack() never takes the clock forwards, nor below 1970, whatever a remote makes of the time", () => {
    const wild = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))
    fc.assert(fc.property(fc.array(wild, { maxLength: 8 }), fc.array(wild, { maxLength: 8 }), (sent, backs) => {
      const clock = new HybridClock()
      for (const now of sent) clock.send(now)
      for (const now of backs) {
        const before = clock.millis
        clock.fallBack(now)
        assert.ok(clock.millis <= before && clock.millis >= 0 && Number.isInteger(clock.millis))
      }
    }))
  })
})
