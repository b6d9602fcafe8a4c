/** Faults of opening, of listing and destroying, and of claims. */
import { StoreNotFound } from "../../kernel/errors.ts"
import type { LogStorage } from "../../kernel/ports/log-storage.ts"
import { adapterDouble, type Double, storageDouble, withAdapter, withStorage } from "./double.ts"

export const storeDoubles: readonly Double[] = [
  storageDouble("loses the last frame when a handle is closed", "opening/open-again", (storage) => {
    const lost = storage.opened.created ? 0 : 1
    return {
      head: async () => await storage.head() - lost,
      read: async (after, limits) => (await storage.read(after, limits)).slice(0, await storage.head() - lost - after),
    }
  }),
  storageDouble("says of every store that it was just created", "opening/open-again", () => ({ opened: { created: true } })),
  adapterDouble("makes a missing store whatever it is told", "opening/missing-store", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName, { ...options, create: true }),
  })),
  adapterDouble("makes the store although the signal is aborted", "opening/aborted", (adapter) => ({
    async open(storeName, options) {
      const storage = await adapter.open(storeName, { ...options, signal: undefined })
      if (options.signal?.aborted === true) {
        await storage.close()
        throw options.signal.reason
      }
      return storage
    },
  })),
  adapterDouble("forgets the newest store when it lists them", "stores/list", (adapter) => ({
    list: async () => (await adapter.list()).slice(0, -1),
  })),
  adapterDouble("makes a store in order to list an empty place", "stores/none", (adapter) => ({
    async list() {
      const names = await adapter.list()
      if (names.length === 0) await (await adapter.open("default", { durability: "none", create: true })).close()
      return names
    },
  })),
  adapterDouble(
    "leaves the bytes of a destroyed store to the next of its name",
    ["stores/created-anew", "stores/created-anew-snapshots"],
    (adapter) => {
      const destroyed = new Set<string>()
      const there = async (): Promise<readonly string[]> => (await adapter.list()).filter((name) => !destroyed.has(name))
      return {
        list: there,
        async destroy(storeName) {
          const stores = await there()
          if (!stores.includes(storeName)) throw new StoreNotFound({ store: storeName, location: "double", stores })
          destroyed.add(storeName)
        },
        open(storeName, options) {
          destroyed.delete(storeName)
          return adapter.open(storeName, options)
        },
      }
    },
  ),
  adapterDouble("destroys a store that is open", "stores/destroy-open", (adapter) => {
    const gone = new Set<string>()
    return {
      destroy: (storeName) => void gone.add(storeName),
      list: async () => (await adapter.list()).filter((name) => !gone.has(name)),
    }
  }),
  adapterDouble("does not tell that a store to destroy is missing", "stores/destroy-missing", (adapter) => ({
    async destroy(storeName) {
      if ((await adapter.list()).includes(storeName)) await adapter.destroy(storeName)
    },
  })),
  storageDouble("counts the frame that comes next", "opening/new-store", (storage) => ({ head: async () => await storage.head() + 1 })),
  storageDouble("changes what opening found when frames come", "opening/opened-is-constant", (storage) => {
    const opened = { ...storage.opened }
    return {
      opened,
      async append(position, frame) {
        await storage.append(position, frame)
        opened.created = false
      },
    }
  }),
  adapterDouble("makes a store when the first frame comes", "opening/empty-store-stays", (adapter) => ({
    async list() {
      const filled: string[] = []
      for (const name of await adapter.list()) {
        const storage = await adapter.open(name, { durability: "none", create: false })
        if (await storage.head() > 0) filled.push(name)
        await storage.close()
      }
      return filled
    },
  })),
  adapterDouble("takes create: undefined for false", "opening/create-undefined", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName, { ...options, create: options.create ?? false }),
  })),
  adapterDouble("does not say which stores are there when it refuses a new one", "opening/create-undefined-beside", (adapter) => ({
    async open(storeName, options) {
      const stores = await adapter.list()
      if (options.create === undefined && stores.length > 0 && !stores.includes(storeName)) {
        throw new StoreNotFound({ store: storeName, location: "double", stores: [] })
      }
      return adapter.open(storeName, options)
    },
  })),
  storageDouble(
    "closes a handle when the signal it was opened with is aborted later",
    "opening/signal-not-aborted",
    (storage, _, { signal }) => {
      signal?.addEventListener("abort", () => void storage.close())
      return {}
    },
  ),
  adapterDouble("closes every handle of a store with one", "closing/other-handles", (adapter) => {
    const handles = new Map<string, LogStorage[]>()
    const closing = withStorage(adapter, (storage, storeName) => {
      const ofStore = handles.get(storeName) ?? []
      handles.set(storeName, [...ofStore, storage])
      return {
        async close() {
          for (const handle of handles.get(storeName) ?? []) await handle.close()
        },
      }
    })
    return { open: (storeName, options) => closing.open(storeName, options) }
  }),
  adapterDouble("looks whether a store is there, waits, then makes it", "opening/many-at-once", (adapter) => ({
    async open(storeName, options) {
      const created = !(await adapter.list()).includes(storeName)
      await Promise.resolve()
      return await withStorage(adapter, () => ({ opened: { created } })).open(storeName, options)
    },
  })),
  storageDouble(
    "reads nothing with readPrefix",
    "opening/read-prefix-of-healthy",
    (_storage, _storeName, { readPrefix }) => readPrefix === true ? { head: () => 0, read: () => [] } : {},
  ),
  adapterDouble("makes a store with readPrefix", "opening/read-prefix-of-missing", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName, { ...options, readPrefix: false }),
  })),
  adapterDouble("destroys all stores with one", "stores/destroy", (adapter) => ({
    async destroy(storeName) {
      for (const other of await adapter.list()) if (other !== storeName) await adapter.destroy(other)
      await adapter.destroy(storeName)
    },
  })),
  {
    fault: "claims to be durable and is not",
    caughtBy: ["durability/fresh-process"],
    subject: (makeAdapter) => {
      const claiming = () => {
        const adapter = makeAdapter()
        return withAdapter(adapter, {
          capabilities: { ...adapter.capabilities, durable: true, levels: ["normal"] },
        })
      }
      return { adapter: claiming(), reopen: claiming }
    },
  },
  {
    fault: "claims to be durable, and cannot be looked at from a fresh process",
    caughtBy: ["capabilities/reopen-given"],
    subject: (makeAdapter) => ({ adapter: withAdapter(makeAdapter(), { capabilities: { durable: true, levels: ["normal"] } }) }),
  },
  adapterDouble("claims less than it does", "capabilities/unclaimed", () => ({ capabilities: {} })),
  adapterDouble("takes small frames only", "capabilities/full-frame-size", (adapter) => ({
    capabilities: { ...adapter.capabilities, maxFrameBytes: 1_000_000 },
  })),
  adapterDouble("claims a level full without being durable", "capabilities/consistent", (adapter) => ({
    capabilities: { ...adapter.capabilities, levels: ["full", "none"] },
  })),
  adapterDouble("claims larger frames than it takes", "append/largest-frame", (adapter) => ({
    capabilities: { ...adapter.capabilities, maxFrameBytes: 5_000_000 },
  })),
]
