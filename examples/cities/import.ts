/** The import itself: cities go into the store in batches, each all or nothing. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Store } from "@cuitty/persist"
import { type City, keyOf } from "./city.ts"

export const BATCH_CITIES = 500

export interface ImportProgress {
  /** The first `count` cities of the list were given to the store. */
  readonly onCalled?: (count: number) => void
  /** The first `count` cities of the list were acknowledged by it. */
  readonly onStored: (count: number) => void
}

/** Imports the cities from index `from` on; resolves when all are stored. */
export const importCities = async (store: Store<City>, cities: readonly City[], from: number, progress: ImportProgress): Promise<void> => {
  for (let start = from; start < cities.length; start += BATCH_CITIES) {
    const batch = cities.slice(start, start + BATCH_CITIES)
    const count = start + batch.length
    progress.onCalled?.(count)
    await store.records.putMany(batch.map((city) => ({ key: keyOf(city), value: city })))
    progress.onStored(count)
    await nextTurn() // lets timers run: the progress bar, and the store's flush in the background
  }
}
