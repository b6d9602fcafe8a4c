/**
 * Bad days between devices and servers: who is let in, how much fits, and who answers at all. Each is one test, with real processes; what is said of
 * it stands in docs/guides/when-things-go-wrong.md.
 */
import assert from "node:assert/strict"
import process from "node:process"
import { describe, it } from "node:test"
import { BadDay, meet } from "./bad-day.ts"
import { DeviceFailure } from "./device.ts"

const HOUR_MILLIS = 3_600_000
const rejectsWith = (code: string) => (error: unknown): boolean => error instanceof DeviceFailure && error.code === code

describe("a token", () => {
  it("that expires in the middle of a push is asked for again, and the push goes on", async () => {
    await using day = await BadDay.begin()
    const server = await day.server("server", { tokens: ["first", "second"], pushesPerToken: 2, limits: { operationsMax: 2 } })
    const a = await day.device("a")
    for (const number of [1, 2, 3, 4, 5, 6]) await a.put(`record:${number}`, number)
    await a.enableSync([server.url], { token: ["first", "second"] })
    const { lastError, counters } = await a.until(({ isSynced }) => isSynced)
    assert.deepEqual([lastError, counters.sentOperations], [undefined, 6])
    assert.deepEqual([server.count("push"), server.count("push", 401)], [3, 1])
    assert.equal(await a.digest(), await server.digest())
  })

  it("that stays invalid is needs-auth; what was written waits, and goes when somebody has logged in and called resume()", async () => {
    await using day = await BadDay.begin()
    const server = await day.server("server", { tokens: ["first", "third"], pushesPerToken: 3, limits: { operationsMax: 2 } })
    const a = await day.device("a")
    for (const number of [1, 2, 3, 4, 5, 6, 7, 8]) await a.put(`record:${number}`, number)
    await a.enableSync([server.url], { token: ["first", "second"] })
    const stopped = await a.until(({ state }) => state === "needs-auth")
    assert.equal(stopped.lastError?.code, "unauthenticated")
    assert.equal(stopped.lastError.retryable, false)
    const parked = await a.until(({ nextAttemptAt }) => nextAttemptAt !== undefined && nextAttemptAt > Date.now() + 0.9 * HOUR_MILLIS)
    assert.deepEqual([parked.state, parked.pendingOperations, parked.counters.sentOperations], ["needs-auth", 2, 6])
    const denied = server.served.filter(({ status }) => status === 401).length
    assert.ok(denied <= 4, `it was asked ${denied} times with a token that is not valid`)
    await assert.rejects(a.sync(), rejectsWith("unauthenticated"))
    await a.put("written meanwhile", 1)

    await a.login("third")
    await a.resume()
    await a.until(({ isSynced, lastError }) => isSynced && lastError === undefined)
    assert.equal(await a.digest(), await server.digest())
  })
})

describe("a quota", () => {
  it("of stores that is used up puts off the new store alone, until there is room and somebody calls resume()", async () => {
    await using day = await BadDay.begin()
    const server = await day.server("server", { limits: { storesMax: 1 } }), a = await day.device("a")
    await a.enableSync([server.url])
    await a.put("in the first store", 1)
    await a.sync()
    const b = await day.device("b", { store: "photos" })
    await b.put("in the second store", 1)
    await b.enableSync([server.url])
    const refused = await b.until(({ state, nextAttemptAt }) => state === "error" && nextAttemptAt !== undefined)
    const { code, remoteCode, retryable } = refused.lastError ?? {}
    assert.deepEqual([code, remoteCode, retryable], ["remote_error", "quota_exceeded", false])
    assert.deepEqual([refused.online, refused.pendingOperations], [true, 1])
    await a.put("in the first store", 2)
    await a.sync()
    assert.equal(a.status.lastError, undefined)

    await server.kill()
    await server.start({ limits: { storesMax: 2 } })
    await b.resume()
    await b.until(({ isSynced, lastError }) => isSynced && lastError === undefined)
    assert.equal(await b.digest(), await server.digest("photos"))
    await a.sync()
    assert.equal(await a.digest(), await server.digest())
  })

  it(
    "of bytes, a full disk at the server, loses nothing and says so; what is there can still be read",
    { skip: process.platform === "win32" && "Windows has no limit on the size of files" },
    async () => {
      await using day = await BadDay.begin()
      const server = await day.server("server", { adapter: "file", fileBytesMax: 4 * 1024 * 1024 }), a = await day.device("a")
      await a.put("small", 1)
      await a.enableSync([server.url])
      await a.sync()
      for (let number = 1; number <= 6; number++) await a.put(`large:${number}`, "0123456789".repeat(90_000))
      const full = await a.until(({ state, nextAttemptAt }) => state === "error" && nextAttemptAt !== undefined)
      assert.match(full.lastError?.message ?? "", /it answered quota_exceeded: the server has no room left/)
      assert.ok(full.nextAttemptAt! >= full.lastError!.at + 60_000, "it is left alone for a minute")
      await a.pull() // what is there can be read

      await server.kill()
      await server.start({ adapter: "file" })
      await a.sync()
      assert.equal(Object.keys(await a.records()).length, 7)
      await server.kill()
      assert.equal(await a.digest(), await server.digest())
    },
  )

  it("of the queue on the device refuses writes before they are stored, lets deletes pass, and ends when the server is back", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a")
    await a.enableSync([server.url], { maxQueueBytes: 1000 })
    await a.put("kept", 1)
    await a.sync()
    await server.kill()
    await a.put("large", "x".repeat(1100))
    await assert.rejects(a.put("refused", "small"), rejectsWith("queue_full"))
    const full = await a.until(({ state, pendingBytes }) => state === "offline" && pendingBytes > 1000)
    assert.equal(full.lastError?.code, "remote_unreachable")
    await a.delete("kept")
    assert.deepEqual(Object.keys(await a.records()), ["large"])

    await server.start()
    await a.until(({ isSynced }) => isSynced)
    await a.put("refused", "no more")
    await a.sync()
    assert.deepEqual(Object.keys(await a.records()), ["large", "refused"])
    assert.equal(await a.digest(), await server.digest())
  })
})

