import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import { TimedPlatform } from "../../kernel/testing/platform.ts"
import { PendingCall } from "./pending-call.ts"

const never = new Promise<never>(() => undefined)
const late = new Error("too late")

const begin = () => {
  const platform = new TimedPlatform()
  const caller = new AbortController()
  let ended = 0
  const call = new PendingCall(platform, caller.signal, () => ended++)
  return { platform, caller, call, endedTimes: () => ended }
}

describe("PendingCall", () => {
  it("cannot be begun with a signal that has aborted", () => {
    assert.throws(() => new PendingCall(new TimedPlatform(), AbortSignal.abort(late)), late)
  })

  it("race() ends as what it waits for, while nothing else happens", async () => {
    const { call } = begin()
    assert.equal(await call.race(Promise.resolve(7)), 7)
    await assert.rejects(() => call.race(Promise.reject(late)), late)
  })

  it("race() rejects with the reason of the caller even if what it waits for takes no notice", async () => {
    const { call, caller } = begin()
    const waiting = call.race(never)
    caller.abort(late)
    await assert.rejects(() => waiting, late)
    assert.equal(call.signal.reason, late)
  })

  it("race() rejects with the reason, not with what failed because of it, nor with what came too late", async () => {
    const { call, caller } = begin()
    const failing = call.race(new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(new Error("AbortError")))))
    caller.abort(late)
    await assert.rejects(() => failing, late)
    await assert.rejects(() => call.race(Promise.resolve(1)), late)
  })

  it("keeps the first of several reasons", async () => {
    const { call, caller, platform } = begin()
    call.limit(5, () => late)
    platform.advance(5)
    caller.abort(new Error("second"))
    call.abort(new Error("third"))
    await assert.rejects(() => call.race(never), late)
  })

  it("limit() ends the call after its time, unless it is begun again or called off", async () => {
    const { call, platform } = begin()
    const limit = call.limit(100, () => late)
    platform.advance(99)
    limit.restart()
    platform.advance(99)
    assert.equal(call.signal.aborted, false)
    limit.stop()
    limit.stop()
    platform.advance(1000)
    assert.equal(call.signal.aborted, false)
    limit.restart()
    platform.advance(100)
    await assert.rejects(() => call.race(never), late)
  })

  it("deadline() is put off by what is moved, and by nothing else", () => {
    const { call, platform } = begin()
    const grant = call.deadline(1000, 16, () => late)
    grant(160_000) // 10 s
    platform.advance(1000)
    platform.advance(9999)
    grant(15) // less than a millisecond
    assert.equal(call.signal.aborted, false)
    platform.advance(1)
    assert.equal(call.signal.reason, late)
  })

  it("deadline() adds up what is moved a little at a time", () => {
    const { call, platform } = begin()
    const grant = call.deadline(1000, 16, () => late)
    for (let byte = 0; byte < 16; byte++) grant(1)
    platform.advance(1000)
    assert.equal(call.signal.aborted, false)
    platform.advance(1)
    assert.equal(call.signal.aborted, true)
  })

  it("end() calls off every timer, frees the network and the caller's signal, and tells it once", async () => {
    const { call, caller, platform, endedTimes } = begin()
    call.limit(10, () => late)
    call.deadline(20, 16, () => late)
    assert.equal(platform.timers.length, 2)
    assert.ok(platform.timers.every(({ background }) => background))
    call.end()
    call.end()
    assert.equal(platform.timers.length, 0)
    assert.equal(call.signal.aborted, true)
    caller.abort(late)
    assert.notEqual(call.signal.reason, late)
    await turn() // nothing rejects that nobody awaits
    assert.equal(endedTimes(), 1)
  })
})
