import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { AlreadySyncing, InvalidOption, RemoteUnreachable, SyncStopped, Unauthenticated } from "../../errors.ts"
import { silentLogger } from "../../ports/logger.ts"
import { startSync } from "./supervisor.ts"
import { parseSyncOptions } from "./sync-options.ts"
import type { SyncStatus } from "./sync-status.ts"
import { DoubleRemote } from "./testing/double-remote.ts"
import { DoubleStore } from "./testing/double-store.ts"
import { settle, SimulatedTime } from "./testing/simulated-time.ts"
import { makeWorkbench, type Workbench, type WorkbenchOptions } from "./testing/workbench.ts"

const lost = (remote: DoubleRemote): RemoteUnreachable => new RemoteUnreachable({ remote: remote.name, call: "pull", reason: "lost" })
const noToken = (remote: DoubleRemote): Unauthenticated => new Unauthenticated({ remote: remote.name, call: "pull", reason: "old" })

const failAll = (remote: DoubleRemote, error: (remote: DoubleRemote) => Error): void => {
  remote.onHandshake =
    remote.onPush =
    remote.onPull =
    remote.onWatch =
      () => {
        throw error(remote)
      }
}

async function rested(options?: WorkbenchOptions): Promise<Workbench> {
  const bench = makeWorkbench(options)
  await bench.time.run(1)
  for (const remote of bench.remotes) {
    remote.tell()
    remote.asked.length = 0
  }
  await bench.time.run(1)
  return bench
}

/** How a promise ended so far. */
async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  const seen = promise.then(() => "resolved", (error) => String(Object(error)._tag ?? error))
  return await Promise.race([seen, settle().then(() => "open")])
}

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

describe("SyncHandle: status", () => {
  it("is plain frozen data that says who, what and how much", async () => {
    const { handle, remote, store, time } = await rested({ label: "phone" })
    store.write(2)
    store.deadLetterCount = 3
    store.conflictCount = 4
    remote.head = 2
    await time.run(10)
    const status = handle.status()
    assert.equal(
      Object.isFrozen(status) && Object.isFrozen(status.remotes) && Object.isFrozen(status.remotes[0]) && Object.isFrozen(status.counters),
      true,
    )
    assert.deepEqual(structuredClone(status), { ...status })
    const { state, online, pendingOperations, pendingBytes, deadLetters, conflicts, lastError, nextAttemptAt, localHead, remoteHead } =
      status
    assert.deepEqual(
      {
        store: status.store,
        label: status.label,
        state,
        online,
        pendingOperations,
        pendingBytes,
        deadLetters,
        conflicts,
        lastError,
        nextAttemptAt,
        localHead,
        remoteHead,
      },
      {
        store: "notes",
        label: "phone",
        state: "live",
        online: true,
        pendingOperations: 0,
        pendingBytes: 0,
        deadLetters: 3,
        conflicts: 4,
        lastError: undefined,
        nextAttemptAt: undefined,
        localHead: store.head,
        remoteHead: 3,
      },
    )
    assert.deepEqual([status.lastPushAt !== undefined, status.lastPullAt !== undefined, status.remotes[0]?.durability], [
      true,
      true,
      "durable",
    ])
    assert.deepEqual([status.counters.sentOperations, status.counters.sentBytes, status.counters.receivedBytes], [2, 20, 100])
  })

  it("isSynced waits for the remote to be reached, whatever the log says of other times", async () => {
    const { cycle, handle, time } = makeWorkbench()
    cycle.caughtUp = true
    assert.equal(handle.status().isSynced, false)
    await time.run(1)
    assert.equal(handle.status().isSynced, true)
  })

  it("shows how far a push and a pull are", async () => {
    const { handle, remote, store, time } = await rested()
    remote.delayMillis = 100
    store.write(3500)
    const seen: string[] = []
    handle.subscribe(({ progress }) => {
      const text = progress === undefined ? "-" : `${progress.call} ${progress.done}/${progress.total}`
      if (seen.at(-1) !== text) seen.push(text)
    })
    await time.run(2000)
    const pushes = ["push 0/3500", "push 1000/3500", "push 2000/3500", "push 3000/3500"]
    assert.deepEqual(seen, ["-", ...pushes, "pull 0/4", "pull 4/4", "-"])
  })

  it("goes through its states in their order", async () => {
    const { remote, states, time, handle } = makeWorkbench()
    await time.run(1)
    remote.tell()
    await time.run(1)
    remote.grow()
    await time.run(1)
    handle.pause()
    await time.run(1)
    handle.resume()
    await time.run(1)
    const stopped = handle.stop()
    await time.run(1)
    await stopped
    await time.run(1)
    assert.deepEqual(states, [
      "connecting",
      "syncing",
      "idle",
      "live",
      "syncing",
      "live",
      "paused",
      "connecting",
      "syncing",
      "idle",
      "stopped",
    ])
  })
})

