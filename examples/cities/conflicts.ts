/** One conflict settled each way: two devices write the same record while they are apart, and meet. */
import assert from "node:assert/strict"
import type { Store, SyncHandle } from "@cuitty/persist"
import { counter } from "@cuitty/persist/crdt"
import type { City } from "./city.ts"
import type { Report } from "./report.ts"

/** A store, its syncing, and what it is called. */
export interface Editor {
  readonly name: string
  readonly store: Store<City>
  readonly sync: SyncHandle
}

interface Guide {
  readonly title: string
  readonly tags: readonly string[]
}

/** Runs one after another; the devices are in sync before and after. */
export const settleEachWay = async (devices: readonly [Editor, Editor], key: string, report: Report): Promise<void> => {
  const [{ store }] = devices
  /** Both write while they are apart, and meet; answers what both show afterwards. */
  const apart = async (write: (device: Editor) => Promise<unknown>, show: (store: Store<City>) => Promise<unknown>): Promise<unknown> => {
    for (const { sync } of devices) sync.pause()
    for (const device of devices) await write(device)
    await meet()
    const [ours, theirs] = await Promise.all(devices.map((device) => show(device.store)))
    assert.deepEqual(ours, theirs, "the devices show different values")
    return ours
  }
  const meet = async (): Promise<void> => {
    for (const { sync } of [...devices, ...devices]) await sync.sync()
  }
  const guide = ({ name }: Editor): Guide => ({ title: `by ${name}`, tags: [name] })

  report.step("Write the same records on both while they are apart: one conflict settled each way")
  const latest = await apart((device) => device.store.collection<Guide>("latest").put(key, guide(device)), async (one) => {
    const entry = await one.collection<Guide>("latest").getEntry(key)
    return `${entry?.value.title}; ${entry?.versions?.length} versions are kept, settled by ${entry?.settledBy}`
  })
  report.tell(`last-write-wins  ${latest}`)

  for (const device of devices) {
    device.store.collection<Guide>("merged", {
      strategy: "merge",
      merge: (local, remote) => ({ ...remote.value, tags: [...new Set([...local.value.tags, ...remote.value.tags])] }),
    })
  }
  const merged = await apart(
    (device) => device.store.collection<Guide>("merged").put(key, guide(device)),
    async (one) => (await one.collection<Guide>("merged").get(key))?.tags.toSorted(),
  )
  assert.deepEqual(merged, devices.map(({ name }) => name))
  report.tell(`merge            tags ${JSON.stringify(merged)}, by a function of the application`)

  for (const device of devices) device.store.collection<Guide>("manual", { strategy: "manual" })
  const open = await apart(
    (device) => device.store.collection<Guide>("manual").put(key, guide(device)),
    async (one) => (await one.collection<Guide>("manual").conflicts()).length,
  )
  assert.equal(open, 1)
  const manual = store.collection<Guide>("manual")
  for (const c of await manual.conflicts()) await manual.resolve(c.key, c.local)
  await meet()
  const chosen = await Promise.all(devices.map(async (device) => (await device.store.collection<Guide>("manual").get(key))?.title))
  assert.deepEqual(chosen, devices.map(() => `by ${devices[0].name}`))
  report.tell(`manual           ${open} conflict was open on both; ${devices[0].name} chose, and both show "${chosen[0]}"`)

  const visits = await apart(
    (device) => device.store.collection("visits", { type: counter() }).update(key, (c) => c.increment(device === devices[0] ? 2 : 3)),
    (one) => one.collection("visits", { type: counter() }).get(key),
  )
  assert.equal(visits, 5)
  report.tell(`CRDT             a counter that one raised by 2 and the other by 3 shows ${visits}`)

  const [ours, theirs] = await Promise.all(devices.map((device) => device.store.digest()))
  assert.equal(ours, theirs, "the devices differ after their conflicts were settled")
}
