/**
 * Goal: versions that were written apart show as what the user's function makes of them, alike on every device, and whatever the function does wrong
 * loses nothing.
 * Method: real stores that sync through one log, in step.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptValue, InvalidOption } from "../errors.ts"
import { ask, type Device, openDevices, syncAll } from "../testing/devices.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import type { MergeFunction } from "./merge-function.ts"
import { openStore } from "./store.ts"

interface Task {
  readonly title: string
  readonly tags: readonly string[]
  readonly updatedAt?: number
}

/** As documented. */
const documented: MergeFunction<Task> = (local, remote) => ({
  ...remote.value,
  tags: [...new Set([...local.value.tags, ...remote.value.tags])],
  updatedAt: Math.max(local.updatedAt, remote.updatedAt),
})

/** Devices that merge by a function, each with its own version of the record "a". */
async function inConflict(count: number, merge: MergeFunction<Task>, logger?: RecordingLogger): Promise<Device[]> {
  const devices = await openDevices(count, memoryAdapter, logger === undefined ? {} : { logger })
  for (const [index, { store }] of devices.entries()) {
    const notes = store.collection<Task>("notes", { strategy: "merge", merge })
    await notes.put("a", { title: `title ${index + 1}`, tags: ["all", `of ${index + 1}`] })
  }
  await syncAll(devices)
  return devices
}

const heads = (devices: readonly Device[]): number[] => devices.map(({ store }) => store.status().head)

describe("the strategy merge", () => {
  for (const count of [2, 3, 5]) {
    it(`runs the documented function, and ${count} devices in step show the same at once`, async () => {
      const devices = await inConflict(count, documented)
      const expected = {
        title: `title ${count}`,
        tags: ["all", ...Array.from({ length: count }, (_, index) => `of ${index + 1}`)],
        updatedAt: Date.UTC(2026, 0, 1, 12) + (count - 1) * 1000,
      }
      for (const value of await ask(devices, (store) => store.collection("notes").get("a"))) assert.deepEqual(value, expected)
      const before = heads(devices)
      await syncAll(devices)
      assert.deepEqual(heads(devices), before, "a merge writes nothing, so that devices come to rest")
      assert.deepEqual(await ask(devices, (store) => store.collection("notes").conflicts()), devices.map(() => []))
      assert.equal(new Set(await ask(devices, (store) => store.digest())).size, 1)
    })
  }

  it("shows the same everywhere: peek, list, getMany, update, a transaction, subscribers", async () => {
    const [{ store }] = await inConflict(2, documented) as [Device]
    const notes = store.collection<Task>("notes"), tags = ["all", "of 1", "of 2"]
    assert.deepEqual(notes.peek("a")?.tags, tags)
    assert.equal(notes.peek("a"), notes.peek("a"), "the same object")
    assert.deepEqual((await notes.getMany(["a"]))[0]?.tags, tags)
    for await (const { value } of notes.list()) assert.deepEqual(value.tags, tags)
    const seen: unknown[] = []
    notes.subscribe("a", (changes) => seen.push(...changes.map(({ value }) => value?.tags)))
    await store.batch((tx) => void assert.deepEqual(tx.collection<Task>("notes").peek("a")?.tags, tags))
    await notes.update("a", (task) => ({ ...task!, tags: [...task!.tags, "more"] }))
    assert.deepEqual(await notes.get("a").then((task) => task?.tags), [...tags, "more"])
    assert.deepEqual(seen, [[...tags, "more"]])
  })

  it("the next put covers what the merge read, on every device", async () => {
    const devices = await inConflict(3, documented), [{ store }] = devices as [Device]
    assert.equal((await store.collection("notes").getEntry("a"))?.versions?.length, 3)
    await store.collection<Task>("notes").put("a", { title: "one", tags: [] })
    await syncAll(devices)
    for (const entry of await ask(devices, (store) => store.collection<Task>("notes").getEntry("a"))) {
      assert.deepEqual([entry?.value.title, entry?.versions, entry?.conflicted], ["one", undefined, false])
    }
  })

  it("tells subscribers of the merged value when the other version comes", async () => {
    const devices = await openDevices(2, memoryAdapter), seen: unknown[] = []
    for (const { store } of devices) {
      const notes = store.collection<Task>("notes", { strategy: "merge", merge: documented })
      await notes.put("a", { title: "", tags: [store.status().label!] })
    }
    devices[0]!.store.collection<Task>("notes").subscribe("a", (changes) => seen.push(...changes.map(({ value }) => value?.tags)))
    await syncAll(devices)
    assert.deepEqual(seen, [["device 1", "device 2"]])
  })

  it("its choice can be seen and undone", async () => {
    const devices = await inConflict(2, documented), [{ store }] = devices as [Device]
    const notes = store.collection<Task>("notes"), entry = (await notes.getEntry("a"))!
    assert.deepEqual([entry.conflicted, entry.settledBy, entry.versions?.map(({ label }) => label)], [false, "merge", [
      "device 1",
      "device 2",
    ]])
    const [conflict] = await notes.conflicts({ settled: true })
    assert.deepEqual([conflict?.settledBy, conflict?.failure], ["merge", undefined])
    await notes.resolve("a", entry.versions![0]!)
    await syncAll(devices)
    for (const value of await ask(devices, (store) => store.collection<Task>("notes").get("a"))) assert.equal(value?.title, "title 1")
    const last = (await Array.fromAsync(devices[1]!.store.collection<Task>("notes").history("a"))).at(-1)
    assert.deepEqual([last?.isChoice, last?.value?.title, last?.label], [true, "title 1", "device 1"], "the resolution travels")
  })

  it("without its function the greatest version is shown, the record is in conflict, and a put leaves the others open", async () => {
    const devices = await inConflict(2, documented), [{ adapter, store }] = devices as [Device]
    await store.close()
    const again = await openStore<Task>("notes", adapter), notes = again.collection<Task>("notes")
    assert.equal((await notes.get("a"))?.title, "title 2")
    const [conflict] = await notes.conflicts()
    assert.match(conflict!.failure!.message, /not given the function/)
    await notes.put("a", { title: "written without it", tags: ["more"] })
    assert.equal((await notes.conflicts()).length, 1, "nothing that nobody saw was replaced")
    again.collection("notes", { strategy: "merge", merge: documented })
    assert.deepEqual((await notes.get("a"))?.tags, ["all", "of 1", "more"])
    assert.deepEqual(await notes.conflicts(), [])
  })
})

