/** Our types in real collections of real stores, which sync through one log: what is unlike the devices of `testing/devices.ts` is the kernel's part. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../adapters/memory/mod.ts"
import { addWinsSet, type AddWinsSetEditor, counter, registerMap } from "../crdt.ts"
import { Device, strict } from "../kernel/testing/refusing-devices.ts"
import { ask, openDevices, sync, syncAll } from "../kernel/testing/devices.ts"

/** The same numbers for the same seed. */
const randomFrom = (seed: number): (bound: number) => number => {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return Math.floor((state >>> 0) / 2 ** 32 * bound)
  }
}

const votes = counter(), tags = addWinsSet(), profile = registerMap<number>()

describe("types in stores", () => {
  const seed = Math.floor(Math.random() * 2 ** 31)

  it(`I15 a counter is the sum of its increments, and all types show the same on all devices, seed ${seed}`, async () => {
    const next = randomFrom(seed), devices = await openDevices(3, memoryAdapter)
    let sum = 0
    for (let step = 0; step < 80; step++) {
      const device = devices[next(3)]!, { store } = device
      switch (next(6)) {
        case 0:
          await sync(device)
          break
        case 1:
          await store.collection("tags", { type: tags }).update(
            "a",
            (set) => next(3) > 0 ? set.add(`tag ${next(5)}`) : set.delete(`tag ${next(5)}`),
          )
          break
        case 2:
          await store.collection("profiles", { type: profile }).update(
            "a",
            (map) => next(3) > 0 ? map.set(`${next(4)}`, step) : map.delete(`${next(4)}`),
          )
          break
        default: {
          // Called together, they share a frame.
          const amounts = Array.from({ length: 1 + next(3) }, () => next(100) - 30)
          const counters = store.collection("votes", { type: votes })
          await Promise.all(amounts.map((by) => counters.update("a", (c) => c.increment(by))))
          sum += amounts.reduce((all, by) => all + by, 0)
        }
      }
    }
    await syncAll(devices)
    assert.deepEqual(await ask(devices, (store) => store.collection("votes", { type: votes }).get("a")), [sum, sum, sum])
    for (const [name, type] of [["tags", tags], ["profiles", profile]] as const) {
      const shown = await ask(devices, (store) => store.collection(name, { type: type as typeof tags }).get("a"))
      for (const one of shown) assert.deepEqual(one, shown[0])
    }
    const digests = await ask(devices, (store) => store.digest())
    assert.equal(new Set(digests).size, 1)
    for (const { store } of devices) await store.close()
  })

  it("one edit joins what was written apart into one version, of the same bytes wherever that is done", async () => {
    const devices = await openDevices(3, memoryAdapter)
    for (const { store } of devices) await store.collection("tags", { type: tags }).update("a", (set) => set.add(store.status().label!))
    await syncAll(devices)
    const [first] = devices
    await first!.store.collection("tags", { type: tags }).update("a", (set) => set.delete("never there"))
    await syncAll(devices)
    for (const { store } of devices) {
      const entry = await store.collection("tags", { type: tags }).getEntry("a")
      assert.deepEqual([entry?.value, entry?.versions?.length ?? 1], [["device 1", "device 2", "device 3"], 1])
      await store.close()
    }
  })

  it("a refused edit that is retried with a change leaves what the same writer had written beside it", async () => {
    const isRefused = (value: unknown): boolean => value instanceof Uint8Array && tags.view(tags.decode(value)).includes("bad")
    const between = strict(() => undefined, "between"), refusing = strict(({ value }) => isRefused(value()) ? "not here" : undefined)
    const here = await Device.open("here", [between, refusing]), there = await Device.open("there", [between])
    const tagsOf = ({ store }: Device) => store.collection("tags", { type: tags })
    await tagsOf(here).update("a", (set) => set.add("mine"))
    await tagsOf(there).update("a", (set) => set.add("bad"))
    for (const device of [there, here]) await device.sync()
    const [letter] = await here.store.deadLetters.list()
    await here.store.deadLetters.retry<AddWinsSetEditor<string>>(letter!, (set) => {
      set.delete("bad")
      set.add("good")
    })
    for (const device of [here, there, here]) await device.sync()
    for (const device of [here, there]) {
      assert.deepEqual(await tagsOf(device).get("a"), ["good", "mine"])
      await device.store.close()
    }
  })

  it("an edit beside a delete that somebody has to decide about leaves what the same writer had written, and the delete had not seen", async () => {
    const [here, there] = await openDevices(2, memoryAdapter)
    if (here === undefined || there === undefined) return assert.fail("there are two")
    const tagsOf = ({ store }: typeof here) => store.collection("tags", { type: tags, deleteConflict: "manual" })
    await tagsOf(here).update("a", (set) => set.add("first"))
    await syncAll([here, there])
    await tagsOf(here).update("a", (set) => set.add("mine"))
    there.platform.millis += 60_000
    await tagsOf(there).delete("a")
    await syncAll([here, there])
    assert.deepEqual([await tagsOf(here).get("a"), (await tagsOf(here).conflicts()).length], [undefined, 1])
    await tagsOf(here).update("a", (set) => set.add("next"))
    await syncAll([here, there])
    for (const device of [here, there]) {
      assert.deepEqual([await tagsOf(device).get("a"), (await tagsOf(device).conflicts()).length], [["first", "mine", "next"], 0])
      await device.store.close()
    }
  })
})