describe("a network", () => {
  it("that answers every request by a page to log in is offline, and names the page", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a")
    await a.enableSync([server.url])
    await a.put("before", 1)
    await a.sync()
    await server.kill()
    await server.startPortal()
    await a.put("in the train", 1)
    const caught = await a.until(({ lastError }) => lastError?.message.includes("text/html") === true && lastError.call !== "watch")
    assert.deepEqual([caught.state, caught.lastError?.code, caught.pendingOperations], ["offline", "remote_unreachable", 1])
    const { nextAttemptAt = 0 } = await a.until(({ nextAttemptAt }) => nextAttemptAt !== undefined)
    assert.ok(nextAttemptAt - Date.now() < 60_000)
    await server.kill()
    await server.start()
    await a.until(({ isSynced, lastError }) => isSynced && lastError === undefined)
    assert.equal(await a.digest(), await server.digest())
  })

  it("in which one of two remotes is dead serves the other, and brings the dead one everything when it is back", async () => {
    await using day = await BadDay.begin()
    const living = await day.server("living"), dead = await day.server("dead"), a = await day.device("a"), b = await day.device("b")
    await dead.kill()
    await a.enableSync([living.url, dead.url])
    await b.enableSync([living.url])
    await a.put("by a", 1)
    const served = await a.until(({ remotes }) => remotes[0]?.isSynced === true && remotes[1]?.state === "offline")
    await b.until(({ isSynced, remoteHead }) => isSynced && remoteHead > 0)
    assert.deepEqual(await b.records(), { "by a": 1 })
    const { state, isSynced, online, lastError, remotes } = served
    assert.deepEqual([state, isSynced, online, lastError?.remote], ["offline", false, false, dead.url])
    assert.deepEqual(remotes.map(({ online, pendingOperations }) => [online, pendingOperations]), [[true, 0], [false, 1]])
    await assert.rejects(a.sync(), rejectsWith("remote_unreachable"))

    await dead.start()
    await a.until(({ isSynced }) => isSynced)
    await b.sync()
    const digest = await dead.digest()
    assert.equal(await living.digest(), digest)
    for (const device of [a, b]) assert.equal(await device.digest(), digest, device.name)
  })

  it("of two servers that only one device reaches both of is one: it carries what each has to the other, by itself", async () => {
    await using day = await BadDay.begin()
    const one = await day.server("one"), two = await day.server("two")
    const a = await day.device("a"), b = await day.device("b"), relay = await day.device("relay")
    await a.enableSync([one.url])
    await b.enableSync([two.url])
    await relay.enableSync([one.url, two.url])
    await a.put("by a", 1)
    await b.until(({ remoteHead }) => remoteHead > 0)
    await b.put("by b", 1)
    await relay.kill() // in the middle of it, or after it
    await a.put("by a, while nobody relays", 1)
    await a.until(({ isSynced }) => isSynced)
    await relay.start()
    await relay.enableSync([one.url, two.url])
    await relay.until(({ isSynced }) => isSynced)
    await meet(relay, a, b)
    for (const device of [a, b, relay]) {
      assert.deepEqual(await device.records(), { "by a": 1, "by a, while nobody relays": 1, "by b": 1 }, device.name)
      assert.equal(await device.digest(), await one.digest(), device.name)
    }
    assert.equal(await one.digest(), await two.digest())
  })
})
