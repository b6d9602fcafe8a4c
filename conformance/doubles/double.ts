/** What a double is: an adapter that is right but for one fault, made by wrapping one that is right. */
import type { Adapter, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import type { LogStorageSubject } from "../log-storage/trial.ts"

/** A fault and the case that must catch it. */
export interface Double {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Id of the case that must fail because of it. */
  readonly caughtBy: string
  /** The subject with the fault; `makeAdapter` gives adapters that are right, each over an empty place. */
  readonly subject: (makeAdapter: () => Adapter) => LogStorageSubject
}

/** Members of a handle that a fault replaces. */
export type StorageFault = (storage: LogStorage, storeName: string, options: OpenOptions) => Partial<LogStorage>

/** `adapter` with some members replaced. */
export const withAdapter = (adapter: Adapter, replaced: Partial<Adapter>): Adapter => ({
  name: adapter.name,
  capabilities: adapter.capabilities,
  open: (storeName, options) => adapter.open(storeName, options),
  list: () => adapter.list(),
  destroy: (storeName) => adapter.destroy(storeName),
  ...replaced,
})

/** `adapter` with some members of each handle replaced. */
export const withStorage = (adapter: Adapter, fault: StorageFault): Adapter =>
  withAdapter(adapter, {
    async open(storeName, options) {
      const storage = await adapter.open(storeName, options)
      return {
        opened: storage.opened,
        snapshots: storage.snapshots,
        head: () => storage.head(),
        append: (position, frame) => storage.append(position, frame),
        read: (after, limits) => storage.read(after, limits),
        trim: (through) => storage.trim(through),
        watch: (listener) => storage.watch(listener),
        flush: () => storage.flush(),
        close: () => storage.close(),
        ...fault(storage, storeName, options),
      }
    },
  })

/** A double whose handles have a fault. */
export const storageDouble = (fault: string, caughtBy: string, replace: StorageFault): Double => ({
  fault,
  caughtBy,
  subject: (makeAdapter) => ({ adapter: withStorage(makeAdapter(), replace) }),
})

/** A double whose places have a fault. */
export const adapterDouble = (fault: string, caughtBy: string, replace: (adapter: Adapter) => Partial<Adapter>): Double => ({
  fault,
  caughtBy,
  subject: (makeAdapter) => {
    const adapter = makeAdapter()
    return { adapter: withAdapter(adapter, replace(adapter)) }
  },
})
