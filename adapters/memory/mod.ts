/**
 * Adapter `memory`: stores that live as long as the adapter object, and no longer than the process.
 *
 *   memoryAdapter() ── stores: Map<name, MemoryStore> ── MemoryStore ── frames, snapshots
 *                                                            ▲ ▲
 *                                   open(name) ── MemoryLogStorage (one a handle)
 *
 * Every member answers at once. Closing a handle frees nothing but the handle: opening the name again finds the frames, which
 * is also how tests model a restart.
 */
import { InvalidStoreName, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import type { Adapter, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import { MemoryLogStorage, MemoryStore } from "./memory-log-storage.ts"

const LOCATION = "memory"

/**
 * A new, empty place for stores in memory.
 *
 * Nothing outlives the process, so `none` is the only durability level. Several handles may have one store open. `create:
 * undefined` makes a missing store whatever others are here: nothing was here before this process.
 */
export const memoryAdapter = (): Adapter => {
  // A Map, so that "__proto__" or "toString" are names like any other.
  const stores = new Map<string, MemoryStore>()

  const missing = (storeName: string): StoreNotFound =>
    new StoreNotFound({ store: storeName, location: LOCATION, stores: [...stores.keys()] })

  return {
    name: "memory",
    capabilities: { levels: ["none"], multiHandle: true, watch: true, snapshots: true, sliceReads: true },

    open(storeName: string, options: OpenOptions): LogStorage {
      options.signal?.throwIfAborted()
      if (storeName === "") throw new InvalidStoreName({ name: storeName, reason: "it is empty" })
      let store = stores.get(storeName)
      const created = store === undefined
      if (store === undefined) {
        if (options.create === false || options.readPrefix === true) throw missing(storeName)
        stores.set(storeName, store = new MemoryStore(storeName))
      }
      return new MemoryLogStorage(store, { created })
    },

    list(): readonly string[] {
      return [...stores.keys()]
    },

    destroy(storeName: string): void {
      const store = stores.get(storeName)
      if (store === undefined) throw missing(storeName)
      if (store.handles.size > 0) {
        throw new StoreLocked({ store: storeName, location: LOCATION, holder: "an open handle of this process" })
      }
      stores.delete(storeName)
    },
  }
}
