/** A log for reading only, up to a damaged frame if there is one: an append behind it would stand where others are. */
import { ReadOnly } from "../errors.ts"
import type { LogStorage, Recovery } from "../ports/log-storage.ts"

/** `storage` up to but without `recovery.position`, or all of it; every change rejects with `ReadOnly`. */
export function prefixOf(storage: LogStorage, recovery: Recovery | undefined): LogStorage {
  const end = recovery?.kind === "prefix_only" ? recovery.position - 1 : Infinity
  const refuse = (): never => {
    throw new ReadOnly({
      location: storage.opened.location ?? "memory",
      reason: end === Infinity ? "it was opened with readPrefix" : `only the frames before position ${end + 1} are open`,
    })
  }
  return {
    opened: { ...storage.opened, recovery },
    head: () => (end === Infinity ? storage.head() : end),
    append: refuse,
    read: async (after, limits) =>
      after >= end ? [] : (await storage.read(after, { ...limits, maxFrames: Math.min(limits.maxFrames, end - after) })),
    trim: refuse,
    snapshots: { list: () => storage.snapshots.list(), readSlice: (at, index) => storage.snapshots.readSlice(at, index), write: refuse },
    watch: (listener) => (end === Infinity ? storage.watch(listener) : () => {}),
    flush: () => {},
    close: () => storage.close(),
  }
}
