import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption, RemoteUnreachable } from "../../errors.ts"
import { failAll, lost, noToken } from "./testing/failing.ts"
import { makeWorkbench, outcomeOf, rested } from "./testing/workbench.ts"

describe("SyncHandle: sync(), push(), pull()", () => {
  it("startSync() asks nobody by itself, and answers before the network", () => {
    const { remote, handle } = makeWorkbench()
    assert.equal(remote.order, "")
    assert.equal(handle.status().state, "connecting")
  })

  it("sync() resolves when everything was exchanged, and not before", async () => {
    const { handle, remote, store, time } = await rested()
    remote.delayMillis = 100
    store.write(2)
    remote.head = 3
    const synced = handle.sync()
    await time.run(150)
    assert.equal(await outcomeOf(synced), "open")
    await time.run(400)
    await synced
    const { isSynced, pendingOperations, remoteHead } = handle.status()
    assert.deepEqual([isSynced, pendingOperations, remoteHead], [true, 0, 4])
  })

  it("sync() is a cycle that begins after the call, not one that runs already", async () => {
    const { handle, remote, time } = await rested()
    remote.delayMillis = 100
    const first = handle.sync()
    await time.run(50)
    const second = handle.sync()
    await time.run(60)
    assert.deepEqual([await outcomeOf(first), await outcomeOf(second)], ["resolved", "open"])
    await time.run(100)
    await second
    assert.equal(remote.count("pull"), 2)
  })

  it("push() sends only, pull() fetches only", async () => {
    const { handle, remote, cycle, time } = await rested()
    cycle.pending = 1
    const pushed = handle.push()
    await time.run(1)
    await pushed
    assert.equal(remote.order, "push")
    const pulled = handle.pull()
    await time.run(1)
    await pulled
    assert.equal(remote.order, "push pull")
  })

  it("push() of nothing asks nobody", async () => {
    const { handle, remote, time } = await rested()
    const pushed = handle.push()
    await time.run(1)
    await pushed
    assert.equal(remote.order, "")
  })

  it("push() pulls first where the remote was never reached", async () => {
    const { handle, remote, store, time } = makeWorkbench({ live: false })
    handle.pause()
    store.write()
    const pushed = handle.push()
    await time.run(1)
    await pushed
    assert.equal(remote.order, "handshake pull push")
  })

  it("rejects with what went wrong, and goes on trying as usual", async () => {
    const { handle, remote, time } = await rested()
    failAll(remote, lost)
    const calls = [handle.sync(), handle.pull()].map((call) => assert.rejects(call, RemoteUnreachable))
    await Promise.all([time.run(1), ...calls])
    remote.onHandshake =
      remote.onPush =
      remote.onPull =
      remote.onWatch =
        undefined
    await time.run(120_000)
    assert.equal(handle.status().isSynced, true)
  })

  it("tries at once what waits after an error", async () => {
    const { handle, remote, time } = await rested({ live: false })
    failAll(remote, lost)
    await time.run(600_000)
    remote.onHandshake = remote.onPush = remote.onPull = undefined
    const synced = handle.sync()
    await time.run(1)
    await synced
    assert.deepEqual([handle.status().state, handle.status().lastError], ["idle", undefined])
  })

  it("stops waiting when the signal aborts, with its reason; what has begun goes on", async () => {
    const { handle, remote, store, time } = await rested()
    remote.delayMillis = 100
    store.write()
    const controller = new AbortController(), reason = new Error("enough")
    const synced = handle.sync({ signal: controller.signal })
    await time.run(50)
    controller.abort(reason)
    await assert.rejects(synced, reason)
    await time.run(300)
    assert.equal(handle.status().pendingOperations, 0)
    await assert.rejects(handle.sync({ signal: AbortSignal.abort(reason) }), reason)
  })

  it("refuses options that nobody reads", async () => {
    const { handle } = makeWorkbench()
    await assert.rejects(handle.sync({ timeout: 5 } as object), InvalidOption)
    await assert.rejects(handle.pull({ signal: 5 } as object), InvalidOption)
  })
})

describe("SyncHandle: pause() and resume()", () => {
  it("pause() sends and fetches nothing more by itself, whatever happens; resume() makes up for it", async () => {
    const { handle, remote, store, time } = await rested()
    handle.pause()
    assert.equal(handle.status().state, "paused")
    store.write()
    remote.grow()
    await time.run(3_600_000)
    assert.equal(remote.order, "")
    assert.equal(handle.status().pendingOperations, 1)
    handle.resume()
    await time.run(1)
    assert.equal(handle.status().isSynced, true)
    assert.equal(remote.count("watch"), 1)
  })

  it("pause() ends the request that runs and the live channel", async () => {
    const { handle, remote, time } = await rested()
    remote.delayMillis = 100
    remote.grow()
    await time.run(50)
    const { signal } = remote.asked.at(-1) ?? {}
    handle.pause()
    assert.equal(signal?.aborted, true)
    await time.run(1)
    assert.deepEqual([handle.status().state, handle.status().lastError, time.waiting.all], ["paused", undefined, 1])
    remote.delayMillis = 0
    await time.run(1000)
    handle.resume()
    await time.run(1)
    assert.equal(handle.status().isSynced, true)
  })

  it("calls go through while it is paused, and one that waits survives pause()", async () => {
    const { handle, remote, store, time } = await rested()
    remote.delayMillis = 10
    store.write()
    const before = handle.sync()
    await time.run(5)
    handle.pause()
    await time.run(50)
    await before
    store.write()
    const during = handle.sync()
    await time.run(50)
    await during
    assert.equal(remote.order, "push pull push pull")
    assert.equal(handle.status().state, "paused")
  })

  it("resume() of what runs tries at once whatever waits", async () => {
    const { handle, remote, time } = await rested({ live: false })
    failAll(remote, noToken)
    await time.run(60_000)
    assert.equal(handle.status().state, "needs-auth")
    remote.onHandshake = remote.onPush = remote.onPull = undefined
    handle.resume()
    await time.run(1)
    assert.equal(handle.status().state, "idle")
  })
})
