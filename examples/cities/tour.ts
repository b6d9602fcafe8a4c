/** What one can do with a filled store: read, scan, update, watch, look back. Each part checks what it was answered. */
import assert from "node:assert/strict"
import { type Change, type Store, VersionMismatch } from "@cuitty/persist"
import { type City, keyOf } from "./city.ts"
import { number, type Report } from "./report.ts"

const READS_MAX = 50_000
const HOME = "CH"

/** Reads cities in random order. */
export const readAtRandom = async (store: Store<City>, cities: readonly City[], report: Report): Promise<void> => {
  const reads = Math.min(READS_MAX, cities.length)
  const wanted = Array.from({ length: reads }, () => cities[Math.floor(Math.random() * cities.length)]!)
  const found: (City | undefined)[] = []
  const spent = await report.measure("get, random keys", async () => {
    for (const city of wanted) found.push(await store.records.get(keyOf(city)))
    return reads
  })
  assert.deepEqual(found, wanted)
  report.tell(`${number(reads)} cities by random keys, each equal to the one imported: ${number(spent / reads * 1000, 1)} µs each`)
}

/** Lists the cities of one country, then all. */
export const scan = async (store: Store<City>, cities: readonly City[], report: Report): Promise<void> => {
  const home = cities.filter(({ country }) => country === HOME)
  let count = 0, population = 0
  await report.measure(`list, prefix "${HOME}:"`, async () => {
    for await (const { value } of store.records.list({ prefix: `${HOME}:` })) {
      count++
      population += value.population
    }
    return count
  })
  assert.equal(count, home.length)
  assert.equal(population, home.reduce((sum, city) => sum + city.population, 0))
  report.tell(`${number(count)} cities in ${HOME}, with ${number(population)} inhabitants`)

  await report.measure("list, all", async () => {
    let all = 0
    for await (const { key } of store.records.list()) if (key !== "") all++
    assert.equal(all, cities.length)
    return all
  })
  const last: string[] = []
  for await (const { value } of store.records.list({ prefix: `${HOME}:`, reverse: true, limit: 3 })) last.push(value.name)
  report.tell(`the last three by key: ${last.join(", ")}`)
}

/** Updates the cities of one country while somebody watches, then tries a write that comes too late. */
export const updateAndWatch = async (store: Store<City>, cities: readonly City[], report: Report): Promise<void> => {
  const home = cities.filter(({ country }) => country === HOME)
  const largest = home.reduce((a, b) => a.population >= b.population ? a : b)
  const key = keyOf(largest)
  const seen = new Map<string, Change<City>>()
  let calls = 0
  const unsubscribe = store.records.subscribe({ prefix: `${HOME}:` }, (changes) => {
    calls++
    for (const change of changes) seen.set(change.key, change)
  })
  const before = await store.records.getEntry(key)
  assert.ok(before !== undefined)

  await report.measure("update(), not awaited one by one", async () => {
    await Promise.all(home.map((city) => store.records.update(keyOf(city), grown)))
    return home.length
  })
  unsubscribe()
  assert.equal(seen.size, home.length)
  for (const city of home) assert.deepEqual(seen.get(keyOf(city))?.value, grown(city))
  report.tell(
    `one inhabitant more in ${number(home.length)} cities; the subscriber was called ${
      number(calls)
    } times, once a commit, and saw them all`,
  )

  const late = store.records.put(key, before.value, { ifVersion: before.version })
  await assert.rejects(late, VersionMismatch, "a put with an old version was not refused")
  report.tell(`${largest.name}: a put that names the version before that is refused with version_mismatch`)
  const now = await store.records.getEntry(key)
  assert.deepEqual(now?.value, grown(largest))
  await store.records.put(key, grown(grown(largest)), { ifVersion: now?.version ?? null })
  report.tell(`${largest.name}: a put that names the present version is stored`)

  const versions: number[] = []
  await report.measure("history of one city, by reading the log", async () => {
    for await (const { value } of store.records.history(key)) versions.push(value?.population ?? 0)
    return 1
  })
  assert.deepEqual(versions, [largest.population, largest.population + 1, largest.population + 2])
  report.tell(`${largest.name}, as it was: ${versions.map((count) => number(count)).join(", ")} inhabitants`)
}

const grown = (city: City | undefined): City => {
  assert.ok(city !== undefined, "a city to be updated is not there")
  return { ...city, population: city.population + 1 }
}
