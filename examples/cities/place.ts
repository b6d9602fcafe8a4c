/** Where the example keeps its store. */
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { type AdapterOptions, createStore, listStores, type Store } from "@cuitty/persist"
import type { City } from "./city.ts"

const STORE = "cities"

export interface Place {
  readonly adapter: "sqlite" | "file" | "memory"
  readonly durability: "normal" | "full" | "relaxed" | "none"
  /** A folder. */
  readonly folder: string
}

const whereIs = ({ adapter, folder }: Place): AdapterOptions => ({
  adapter,
  path: adapter === "sqlite" ? join(folder, "cities.db") : folder,
  createFolders: true,
})

export const openPlace = (place: Place): Promise<Store<City>> =>
  createStore<City>(STORE, { ...whereIs(place), durability: place.durability })

/** Is there a store of the example already? */
export const isTaken = async (place: Place): Promise<boolean> => (await listStores(whereIs(place))).includes(STORE)

/** Bytes of all files in the folder. */
export const bytesIn = async ({ folder }: Place): Promise<number> => {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return bytes
}
