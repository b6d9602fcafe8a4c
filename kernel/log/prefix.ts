/** The frames before a damaged one, for reading only: an append behind them would stand where others are. */
import { ReadOnly } from "../errors.ts"
import type { LogStorage, Recovery } from "../ports/log-storage.ts"

/** `storage` up to but without `recovery.position`; every change rejects with `ReadOnly`. */
export function prefixOf(storage: LogStorage, recovery: Recovery): LogStorage {
  const end = recovery.position - 1
  const refuse = (): never => {
    throw new ReadOnly({
      location: storage.opened.location ?? "memory",
      reason: `only the frames before position ${recovery.position} are open`,
    })
  }
  return {
    opened: { ...storage.opened, recovery },
    head: () => end,
    append: refuse,
    read: async (after, limits) =>
      after >= end ? [] : (await storage.read(after, { ...limits, maxFrames: Math.min(limits.maxFrames, end - after) })),
    trim: refuse,
    snapshots: { list: () => storage.snapshots.list(), readSlice: (at, index) => storage.snapshots.readSlice(at, index), write: refuse },
    watch: () => () => {},
    flush: () => {},
    close: () => storage.close(),
  }
}
