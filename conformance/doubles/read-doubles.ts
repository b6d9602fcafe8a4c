/** Faults of reading, watching and closing. */
import { FlushFailed, InvalidOption, PositionOutOfRange, StoreClosed } from "../../kernel/errors.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { type Double, storageDouble } from "./double.ts"

/** What runtimes do with their own classes of bytes. */
class OwnBytes extends Uint8Array {}

export const readDoubles: readonly Double[] = [
  storageDouble("reads from the position itself, not from behind it", ["read/every-suffix", "read/at-the-head"], (storage) => ({
    read: (after, limits) => storage.read(Math.max(0, after - 1), limits),
  })),
  storageDouble("answers an empty page for a frame larger than maxBytes", "read/large-frame-small-limit", (storage) => ({
    async read(after, limits) {
      const page = await storage.read(after, limits)
      return page.filter((frame) => frame.length <= limits.maxBytes)
    },
  })),
  storageDouble("answers an empty page past the head", ["read/past-the-head", "read/no-position"], (storage) => ({
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
  storageDouble("reads every page into the same buffer", ["read/pages-stay", "read/at-once"], (storage) => {
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
  storageDouble("remembers the head and misses what other handles append", ["opening/second-handle", "append/handles-race"], (storage) => {
    let head: Position | undefined
    return {
      head: async () => head ??= await storage.head(),
      async append(position, frame) {
        await storage.append(position, frame)
        head = position
      },
    }
  }),
  storageDouble("never calls a listener", ["watch/fires", "watch/other-stores"], () => ({ watch: () => () => undefined })),
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
  storageDouble("keeps its listeners in a set", "watch/given-twice", (storage) => {
    const stops = new Map<() => void, () => void>()
    return {
      watch(listener) {
        if (!stops.has(listener)) stops.set(listener, storage.watch(listener))
        return () => {
          stops.get(listener)?.()
          stops.delete(listener)
        }
      },
    }
  }),
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
  storageDouble("answers one frame a page", "read/full-pages", (storage) => ({
    read: (after, limits) => storage.read(after, { ...limits, maxFrames: 1 }),
  })),
  storageDouble("answers the log as it was a moment ago", "read/beside-appends", (storage) => {
    const seen = new Map<Position, readonly Bytes[]>()
    return {
      async read(after, limits) {
        const before = seen.get(after)
        seen.set(after, await storage.read(after, limits))
        return before ?? seen.get(after)!
      },
    }
  }),
  storageDouble("answers bytes of a class of its own", "read/plain-bytes", (storage) => ({
    read: async (after, limits) =>
      (await storage.read(after, limits)).map((frame) => {
        const own = frame.slice()
        Object.setPrototypeOf(own, OwnBytes.prototype)
        return own
      }),
  })),
  storageDouble("keeps one listener a handle", "watch/every-listener", (storage) => {
    let listener = (): void => undefined
    storage.watch(() => listener())
    return {
      watch(next) {
        listener = next
        return () => listener = () => undefined
      },
    }
  }),
  storageDouble("refuses to be watched", "watch/callable", () => ({
    watch() {
      throw new InvalidOption({ option: "watch", found: "a listener", expected: "nobody" })
    },
  })),
  storageDouble("never ends a read that was under way when it was closed", "closing/read-under-way", (storage) => {
    let isClosed = false
    return {
      async read(after, limits) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        return isClosed ? await new Promise<never>(() => undefined) : await storage.read(after, limits)
      },
      close() {
        isClosed = true
        return storage.close()
      },
    }
  }),
  storageDouble("cannot flush an empty log", "durability/flush", (storage) => ({
    async flush() {
      if (await storage.head() === 0) throw new FlushFailed({ location: "double", reason: "there is nothing" })
    },
  })),
  storageDouble("cannot flush while the log grows", "durability/flush-beside-appends", (storage) => ({
    async flush() {
      const head = await storage.head()
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (await storage.head() !== head) throw new FlushFailed({ location: "double", reason: "the log has grown" })
    },
  })),
]
