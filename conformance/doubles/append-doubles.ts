/** Faults of appending. */
import { PositionTaken, StorageFull } from "../../kernel/errors.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { type Double, storageDouble } from "./double.ts"

/** As the real one, but it does not say that nothing was stored. */
class VaguePositionTaken extends PositionTaken {
  override readonly storedNothing: boolean = false
}

export const appendDoubles: readonly Double[] = [
  storageDouble("keeps the caller's buffer instead of a copy", "append/callers-buffer", (storage) => {
    const kept = new Map<Position, Bytes>()
    return {
      async append(position, frame) {
        await storage.append(position, frame)
        kept.set(position, frame)
      },
      async read(after, limits) {
        return (await storage.read(after, limits)).map((frame, index) => kept.get(after + 1 + index) ?? frame)
      },
    }
  }),
  storageDouble("stores the whole buffer behind a view", "append/view-of-a-buffer", (storage) => ({
    append: (position, frame) => storage.append(position, new Uint8Array(frame.buffer)),
  })),
  storageDouble("puts a frame beyond the head at the next position", ["append/gap", "append/refused-leaves-the-log"], (storage) => ({
    async append(position, frame) {
      const head = await storage.head()
      await storage.append(position > head + 1 ? head + 1 : position, frame)
    },
  })),
  storageDouble("overwrites a taken position", "append/taken-position", (storage) => {
    const overwritten = new Map<Position, Bytes>()
    return {
      async append(position, frame) {
        if (position <= await storage.head()) overwritten.set(position, frame.slice())
        else await storage.append(position, frame)
      },
      async read(after, limits) {
        return (await storage.read(after, limits)).map((frame, index) => overwritten.get(after + 1 + index) ?? frame)
      },
    }
  }),
  storageDouble("takes the same frame at its position a second time for a success", "append/taken-position", (storage) => ({
    async append(position, frame) {
      const [stored] = position <= await storage.head() ? await storage.read(position - 1, { maxFrames: 1, maxBytes: 1 }) : []
      if (stored !== undefined && stored.length === frame.length && stored.every((byte, index) => byte === frame[index])) return
      await storage.append(position, frame)
    },
  })),
  storageDouble("compares the position, then waits, then stores behind whatever is there", [
    "append/one-of-many-wins",
    "closing/append-under-way",
  ], (storage) => ({
    async append(position, frame) {
      const head = await storage.head()
      if (position !== head + 1) throw new PositionTaken({ position, head })
      await Promise.resolve()
      for (let next = position;; next += 1) {
        try {
          return await storage.append(next, frame)
        } catch (error) {
          if (!(error instanceof PositionTaken)) throw error
        }
      }
    },
  })),
  storageDouble("says stored before it is", "append/order", (storage) => ({
    append(position, frame) {
      const copy = frame.slice()
      setTimeout(async () => {
        // What comes too late is lost: that is the fault.
        try {
          await storage.append(position, copy)
        } catch { /* see above */ }
      }, 1)
    },
  })),
  storageDouble("counts positions in 32 bits", "append/gap", (storage) => ({
    append: (position, frame) => storage.append(position >>> 0, frame),
  })),
  storageDouble("cuts a frame that is too large", "append/frame-too-large", (storage) => ({
    append: (position, frame) => storage.append(position, frame.subarray(0, 4_000_000)),
  })),
  storageDouble("keeps frames as text", "append/opaque", (storage) => ({
    append: (position, frame) => storage.append(position, new TextEncoder().encode(new TextDecoder().decode(frame) || " ")),
  })),
  storageDouble("cuts zeros off the end of a frame", "append/opaque", (storage) => ({
    append(position, frame) {
      let end = frame.length
      while (end > 1 && frame[end - 1] === 0) end -= 1
      return storage.append(position, frame.subarray(0, end))
    },
  })),
  storageDouble("fails with an error that is not ours", "append/taken-position", (storage) => ({
    async append(position, frame) {
      try {
        await storage.append(position, frame)
      } catch (cause) {
        throw new Error("UNIQUE constraint failed: frames.position", { cause })
      }
    },
  })),
  storageDouble("does not say that a refused append stored nothing", "append/taken-position", (storage) => ({
    async append(position, frame) {
      const head = await storage.head()
      if (position !== head + 1) throw new VaguePositionTaken({ position, head })
      await storage.append(position, frame)
    },
  })),
  storageDouble("takes a new position by the wall clock, once it went back", "append/clock-jumps", (storage) => {
    let latest = 0
    return {
      async append(position, frame) {
        const now = Date.now()
        if (now < latest - 60_000) throw new PositionTaken({ position, head: await storage.head() })
        latest = now
        await storage.append(position, frame)
      },
    }
  }),
  storageDouble("counts positions from 0", ["append/first-position", "capabilities/every-level-opens"], (storage) => ({
    append: (position, frame) => storage.append(position + 1, frame),
  })),
  storageDouble("takes a fraction for the integer below it", "append/no-position", (storage) => ({
    append: (position, frame) => storage.append(Math.floor(position), frame),
  })),
  storageDouble("counts lengths in 16 bits", "append/every-size", (storage) => ({
    append: (position, frame) => storage.append(position, frame.length > 0xffff ? frame.subarray(0, frame.length & 0xffff || 1) : frame),
  })),
  storageDouble("takes a frame without bytes and stores nothing", "append/empty-frame", (storage) => ({
    append: (position, frame) => frame.length === 0 ? undefined : storage.append(position, frame),
  })),
  storageDouble("is full after 1,000 frames", "append/many", (storage) => ({
    append(position, frame) {
      if (position > 1000) throw new StorageFull({ location: "double", neededBytes: frame.length, reason: "it has 1,000 frames" })
      return storage.append(position, frame)
    },
  })),
]
