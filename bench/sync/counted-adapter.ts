/** Counted adapter: counts what a store asks of its adapter, and passes it on. */
import type { Adapter, LogStorage } from "@cuitty/persist"

export interface StorageCounts {
  heads: number
  reads: number
  /** Frames that reads answered. */
  frames: number
  appends: number
  /** Bytes of frames that were appended. */
  appendedBytes: number
  flushes: number
}

export const noCounts = (): StorageCounts => ({ heads: 0, reads: 0, frames: 0, appends: 0, appendedBytes: 0, flushes: 0 })

/** An adapter that adds to `counts` whatever is asked of its storages. */
export const countedAdapter = (adapter: Adapter, counts: StorageCounts): Adapter => ({
  name: adapter.name,
  capabilities: adapter.capabilities,
  list: () => adapter.list(),
  destroy: (name) => adapter.destroy(name),
  async open(name, options) {
    return counted(await adapter.open(name, options), counts)
  },
})

const counted = (storage: LogStorage, counts: StorageCounts): LogStorage => ({
  opened: storage.opened,
  snapshots: storage.snapshots,
  head() {
    counts.heads++
    return storage.head()
  },
  append(position, frame) {
    counts.appends++
    counts.appendedBytes += frame.length
    return storage.append(position, frame)
  },
  read(after, limits) {
    counts.reads++
    const page = storage.read(after, limits)
    if (!(page instanceof Promise)) {
      counts.frames += page.length
      return page
    }
    return page.then((frames) => {
      counts.frames += frames.length
      return frames
    })
  },
  trim: (through) => storage.trim(through),
  watch: (listener) => storage.watch(listener),
  flush() {
    counts.flushes++
    return storage.flush()
  },
  close: () => storage.close(),
})
