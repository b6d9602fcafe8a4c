import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Throttle } from "./throttle.ts"
import { partOf } from "./testing/double-remote.ts"
import { SimulatedTime } from "./testing/simulated-time.ts"
import { makeWorkbench } from "./testing/workbench.ts"

describe("Throttle", () => {
  const never = new AbortController().signal

  it("pass() lets the bytes of a second through at once, and has the next wait until they are paid", async () => {
    const time = new SimulatedTime(), throttle = new Throttle(time, 1000)
    await throttle.pass(never)
    throttle.count(3000)
    let isPassed = false
    const passed = throttle.pass(never).then(() => isPassed = true)
    await time.run(1999)
    assert.equal(isPassed, false)
    await time.run(10)
    await passed
    assert.deepEqual(time.waiting, { all: 0, holding: 0 })
  })

  it("pass() rejects with the signal's reason, also while it waits, and frees its timer", async () => {
    const time = new SimulatedTime(), throttle = new Throttle(time, 1)
    throttle.count(1_000_000_000)
    const controller = new AbortController(), reason = new Error("enough")
    const passed = throttle.pass(controller.signal)
    await time.run(600_000)
    assert.deepEqual(time.waiting, { all: 1, holding: 0 })
    controller.abort(reason)
    await assert.rejects(passed, reason)
    assert.equal(time.waiting.all, 0)
    await assert.rejects(throttle.pass(AbortSignal.abort(reason)), reason)
  })

  it("pass() waits once more at most for a clock that is set back, by however much", async () => {
    const time = new SimulatedTime(), throttle = new Throttle(time, 1000)
    throttle.count(2000)
    const passed = throttle.pass(never)
    time.millis -= 31_536_000_000
    await time.run(2100)
    await passed
  })
})

describe("the option `throttle`", () => {
  const BYTES_PER_SECOND = 1000

  it("keeps pushes to so many bytes a second, and counts them", async () => {
    const { handle, remote, store, time } = makeWorkbench({ throttle: BYTES_PER_SECOND, live: false })
    await time.run(10)
    store.write(100_000) // 10 bytes each, 10,000 in one push
    await time.run(100_000)
    const pushes = remote.asked.filter(({ verb }) => verb === "push").map(({ at }) => at)
    assert.equal(pushes.length >= 9 && pushes.length <= 12, true, `${pushes.length} pushes of 10,000 bytes in 100 s`)
    const sent = handle.status().counters.sentBytes
    assert.equal(sent >= 90_000 && sent <= 120_000, true, `${sent} bytes in 100 s`)
    await time.run(1_000_000)
    assert.deepEqual([handle.status().counters.sentBytes, handle.status().pendingOperations], [1_000_000, 0])
  })

  it("has pushes planned in pieces", async () => {
    const { cycle, time } = makeWorkbench({ throttle: 100_000, live: false })
    await time.run(10)
    assert.equal(cycle.status().handshake?.limits.partsBytesMax, 100_000)
  })

  it("keeps pulls to it as well, and asks for small pages", async () => {
    const { handle, remote, time } = makeWorkbench({ throttle: BYTES_PER_SECOND, live: false })
    await time.run(10)
    const sizes = new Set<number>()
    let position = 0
    remote.onPull = ({ partsBytesMax }) => {
      sizes.add(partsBytesMax)
      position++
      return {
        kind: "page",
        parts: [partOf(5000)],
        ranges: [],
        next: { position, id: new Uint8Array(16) },
        upToDate: false,
        head: 1_000_000,
        serverTimeMillis: 0,
      }
    }
    await time.run(105_000)
    const { receivedBytes } = handle.status().counters
    assert.equal(receivedBytes >= 95_000 && receivedBytes <= 110_000, true, `${receivedBytes}`)
    assert.deepEqual([...sizes], [65_536])
  })

  it("is one for all remotes of a handle, and does not delay what has no bytes to pay for", async () => {
    const remoteNames = ["https://a.example", "https://b.example"]
    const { handle, remotes, store, time } = makeWorkbench({ throttle: BYTES_PER_SECOND, live: false, remoteNames })
    await time.run(10)
    assert.deepEqual(remotes.map(({ order }) => order), ["handshake pull", "handshake pull"])
    store.write(10_000)
    await time.run(100_000)
    const sent = handle.status().counters.sentBytes
    assert.equal(sent >= 90_000 && sent <= 125_000, true, `${sent} bytes in 100 s`)
  })

  it("does not keep stop() waiting", async () => {
    const { handle, store, time } = makeWorkbench({ throttle: 1, live: false })
    await time.run(10)
    store.write(10_000)
    await time.run(100)
    const stopped = handle.stop()
    await time.run(2000)
    await stopped
    assert.equal(time.waiting.all, 0)
  })
})
