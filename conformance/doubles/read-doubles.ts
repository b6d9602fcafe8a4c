/** Faults of reading, watching and closing. */
import { PositionOutOfRange, StoreClosed } from "../../kernel/errors.ts"
import type { Position } from "../../kernel/ports/log-storage.ts"
import { type Double, storageDouble } from "./double.ts"

export const readDoubles: readonly Double[] = [
  storageDouble("reads from the position itself, not from behind it", "read/every-suffix", (storage) => ({
    read: (after, limits) => storage.read(Math.max(0, after - 1), limits),
  })),
  storageDouble("answers an empty page for a frame larger than maxBytes", "read/large-frame-small-limit", (storage) => ({
    async read(after, limits) {
      const page = await storage.read(after, limits)
      return page.filter((frame) => frame.length <= limits.maxBytes)
    },
  })),
  storageDouble("answers an empty page past the head", "read/past-the-head", (storage) => ({
    async read(after, limits) {
      try {
        return await storage.read(after, limits)
      } catch (error) {
        if (error instanceof PositionOutOfRange) return []
        throw error
      }
    },
  })),
  storageDouble("does not count frames", "read/max-frames", (storage) => ({
    read: (after, limits) => storage.read(after, { ...limits, maxFrames: Number.MAX_SAFE_INTEGER }),
  })),
  storageDouble("does not count bytes", "read/max-bytes", (storage) => ({
    read: (after, limits) => storage.read(after, { ...limits, maxBytes: Number.MAX_SAFE_INTEGER }),
  })),
  storageDouble("reads every page into the same buffer", "read/pages-stay", (storage) => {
    const shared = new Uint8Array(4_000_000)
    return {
      async read(after, limits) {
        let end = 0
        return (await storage.read(after, limits)).map((frame) => {
          const start = end
          if (start + frame.length > shared.length) return frame
          end += frame.length
          shared.set(frame, start)
          return shared.subarray(start, end)
        })
      },
    }
  }),
  storageDouble("remembers the head and misses what other handles append", "opening/second-handle", (storage) => {
    let head: Position | undefined
    return {
      head: async () => head ??= await storage.head(),
      async append(position, frame) {
        await storage.append(position, frame)
        head = position
      },
    }
  }),
  storageDouble("never calls a listener", "watch/fires", () => ({ watch: () => () => undefined })),
  storageDouble("calls a listener once and never again", "watch/no-missed-append", (storage) => ({
    watch(listener) {
      const stop = storage.watch(() => {
        stop()
        listener()
      })
      return stop
    },
  })),
  storageDouble("stops at a listener that throws", "watch/listener-throws", (storage) => {
    const listeners = new Set<() => void>()
    storage.watch(() => {
      for (const listener of listeners) listener()
    })
    return {
      watch(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    }
  }),
  storageDouble("goes on calling a listener that was stopped", "watch/stopped", (storage) => ({
    watch(listener) {
      storage.watch(listener)
      return () => undefined
    },
  })),
  storageDouble("goes on calling the listeners of a closed handle", "watch/closed", (storage) => ({ close: () => storage.flush() })),
  storageDouble("serves a closed handle", "closing/use-after-close", (storage) => ({
    async read(after, limits) {
      try {
        return await storage.read(after, limits)
      } catch (error) {
        if (error instanceof StoreClosed) return []
        throw error
      }
    },
  })),
  storageDouble("hangs when it is closed a second time", "closing/idempotent", (storage) => {
    let isClosed = false
    return {
      close() {
        if (isClosed) return new Promise<void>(() => undefined)
        isClosed = true
        return storage.close()
      },
    }
  }),
]
