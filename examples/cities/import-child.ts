/**
 * The process that gets killed: imports cities and tells its parent, line by line, how far it has come.
 *
 *   called 1500    the first 1,500 cities of the list were given to the store
 *   stored 1000    the first 1,000 were acknowledged by it
 *
 * It never finishes: before the last tenth it waits for the signal, in case that its parent was slow to send it, but not for ever.
 */
import { writeSync } from "node:fs"
import process from "node:process"
import { readCities } from "./city.ts"
import { importCities } from "./import.ts"
import { openPlace } from "./place.ts"

const { place, count } = JSON.parse(process.argv[2]!)
// Written before anything else happens, so that what the parent has read was true when the signal came.
const tell = (word: "called" | "stored") => (cities: number): void => {
  writeSync(1, `${word} ${cities}\n`)
}

const store = await openPlace(place)
const cities = readCities(count)
await importCities(store, cities.slice(0, Math.floor(cities.length * 0.9)), 0, { onCalled: tell("called"), onStored: tell("stored") })
setTimeout(() => process.exit(1), 60_000)
