/** I16, I17 and T51: how much a remote can make a device do that answers at once, with whatever it likes. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { NoProgress, ProtocolViolation, RemoteError, RemoteUnreachable } from "../../errors.ts"
import { cursorAt, type DoubleRemote, partOf } from "./testing/double-remote.ts"
import { makeWorkbench, type Workbench } from "./testing/workbench.ts"

const HOUR_MILLIS = 3_600_000

/** Requests of the first hour. With a rhythm, something happens every so many milliseconds. */
async function anHour(
  bench: Workbench,
  rhythm?: { readonly everyMillis: number; readonly act: () => void },
): Promise<{ readonly requests: number; readonly timersMax: number }> {
  const { remote, time } = bench
  let timersMax = 0
  const stepMillis = rhythm?.everyMillis ?? 10_000
  for (let millis = 0; millis < HOUR_MILLIS; millis += stepMillis) {
    rhythm?.act()
    await time.run(stepMillis)
    timersMax = Math.max(timersMax, time.waiting.all)
  }
  return { requests: remote.asked.length, timersMax }
}

function throwing(error: (remote: string) => Error): (remotes: readonly DoubleRemote[]) => void {
  return ([remote]) => {
    if (remote === undefined) return
    remote.onHandshake =
      remote.onPush =
      remote.onPull =
      remote.onWatch =
        () => {
          throw error(remote.name)
        }
  }
}

describe("I17: requests of an hour against a remote that answers at once with nonsense", () => {
  const answers: readonly (readonly [string, (remote: string) => Error, number])[] = [
    ["no answer", (remote) => new RemoteUnreachable({ remote, call: "pull", reason: "reset" }), 200],
    ["F15: a page for people", (remote) => new ProtocolViolation({ remote, call: "pull", reason: "HTML" }), 10],
    ["F16: 503", (remote) => new RemoteError({ remote, call: "pull", remoteCode: "overloaded", reason: "", retry: "later" }), 200],
    [
      "try now, always",
      (remote) => new RemoteError({ remote, call: "pull", remoteCode: "x", reason: "", retry: "now", retryAfterMillis: 0 }),
      200,
    ],
    ["something that is no error of ours", () => new SyntaxError("?"), 10],
  ]
  for (const [title, error, requestsMax] of answers) {
    it(`${title}: at most ${requestsMax}`, async () => {
      const bench = makeWorkbench({ prepare: throwing(error) })
      const { requests } = await anHour(bench, { everyMillis: 500, act: () => bench.store.write() })
      assert.equal(requests <= requestsMax, true, `${requests} requests`)
      assert.equal(requests > 1, true)
    })
  }

  it("F14: the same old page again and again, with hints of something new every millisecond", async () => {
    const bench = makeWorkbench(), { remote, time } = bench
    await time.run(1)
    let forged = 1000
    remote.onPull = ({ cursor }) => ({ kind: "page", parts: [], ranges: [], next: cursor, upToDate: true, head: 1000, serverTimeMillis: 0 })
    let told = 0
    for (let millis = 0; millis < 60_000; millis++) {
      remote.tell(cursorAt(forged++))
      told++
      await time.run(1)
    }
    const { requests } = await anHour(bench, { everyMillis: 50, act: () => remote.tell(cursorAt(forged++)) })
    assert.equal(told, 60_000)
    assert.equal(requests <= 1200, true, `${requests} requests`)
    assert.equal(bench.remoteStatus().lastError?.code, "no_progress")
  })

  it("P32, R52: five pulls for nothing at once are enough to wait, and it is said why", async () => {
    const { remote, remoteStatus, time } = makeWorkbench({ interval: 86_400_000 })
    await time.run(1)
    remote.tell()
    await time.run(1)
    remote.asked.length = 0
    for (let millis = 0; millis < 500; millis += 10) {
      remote.tell(cursorAt(1_000_000 + millis))
      await time.run(10)
    }
    assert.equal(remote.count("pull") >= 5 && remote.count("pull") <= 10, true, `${remote.count("pull")} pulls`)
    const { lastError } = remoteStatus()
    assert.deepEqual([lastError?.code, lastError?.retryable, lastError?.call], ["no_progress", true, "pull"])
  })

  it("P32: hints are believed again once they are true", async () => {
    const { remote, remoteStatus, time } = makeWorkbench()
    await time.run(1)
    for (let hints = 0; hints < 1000; hints++) {
      remote.tell(cursorAt(1_000_000 + hints))
      await time.run(10)
    }
    await time.run(60_000)
    assert.equal(remoteStatus().lastError?.code, "no_progress", "a poll tells nothing of hints")
    remote.head = 2_000_000
    remote.tell()
    await time.run(60_000)
    remote.grow()
    await time.run(60_000)
    assert.equal(remoteStatus().lastError, undefined)
    remote.asked.length = 0
    remote.grow()
    await time.run(1)
    assert.equal(remote.count("pull"), 1)
  })

  it("P51, R73: a remote that always asks for a new beginning gets a few, and then one an hour", async () => {
    const bench = makeWorkbench({ live: false })
    const { handle, remote, time } = bench
    await time.run(1)
    remote.asked.length = 0
    remote.onPull = () => ({ kind: "restart", at: cursorAt(0, 7), serverTimeMillis: 0 })
    const { requests } = await anHour(bench)
    assert.equal(requests <= 8, true, `${requests} requests`)
    const { state, lastError, nextAttemptAt } = handle.status()
    assert.deepEqual([state, lastError?.code], ["error", "no_progress"])
    assert.equal(nextAttemptAt !== undefined && nextAttemptAt > time.now(), true)
    const before = remote.count("pull")
    await time.run(10 * HOUR_MILLIS)
    assert.equal(remote.count("pull") - before <= 20, true, `${remote.count("pull") - before} in ten hours`)

    const refused = handle.sync()
    await Promise.all([time.run(1), assert.rejects(refused, NoProgress)])
    let restarts = 4
    remote.onPull = () => restarts-- > 0 ? { kind: "restart", at: cursorAt(0, 8), serverTimeMillis: 0 } : undefined
    const taken = handle.sync() // somebody asks: as many as at first
    await time.run(1)
    await taken
    assert.equal(handle.status().isSynced, true)
  })

  it("P51: the few new beginnings that happen in earnest are not held up", async () => {
    const { handle, remote, time } = makeWorkbench({ live: false })
    await time.run(1)
    for (let wipes = 1; wipes <= 3; wipes++) {
      let restarts = 1
      remote.onPull = () => restarts-- > 0 ? { kind: "restart", at: cursorAt(0, wipes), serverTimeMillis: 0 } : undefined
      await time.run(5000)
      assert.equal(handle.status().state, "idle")
    }
  })

  it("a remote that always wants a pull before the push", async () => {
    const bench = makeWorkbench()
    bench.remote.onPush = () => ({ kind: "unknown" })
    const { requests } = await anHour(bench, { everyMillis: 500, act: () => bench.store.write() })
    assert.equal(requests <= 2500, true, `${requests} requests`)
    assert.deepEqual([bench.handle.status().state, bench.handle.status().lastError?.code], ["error", "no_progress"])
  })

  it("a remote that refuses whatever is written anew for it", async () => {
    const bench = makeWorkbench()
    bench.remote.onPush = () => ({ kind: "refused", refused: [], serverTimeMillis: 0 })
    bench.store.write()
    const { requests } = await anHour(bench)
    assert.equal(requests <= 1500, true, `${requests} requests`)
    assert.deepEqual([bench.handle.status().state, bench.handle.status().lastError?.code], ["error", "no_progress"])
    bench.remote.onPush = undefined
    await bench.time.run(120_000)
    assert.deepEqual([bench.handle.status().pendingOperations, bench.handle.status().lastError], [0, undefined])
  })

  it("a live channel that ends as soon as it has said something", async () => {
    const bench = makeWorkbench(), { remote, time } = bench
    remote.watch = (onHead, { signal }) => {
      remote.asked.push({ verb: "watch", at: time.elapsedMillis, signal })
      onHead(cursorAt(1_000_000))
      return Promise.resolve()
    }
    const { requests } = await anHour(bench)
    assert.equal(remote.count("watch") <= 200, true, `${remote.count("watch")} watches`)
    assert.equal(requests <= 1500, true, `${requests} requests`)
  })

  it("frames without end, announced every millisecond: 500 cycles at once, then 50 a second", async () => {
    const { remote, time } = makeWorkbench()
    await time.run(1)
    remote.asked.length = 0
    for (let millis = 0; millis < 60_000; millis++) {
      remote.grow()
      await time.run(1)
    }
    assert.equal(remote.count("pull") <= 500 + 50 * 60 + 10, true, `${remote.count("pull")} pulls`)
    assert.equal(remote.count("pull") >= 3000, true, "they are new, so they are fetched")
  })
})

