import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { AlreadySyncing, Unauthenticated } from "../../errors.ts"
import { silentLogger } from "../../ports/logger.ts"
import { startSync } from "./supervisor.ts"
import { parseSyncOptions } from "./sync-options.ts"
import { DoubleRemote } from "./testing/double-remote.ts"
import { DoubleStore } from "./testing/double-store.ts"
import { SimulatedTime } from "./testing/simulated-time.ts"
import { failAll, lost, noToken } from "./testing/failing.ts"
import { outcomeOf, rested } from "./testing/workbench.ts"

describe("SyncHandle: several remotes", () => {
  const names = ["https://a.example", "https://b.example", "https://c.example"]

  it("are synced each on its own: what one does no other notices", async () => {
    const { handle, remotes, store, time } = await rested({ remoteNames: names })
    const [a, b, c] = remotes as [DoubleRemote, DoubleRemote, DoubleRemote]
    failAll(b, noToken)
    c.delayMillis = 60_000
    store.write()
    await time.run(10)
    const { state, isSynced, remotes: each, online, pendingOperations } = handle.status()
    assert.deepEqual(each.map((remote) => [remote.remote, remote.isSynced, remote.pendingOperations]), [[a.name, true, 0], [
      b.name,
      false,
      1,
    ], [
      c.name,
      false,
      1,
    ]])
    assert.deepEqual([isSynced, pendingOperations], [false, 1])
    await time.run(60_000)
    assert.equal(handle.status().state, "needs-auth", `the one that asks for somebody gives its state to all (${state}, ${online})`)
    assert.equal(handle.status().lastError?.remote, b.name)
  })

  it("sync() tries all, and rejects with the first error in their order", async () => {
    const { handle, remotes, cycle, store, time } = await rested({ remoteNames: names })
    const [a, b, c] = remotes as [DoubleRemote, DoubleRemote, DoubleRemote]
    failAll(b, noToken)
    failAll(c, lost)
    for (const cycle of store.cycles) cycle.pending = 1
    const synced = handle.sync()
    await Promise.all([time.run(10), assert.rejects(synced, Unauthenticated)])
    assert.equal(a.order, "push pull")
    assert.deepEqual([b.asked.length > 0, c.asked.length > 0, cycle.pending], [true, true, 0])
  })

  it("sync() resolves when the slowest has ended", async () => {
    const { handle, remotes, time } = await rested({ remoteNames: names })
    if (remotes[2] !== undefined) remotes[2].delayMillis = 5000
    const synced = handle.sync()
    await time.run(4000)
    assert.equal(await outcomeOf(synced), "open")
    await time.run(10_000)
    await synced
  })

  it("get what came from each other", async () => {
    const { remotes, time } = await rested({ remoteNames: names })
    const [a, b, c] = remotes as [DoubleRemote, DoubleRemote, DoubleRemote]
    a.grow()
    await time.run(1)
    assert.equal(a.order, "pull")
    assert.deepEqual([b.count("push"), c.count("push")], [0, 0], "these doubles lack nothing of it")
  })

  it("counters are sums, heads the greatest, times the latest", async () => {
    const { handle, remotes, store, time } = await rested({ remoteNames: names })
    const [a, b, c] = remotes as [DoubleRemote, DoubleRemote, DoubleRemote]
    a.head = 5
    b.head = 9
    c.delayMillis = 30
    store.write(2)
    await time.run(200)
    const { counters, remoteHead, lastPushAt, remotes: each } = handle.status()
    assert.deepEqual([counters.sentOperations, counters.sentBytes, remoteHead], [6, 60, 10])
    assert.equal(lastPushAt, Math.max(...each.map((remote) => remote.lastPushAt ?? NaN)))
    assert.equal(new Set(each.map((remote) => remote.lastPushAt)).size, 2)
  })

  it("tell the one who made the handle of whatever changes", async () => {
    const time = new SimulatedTime(), store = new DoubleStore(), remote = new DoubleRemote(time)
    let changes = 0
    const parts = { store, platform: time, logger: silentLogger, makeCycle: store.makeCycle, onChange: () => void changes++ }
    const handle = startSync(parts, { ...parseSyncOptions({ remote, stopMillis: 0 }), remotes: [remote] })
    await time.run(10)
    const before = changes
    store.write()
    assert.equal(changes, before + 1, "written")
    await time.run(10)
    assert.equal(changes > before + 2, true, "sent and taken")
    await handle.stop()
  })

  it("of one name are refused before anything is asked", () => {
    const time = new SimulatedTime(), store = new DoubleStore(), remote = new DoubleRemote(time)
    const options = { ...parseSyncOptions({ remote: [remote, remote] }), remotes: [remote, remote] }
    const parts = { store, platform: time, logger: silentLogger, makeCycle: store.makeCycle }
    assert.throws(() => startSync(parts, options), AlreadySyncing)
    assert.equal(store.writeListeners.size + store.closeListeners.size, 0)
  })
})