describe("T20 a merge function that", () => {
  const hold = { calls: 0 }
  const wrong: Record<string, readonly [RegExp, MergeFunction<Task>]> = {
    "throws": [/boom/, () => {
      throw new Error("boom")
    }],
    "throws what is no error": [/string/, () => {
      throw "boom"
    }],
    "answers a promise": [/promise|synchronous/, (async () => await Promise.reject(new Error("later"))) as never],
    "answers undefined": [/undefined/, () => undefined as never],
    "answers a function": [/function/, () => (() => 1) as never],
    "answers a cycle": [/deep|cycl|level/i, () => {
      const cycle: unknown[] = []
      cycle.push(cycle)
      return cycle as never
    }],
    "answers too much": [/bytes/, () => "x".repeat(1_100_000) as never],
    "mutates what it is given": [/read only|readonly|extensible|frozen|assign/i, (local) => {
      const tags = local.value.tags as string[]
      tags.push("mutated")
      return local.value
    }],
    "gives two results for the same versions": [/two results/, () => ({ call: hold.calls++ }) as never],
  }
  for (const [what, [reason, merge]] of Object.entries(wrong)) {
    it(`${what} ends in a record in conflict; both versions are kept, and devices converge`, async () => {
      const logger = new RecordingLogger(), devices = await inConflict(2, merge, logger)
      for (const { store } of devices) {
        const notes = store.collection<Task>("notes"), entry = (await notes.getEntry("a"))!
        assert.deepEqual([entry.value.title, entry.conflicted, entry.settledBy, entry.versions?.length], ["title 2", true, undefined, 2])
        const [conflict] = await notes.conflicts()
        assert.equal(conflict?.failure?.code, "merge_failed")
        assert.match(conflict!.failure!.message, reason)
        await notes.put("b", { title: "goes on", tags: [] })
      }
      assert.ok(logger.entries.some(({ level, message }) => level === "warn" && message === "versions could not be merged"))
      assert.doesNotMatch(logger.text, /title|of 1/, "no value in the log of an operator")
      await syncAll(devices)
      assert.equal(new Set(await ask(devices, (store) => store.digest())).size, 1)
      const [{ store }] = devices as [Device], notes = store.collection<Task>("notes")
      for (const { key, remote } of await notes.conflicts()) await notes.resolve(key, remote)
      await syncAll(devices)
      for (const value of await ask(devices, (store) => store.collection<Task>("notes").get("a"))) assert.equal(value?.title, "title 2")
    })
  }

  it("takes longer than its budget ends in a record in conflict, and is not run again until a version comes", async () => {
    let calls = 0
    const devices = await openDevices(2, memoryAdapter), [{ store, platform }] = devices as [Device]
    const merge: MergeFunction<Task> = (_, remote) => {
      calls++
      platform.millis += 1_500
      return remote.value
    }
    for (const { store } of devices) await store.collection<Task>("notes", { strategy: "merge", merge }).put("a", { title: "", tags: [] })
    await syncAll(devices)
    const [conflict] = await store.collection("notes").conflicts()
    assert.match(conflict!.failure!.message, /took 1500 ms, at most 1000/)
    assert.equal(calls, 2)
    await store.collection("notes").get("a")
    assert.equal(calls, 2)
  })

  it("meets a version that cannot be read is not run: the record is in conflict", async () => {
    const devices = await openDevices(1, memoryAdapter), [{ store, adapter }] = devices as [Device]
    const notes = store.collection<Task>("notes", { strategy: "merge", merge: documented })
    await notes.put("a", { title: "ours", tags: [] })
    const storage = await adapter.open("notes", { durability: "none", create: true })
    const older = new ForeignWriter(7, Date.UTC(2025, 0, 1)).put("a", { t: "x" }, { collection: "notes" })
    await older.append(storage, (values) => values.fill(0xc1))
    await store.refresh()
    const entry = await notes.getEntry("a")
    assert.deepEqual([entry?.value.title, entry?.conflicted, entry?.versions?.length], ["ours", true, 1], "of two versions one can be read")
    await assert.rejects(notes.conflicts(), CorruptValue)
    await notes.resolve("a", { title: "one again", tags: [] })
    assert.deepEqual(await notes.conflicts({ settled: true }), [])
  })
})

