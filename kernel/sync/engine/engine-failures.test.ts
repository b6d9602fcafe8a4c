import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { failAll, failing, HOUR_MILLIS, lost, noToken, says } from "./testing/failing.ts"
import { makeWorkbench } from "./testing/workbench.ts"

describe("SyncEngine: what may pass by itself", () => {
  it("is tried again without limit, ever more rarely, and the next time is shown", async () => {
    const { remote, remoteStatus, time } = await failing(lost)
    await time.run(HOUR_MILLIS)
    const { state, online, lastError, nextAttemptAt } = remoteStatus()
    assert.deepEqual([state, online, lastError?.code, lastError?.retryable], ["offline", false, "remote_unreachable", true])
    assert.equal(nextAttemptAt !== undefined && nextAttemptAt > time.now() && nextAttemptAt - time.now() <= 60_000, true)
    const beforeNext = remote.asked.length
    await time.run((nextAttemptAt ?? NaN) - time.now() - 1)
    assert.equal(remote.asked.length, beforeNext)
    await time.run(1)
    assert.equal(remote.asked.length > beforeNext, true)
    await time.run(24 * HOUR_MILLIS)
    assert.equal(remoteStatus().state, "offline")
  })

  it("goes on as if nothing had been once it has passed", async () => {
    const { handle, remote, store, time } = await failing(lost)
    store.write(3)
    await time.run(600_000)
    assert.equal(handle.status().isSynced, false)
    failAll(remote, undefined)
    await time.run(60_000)
    const { state, online, lastError, nextAttemptAt, isSynced, pendingOperations } = handle.status()
    assert.deepEqual([state, online, lastError, nextAttemptAt, isSynced, pendingOperations], ["idle", true, undefined, undefined, true, 0])
  })

  it("while it is offline an attempt is one request", async () => {
    const { remote, store, time } = await failing(lost)
    store.write()
    await time.run(60_000)
    remote.asked.length = 0
    await time.run(600_000)
    assert.equal(new Set(remote.order.split(" ")).has("pull"), false, remote.order)
  })

  it("a write, a hint or the interval does not shorten a wait", async () => {
    const { remote, store, time } = await failing(says("overloaded", "later", 600_000), { interval: 100 })
    await time.run(1000)
    const asked = remote.asked.length
    for (let seconds = 0; seconds < 500; seconds++) {
      store.write()
      await time.run(1000)
    }
    // Push and pull wait each for itself, so each of them is told once.
    assert.equal(remote.asked.length - asked <= 1, true)
  })

  it("a push that needs a pull waits for one that waits", async () => {
    // Before the first pull has reached the head, and where the remote says so.
    const first = makeWorkbench({
      live: false,
      prepare: ([remote]) =>
        void (remote !== undefined && (remote.onPull = () => {
          throw says("overloaded", "later", 600_000)()
        })),
    })
    const later = await failing(says("overloaded", "later", 600_000))
    later.remote.onHandshake = undefined
    later.remote.onPush = () => ({ kind: "unknown" })
    for (const { remote, store, time } of [first, later]) {
      await time.run(10_000)
      const pulls = remote.count("pull")
      for (let seconds = 0; seconds < 300; seconds++) {
        store.write()
        await time.run(1000)
      }
      assert.deepEqual([pulls, remote.count("pull")], [1, 1])
    }
  })

  it("R88: what the remote asks for is a floor, and at most an hour", async () => {
    for (const [asked, atLeast, atMost] of [[90_000, 90_000, 90_500], [1e15, HOUR_MILLIS, HOUR_MILLIS + 500], [-7, 0, 500]] as const) {
      const { remoteStatus, time } = await failing(says("rate_limited", "later", asked), { interval: 100 })
      await time.run(100)
      const { lastError, nextAttemptAt } = remoteStatus()
      const waitMillis = (nextAttemptAt ?? NaN) - (lastError?.at ?? NaN)
      assert.equal(waitMillis >= atLeast && waitMillis <= atMost, true, `${asked}: ${waitMillis}`)
    }
  })

  it("R82: 1,000 devices that lose their remote at once do not come back at once", async () => {
    const devices = await Promise.all(Array.from({ length: 1000 }, (_, seed) => failing(lost, { seed })))
    await Promise.all(devices.map(({ time }) => time.run(60_000)))
    const bySecond = new Map<number, number>()
    for (const { remote } of devices) {
      for (const { at } of remote.asked) {
        if (at > 30_000) bySecond.set(Math.floor(at / 1000), (bySecond.get(Math.floor(at / 1000)) ?? 0) + 1)
      }
    }
    assert.equal(bySecond.size, 30)
    assert.equal(Math.max(...bySecond.values()) < 150, true, `${Math.max(...bySecond.values())} in one second`)
  })

  it("R79: a watch that breaks is begun again with a growing wait, and polling goes on every 5 s meanwhile", async () => {
    const bench = makeWorkbench()
    const { remote, time } = bench
    await time.run(1)
    remote.tell()
    remote.onWatch = () => {
      throw lost()
    }
    remote.endWatch(lost())
    remote.asked.length = 0
    await time.run(HOUR_MILLIS)
    assert.equal(remote.count("watch") > 60 && remote.count("watch") < 200, true, `${remote.count("watch")} watches`)
    assert.equal(remote.count("pull"), HOUR_MILLIS / 5000)
    assert.deepEqual([bench.remoteStatus().state, bench.remoteStatus().lastError?.call], ["idle", "watch"])
    remote.onWatch = undefined
    await time.run(60_000)
    remote.tell()
    await time.run(1)
    assert.deepEqual([bench.remoteStatus().state, bench.remoteStatus().lastError], ["live", undefined])
  })
})

