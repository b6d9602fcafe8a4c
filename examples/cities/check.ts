/** Checks what a store holds against the list that it was filled from. */
import assert from "node:assert/strict"
import type { Store } from "@cuitty/persist"
import { type City, keyOf } from "./city.ts"
import { BATCH_CITIES } from "./import.ts"
import type { KilledImport } from "./killed-import.ts"
import { number } from "./report.ts"

/**
 * How many cities are in a store whose import was killed. Fails unless each acknowledged one is there with its value, and what is there
 * is the beginning of the list, in whole batches.
 */
export const checkKilled = async (store: Store<City>, cities: readonly City[], { stored, called }: KilledImport): Promise<number> => {
  for (const city of cities.slice(0, stored)) {
    assert.deepEqual(await store.records.get(keyOf(city)), city, `the acknowledged city ${keyOf(city)} is lost or changed`)
  }
  const count = await checkWhole(store, cities, await store.records.count())
  assert.ok(
    count >= stored && count <= called,
    `${number(count)} cities are there; ${number(stored)} were acknowledged, ${number(called)} given`,
  )
  assert.ok(count % BATCH_CITIES === 0 || count === cities.length, `${number(count)} cities are there: half a batch is`)
  return count
}

/** Fails unless the store holds the first `count` cities of the list, each with its value, in key order, and nothing else. */
export const checkWhole = async (store: Store<City>, cities: readonly City[], count: number): Promise<number> => {
  const expected = new Map(cities.slice(0, count).map((city) => [keyOf(city), city]))
  let before = ""
  for await (const { key, value } of store.records.list()) {
    assert.ok(key > before, `${key} is listed after ${before}`)
    assert.deepEqual(value, expected.get(key), `the city ${key} is not the one that was imported`)
    expected.delete(key)
    before = key
  }
  assert.equal(expected.size, 0, `${number(expected.size)} cities are missing`)
  return count
}
