/**
 * `npm start`: real data through a store, with a process killed in the middle, and to a second device.
 *
 *   a child imports ─ SIGKILL ─▶ open again ─▶ is all there that was acknowledged? ─▶ finish ─▶ read, scan, update, watch
 *     ─▶ a server in another process: send all, fetch it on a fresh device, edit both apart, let them meet ─▶ a conflict settled each way ─▶ reopen
 *
 * Exit code: 0 everything held · 1 something did not, and the last line says what · 2 the call was wrong.
 */
import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import type { Store } from "@cuitty/persist"
import { checkKilled, checkWhole } from "./cities/check.ts"
import { type City, readCities } from "./cities/city.ts"
import { BATCH_CITIES, importCities } from "./cities/import.ts"
import { importUntilKilled } from "./cities/killed-import.ts"
import { bytesIn, isTaken, openPlace, type Place } from "./cities/place.ts"
import { startProgress } from "./cities/progress.ts"
import { megabytes, millis, number, Report } from "./cities/report.ts"
import { syncDevices } from "./cities/sync.ts"
import { readAtRandom, scan, updateAndWatch } from "./cities/tour.ts"

const USAGE = `usage: npm start -- [options]

  --adapter sqlite|file|memory         what keeps the store                     default sqlite; memory is not killed
  --durability normal|full|relaxed     what an acknowledged write has survived  default normal
  --path <folder>                      where, kept afterwards                   default a temporary folder, removed
  --cities <number>                    only the first so many, from 20,000      default all`

/** The list goes by country; with so many, the one that the scans are about is among them. */
const CITIES_MIN = 20_000

interface Call {
  readonly adapter: Place["adapter"]
  readonly durability: Place["durability"]
  readonly path: string | undefined
  readonly count: number
}

/** What the arguments ask for; undefined for `--help`. Throws `TypeError` if they make no sense. */
const parseCall = (): Call | undefined => {
  const { values } = parseArgs({
    options: {
      adapter: { type: "string", default: "sqlite" },
      durability: { type: "string" },
      path: { type: "string" },
      cities: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const adapter = (["sqlite", "file", "memory"] as const).find((name) => name === values.adapter)
  if (adapter === undefined) throw new TypeError(`--adapter is "${values.adapter}", expected sqlite, file or memory`)
  const levels = adapter === "memory" ? ["none"] as const : ["normal", "full", "relaxed"] as const
  const durability = values.durability === undefined ? levels[0] : levels.find((level) => level === values.durability)
  if (durability === undefined) throw new TypeError(`--durability is "${values.durability}", expected ${levels.join(", ")}`)
  const count = values.cities === undefined ? Infinity : Number(values.cities)
  if (!(count >= CITIES_MIN)) throw new TypeError(`--cities is "${values.cities}", expected at least ${number(CITIES_MIN)}`)
  return { adapter, durability, path: values.path === undefined ? undefined : resolve(values.path), count }
}

/** Imports in a child, kills it, opens the store again and checks it. Answers the store and how many cities it has. */
const importKilled = async (place: Place, cities: readonly City[], report: Report): Promise<readonly [Store<City>, number]> => {
  report.step(`Import in another process, in batches of ${BATCH_CITIES}, and kill that process in the middle`)
  const progress = startProgress(cities.length, 0)
  const killAt = Math.floor(cities.length / 2)
  const killed = await importUntilKilled(place, cities.length, killAt, (count) => progress.update(count))
  progress.stop()
  const { stored, called } = killed
  report.tell(`killed by SIGKILL after ${number(stored)} acknowledged cities, with ${number(called - stored)} more under way`)

  report.step("Open the store that it left behind")
  let store: Store<City> | undefined
  const opening = await report.measure("open after the kill, records", async () => {
    store = await openPlace(place)
    return store.status().records
  })
  assert.ok(store !== undefined)
  const { recovery } = store.status()
  report.tell(`opened in ${millis(opening)}; recovery: ${recovery?.reason ?? "nothing to repair"}`)
  const count = await checkKilled(store, cities, killed)
  report.tell(`${number(stored)} were acknowledged, ${number(stored)} are there with key and value, 0 are lost`)
  report.tell(
    `of the ${number(called - stored)} under way ${number(count - stored)} are there; no batch is half there, and nothing else is`,
  )
  return [store, count]
}

const importRest = async (store: Store<City>, cities: readonly City[], from: number, report: Report): Promise<void> => {
  report.step(from === 0 ? `Import in batches of ${BATCH_CITIES}` : "Finish the import")
  const progress = startProgress(cities.length, from)
  const spent = await report.measure(`putMany, batches of ${BATCH_CITIES}`, async () => {
    await importCities(store, cities, from, { onStored: (count) => progress.update(count) })
    return cities.length - from
  })
  progress.stop()
  await checkWhole(store, cities, cities.length)
  report.tell(`${number(cities.length - from)} cities in ${millis(spent)}; all ${number(cities.length)} are there, in key order`)
}

const reopen = async (store: Store<City>, place: Place, report: Report): Promise<void> => {
  report.step("Close, and open once more")
  const digest = await store.digest()
  await report.measure("flush and close", async () => {
    await store.close()
    return 1
  })
  const opened: Store<City>[] = []
  await report.measure("open, records", async () => {
    opened.push(await openPlace(place))
    return store.status().records
  })
  const [again] = opened
  assert.equal(await again?.digest(), digest, "the digest changed over a reopening")
  report.tell(`the digest of all records is the same: ${digest.slice(0, 16)}…`)
  await again?.close()
}

const run = async (place: Place, cities: readonly City[]): Promise<void> => {
  const report = new Report()
  const isLasting = place.adapter !== "memory"
  const [store, count] = isLasting ? await importKilled(place, cities, report) : [await openPlace(place), 0]
  await importRest(store, cities, count, report)
  report.step("Read")
  await readAtRandom(store, cities, report)
  report.step("Scan")
  await scan(store, cities, report)
  report.step("Update, watch, look back")
  await updateAndWatch(store, cities, report)
  await syncDevices(store, place, cities, report)
  const { durability, memoryBytes } = store.status()
  if (isLasting) await reopen(store, place, report)
  report.table()
  console.log(`durability ${durability}; ${megabytes(memoryBytes)} of memory for records`)
  if (!isLasting) return await store.close()
  const bytes = await bytesIn(place)
  console.log(`${megabytes(bytes)} on disk: ${number(bytes / cities.length)} bytes a city, with key, version and every earlier value`)
}

const main = async (): Promise<number> => {
  let call: Call | undefined
  try {
    call = parseCall()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error // parseArgs throws these too
    console.error(`${error.message}\n${USAGE}`)
    return 2
  }
  if (call === undefined) {
    console.log(USAGE)
    return 0
  }
  const { adapter, durability, path, count } = call
  const folder = path ?? await mkdtemp(join(tmpdir(), "persist-cities-"))
  const place = { adapter, durability, folder }
  try {
    if (await isTaken(place)) throw new Error(`There is a store "cities" in ${folder} already: remove it, or choose another --path`)
    const cities = readCities(count)
    console.log(`${number(cities.length)} cities into a store of the ${adapter} adapter, durability ${durability}`)
    if (adapter !== "memory") console.log(folder)
    await run(place, cities)
    console.log(path === undefined ? "ok: everything held" : `ok: everything held; the store is kept in ${folder}`)
    return 0
  } catch (error) {
    console.error(`FAILED: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  } finally {
    if (path === undefined) await rm(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
