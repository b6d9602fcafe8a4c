import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { ProtocolViolation, RemoteError, RemoteUnreachable, type RetryAdvice, Unauthenticated, UnsupportedVersion } from "../../errors.ts"
import type { DoubleRemote } from "./testing/double-remote.ts"
import { makeWorkbench, type Workbench, type WorkbenchOptions } from "./testing/workbench.ts"

const HOUR_MILLIS = 3_600_000

/** Every call of the remote fails with it; `undefined`: honest again. */
function failAll(remote: DoubleRemote, error: (() => unknown) | undefined): void {
  const fail = error === undefined ? undefined : (): never => {
    throw error()
  }
  remote.onHandshake =
    remote.onPush =
    remote.onPull =
    remote.onWatch =
      fail
}

const name = "https://remote.example"
const lost = (): RemoteUnreachable => new RemoteUnreachable({ remote: name, call: "pull", reason: "no route" })
const says = (remoteCode: string, retry: RetryAdvice, retryAfterMillis?: number) => (): RemoteError =>
  new RemoteError({ remote: name, call: "pull", remoteCode, reason: "because", retry, retryAfterMillis })
const noToken = (): Unauthenticated => new Unauthenticated({ remote: name, call: "pull", reason: "too old" })

/** One that has been connected and now fails with every call. */
async function failing(error: () => unknown, options: WorkbenchOptions = {}): Promise<Workbench> {
  const bench = makeWorkbench({ live: false, ...options })
  await bench.time.run(1)
  failAll(bench.remote, error)
  bench.remote.asked.length = 0
  return bench
}

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
