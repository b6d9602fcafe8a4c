import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { SyncStopped } from "../../errors.ts"
import { failAll, lost, noToken } from "./testing/failing.ts"
import { makeWorkbench, outcomeOf, rested, type Workbench } from "./testing/workbench.ts"

describe("SyncHandle: stop()", () => {
  /** Brings a handle into each of its states. */
  const states: Readonly<Record<string, (bench: Workbench) => Promise<void>>> = {
    connecting: async ({ remote, time }) => {
      remote.delayMillis = 1e6
      await time.run(10)
    },
    idle: async ({ remote, time }) => {
      remote.live = false
      await time.run(10)
    },
    live: async ({ remote, time }) => {
      await time.run(10)
      remote.tell()
      await time.run(1)
    },
    syncing: async ({ remote, time }) => {
      await time.run(10)
      remote.tell()
      remote.delayMillis = 1e6
      remote.grow()
      await time.run(10)
    },
    paused: async ({ handle, time }) => {
      await time.run(10)
      handle.pause()
      await time.run(1)
    },
    offline: async ({ remote, time }) => {
      failAll(remote, lost)
      await time.run(60_000)
    },
    "needs-auth": async ({ remote, time }) => {
      failAll(remote, noToken)
      await time.run(60_000)
    },
    error: async ({ remote, time }) => {
      failAll(remote, () => new Error("?"))
      await time.run(60_000)
    },
  }

  for (const [state, bring] of Object.entries(states)) {
    it(`frees everything, within its time, when it is ${state}`, async () => {
      const bench = makeWorkbench()
      const { handle, store, time } = bench
      await bring(bench)
      assert.equal(handle.status().state, state)
      const call = handle.sync(), waits = handle.waitFor(() => false), stopped = handle.stop()
      const calls = Promise.allSettled([call, waits])
      await time.run(2000)
      await stopped
      assert.equal(handle.status().state, "stopped")
      const ends = (await calls).map((end) => end.status === "rejected" && end.reason instanceof SyncStopped)
      assert.deepEqual(ends, [true, true])
      const left = bench.remote.asked.length
      assert.deepEqual([store.writeListeners.size, store.closeListeners.size], [0, 0])
      assert.equal(bench.remote.asked.every(({ verb, signal }) => verb !== "watch" || signal.aborted), true)
      store.write()
      handle.resume()
      handle.pause()
      await time.run(3_600_000)
      assert.equal(bench.remote.asked.length, left)
      assert.equal(time.waiting.all, 0)
      assert.equal(handle.status().state, "stopped")
    })
  }

  it("pushes what is pending for the last time", async () => {
    const { handle, remote, cycle, time } = await rested()
    cycle.pending = 3
    const stopped = handle.stop()
    await time.run(1)
    await stopped
    assert.equal(remote.order, "push")
    assert.equal(handle.status().pendingOperations, 0)
  })

  it("lets a push end that runs, and begins no pull", async () => {
    const { handle, remote, store, time } = await rested()
    remote.delayMillis = 100
    store.write()
    await time.run(50)
    assert.equal(remote.order, "push")
    const stopped = handle.stop()
    await time.run(60)
    await stopped
    assert.equal(remote.order, "push")
    assert.equal(handle.status().pendingOperations, 0)
  })

  it("gives the last push up after `stopMillis`, and makes none where that is 0", async () => {
    const { handle, remote, cycle, time } = await rested({ stopMillis: 500 })
    cycle.pending = 1
    remote.delayMillis = 10_000
    const stopped = handle.stop()
    await time.run(499)
    assert.equal(await outcomeOf(stopped), "open")
    await time.run(1)
    await stopped
    assert.equal(remote.asked.at(-1)?.signal.aborted, true)

    const none = await rested({ stopMillis: 0 })
    none.cycle.pending = 1
    await none.handle.stop()
    assert.equal(none.remote.order, "")
  })

  it("makes no last push where it cannot get through: paused, offline, never reached", async () => {
    for (const bring of [states["paused"], states["offline"], states["connecting"]]) {
      const bench = makeWorkbench()
      await bring?.(bench)
      bench.cycle.pending = 1
      const pushes = bench.remote.count("push"), startedAt = bench.time.elapsedMillis
      const stopped = bench.handle.stop()
      await bench.time.run(0)
      await stopped
      assert.deepEqual([bench.remote.count("push"), bench.time.elapsedMillis], [pushes, startedAt])
    }
  })

  it("is idempotent, and also what closing the store and `await using` do", async () => {
    const { handle, store, time } = await rested()
    const all = [handle.stop(), handle.stop(), handle[Symbol.asyncDispose]()]
    await time.run(1)
    await Promise.all(all)

    const closed = await rested()
    closed.cycle.pending = 1
    const closing = closed.store.close()
    await closed.time.run(1)
    await closing
    assert.equal(closed.remote.order, "push")
    assert.equal(closed.handle.status().state, "stopped")
    assert.equal(store.writeListeners.size, 0)
  })

  it("rejects later calls with SyncStopped", async () => {
    const { handle } = await rested({ stopMillis: 0 })
    await handle.stop()
    for (const call of [handle.sync(), handle.push(), handle.pull(), handle.waitFor(() => false)]) await assert.rejects(call, SyncStopped)
    assert.equal((await handle.waitFor(({ state }) => state === "stopped")).state, "stopped")
  })

  it("leaves nobody waiting, however short it is: calls of the cycle that runs, and of the next one", async () => {
    const { handle, remote, time } = await rested({ stopMillis: 0 })
    remote.delayMillis = 1000
    const running = handle.sync()
    await time.run(10)
    const calls = [running, handle.sync(), handle.pull()].map((call) => assert.rejects(call, SyncStopped))
    await handle.stop()
    await Promise.all(calls)
  })

  it("calls `release` once, when everything has ended; what it throws is told to the logger", async () => {
    const order: string[] = []
    const { handle, logger } = await rested({
      stopMillis: 0,
      release: () => {
        order.push(`released while ${handle.status().state}`)
        return Promise.reject(new Error("busy"))
      },
    })
    await Promise.all([handle.stop(), handle.stop()])
    assert.deepEqual(order, ["released while stopped"])
    assert.match(logger.text, /could not be closed/)
  })

  it("the option `signal` stops at once, without a last push", async () => {
    const controller = new AbortController()
    const { cycle, handle, remote, time } = await rested({ signal: controller.signal })
    cycle.pending = 1
    controller.abort()
    await time.run(0)
    assert.equal(handle.status().state, "stopped")
    assert.equal(remote.order, "")
    assert.equal(time.waiting.all, 0)
    assert.throws(() => makeWorkbench({ signal: AbortSignal.abort(new Error("never")) }), /never/)
  })

  it("listens to the option `signal` no longer", async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const counted = Object.assign(signal, {
      addEventListener: () => listeners++,
      removeEventListener: () => listeners--,
    })
    const { handle } = await rested({ signal: counted, stopMillis: 0 })
    assert.equal(listeners, 1)
    await handle.stop()
    assert.equal(listeners, 0)
  })
})
