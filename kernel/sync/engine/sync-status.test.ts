import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../errors.ts"
import type { SyncStatus } from "./sync-status.ts"
import type { UpstreamLoss } from "../upstream-loss.ts"
import { failAll, lost, noToken } from "./testing/failing.ts"
import { makeWorkbench, rested } from "./testing/workbench.ts"

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

  it("subscribe() tells of what is written while it is paused, or offline", async () => {
    for (const stop of ["pause", "lose"] as const) {
      const { handle, remote, store, time } = await rested()
      if (stop === "pause") handle.pause()
      else failAll(remote, lost)
      let told: SyncStatus | undefined
      handle.subscribe((status) => told = status)
      for (let writes = 1; writes <= 5; writes++) {
        store.write()
        await time.run(25)
        assert.deepEqual([told?.pendingOperations, told?.localHead], [writes, store.head], stop)
      }
    }
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

  it("says what may not be brought: of all remotes, where most is lacking", async () => {
    const { handle, store, time } = await rested({ remoteNames: ["https://a.example", "https://b.example"] })
    assert.equal(handle.status().upstreamLoss, undefined)
    const lossOf = (operations: number): UpstreamLoss => ({ operations, records: [{ collection: "", key: "k" }] })
    const [first, second] = store.cycles
    assert.ok(first !== undefined && second !== undefined)
    second.upstreamLoss = lossOf(1)
    assert.deepEqual(handle.status().upstreamLoss, lossOf(1))
    first.upstreamLoss = lossOf(2)
    const { upstreamLoss, remotes } = handle.status()
    assert.deepEqual([upstreamLoss, ...remotes.map((remote) => remote.upstreamLoss)], [lossOf(2), lossOf(2), lossOf(1)])
    const changes: number[] = []
    handle.subscribe((status) => changes.push(status.upstreamLoss?.operations ?? 0))
    first.upstreamLoss = second.upstreamLoss = undefined
    store.write()
    await time.run(100)
    assert.deepEqual([changes[0], changes.at(-1)], [2, 0])
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
