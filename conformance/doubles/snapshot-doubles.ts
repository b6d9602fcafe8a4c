/** Faults of snapshots and of trimming. */
import { FramesTrimmed } from "../../kernel/errors.ts"
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
  storageDouble("shows a snapshot while it is written", "snapshots/not-shown-half-written", (storage) =>
    withSnapshots(storage, {
      async write(at, slices) {
        const written: Bytes[] = []
        for await (const slice of slices) {
          written.push(slice)
          await storage.snapshots.write(at, written)
        }
      },
    })),
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
  storageDouble("drops what the newer snapshot covers", "trim/older-snapshot-covers", (storage) =>
    trimming(storage, (snapshots) => snapshots.length < 2 ? 0 : snapshots[0]!.at)),
  storageDouble("drops what a single snapshot covers", "trim/with-one-snapshot", (storage) =>
    trimming(storage, (snapshots) => snapshots.at(-1)?.at ?? 0)),
  storageDouble("drops whatever it is told to", "trim/without-snapshots", (storage) =>
    trimming(storage, () => Number.MAX_SAFE_INTEGER)),
  storageDouble("drops all that is covered, whatever was asked for", "trim/only-through", (storage) => ({
    trim: () => storage.trim(Number.MAX_SAFE_INTEGER),
  })),
  storageDouble("takes the number of frames that are left for the head", "trim/appends-go-on", (storage) => ({
    async head() {
      const base = await storage.trim(0)
      return await storage.head() - base
    },
  })),
]