describe("I16: what waits is bounded", () => {
  it("timers of a handle, whatever happens to it", async () => {
    for (const error of [undefined, (remote: string) => new RemoteUnreachable({ remote, call: "pull", reason: "" })]) {
      const bench = makeWorkbench(error === undefined ? {} : { prepare: throwing(error) })
      let writes = 0
      const { timersMax } = await anHour(bench, {
        everyMillis: 700,
        act: () => {
          for (let n = 0; n < 5; n++) bench.store.write()
          bench.remote.grow()
          if (++writes % 100 === 0) bench.handle.resume()
        },
      })
      assert.equal(timersMax <= 8, true, `${timersMax} timers`)
    }
  })

  it("one push or pull at a time, and one watch", async () => {
    const { cycle, remote, handle, store, time } = makeWorkbench()
    remote.delayMillis = 50
    for (let rounds = 0; rounds < 200; rounds++) {
      store.write()
      remote.grow()
      if (rounds % 50 === 10) {
        handle.pause()
        handle.resume()
      }
      await time.run(13)
    }
    assert.equal(cycle.overlapMax, 1)
    const open = remote.asked.filter(({ verb, signal }) => verb === "watch" && !signal.aborted)
    assert.equal(open.length, 1)
  })
})

describe("MeteredRemote", () => {
  it("counts what goes through, answered or not", async () => {
    const { handle, remote, store, time } = makeWorkbench({ live: false })
    await time.run(1)
    store.write(3)
    remote.head = 4
    await time.run(10)
    const lost = (): never => {
      throw new RemoteUnreachable({ remote: remote.name, call: "push", reason: "lost" })
    }
    remote.onPush = lost
    store.write(100)
    await time.run(10)
    const { counters } = handle.status()
    assert.equal(counters.requests, remote.asked.length)
    assert.deepEqual([counters.sentOperations, counters.sentBytes, counters.receivedBytes], [3, 30, 100])
    assert.equal(partOf(5).content.length, 5)
  })
})
