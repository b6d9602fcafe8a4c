/**
 * Two devices and a server: one device sends all it has, a fresh one fetches it, both are edited while they are apart, and agree afterwards; then
 * one conflict is settled in each way. All over real HTTP, with the server in a process of its own.
 */
import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { enableSync, type Store, type SyncHandle } from "@cuitty/persist"
import { type City, keyOf } from "./city.ts"
import { openPlace, type Place } from "./place.ts"
import { settleEachWay } from "./conflicts.ts"
import { megabytes, millis, number, type Report } from "./report.ts"
import { startServer } from "./server.ts"

/** Cities that each device edits while it is alone; half of them are edited on both. */
const EDITS = 1000

interface Device {
  readonly store: Store<City>
  readonly sync: SyncHandle
}

/** Syncs `store` with a fresh device. */
export const syncDevices = async (store: Store<City>, place: Place, cities: readonly City[], report: Report): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "persist-cities-sync-"))
  report.step("Start a server over SQLite, in another process")
  const server = await startServer(join(folder, "server.db"))
  const open: Store<City>[] = []
  const enter = async (device: Store<City>): Promise<Device> => {
    const { url: remote, token } = server
    return { store: device, sync: await enableSync(device, { remote, token, strategy: "last-write-wins" }) }
  }
  try {
    report.tell(`it listens at ${server.url}`)
    const a = await enter(store)
    await send(a, report)
    const second = await openPlace({ ...place, folder })
    open.push(second)
    const b = await enter(second)
    await fetchAll(b, a, report)
    await editApart(a, b, cities, report)
    await settleEachWay([{ ...a, name: "A" }, { ...b, name: "B" }], keyOf(cities[0]!), report)
    await a.sync.stop()
  } finally {
    for (const device of open) await device.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const send = async ({ store, sync }: Device, report: Report): Promise<void> => {
  report.step("Send everything to the server")
  const { records } = store.status()
  const spent = await report.measure("push to the server, records", async () => {
    await sync.sync()
    return records
  })
  const { counters: { sentOperations, sentBytes, coalesced, requests }, pendingOperations } = sync.status()
  assert.equal(pendingOperations, 0)
  report.tell(
    `${number(sentOperations)} operations in ${megabytes(sentBytes)} (${number(sentBytes / sentOperations)} bytes each), ${
      number(requests)
    } requests, ${millis(spent)}; ${number(coalesced)} were replaced by later ones and stayed here`,
  )
}

const fetchAll = async ({ store, sync }: Device, other: Device, report: Report): Promise<void> => {
  report.step("A fresh second device fetches it")
  const spent = await report.measure("pull to a fresh device, records", async () => {
    await sync.sync()
    return store.status().records
  })
  const { counters: { receivedBytes } } = sync.status()
  const digest = await store.digest()
  assert.equal(digest, await other.store.digest(), "the devices differ")
  report.tell(
    `${number(store.status().records)} cities in ${megabytes(receivedBytes)}, ${millis(spent)}; the digests are equal: ${
      digest.slice(0, 16)
    }…`,
  )
}

const editApart = async (a: Device, b: Device, cities: readonly City[], report: Report): Promise<void> => {
  report.step("Edit both while they are apart")
  const named = (from: number, name: string): { key: string; value: City }[] =>
    cities.slice(from, from + EDITS).map((city) => ({ key: keyOf(city), value: { ...city, name } }))
  for (const { sync } of [a, b]) sync.pause()
  await a.store.records.putMany(named(0, "of A"))
  await b.store.records.putMany(named(EDITS / 2, "of B"))
  assert.notEqual(await a.store.digest(), await b.store.digest())
  const waiting = a.sync.status().pendingOperations + b.sync.status().pendingOperations
  report.tell(`${number(EDITS)} cities each, ${number(EDITS / 2)} of them on both; ${number(waiting)} operations wait to be sent`)

  report.step("Let them meet again")
  const spent = await report.measure("push and pull of both devices", async () => {
    for (const { sync } of [a, b]) sync.resume()
    for (const { sync } of [a, b, a]) await sync.sync()
    return 2 * EDITS
  })
  const digest = await a.store.digest()
  assert.equal(digest, await b.store.digest(), "the devices differ after they have met")
  assert.equal((await a.store.records.get(keyOf(cities[0]!)))?.name, "of A")
  assert.equal((await a.store.records.get(keyOf(cities[EDITS]!)))?.name, "of B")
  const conflicts = (await a.store.records.conflicts({ settled: true })).length
  assert.equal(conflicts, EDITS / 2)
  assert.equal(a.sync.status().conflicts, 0, "nobody has to decide")
  report.tell(`the digests are equal again after ${millis(spent)}: ${digest.slice(0, 16)}…`)
  report.tell(
    `${number(conflicts)} cities show the later write; the other version of each is kept beside it until somebody writes the city again`,
  )
}
