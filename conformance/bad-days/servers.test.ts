/** Bad days of servers. Each is one test, with real processes; what is said of it stands in docs/guides/when-things-go-wrong.md. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { BadDay, meet } from "./bad-day.ts"
import type { Lie } from "./testing/lies.ts"

const HOUR_MILLIS = 3_600_000

describe("a server", () => {
  it("that was wiped gets everything back from the devices, also what only one of them has", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a"), b = await day.device("b")
    for (const device of [a, b]) await device.enableSync([server.url])
    await a.put("by-a", 1)
    await b.put("by-b", 1)
    await meet(a, b)

    await server.kill()
    await server.files.remove()
    await a.put("offline", 1)
    const away = await a.until(({ state, lastError }) => state === "offline" && lastError?.call !== "watch")
    assert.equal(away.lastError?.code, "remote_unreachable")
    assert.ok(away.lastError.retryable && away.pendingOperations === 1 && !away.isSynced)
    const waits = await a.until(({ nextAttemptAt }) => nextAttemptAt !== undefined)
    assert.ok(waits.nextAttemptAt! - Date.now() <= 60_000)

    await server.start()
    // Nobody asks for anything: both find it again by themselves, and what it lacks.
    for (const device of [a, b]) await device.until(({ isSynced, remoteHead }) => isSynced && remoteHead > 0)
    await meet(a, b)
    const digest = await server.digest()
    for (const device of [a, b]) {
      assert.deepEqual(await device.records(), { "by-a": 1, "by-b": 1, offline: 1 }, device.name)
      assert.equal(await device.digest(), digest, device.name)
    }
    for (const device of [a, b]) await device.until(({ state, lastError }) => state === "live" && lastError === undefined)
  })

  it("that was restored from an older copy gets back what any device still has; what none has is lost everywhere alike", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a"), b = await day.device("b")
    for (const device of [a, b]) await device.enableSync([server.url])
    await a.put("before", 1)
    await meet(a, b)
    await server.kill()
    const copy = await server.files.backUp()
    await server.start()

    await a.put("after, fetched by b", 1)
    await a.sync()
    await b.sync()
    await b.put("after, by b", 1)
    await b.sync()
    await b.kill()
    await a.put("after, fetched by nobody", 1)
    await a.sync()
    await a.kill() // for ever: it fell into the sea
    await server.kill()
    await copy.copyTo(server.files)
    await server.start()

    const again = await day.device("b")
    await again.enableSync([server.url])
    // By itself; and nothing that happens on the way looks like a fault.
    await again.until(({ isSynced }) => isSynced)
    assert.deepEqual(again.statuses.filter(({ lastError }) => lastError !== undefined), [])
    assert.equal(again.status.counters.sentOperations, 2)
    assert.deepEqual(await again.records(), { "after, by b": 1, "after, fetched by b": 1, before: 1 })
    assert.equal(await again.digest(), await server.digest(), "nobody has what nobody fetched")
  })

  it("whose log does not contain a device's cursor any more is read from its start, and nothing is deleted for it", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), other = await day.server("other"), a = await day.device("a"), b = await day.device("b")
    await a.enableSync([server.url])
    await b.enableSync([other.url])
    for (const number of [1, 2, 3]) {
      await a.put(`a:${number}`, number)
      await a.sync()
      await b.put(`b:${number}`, number)
      await b.sync()
    }
    assert.equal((await a.until(({ isSynced }) => isSynced)).remoteHead, 3)
    await a.stop()
    await Promise.all([server.kill(), other.kill()])
    await other.files.copyTo(server.files) // as many frames, and other ones
    await server.start()

    await a.enableSync([server.url])
    const pulls = server.count("pull")
    await a.until(({ isSynced }) => isSynced)
    assert.ok(server.count("pull") >= pulls + 2, "it was told to begin anew, and asked again")
    assert.deepEqual(a.statuses.filter(({ lastError }) => lastError !== undefined), [])
    assert.deepEqual(Object.keys(await a.records()), ["a:1", "a:2", "a:3", "b:1", "b:2", "b:3"])
    assert.equal(await a.digest(), await server.digest())
  })

  /** A device meets one lie after another, each of which gets it into the state "error", and writes on; then the server tells the truth. */
  const meetLies = async (lies: readonly Lie[], judge: (code: string, millisToWait: number) => void): Promise<void> => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a")
    await a.enableSync([server.url])
    await a.put("before", 1)
    await a.sync()
    for (const lie of lies) {
      await a.stop()
      await server.lie(lie)
      await a.enableSync([server.url])
      const lost = await a.until(({ state, nextAttemptAt }) => state === "error" && nextAttemptAt !== undefined)
      assert.ok(lost.online && !lost.isSynced && lost.lastError?.call === "pull", lie)
      const parked = await a.until(({ nextAttemptAt, counters }) =>
        nextAttemptAt !== undefined && counters.requests > lost.counters.requests
      )
      judge(parked.lastError!.code, parked.nextAttemptAt! - Date.now())
      assert.ok(parked.counters.requests < 50, `${lie}: ${parked.counters.requests} requests`)
      await a.put(lie, "written all the same")
    }
    await server.lie("none")
    await a.resume()
    await a.until(({ isSynced, lastError }) => isSynced && lastError === undefined)
    assert.deepEqual(Object.keys(await a.records()), ["before", ...lies].sort())
    assert.equal(await a.digest(), await server.digest())
  }

  it("whose cursor rewinds or never moves is asked twice, then left alone for an hour, or until somebody says that it is mended", async () => {
    await meetLies(["cursor rewinds", "cursor never moves"], (code, millis) => {
      assert.equal(code, "protocol_violation")
      assert.ok(millis > 0.99 * HOUR_MILLIS && millis < 1.11 * HOUR_MILLIS, `${millis} ms`)
    })
  })

  it("that begins anew for ever, or sends nothing in ever more pages, is asked more and more rarely", async () => {
    await meetLies(["always begins anew", "empty pages"], (code, millis) => {
      assert.equal(code, "no_progress")
      assert.ok(millis > 0, `${millis} ms`)
    })
  })
})