describe("T19 a hostile value", () => {
  it("reaches no prototype through the documented merge", async () => {
    const devices = await openDevices(2, memoryAdapter)
    const hostile = JSON.parse('{"constructor":{"prototype":{"x":1}},"tags":["a"],"toString":"x"}')
    for (const { store } of devices) {
      await store.collection("notes", { strategy: "merge", merge: documented as MergeFunction<unknown> }).put("a", hostile)
      await assert.rejects(store.collection("notes").put("b", JSON.parse('{"__proto__":{"x":1}}')), /__proto__/)
    }
    await syncAll(devices)
    assert.deepEqual((await devices[0]!.store.collection("notes").get("a")).constructor, { prototype: { x: 1 } })
    assert.equal(({} as { x?: number }).x, undefined)
  })
})

describe("deleteConflict", () => {
  /** What is shown, and whether somebody has to decide, when the first of two devices deletes and the second updates; or the other way round. */
  async function apart(
    strategy: "merge" | "manual" | "last-write-wins",
    deleteConflict: "keep-update" | "last-write-wins" | "manual" | undefined,
    deletesLast: boolean,
  ): Promise<unknown[]> {
    const devices = await openDevices(2, memoryAdapter)
    const options = { strategy, deleteConflict, ...(strategy === "merge" && { merge: documented as MergeFunction<unknown> }) }
    const [first, second] = devices.map(({ store }) => store.collection("notes", options))
    await first!.put("a", { title: "before", tags: [] })
    await syncAll(devices)
    if (deletesLast) {
      await first!.put("a", { title: "update", tags: [] })
      await second!.delete("a")
    } else {
      await first!.delete("a")
      await second!.put("a", { title: "update", tags: [] })
    }
    await syncAll(devices)
    const answers = await ask(devices, async (store) => {
      const notes = store.collection("notes")
      return [(await notes.get("a"))?.title, (await notes.conflicts()).length, await notes.count(), await notes.has("a")]
    })
    assert.deepEqual(answers[0], answers[1])
    return answers[0]!
  }

  const update = ["update", 0, 1, true], deleted = [undefined, 0, 0, false]
  it("is keep-update for merge: an update survives a delete that had not seen it, whatever came last", async () => {
    for (const deletesLast of [false, true]) assert.deepEqual(await apart("merge", undefined, deletesLast), update)
  })

  it("last-write-wins shows the later of both", async () => {
    for (const strategy of ["merge", "last-write-wins"] as const) {
      assert.deepEqual(await apart(strategy, "last-write-wins", false), update)
      assert.deepEqual(await apart(strategy, "last-write-wins", true), deleted)
    }
    assert.deepEqual(await apart("last-write-wins", undefined, true), deleted)
    assert.deepEqual(await apart("last-write-wins", "keep-update", true), update)
  })

  it("manual leaves it to somebody", async () => {
    for (const strategy of ["merge", "manual"] as const) {
      assert.deepEqual(await apart(strategy, "manual", false), ["update", 1, 1, true])
      assert.deepEqual(await apart(strategy, strategy === "manual" ? undefined : "manual", true), [undefined, 1, 0, false])
    }
    assert.deepEqual(await apart("manual", "keep-update", true), update)
  })
})

