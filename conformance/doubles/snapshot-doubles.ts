/** Faults of snapshots and of trimming. */
import { FramesTrimmed, SnapshotMissing, StoreBusy } from "../../kernel/errors.ts"
import type { Bytes, LogStorage, Position, SnapshotInfo, SnapshotStorage } from "../../kernel/ports/log-storage.ts"
import { type Double, storageDouble } from "./double.ts"

/** The snapshots of `storage` with some members replaced. */
const withSnapshots = (storage: LogStorage, replaced: Partial<SnapshotStorage>): Partial<LogStorage> => ({
  snapshots: {
    list: () => storage.snapshots.list(),
    write: (at, slices) => storage.snapshots.write(at, slices),
    readSlice: (at, index) => storage.snapshots.readSlice(at, index),
    ...replaced,
  },
})

/** A trim that drops up to what `coverOf` makes of the kept snapshots, newest first. */
const trimming = (storage: LogStorage, coverOf: (snapshots: readonly SnapshotInfo[]) => Position): Partial<LogStorage> => {
  let base = 0
  return {
    async trim(through) {
      return base = Math.max(base, Math.min(through, coverOf(await storage.snapshots.list())))
    },
    read(after, limits) {
      if (after < base) throw new FramesTrimmed({ after, base })
      return storage.read(after, limits)
    },
  }
}

