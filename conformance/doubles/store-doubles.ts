/** Faults of opening, of names, and of claims. */
import { StoreNotFound } from "../../kernel/errors.ts"
import { adapterDouble, type Double, storageDouble, withAdapter } from "./double.ts"

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
  adapterDouble("leaves the bytes of a destroyed store to the next of its name", "stores/created-anew", (adapter) => {
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
  }),
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
  adapterDouble("gives names that differ in letter case one store", "names/letter-case", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName.toLowerCase(), options),
    destroy: (storeName) => adapter.destroy(storeName.toLowerCase()),
  })),
  adapterDouble("normalises names", "names/normalisation", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName.normalize("NFC"), options),
    destroy: (storeName) => adapter.destroy(storeName.normalize("NFC")),
  })),
  adapterDouble("cuts long names", "names/long", (adapter) => ({
    open: (storeName, options) => adapter.open(storeName.slice(0, 199), options),
    destroy: (storeName) => adapter.destroy(storeName.slice(0, 199)),
  })),
  adapterDouble("resolves names as paths", "names/dots-and-slashes", (adapter) => {
    const resolve = (storeName: string): string => new URL(storeName.replaceAll("/", "%2f/"), "file:///root/").pathname
    return {
      open: (storeName, options) => adapter.open(resolve(storeName), options),
      destroy: (storeName) => adapter.destroy(resolve(storeName)),
    }
  }),
  adapterDouble("keeps names as members of an object", "names/prototypes", (adapter) => {
    const seen: Record<string, boolean> = {}
    return {
      open(storeName, options) {
        const isKnown = Boolean(seen[storeName])
        seen[storeName] = true
        return adapter.open(storeName, isKnown ? { ...options, create: false } : options)
      },
      list: async () => (await adapter.list()).filter((name) => Object.keys(seen).includes(name)),
    }
  }),
  {
    fault: "claims to be durable and is not",
    caughtBy: "durability/fresh-process",
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
  adapterDouble("claims a level full without being durable", "capabilities/consistent", (adapter) => ({
    capabilities: { ...adapter.capabilities, levels: ["full", "none"] },
  })),
  adapterDouble("claims larger frames than it takes", "append/largest-frame", (adapter) => ({
    capabilities: { ...adapter.capabilities, maxFrameBytes: 5_000_000 },
  })),
]