describe("collection() with options", () => {
  it("refuses what makes no sense, and sets nothing then", async () => {
    const store = await openStore("notes", memoryAdapter())
    const merge = (): number => 1
    for (
      const options of [
        { strategy: "newest" },
        { strategy: "merge" },
        { merge },
        { strategy: "manual", merge },
        { strategy: "merge", merge: 1 },
        { deleteConflict: "never" },
        { strategie: "merge" },
        { type: {} },
        null,
        1,
      ]
    ) {
      assert.throws(() => store.collection("notes", options as never), InvalidOption, JSON.stringify(options))
    }
    assert.equal(store.status().head, 0)
  })

  it("a strategy stands in the log: the next open follows it, also in what a put covers", async () => {
    const devices = await openDevices(2, memoryAdapter)
    for (const { store } of devices) await store.collection("notes", { strategy: "manual" }).put("a", store.status().label)
    await syncAll(devices)
    const [{ store, adapter }] = devices as [Device]
    await store.close()
    const again = await openStore("notes", adapter)
    assert.equal((await again.collection("notes").conflicts()).length, 1)
    await again.collection("notes").put("a", "again")
    assert.equal((await again.collection("notes").conflicts()).length, 1)
    assert.equal((await again.collection("other").conflicts()).length, 0)
    const { head } = again.status()
    again.collection("notes", { strategy: "manual" })
    await again.collection("notes").conflicts()
    assert.equal(again.status().head, head, "what stands there is not written again")
  })

  it("another strategy shows the same versions in another way, at once", async () => {
    const devices = await openDevices(2, memoryAdapter), seen: unknown[] = []
    for (const { store } of devices) await store.collection<Task>("notes").put("a", { title: "", tags: [store.status().label!] })
    await syncAll(devices)
    const [{ store }] = devices as [Device], notes = store.collection<Task>("notes")
    notes.subscribe("a", (changes) => seen.push(changes[0]?.value?.tags))
    assert.deepEqual((await notes.get("a"))?.tags, ["device 2"])
    store.collection("notes", { strategy: "merge", merge: documented })
    assert.deepEqual((await notes.get("a"))?.tags, ["device 1", "device 2"])
    assert.deepEqual(seen.at(-1), ["device 1", "device 2"])
  })
})
