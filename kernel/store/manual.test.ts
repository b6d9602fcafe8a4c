/**
 * Goal: under the strategy manual every version that was written apart stays open until somebody decides, whatever else is written meanwhile, and
 * decisions that meet come to rest.
 * Method: real stores that sync through one log, in step.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { InvalidOption } from "../errors.ts"
import { ask, type Device, openDevices, sync, syncAll } from "../testing/devices.ts"
import type { Collection } from "./collection.ts"

/** How often devices may go on in step before they have to be at rest. */
const ROUNDS_MAX = 16

const notesOf = ({ store }: Device): Collection<string> => store.collection<string>("notes", { strategy: "manual" })

/** Devices, each with its own version of the record "a". */
async function inConflict(count: number): Promise<Device[]> {
  const devices = await openDevices(count, memoryAdapter)
  for (const device of devices) await notesOf(device).put("a", `of ${device.store.status().label}`)
  await syncAll(devices)
  return devices
}

const openVersions = (device: Device): Promise<(string | undefined)[][]> =>
  notesOf(device).conflicts().then((found) => found.map(({ versions }) => versions.map(({ value }) => value)))

/** What each device shows of "a", and the versions that are open there. */
const shownBy = (devices: readonly Device[]): Promise<unknown[]> =>
  Promise.all(devices.map(async (device) => [await notesOf(device).get("a"), await openVersions(device)]))

describe("the strategy manual", () => {
  it("the documented program ends every conflict, on all devices", async () => {
    const devices = await inConflict(2), [{ store: { records } }, { store: other }] = devices as [Device, Device]
    for (const { store } of devices) {
      await store.setStrategy({
        setting: { strategy: "manual", deleteConflict: "manual", type: undefined },
        merge: undefined,
        type: undefined,
      })
      await store.records.put("b", store.status().label)
    }
    await syncAll(devices)
    assert.equal((await records.conflicts()).length, 1)
    const store = { records }
    for (const c of await store.records.conflicts()) await store.records.resolve(c.key, c.remote)
    await syncAll(devices)
    assert.deepEqual([await records.get("b"), await other.records.get("b")], ["device 2", "device 2"])
    assert.deepEqual([...await records.conflicts(), ...await other.records.conflicts()], [])
    assert.equal(new Set(await ask(devices, (one) => one.digest())).size, 1)
  })

  it("shows the greatest of more than two versions, and tells of each who wrote it and when", async () => {
    const devices = await inConflict(3)
    for (const device of devices) {
      const [conflict] = await notesOf(device).conflicts(), own = device.store.status().label
      assert.equal(await notesOf(device).get("a"), "of device 3")
      assert.deepEqual(conflict?.versions.map(({ label, updatedAt, value }) => [label, updatedAt % 60_000, value]), [
        ["device 1", 0, "of device 1"],
        ["device 2", 1000, "of device 2"],
        ["device 3", 2000, "of device 3"],
      ])
      assert.deepEqual([conflict?.local.label, conflict?.remote.label], [own, own === "device 3" ? "device 2" : "device 3"])
      assert.deepEqual([conflict?.settledBy, conflict?.failure, conflict?.base], [undefined, undefined, undefined])
    }
  })

  it("finds the base: the last version that all others build on, with who and when", async () => {
    const devices = await openDevices(3, memoryAdapter), [first, second, third] = devices as [Device, Device, Device]
    await notesOf(first).put("a", "older")
    await notesOf(first).put("a", "base")
    await notesOf(first).put("new", "n1")
    await syncAll(devices)
    await notesOf(first).put("a", "left")
    await notesOf(second).put("a", "right")
    await notesOf(second).put("a", "right again")
    await notesOf(third).put("new", "n3")
    await notesOf(second).put("born apart", "x")
    await notesOf(third).put("born apart", "y")
    await syncAll(devices)
    for (const device of devices) {
      const found = await notesOf(device).conflicts({ base: true })
      assert.deepEqual(found.map(({ key, base }) => [key, base?.value, base?.label]), [["a", "base", "device 1"], [
        "born apart",
        undefined,
        undefined,
      ]])
    }
  })

  it("S9 a put continues what is shown and leaves the others open, a delete too, and the next put of the same frame", async () => {
    const devices = await inConflict(3), [first, second] = devices as [Device, Device, Device]
    await Promise.all([notesOf(first).put("a", "typed on"), notesOf(first).put("a", "and on")])
    assert.deepEqual(await openVersions(first), [["of device 1", "of device 2", "and on"]])
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => ["and on", [["of device 1", "of device 2", "and on"]]]))
    assert.equal(await notesOf(second).delete("a"), true)
    assert.equal(await notesOf(second).delete("a"), false, "what is shown is deleted already")
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => [undefined, [["of device 1", "of device 2", undefined]]]))
    await notesOf(first).put("a", "back")
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => ["back", [["of device 1", "of device 2", "back"]]]))
  })

  it("a value of one's own covers every open version, also behind a put of the same frame", async () => {
    const devices = await inConflict(3), [first] = devices as [Device]
    await Promise.all([notesOf(first).put("a", "typed on"), notesOf(first).resolve("a", "decided")])
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => ["decided", []]))
  })

  it("a delete against an update is a conflict, and either may be chosen", async () => {
    for (const choice of ["local", "remote"] as const) {
      const devices = await openDevices(2, memoryAdapter), [first, second] = devices as [Device, Device]
      await notesOf(first).put("a", "before")
      await syncAll(devices)
      await notesOf(first).delete("a")
      await notesOf(second).put("a", "update")
      await syncAll(devices)
      const [conflict] = await notesOf(first).conflicts({ base: true })
      assert.deepEqual([conflict?.local.deleted, conflict?.remote.value, conflict?.base?.value], [true, "update", "before"])
      await notesOf(first).resolve("a", conflict![choice])
      await syncAll(devices)
      assert.deepEqual(await shownBy(devices), devices.map(() => [choice === "local" ? undefined : "update", []]))
    }
  })

  it("two deletes say the same: no conflict", async () => {
    const devices = await openDevices(2, memoryAdapter), [first, second] = devices as [Device, Device]
    await notesOf(first).put("a", "before")
    await syncAll(devices)
    await notesOf(first).delete("a")
    await notesOf(second).delete("a")
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => [undefined, []]))
    await notesOf(first).put("a", "again")
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => ["again", []]))
  })
})

