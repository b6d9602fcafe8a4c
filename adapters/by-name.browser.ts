/** Adapters by name where there is no file system: browsers and Workers. */
import type { Adapter } from "../kernel/ports/log-storage.ts"
import { memoryAdapter } from "./memory/mod.ts"
import type { PlaceOptions } from "./place-options.ts"

export type { PlaceOptions } from "./place-options.ts"

/** Names that {@link adapterByName} knows. */
export const adapterNames: readonly string[] = ["memory"]

/** Makes the adapter of a name; undefined for a name that is not known. */
export function adapterByName(name: string, _storeName: string, _options: PlaceOptions): Promise<Adapter | undefined> {
  return Promise.resolve(name === "memory" ? memoryAdapter() : undefined)
}
