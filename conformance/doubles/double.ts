/** What a double is: an adapter that is right but for one fault, made by wrapping one that is right. */
import type { Adapter, LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"
import type { LogStorageSubject } from "../log-storage/trial.ts"

/** A fault and the cases that must catch it. */
export interface Double {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Ids of cases of which each must fail because of it, or warn of it where it is no more than a recommendation. */
  readonly caughtBy: readonly string[]
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
export const storageDouble = (fault: string, caughtBy: string | readonly string[], replace: StorageFault): Double => ({
  fault,
  caughtBy: [caughtBy].flat(),
  subject: (makeAdapter) => ({ adapter: withStorage(makeAdapter(), replace) }),
})

/** A double whose places have a fault. */
export const adapterDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  replace: (adapter: Adapter) => Partial<Adapter>,
): Double => ({
  fault,
  caughtBy: [caughtBy].flat(),
  subject: (makeAdapter) => {
    const adapter = makeAdapter()
    return { adapter: withAdapter(adapter, replace(adapter)) }
  },
})

/** A double that takes several names for one. */
export const nameDouble = (fault: string, caughtBy: string | readonly string[], fold: (storeName: string) => string): Double =>
  adapterDouble(fault, caughtBy, (adapter) => ({
    open: (storeName, options) => adapter.open(fold(storeName), options),
    destroy: (storeName) => adapter.destroy(fold(storeName)),
  }))