/** All devices run the documented program in step until nothing is written any more: then nothing is open, and all show the same. */
async function settleInStep(devices: readonly Device[]): Promise<void> {
  let rounds = 0
  for (let head = -1; head !== devices[0]!.store.status().head; rounds++) {
    assert.ok(rounds < ROUNDS_MAX, `${devices.length} devices still choose after ${rounds} rounds`)
    head = devices[0]!.store.status().head
    for (const device of devices) {
      for (const { key, remote } of await notesOf(device).conflicts()) await notesOf(device).resolve(key, remote)
    }
    await syncAll(devices)
  }
  const shown = await shownBy(devices)
  for (const one of shown) assert.deepEqual(one, shown[0])
  assert.deepEqual(await openVersions(devices[0]!), [])
}

describe("S8 choices that meet", () => {
  it("two, three and five devices that all take the other's version, in step, come to rest at one", async () => {
    for (const count of [2, 3, 5]) await settleInStep(await inConflict(count))
  })

  it("a choice gives way to a put that was written at the same time by somebody who had seen all that it settled", async () => {
    const devices = await inConflict(2), [first, second] = devices as [Device, Device]
    const [conflict] = await notesOf(first).conflicts()
    await notesOf(first).resolve("a", conflict!.local)
    await notesOf(second).resolve("a", "a value of my own")
    await syncAll(devices)
    assert.deepEqual(await shownBy(devices), devices.map(() => ["a value of my own", []]))
  })

  it("a choice settles nothing that it did not see: the version of a third device stays open", async () => {
    const devices = await openDevices(3, memoryAdapter), [first, second, third] = devices as [Device, Device, Device]
    for (const device of devices) await notesOf(device).put("a", `of ${device.store.status().label}`)
    await sync(first)
    await sync(second)
    await sync(first)
    const [conflict] = await notesOf(first).conflicts()
    await notesOf(first).resolve("a", conflict!.remote)
    await sync(third)
    await syncAll(devices)
    const shown = await shownBy(devices)
    for (const one of shown) assert.deepEqual(one, shown[0])
    assert.deepEqual((await openVersions(first))[0]?.toSorted(), ["of device 2", "of device 3"])
  })

  it("a choice of a version that came to an end meanwhile is refused, and nothing is stored", async () => {
    const devices = await inConflict(2), [first, second] = devices as [Device, Device]
    const [conflict] = await notesOf(first).conflicts()
    await notesOf(second).resolve("a", "decided")
    await syncAll(devices)
    const { head } = first.store.status()
    await assert.rejects(notesOf(first).resolve("a", conflict!.remote), InvalidOption)
    assert.equal(first.store.status().head, head)
  })

  it("I14 whatever devices do in whatever order: versions are open if and only if they were written apart, and all devices agree", async () => {
    const action = fc.record({
      device: fc.nat(2),
      what: fc.constantFrom("put", "delete", "choose", "decide", "sync", "sync"),
      key: fc.constantFrom("a", "b"),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        const devices = await openDevices(3, memoryAdapter)
        for (const device of devices) notesOf(device)
        /** What somebody who read a record replaced knowingly, by what was shown. */
        let count = 0
        for (const { device: index, what, key } of actions) {
          const device = devices[index]!, notes = notesOf(device)
          device.platform.millis += 10
          const before = (await notes.conflicts()).find((one) => one.key === key)?.versions ?? []
          if (what === "put") await notes.put(key, `${count++}`)
          else if (what === "delete") await notes.delete(key)
          else if (what === "decide" && before.length > 0) await notes.resolve(key, `${count++}`)
          else if (what === "choose" && before.length > 0) await notes.resolve(key, before[count++ % before.length]!)
          else if (what === "sync") await sync(device)
          if (what !== "put" && what !== "delete") continue
          const after = (await notes.conflicts()).find((one) => one.key === key)?.versions ?? []
          const shownBefore = before.length === 0 ? undefined : before.toSorted((x, y) => x.updatedAt - y.updatedAt).at(-1)
          for (const { version } of before) {
            if (version === shownBefore?.version || after.length === 0) continue
            assert.ok(after.some((one) => one.version === version), "a put or delete ended a version that was not shown")
          }
        }
        await syncAll(devices)
        await syncAll(devices)
        const states = await Promise.all(devices.map(async (device) => {
          const found = await notesOf(device).conflicts({ settled: true })
          return [await device.store.digest(), found.map(({ key, versions }) => [key, versions.map(({ version }) => version)])]
        }))
        for (const state of states) assert.deepEqual(state, states[0])
        await settleInStep(devices)
      }),
      { numRuns: 60 },
    )
  })
})
