import assert from "node:assert/strict"
import { describe, it } from "node:test"
import * as Effect from "effect/Effect"
import { RemoteError, RemoteUnreachable, Unauthenticated, UnsupportedVersion } from "../../errors.ts"
import { runtimeServices } from "./runtime-services.ts"
import { PARK_MILLIS, Stall } from "./stall.ts"
import { SimulatedTime } from "./testing/simulated-time.ts"

const remote = "https://remote.example"
const unreachable = (): RemoteUnreachable => new RemoteUnreachable({ remote, call: "push", reason: "no route" })
const overloaded = (retryAfterMillis?: number): RemoteError =>
  new RemoteError({ remote, call: "push", remoteCode: "overloaded", reason: "later", retry: "later", retryAfterMillis })
const forbidden = (): RemoteError => new RemoteError({ remote, call: "push", remoteCode: "forbidden", reason: "no", retry: "never" })

function make(): { time: SimulatedTime; stall: Stall; fail: (error: unknown) => void; opens: () => number } {
  const time = new SimulatedTime()
  let opens = 0
  const stall = new Stall({ remote, call: "push", platform: time, onOpen: () => opens++ })
  const services = runtimeServices(time)
  return { time, stall, fail: (error) => Effect.runSyncWith(services)(stall.fail(error)), opens: () => opens }
}

describe("Stall", () => {
  it("fail() closes it until the back-off is over, and says when that is and why", async () => {
    const { time, stall, fail, opens } = make()
    const at = time.now()
    fail(unreachable())
    assert.equal(stall.isOpen, false)
    assert.equal(stall.state, "offline")
    assert.deepEqual(stall.failure, {
      code: "remote_unreachable",
      message: `Cannot push at "${remote}": no route`,
      retryable: true,
      at,
      remote,
      call: "push",
    })
    const waitMillis = (stall.nextAttemptAt ?? NaN) - at
    assert.equal(waitMillis >= 0 && waitMillis <= 500, true)
    await time.run(waitMillis)
    assert.equal(stall.isOpen, true)
    assert.equal(opens(), 1)
    assert.equal(stall.nextAttemptAt, undefined)
    assert.equal(stall.failure?.code, "remote_unreachable", "it is shown until something goes well")
  })

  it("P64: fail() never parks what may pass by itself", async () => {
    const { time, stall, fail } = make()
    for (let failures = 0; failures < 100; failures++) {
      fail(failures % 2 === 0 ? unreachable() : overloaded())
      assert.equal(stall.isParked, false)
      assert.equal((stall.nextAttemptAt ?? NaN) - time.now() <= 60_000, true)
      await time.run(60_000)
      assert.equal(stall.isOpen, true)
    }
  })

  it("P64: fail() tries once more what does not pass by itself, or is not known, and then parks it for an hour", async () => {
    for (const error of [forbidden(), new TypeError("x is not a function"), "a string", undefined]) {
      const { time, stall, fail } = make()
      fail(error)
      assert.equal(stall.isParked, false)
      assert.equal((stall.nextAttemptAt ?? NaN) - time.now() <= 500, true)
      await time.run(500)
      fail(error)
      assert.equal(stall.isParked, true)
      assert.equal(stall.failure?.retryable, false)
      const waitMillis = (stall.nextAttemptAt ?? NaN) - time.now()
      assert.equal(waitMillis >= PARK_MILLIS && waitMillis <= PARK_MILLIS * 1.1, true, `${waitMillis}`)
      await time.run(waitMillis)
      assert.equal(stall.isOpen, true)
      fail(error)
      assert.equal((stall.nextAttemptAt ?? NaN) - time.now() >= PARK_MILLIS, true, "one try an hour")
    }
  })

  it("fail() counts such failures in a row, whatever else fails in between", async () => {
    const { time, stall, fail } = make()
    fail(forbidden())
    await time.run(500)
    fail(unreachable())
    await time.run(60_000)
    fail(forbidden())
    assert.equal(stall.isParked, true)
  })

  it("W-20: a remote that has no version in common is not asked the same again", () => {
    const { stall, fail } = make()
    fail(new UnsupportedVersion({ remote, min: 2, max: 3, ours: 1 }))
    assert.equal(stall.isParked, true)
  })

  it("state names what has to be done", () => {
    for (
      const [error, state] of [
        [new Unauthenticated({ remote, call: "pull", reason: "too old" }), "needs-auth"],
        [new UnsupportedVersion({ remote, min: 2, max: 3, ours: 1 }), "update-required"],
        [overloaded(), "error"],
        [new Error("?"), "error"],
      ] as const
    ) {
      const { stall, fail } = make()
      fail(error)
      assert.equal(stall.state, state)
    }
  })

  it("failure tells nothing of an error that is not ours but its kind: the rest may be a secret", () => {
    const { stall, fail } = make()
    fail(new TypeError("Bearer s3cr3t"))
    assert.equal(stall.failure?.code, "unknown")
    assert.match(stall.failure?.message ?? "", /TypeError/)
    assert.doesNotMatch(JSON.stringify(stall.failure), /s3cr3t/)
  })

  it("R88: fail() takes the time that the remote asks for as a floor", () => {
    const { time, stall, fail } = make()
    fail(overloaded(120_000))
    assert.equal((stall.nextAttemptAt ?? NaN) - time.now() >= 120_000, true)
  })

  it("succeed() forgets what was, the length of the next wait as well", async () => {
    const { time, stall, fail } = make()
    for (let failures = 0; failures < 10; failures++) fail(unreachable())
    fail(forbidden())
    stall.succeed()
    assert.equal(stall.isOpen, true)
    assert.equal(stall.failure, undefined)
    assert.equal(stall.state, undefined)
    assert.equal(time.waiting.all, 0)
    fail(forbidden())
    assert.equal(stall.isParked, false)
    assert.equal((stall.nextAttemptAt ?? NaN) - time.now() <= 500, true)
  })

  it("release() opens at once, parked or not, and goes on showing why it was closed", () => {
    const { time, stall, fail, opens } = make()
    fail(forbidden())
    fail(forbidden())
    stall.release()
    assert.equal(stall.isOpen, true)
    assert.equal(stall.isParked, false)
    assert.equal(opens(), 1)
    assert.equal(time.waiting.all, 0)
    assert.equal(stall.failure?.code, "remote_error")
    stall.release()
    assert.equal(opens(), 1)
  })

  it("a clock that jumps neither shortens nor lengthens a wait (F45)", async () => {
    for (const jump of [-31_536_000_000, 31_536_000_000]) {
      const { time, stall, fail } = make()
      fail(overloaded(10_000))
      time.millis += jump
      await time.run(9999)
      assert.equal(stall.isOpen, false)
      await time.run(501)
      assert.equal(stall.isOpen, true)
    }
  })
})
