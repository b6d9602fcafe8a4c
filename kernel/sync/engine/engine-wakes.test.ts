import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { RemoteUnreachable } from "../../errors.ts"
import { cursorAt } from "./testing/double-remote.ts"
import { makeWorkbench, rested, type Workbench } from "./testing/workbench.ts"

const times = ({ remote }: Workbench, verb: string): readonly number[] =>
  remote.asked.filter((asked) => asked.verb === verb).map(({ at }) => at)

describe("SyncEngine: what wakes it", () => {
  it("a write goes out within a few milliseconds", async () => {
    const bench = await rested()
    await bench.time.run(1000)
    const at = bench.time.elapsedMillis
    bench.store.write()
    await bench.time.run(5)
    assert.equal((times(bench, "push")[0] ?? NaN) - at <= 2, true)
  })

  it("every write goes out at once for somebody who waits for each to arrive", async () => {
    const { remote, store, time } = await rested()
    remote.delayMillis = 1
    for (let writes = 1; writes <= 200; writes++) {
      store.write()
      await time.run(8)
      assert.equal(remote.count("push"), writes)
    }
  })

  it("a loop of writes makes few pushes, none of them late", async () => {
    const bench = await rested()
    bench.remote.delayMillis = 5
    const since = bench.time.elapsedMillis
    for (let millis = 0; millis < 2000; millis++) {
      bench.store.write(1)
      await bench.time.run(1)
    }
    await bench.time.run(300)
    const pushes = times(bench, "push")
    assert.equal(pushes.length <= 12, true, `${pushes.length} pushes`)
    const gaps = pushes.map((at, n) => at - (pushes[n - 1] ?? since))
    assert.equal(Math.max(...gaps) <= 250 + 15, true, `${gaps}`)
    assert.equal(bench.handle.status().pendingOperations, 0)
  })

  it("what a remote sent itself is not pushed back to it, and wakes nothing", async () => {
    const { handle, remote, time } = await rested()
    let cycles = 0
    handle.on("active", () => cycles++)
    remote.grow()
    await time.run(100)
    assert.equal(remote.order, "pull")
    assert.equal(cycles, 1)
  })

  it("a hint is followed at once; one that tells nothing new is not", async () => {
    const { remote, time } = await rested()
    remote.tell()
    remote.tell(cursorAt(0))
    await time.run(10)
    assert.equal(remote.order, "")
    remote.grow()
    await time.run(1)
    assert.equal(remote.order, "pull")
    remote.tell(cursorAt(remote.head - 1))
    await time.run(10)
    assert.equal(remote.order, "pull")
  })

  it("R77: hints that are doubled, late or all at once are one pull more", async () => {
    const { remote, time } = await rested()
    remote.delayMillis = 10
    remote.head = 7
    for (const position of [3, 1, 7, 7, 2, 5, 7]) remote.tell(cursorAt(position))
    await time.run(100)
    assert.equal(remote.count("pull"), 1)
  })

  it("a hint that comes while a cycle runs is followed afterwards", async () => {
    const { remote, time } = await rested()
    remote.delayMillis = 10
    remote.grow()
    await time.run(15)
    remote.grow()
    await time.run(100)
    assert.equal(remote.count("pull") <= 2, true)
    assert.equal(remote.head, 2)
  })

  it("a hint of the same position with another id is followed: it may be another log", async () => {
    const { remote, time } = await rested()
    remote.tell(cursorAt(0, 9))
    await time.run(1)
    assert.equal(remote.order, "pull")
  })

  it("R76: without any hint it converges by its interval: 5 s, or 30 s while it is told of news", async () => {
    const polling = await rested({ live: false })
    await polling.time.run(60_000)
    assert.equal(polling.remote.count("pull"), 12)

    const live = await rested()
    await live.time.run(60_000)
    assert.equal(live.remote.count("pull"), 2)
  })

  it("R76, P78: polls every 5 s where the remote has no live channel, and where its live channel says nothing", async () => {
    const none = await rested({ prepare: ([remote]) => void (remote !== undefined && (remote.live = false)) })
    await none.time.run(20_000)
    assert.equal(none.remote.count("watch"), 0)
    assert.equal(none.remote.count("pull"), 4)

    const silent = makeWorkbench()
    await silent.time.run(1)
    silent.remote.asked.length = 0
    await silent.time.run(20_000)
    assert.equal(silent.remote.count("pull"), 4)
  })

  it("polls as often as the option `interval` says, counted from the end of a cycle", async () => {
    const { remote, time } = await rested({ interval: 1000 })
    remote.delayMillis = 500
    await time.run(15_000)
    assert.equal(remote.count("pull"), 10)
  })

  it("idle polling is one request, and no flush", async () => {
    const { remote, store, time } = await rested({ live: false, interval: 1000 })
    await time.run(10_000)
    assert.equal(remote.order, Array.from({ length: 10 }, () => "pull").join(" "))
    assert.equal(store.flushes, 0)
  })

  it("P79: pulls once after the live channel was connected again, whatever it says", async () => {
    const { remote, time } = await rested({ interval: 86_400_000 })
    for (let ends = 1; ends <= 5; ends++) {
      await time.run(40_000)
      remote.endWatch()
      await time.run(1000)
      remote.tell()
      await time.run(10)
      assert.equal(remote.count("pull"), ends)
    }
  })

  it("P79: pulls what was missed between two watches", async () => {
    const { remote, time, handle } = await rested({ interval: 86_400_000 })
    remote.endWatch()
    remote.head = 4
    await time.run(1000)
    remote.tell()
    await time.run(10)
    assert.equal(handle.status().remoteHead, 4)
    assert.equal(handle.status().isSynced, true)
  })

  it("an `online` event of the runtime has it try at once whatever waits, and does nothing while it is paused", async () => {
    const events = new EventTarget(), { addEventListener, removeEventListener } = globalThis
    let listeners = 0
    Object.assign(globalThis, {
      addEventListener: (...args: Parameters<EventTarget["addEventListener"]>) => {
        listeners++
        events.addEventListener(...args)
      },
      removeEventListener: (...args: Parameters<EventTarget["removeEventListener"]>) => {
        listeners--
        events.removeEventListener(...args)
      },
    })
    try {
      const { handle, remote, time } = await rested({ live: false })
      const lost = (): never => {
        throw new RemoteUnreachable({ remote: remote.name, call: "pull", reason: "lost" })
      }
      remote.onPull = remote.onHandshake = lost
      await time.run(600_000)
      assert.equal(handle.status().state, "offline")
      remote.onPull = remote.onHandshake = undefined
      events.dispatchEvent(new Event("online"))
      await time.run(1)
      assert.equal(handle.status().state, "idle")

      handle.pause()
      remote.asked.length = 0
      events.dispatchEvent(new Event("online"))
      await time.run(1000)
      assert.equal(remote.order, "")
      const stopped = handle.stop()
      await time.run(1)
      await stopped
      assert.equal(listeners, 0)
    } finally {
      Object.assign(globalThis, { addEventListener, removeEventListener })
    }
  })

  it("nothing of it runs inside of the call that wakes it", async () => {
    const { remote, store, handle, time } = await rested()
    store.write()
    remote.head++
    remote.tell()
    const called = handle.sync()
    assert.equal(remote.order, "")
    assert.equal(store.flushes, 0)
    await time.run(1)
    await called
  })
})