describe("SyncHandle: subscribe(), waitFor(), on(), iteration", () => {
  it("subscribe() calls at once with the present status, and then once for each change", async () => {
    const { handle, store, time } = await rested()
    const seen: SyncStatus[] = []
    const end = handle.subscribe((status) => seen.push(status))
    assert.deepEqual(seen, [handle.status()])
    store.write()
    await time.run(1)
    assert.equal(seen.length > 2, true)
    for (const [n, status] of seen.entries()) if (n > 0) assert.notDeepEqual(status, seen[n - 1])
    assert.deepEqual(seen.at(-1), handle.status())
    end()
    const before = seen.length
    store.write()
    await time.run(10)
    assert.equal(seen.length, before)
  })

  it("subscribe() tells nobody of nothing", async () => {
    const { handle, store, time } = await rested({ interval: 86_400_000 })
    let told = 0
    handle.subscribe(() => told++)
    for (let writes = 0; writes < 10; writes++) store.tell() // frames that change nothing that is shown
    await time.run(10_000)
    assert.equal(told, 1)
  })

  it("a listener that throws, rejects, or ends others disturbs nobody, and is told to the logger", async () => {
    const { handle, logger, store, time } = await rested()
    let told = 0
    handle.subscribe(() => {
      throw new Error("in a listener")
    })
    handle.subscribe(() => Promise.reject(new Error("later")) as unknown as void)
    const end = handle.subscribe(() => told++)
    handle.subscribe(() => told++ > 3 && end())
    store.write()
    await time.run(100)
    assert.equal(told > 3, true)
    assert.equal(handle.status().isSynced, true)
    assert.match(logger.text, /a listener to the status of syncing threw/)
    assert.doesNotMatch(logger.text, /in a listener|later/)
  })

  it("a listener that another one ends is told of nothing any more, not even of what has happened already", async () => {
    const { handle, store, time } = await rested()
    let told = 0
    let end = (): void => {}
    handle.subscribe(({ state }) => {
      if (state === "syncing") end()
    })
    end = handle.subscribe(({ state }) => {
      if (state === "syncing") told++
    })
    store.write()
    await time.run(10)
    assert.equal(told, 0)
  })

  it("a listener may call the handle", async () => {
    const { handle, store, time } = await rested()
    let stopped: Promise<void> | undefined
    handle.subscribe(({ pendingOperations }) => {
      if (pendingOperations > 0) stopped ??= handle.stop()
    })
    store.write()
    await time.run(3000)
    await stopped
    assert.equal(handle.status().state, "stopped")
  })

  it("waitFor() resolves at once if it holds, or with the first status that it holds for", async () => {
    const { handle, store, time } = await rested()
    assert.equal((await handle.waitFor(({ isSynced }) => isSynced)).isSynced, true)
    const syncing = handle.waitFor(({ state }) => state === "syncing")
    store.write()
    await time.run(100)
    assert.equal((await syncing).state, "syncing", "however short it was")
  })

  it("waitFor() rejects with the signal's reason, what the predicate throws, or for what is no function", async () => {
    const { handle } = await rested()
    const controller = new AbortController(), reason = new Error("enough")
    const waits = handle.waitFor(() => false, { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(waits, reason)
    await assert.rejects(
      handle.waitFor(() => {
        throw reason
      }),
      reason,
    )
    await assert.rejects(handle.waitFor(5 as unknown as () => boolean), InvalidOption)
    await assert.rejects(handle.waitFor(() => true, { signal: AbortSignal.abort(reason) }), reason)
  })

  it("holds the process while somebody waits for a promise of it, and not otherwise", async () => {
    const { handle, remote, time } = await rested()
    assert.equal(time.waiting.holding, 0)
    remote.delayMillis = 100_000
    const synced = handle.sync()
    await time.run(70_000)
    assert.equal(time.waiting.holding, 1)
    await time.run(100_000)
    await synced
    assert.equal(time.waiting.holding, 0)
    const controller = new AbortController()
    const waits = handle.waitFor(() => false, { signal: controller.signal })
    await time.run(1000)
    assert.equal(time.waiting.holding, 1)
    controller.abort()
    await assert.rejects(waits)
    assert.equal(time.waiting.holding, 0)
  })

  it("iterates over the status, the latest each time, and ends when syncing is stopped", async () => {
    const { handle, store, time } = await rested({ stopMillis: 0 })
    const seen: SyncStatus[] = []
    const reading = (async () => {
      for await (const status of handle) seen.push(status)
    })()
    await time.run(1)
    assert.equal(seen.length, 1)
    store.write()
    await time.run(100)
    assert.deepEqual(seen.at(-1), handle.status())
    await handle.stop()
    await reading
    assert.equal(seen.at(-1)?.state, "stopped")
  })

  it("iteration can be left, also while it waits for a change", async () => {
    const { handle } = await rested()
    const iterator = handle[Symbol.asyncIterator]()
    assert.equal((await iterator.next()).done, false)
    const waits = iterator.next()
    await iterator.return(undefined)
    assert.equal((await waits).done, true)
    for await (const status of handle) {
      assert.equal(status.store, "notes")
      break
    }
  })

  it("on() tells of what happens: active, paused, change, complete", async () => {
    const { handle, store, time } = await rested({ stopMillis: 0 })
    const events: string[] = []
    for (const event of ["active", "paused", "complete"] as const) handle.on(event, ({ state }) => events.push(`${event}: ${state}`))
    let changes = 0
    const end = handle.on("change", () => changes++)
    await time.run(1)
    assert.deepEqual([events, changes], [[], 0])
    store.write()
    await time.run(10)
    assert.deepEqual(events, ["active: syncing", "paused: live"])
    assert.equal(changes > 2, true)
    end()
    const before = changes
    await handle.stop()
    await time.run(1)
    assert.deepEqual([events.at(-1), changes], ["complete: stopped", before])
  })

  it("on() tells of what is denied, and of errors that do not pass by themselves", async () => {
    const { handle, remote, store, time } = await rested()
    const events: string[] = []
    handle.on(
      "denied",
      ({ remote, refusedOperations, isForbidden }) => events.push(`denied by ${remote}: ${refusedOperations} ${isForbidden}`),
    )
    handle.on("error", ({ code }) => events.push(`error: ${code}`))
    let refuses = true
    remote.onPush = () => {
      if (!refuses) return undefined
      refuses = false
      return { kind: "refused", refused: [], serverTimeMillis: 0 }
    }
    store.write()
    await time.run(100)
    assert.deepEqual(events, [`denied by ${remote.name}: 1 false`])
    remote.onPush = () => ({ kind: "forbidden", writers: [] })
    store.write()
    await time.run(100)
    assert.equal(events.at(-1), `denied by ${remote.name}: 1 true`)
    failAll(remote, lost)
    await time.run(60_000)
    assert.equal(events.length, 2, "what passes by itself is none")
    failAll(remote, noToken)
    await time.run(120_000)
    assert.equal(events.filter((event) => event === "error: unauthenticated").length >= 1, true, events.join())
  })

  it("on() refuses an event that is not known, and a listener that is none", () => {
    const { handle } = makeWorkbench()
    assert.throws(() => handle.on("finished" as "complete", () => {}), InvalidOption)
    assert.throws(() => handle.on("toString" as "complete", () => {}), InvalidOption)
    assert.throws(() => handle.on("change", undefined as unknown as () => void), InvalidOption)
    assert.throws(() => handle.subscribe({} as () => void), InvalidOption)
  })
})