export const snapshotDoubles: readonly Double[] = [
  storageDouble(
    "shows a snapshot while it is written",
    ["snapshots/not-shown-half-written", "closing/snapshot-under-way"],
    (storage) =>
      withSnapshots(storage, {
        async write(at, slices) {
          const written: Bytes[] = []
          for await (const slice of slices) {
            written.push(slice)
            await storage.snapshots.write(at, written)
          }
        },
      }),
  ),
  storageDouble("keeps what was written of a snapshot whose source threw", "snapshots/source-throws", (storage) =>
    withSnapshots(storage, {
      async write(at, slices) {
        const written: Bytes[] = []
        try {
          for await (const slice of slices) written.push(slice)
        } finally {
          await storage.snapshots.write(at, written)
        }
      },
    })),
  storageDouble("keeps one snapshot only", "snapshots/newest-two", (storage) =>
    withSnapshots(storage, {
      list: async () => (await storage.snapshots.list()).slice(0, 1),
    })),
  storageDouble("lists the oldest snapshot first", "snapshots/round-trip", (storage) =>
    withSnapshots(storage, {
      list: async () => [...await storage.snapshots.list()].reverse(),
    })),
  storageDouble("adds a snapshot at a position that has one beside it", "snapshots/same-position", (storage) => {
    const older: SnapshotInfo[] = []
    return withSnapshots(storage, {
      async write(at, slices) {
        const [newest] = await storage.snapshots.list()
        await storage.snapshots.write(at, slices)
        if (newest?.at === at) older.push(newest)
      },
      async list() {
        const [newest, ...others] = await storage.snapshots.list()
        return newest === undefined ? [] : [newest, ...older, ...others].slice(0, 2)
      },
    })
  }),
  storageDouble(
    "drops what the newer snapshot covers",
    "trim/older-snapshot-covers",
    (storage) => trimming(storage, (snapshots) => snapshots.length < 2 ? 0 : snapshots[0]!.at),
  ),
  storageDouble(
    "drops what a single snapshot covers",
    "trim/with-one-snapshot",
    (storage) => trimming(storage, (snapshots) => snapshots.at(-1)?.at ?? 0),
  ),
  storageDouble("drops whatever it is told to", "trim/without-snapshots", (storage) => trimming(storage, () => Number.MAX_SAFE_INTEGER)),
  storageDouble("drops all that is covered, whatever was asked for", "trim/only-through", (storage) => ({
    trim: () => storage.trim(Number.MAX_SAFE_INTEGER),
  })),
  storageDouble("takes the number of frames that are left for the head", ["trim/appends-go-on", "trim/all-but-the-last"], (storage) => ({
    async head() {
      const base = await storage.trim(0)
      return await storage.head() - base
    },
  })),
  storageDouble("answers what was asked for as the new base", "trim/below-the-base", (storage) => ({
    async trim(through) {
      await storage.trim(through)
      return through
    },
  })),
  storageDouble("takes what is no position for all there is", "trim/no-position", (storage) => ({
    trim: (through) => storage.trim(through >= 0 ? through : Number.MAX_SAFE_INTEGER),
  })),
  storageDouble("trims once and never again", "trim/next-snapshot", (storage) => {
    let base = 0
    return { trim: async (through) => base = base === 0 ? await storage.trim(through) : base }
  }),
  storageDouble(
    "keeps the base in the handle",
    ["trim/opened-again", "trim/other-handles"],
    (storage) => trimming(storage, (snapshots) => snapshots[1]?.at ?? 0),
  ),
  storageDouble("clears the frames that it drops", "trim/pages-stay", (storage) => ({
    async trim(through) {
      const dropped = await storage.read(0, { maxFrames: through, maxBytes: Number.MAX_SAFE_INTEGER })
      const base = await storage.trim(through)
      for (const frame of dropped.slice(0, base)) frame.fill(0)
      return base
    },
  })),
  storageDouble(
    "has a snapshot from the start",
    ["snapshots/none-at-first", "snapshots/of-an-empty-log"],
    (storage) =>
      withSnapshots(storage, {
        list: async () => [...await storage.snapshots.list(), { at: 0, sliceBytes: [] }].slice(0, 2),
      }),
  ),
  storageDouble("leaves out empty slices", "snapshots/slice-sizes", (storage) =>
    withSnapshots(storage, {
      async write(at, slices) {
        const written: Bytes[] = []
        for await (const slice of slices) if (slice.length > 0) written.push(slice)
        await storage.snapshots.write(at, written)
      },
    })),
  storageDouble("does not keep a snapshot without slices", "snapshots/no-slices", (storage) =>
    withSnapshots(storage, {
      list: async () => (await storage.snapshots.list()).filter(({ sliceBytes }) => sliceBytes.length > 0),
    })),
  storageDouble("puts a snapshot above the head at the head", "snapshots/position-out-of-range", (storage) =>
    withSnapshots(storage, {
      write: async (at, slices) => storage.snapshots.write(Math.min(at, await storage.head()), slices),
    })),
  storageDouble("answers an empty slice for a missing one", "snapshots/missing-slice", (storage) =>
    withSnapshots(storage, {
      async readSlice(at, index) {
        try {
          return await storage.snapshots.readSlice(at, index)
        } catch (error) {
          if (error instanceof SnapshotMissing) return new Uint8Array(0)
          throw error
        }
      },
    })),
  storageDouble("keeps the slices of its source instead of copies", "snapshots/callers-buffer", (storage) => {
    const kept: Bytes[] = []
    return withSnapshots(storage, {
      async write(at, slices) {
        for await (const slice of slices) kept.push(slice)
        await storage.snapshots.write(at, kept)
      },
      readSlice: (at, index) => kept[index] ?? storage.snapshots.readSlice(at, index),
    })
  }),
  storageDouble("copies the slices of its source once it has them all", "snapshots/one-buffer", (storage) =>
    withSnapshots(storage, {
      async write(at, slices) {
        const all: Bytes[] = []
        for await (const slice of slices) all.push(slice)
        await storage.snapshots.write(at, all)
      },
    })),
  storageDouble("takes no frames while a snapshot is written", "snapshots/appends-beside", (storage) => {
    let isWriting = false
    return {
      append(position, frame) {
        if (isWriting) throw new StoreBusy({ store: "double", waitedMillis: 0 })
        return storage.append(position, frame)
      },
      ...withSnapshots(storage, {
        async write(at, slices) {
          isWriting = true
          await storage.snapshots.write(at, slices)
          isWriting = false
        },
      }),
    }
  }),
  storageDouble("remembers the snapshots that it has seen", ["snapshots/other-handles"], (storage) => {
    let seen: readonly SnapshotInfo[] | undefined
    return withSnapshots(storage, { list: async () => seen ??= await storage.snapshots.list() })
  }),
]
