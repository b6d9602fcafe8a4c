/** Bad days of devices. Each is one test, with real processes; what is said of it stands in docs/guides/when-things-go-wrong.md. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { BadDay, meet } from "./bad-day.ts"

const DAY_MILLIS = 86_400_000
const YEAR_MILLIS = 365 * DAY_MILLIS

describe("a device", () => {
  it("that was restored from an older copy fetches what it had sent; what it had not sent is lost, and that alone", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), a = await day.device("a")
    await a.enableSync([server.url])
    await a.put("before", 1)
    await a.sync()
    await a.kill()
    const copy = await a.files.backUp()

    await a.start()
    await a.enableSync([server.url])
    await a.put("sent", 1)
    await a.sync()
    await a.stop()
    await a.put("not sent", 1)
    await a.kill()
    await copy.copyTo(a.files)
    await a.start()
    assert.deepEqual(await a.records(), { before: 1 })
    await a.put("written after", 1)
    await a.enableSync([server.url])
    await a.until(({ isSynced }) => isSynced)
    assert.deepEqual(a.statuses.filter(({ lastError }) => lastError !== undefined), [])

    assert.deepEqual(await a.records(), { before: 1, sent: 1, "written after": 1 })
    assert.equal(await a.digest(), await server.digest())
  })

  it("that was cloned is two devices from then on, and what was written before counts once, whoever sends it", async () => {
    await using day = await BadDay.begin()
    const one = await day.server("one"), two = await day.server("two"), a = await day.device("a"), clone = day.deviceAt("clone")
    await a.put("shared", "first")
    await a.put("unsent", "before the copy")
    await a.kill()
    await a.files.copyTo(clone.files)
    await Promise.all([a.start(), clone.start()])
    await a.put("shared", "by a")
    await a.put("only a", 1)
    await clone.put("shared", "by the clone")
    await clone.put("only clone", 1)

    await clone.enableSync([one.url])
    await clone.sync() // the clone is first
    await a.enableSync([two.url])
    await a.sync()
    const c = await day.device("c")
    await c.enableSync([one.url, two.url])
    await c.sync() // has both branches, and takes each to the other server
    await meet(c, a, clone)

    const digests = await Promise.all([a, clone, c].map((device) => device.digest()).concat(one.digest(), two.digest()))
    assert.equal(new Set(digests).size, 1, String(digests))
    assert.deepEqual(Object.keys(await c.records()), ["only a", "only clone", "shared", "unsent"])
    for (const device of [a, clone, c]) {
      assert.deepEqual((await device.conflicts())["shared"]?.toSorted(), ["by a", "by the clone"], device.name)
      assert.deepEqual(await device.history("unsent"), ["before the copy"], device.name)
    }
  })

  it("whose clock is a year ahead is corrected by the server, and does not win for a year", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), ahead = await day.device("ahead", { clockMillis: YEAR_MILLIS }), b = await day.device("b")
    await ahead.put("shared", "a year ahead")
    await ahead.put("alone", 1)
    await ahead.enableSync([server.url])
    const synced = await ahead.until(({ isSynced }) => isSynced)
    assert.ok(Math.abs(synced.clockOffsetMillis + YEAR_MILLIS) < 60_000, `${synced.clockOffsetMillis} ms`)
    assert.equal(synced.remotes[0]?.refusedOperations, 2)
    assert.deepEqual([synced.deadLetters, synced.lastError], [0, undefined])

    await b.enableSync([server.url])
    await b.sync()
    await b.stop()
    await ahead.put("shared", "ahead, once more")
    await b.put("shared", "b, a moment later")
    await ahead.sync()
    await b.enableSync([server.url])
    await meet(b, ahead)
    for (const device of [ahead, b]) assert.deepEqual(await device.records(), { alone: 1, shared: "b, a moment later" }, device.name)
    assert.equal(ahead.status.remotes[0]?.refusedOperations, 2, "its new stamps are right")
    assert.equal(await ahead.digest(), await b.digest())
    assert.equal(await ahead.digest(), await server.digest())
  })

  it("whose clock is a year behind loses comparisons, never a write: conflicts() has it, and its next write is shown", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), behind = await day.device("behind", { clockMillis: -YEAR_MILLIS }), b = await day.device("b")
    await b.put("shared", "b, earlier")
    await behind.put("shared", "a year behind, later")
    await b.enableSync([server.url])
    await behind.enableSync([server.url])
    await meet(b, behind)
    for (const device of [behind, b]) {
      assert.deepEqual(await device.records(), { shared: "b, earlier" }, device.name)
      assert.deepEqual(await device.conflicts(), { shared: ["a year behind, later", "b, earlier"] }, device.name)
    }
    assert.deepEqual(behind.statuses.filter(({ lastError }) => lastError !== undefined), [])
    assert.ok(Math.abs(behind.status.clockOffsetMillis - YEAR_MILLIS) < 60_000, `${behind.status.clockOffsetMillis} ms`)

    await behind.put("shared", "behind, having seen both")
    await meet(behind, b)
    for (const device of [behind, b]) {
      assert.deepEqual([await device.records(), await device.conflicts()], [{ shared: "behind, having seen both" }, {}], device.name)
    }
    assert.equal(await behind.digest(), await b.digest())
    assert.equal(await behind.digest(), await server.digest())
  })

  it("that slept for 90 days brings its deletes and updates, and takes those of the others: the later one is shown, none is lost", async () => {
    await using day = await BadDay.begin()
    const server = await day.server(), sleeper = await day.device("sleeper", { clockMillis: -90 * DAY_MILLIS }), b = await day.device("b")
    await sleeper.put("deleted there, updated here", "old")
    await sleeper.put("updated there, deleted here", "old")
    await sleeper.put("deleted on both", "old")
    await sleeper.put("deleted here", "old")
    await sleeper.enableSync([server.url])
    await sleeper.sync()
    await b.enableSync([server.url])
    await b.sync()
    await sleeper.stop()
    await sleeper.delete("deleted there, updated here")
    await sleeper.put("updated there, deleted here", "by the sleeper")
    await sleeper.delete("deleted on both")
    await sleeper.kill() // in a drawer

    await b.put("deleted there, updated here", "by b")
    await b.delete("updated there, deleted here")
    await b.delete("deleted on both")
    await b.delete("deleted here")
    await b.put("new", 1)
    await b.sync()

    await sleeper.start() // its clock is right again
    assert.deepEqual(await sleeper.records(), { "deleted here": "old", "updated there, deleted here": "by the sleeper" })
    await sleeper.enableSync([server.url])
    await sleeper.until(({ isSynced }) => isSynced)
    assert.deepEqual(sleeper.statuses.filter(({ lastError }) => lastError !== undefined), [])
    await b.sync()
    for (const device of [sleeper, b]) {
      assert.deepEqual(await device.records(), { "deleted there, updated here": "by b", new: 1 }, device.name)
      assert.deepEqual(await device.conflicts(), {
        "deleted there, updated here": [null, "by b"],
        "updated there, deleted here": ["by the sleeper", null],
        "deleted on both": [null, null],
      }, device.name)
      assert.equal(await device.digest(), await server.digest(), device.name)
    }
  })
})