describe("SyncEngine: the live channel and failures", () => {
  it("what was offline is watched again soon after it was reached, however long watches failed", async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const { remote, time } = makeWorkbench({ seed })
      await time.run(1)
      remote.tell()
      failAll(remote, lost)
      remote.endWatch(lost())
      await time.run(HOUR_MILLIS)
      failAll(remote, undefined)
      const pulls = remote.count("pull")
      while (remote.count("pull") === pulls) await time.run(100)
      await time.run(1)
      assert.equal(remote.watches.length, 2, `seed ${seed}`)
    }
  })

  it("what was offline is tried at once when the live channel is connected", async () => {
    const { handle, remote, time } = makeWorkbench()
    await time.run(1)
    remote.tell()
    await time.run(1)
    const fail = (): never => {
      throw lost()
    }
    remote.onHandshake = remote.onPull = fail
    while ((handle.status().nextAttemptAt ?? 0) - time.now() < 20_000) await time.run(1000)
    assert.equal(handle.status().state, "offline")
    remote.onHandshake = remote.onPull = undefined
    remote.endWatch()
    await time.run(1000)
    assert.equal(handle.status().state, "offline")
    remote.tell()
    await time.run(1)
    assert.equal(handle.status().state, "live")
  })

  it("nobody watches a remote that is parked, until it is reached again", async () => {
    const { handle, remote, time } = makeWorkbench()
    await time.run(1)
    remote.tell()
    remote.onPull = remote.onHandshake = () => {
      throw noToken()
    }
    await time.run(60_000)
    assert.equal(handle.status().state, "needs-auth")
    assert.equal(remote.asked.every(({ verb, signal }) => verb !== "watch" || signal.aborted), true)
    remote.onPull = remote.onHandshake = undefined
    handle.resume()
    await time.run(1)
    assert.equal(remote.asked.at(-1)?.verb, "watch")
  })

  it("what waits is one timer, and nothing that rings meanwhile", async () => {
    const { handle, time } = await failing(lost, { interval: 100 })
    await time.run(60_000)
    assert.equal(handle.status().state, "offline")
    assert.equal(time.waiting.all, 1)
  })
})
