import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { ProtocolViolation, type RetryAdvice, Unauthenticated, UnsupportedVersion } from "../../errors.ts"
import { failAll, failing, HOUR_MILLIS, name, noToken, says } from "./testing/failing.ts"
import { makeWorkbench } from "./testing/workbench.ts"

describe("SyncEngine: what does not pass by itself", () => {
  const cases = [
    ["needs-auth", "unauthenticated", noToken, "R89"],
    ["update-required", "unsupported_version", () => new UnsupportedVersion({ remote: name, min: 2, max: 3, ours: 1 }), "R8"],
    ["error", "remote_error", says("forbidden", "after_action"), "R90"],
    ["error", "protocol_violation", () => new ProtocolViolation({ remote: name, call: "pull", reason: "F15: a page for people" }), "F15"],
    ["error", "unknown", () => new TypeError("x is not a function"), "P64"],
  ] as const

  for (const [state, code, error, rule] of cases) {
    it(`${rule}: ${code} is tried once more, then parked as "${state}", visibly, for an hour`, async () => {
      const { remote, remoteStatus, time, store } = await failing(error)
      store.write()
      await time.run(60_000)
      const asked = remote.asked.length
      assert.equal(asked <= 4, true, remote.order)
      assert.deepEqual([remoteStatus().state, remoteStatus().lastError?.code, remoteStatus().lastError?.retryable], [state, code, false])
      assert.equal((remoteStatus().nextAttemptAt ?? NaN) - time.now() > HOUR_MILLIS * 0.95, true)
      store.write()
      await time.run(HOUR_MILLIS - 120_000)
      assert.equal(remote.asked.length, asked, "no loop")
      assert.equal(remoteStatus().pendingOperations, 2, "P24: nothing is lost")
      await time.run(HOUR_MILLIS)
      assert.equal(remote.asked.length - asked <= 4 && remote.asked.length > asked, true)
      failAll(remote, undefined)
      await time.run(HOUR_MILLIS * 1.2)
      assert.deepEqual([remoteStatus().state, remoteStatus().lastError, remoteStatus().isSynced], ["idle", undefined, true])
    })
  }

  it("R89: after a new login resume() goes on at once, with a handshake, and sends what waited", async () => {
    const { handle, remote, store, time } = await failing(noToken)
    store.write(5)
    await time.run(60_000)
    assert.equal(handle.status().state, "needs-auth")
    failAll(remote, undefined)
    remote.asked.length = 0
    handle.resume()
    await time.run(1)
    assert.equal(remote.order, "handshake push pull")
    assert.deepEqual([handle.status().state, handle.status().pendingOperations], ["idle", 0])
  })

  it("R89: a token that is refreshed by the second try is no reason to park", async () => {
    const { handle, remote, time } = await failing(noToken)
    const states: string[] = []
    handle.subscribe(({ state }) => states.push(state))
    await time.run(5000)
    failAll(remote, undefined)
    await time.run(1000)
    assert.equal(handle.status().state, "idle")
    assert.equal(handle.status().lastError, undefined)
  })

  it("sync() tries at once what is parked; if that fails it stays parked", async () => {
    const { handle, remote, time } = await failing(noToken)
    await time.run(60_000)
    remote.asked.length = 0
    const refused = handle.sync()
    await Promise.all([time.run(1), assert.rejects(refused, Unauthenticated)])
    assert.equal(remote.order, "handshake")
    await time.run(60_000)
    assert.equal(remote.order, "handshake")
    failAll(remote, undefined)
    const taken = handle.sync()
    await time.run(1)
    await taken
    assert.equal(handle.status().state, "idle")
  })

  it("R87: an unknown code does what its advice says", async () => {
    for (const retry of ["now", "later"] as const) {
      const { remote, remoteStatus, time } = await failing(says("teapot", retry), { interval: 100 })
      await time.run(600_000)
      assert.equal(remote.asked.length > 10, true, retry)
      assert.equal(remoteStatus().lastError?.retryable, true)
    }
    for (const retry of ["never", "after_action"] as const) {
      const { remote, remoteStatus, time } = await failing(says("teapot", retry), { interval: 100 })
      await time.run(600_000)
      assert.equal(remote.asked.length <= 3, true, retry)
      assert.equal(remoteStatus().lastError?.retryable, false)
    }
    const odd = await failing(says("teapot", "whenever" as RetryAdvice), { interval: 100 })
    await odd.time.run(600_000)
    assert.equal(odd.remote.asked.length <= 3, true)
  })

  it("R90: a parked push does not stop pulls, and says so", async () => {
    const { handle, remote, store, time } = makeWorkbench({ live: false })
    await time.run(1)
    remote.onPush = () => {
      throw says("forbidden", "never")()
    }
    store.write()
    await time.run(60_000)
    remote.asked.length = 0
    await time.run(60_000)
    assert.equal(remote.order, Array.from({ length: 12 }, () => "pull").join(" "))
    assert.deepEqual([handle.status().state, handle.status().lastError?.call], ["error", "push"])
  })

  it("writers that may not be brought are left out until the next handshake, and the status says so", async () => {
    const { handle, remote, remoteStatus, store, time } = makeWorkbench({ live: false })
    await time.run(1)
    remote.onPush = () => ({ kind: "forbidden", writers: [] })
    store.write()
    await time.run(1)
    assert.deepEqual([remoteStatus().state, remoteStatus().isForbidden, remoteStatus().isSynced], ["idle", true, false])
    remote.onPush = undefined
    handle.resume()
    await time.run(1)
    assert.deepEqual([remoteStatus().isForbidden, remoteStatus().isSynced], [false, true])
  })

  it("a store that cannot flush parks the push and lets pulls go on", async () => {
    const { handle, remote, store, time } = makeWorkbench({ live: false })
    await time.run(1)
    store.onFlush = () => Promise.reject(new Error("EIO"))
    store.write()
    await time.run(60_000)
    assert.equal(remote.count("push"), 0)
    assert.equal(remote.count("pull") > 5, true)
    assert.deepEqual([handle.status().state, handle.status().lastError?.call], ["error", "push"])
  })

  it("a cycle that throws where nothing is thrown is told to the logger, and parked like any unknown error", async () => {
    const { cycle, handle, logger, time } = makeWorkbench({ live: false })
    await time.run(1)
    const { status } = cycle
    let isBroken = true
    cycle.status = () => {
      // The status of the handle is read as well; only the engine is to fall.
      if (isBroken && new Error().stack?.includes("cycle-runner") === true) throw new TypeError("broken")
      return status.call(cycle)
    }
    await time.run(60_000)
    assert.deepEqual([handle.status().state, handle.status().lastError?.code], ["error", "unknown"])
    assert.match(logger.text, /syncing broke/)
    isBroken = false
    handle.resume()
    await time.run(1)
    assert.equal(handle.status().state, "idle")
  })
})
