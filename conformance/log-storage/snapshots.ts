/** Snapshots that are kept: the newest two, opaque slices, and what is refused. */
import { InvalidOption, PositionOutOfRange, SnapshotMissing } from "../../kernel/errors.ts"
import type { Bytes, LogStorage } from "../../kernel/ports/log-storage.ts"
import { equal, equalBytes, rejects } from "../expect.ts"
import { bytesOf, fill, frameAt, framesBetween, holds } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const KEPT = "The newest two are kept."
const AT = "`at` is at most the head and above the position of the newest snapshot, or equal to it: else `PositionOutOfRange`."

/** Slices that tell which snapshot they belong to. */
export const slicesFor = (at: number, sizes: readonly number[] = [100, 1, 70_000]): readonly Bytes[] =>
  sizes.map((size, index) => bytesOf(size, at * 100 + index))

async function* oneByOne(slices: readonly Bytes[]): AsyncGenerator<Bytes> {
  for (const slice of slices) {
    await Promise.resolve()
    yield slice
  }
}

/** Fails unless exactly the snapshots at these positions are there, newest first, with the slices of `slicesFor`. */
export const holdsSnapshots = async (storage: LogStorage, positions: readonly number[]): Promise<void> => {
  const expected = positions.map((at) => ({ at, sliceBytes: slicesFor(at).map((slice) => slice.length) }))
  equal(await storage.snapshots.list(), expected, "snapshots.list()")
  for (const at of positions) {
    // Last slice first: each is readable alone.
    for (const [index, slice] of [...slicesFor(at).entries()].reverse()) {
      equalBytes(await storage.snapshots.readSlice(at, index), slice, `slice ${index} of the snapshot at ${at}`)
    }
  }
}

export const snapshotCases: readonly LogStorageCase[] = [
  {
    id: "snapshots/none-at-first",
    title: "a new store has no snapshots",
    level: "MUST",
    requires: ["snapshots"],
    rule: "The kept snapshots, newest first; at most two.",
    why: "A snapshot of nothing would be opened as the state of the store.",
    async run(trial) {
      const storage = await trial.open()
      equal(await storage.snapshots.list(), [], "snapshots.list()")
      await rejects("reading a slice", () => storage.snapshots.readSlice(0, 0), SnapshotMissing)
    },
  },
  {
    id: "snapshots/round-trip",
    title: "slices come back byte for byte, from a list and from an asynchronous source",
    level: "MUST",
    requires: ["snapshots"],
    rule: "Saved states of the kernel's views: opaque slices under a position.",
    why: "A store is opened from these bytes: a changed byte is changed data.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      await storage.snapshots.write(3, slicesFor(3))
      await holdsSnapshots(storage, [3])
      await storage.snapshots.write(5, oneByOne(slicesFor(5)))
      await holdsSnapshots(storage, [5, 3])
      await holds(storage, framesBetween(0, 5))
    },
  },
  {
    id: "snapshots/opened-again",
    title: "snapshots are there when the store is opened again",
    level: "MUST",
    requires: ["snapshots"],
    rule: "The kept snapshots, newest first; at most two.",
    why: "A snapshot that does not outlive its handle saves nothing, and trimmed frames would be gone for good.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      await storage.snapshots.write(3, slicesFor(3))
      await storage.snapshots.write(5, slicesFor(5))
      await trial.closeAll()
      const again = await trial.open()
      await holdsSnapshots(again, [5, 3])
      await holds(again, framesBetween(0, 5))
    },
  },
  {
    id: "snapshots/slice-sizes",
    title: "slices of 0 to 4,000,000 bytes and 300 slices in one snapshot are kept",
    level: "MUST",
    requires: ["snapshots"],
    rule: "Byte length of each of its slices, in order.",
    why: "The slices of a real store are many, and of all sizes, none among them.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 2)
      const sizes = [0, 1, 255, 256, 4096, 65_536, 4_000_000, 0]
      await storage.snapshots.write(1, slicesFor(1, sizes))
      const many = Array.from({ length: 300 }, (_, index) => index)
      await storage.snapshots.write(2, slicesFor(2, many))
      equal(await storage.snapshots.list(), [{ at: 2, sliceBytes: many }, { at: 1, sliceBytes: sizes }], "snapshots.list()")
      for (const [index, slice] of slicesFor(1, sizes).entries()) {
        equalBytes(await storage.snapshots.readSlice(1, index), slice, `slice ${index} at 1`)
      }
      for (const [index, slice] of slicesFor(2, many).entries()) {
        equalBytes(await storage.snapshots.readSlice(2, index), slice, `slice ${index} at 2`)
      }
    },
  },
  {
    id: "snapshots/no-slices",
    title: "a snapshot without slices is a snapshot",
    level: "MUST",
    requires: ["snapshots"],
    rule: "Saved states of the kernel's views: opaque slices under a position.",
    why: "The state of a store may be empty; it must not look like a missing snapshot.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 1)
      await storage.snapshots.write(1, [])
      equal(await storage.snapshots.list(), [{ at: 1, sliceBytes: [] }], "snapshots.list()")
      await trial.closeAll()
      equal(await (await trial.open()).snapshots.list(), [{ at: 1, sliceBytes: [] }], "snapshots.list() after opening again")
    },
  },
  {
    id: "snapshots/of-an-empty-log",
    title: "an empty log has a snapshot at 0",
    level: "MUST",
    requires: ["snapshots"],
    rule: AT,
    why: "A store that has just been made can be snapshotted like any other.",
    async run(trial) {
      const storage = await trial.open()
      await storage.snapshots.write(0, slicesFor(0))
      await holdsSnapshots(storage, [0])
      await fill(storage, 2)
      await storage.snapshots.write(2, slicesFor(2))
      await holdsSnapshots(storage, [2, 0])
    },
  },
  {
    id: "snapshots/newest-two",
    title: "the newest two are kept, older ones are gone",
    level: "MUST",
    requires: ["snapshots"],
    rule: KEPT,
    why: "If the newest turns out to be damaged, the one before it is what the user's data come from; more would only take room.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 8)
      for (const [position, kept] of [[2, [2]], [4, [4, 2]], [6, [6, 4]], [8, [8, 6]]] as const) {
        await storage.snapshots.write(position, slicesFor(position))
        await holdsSnapshots(storage, kept)
      }
      await rejects("a slice of a snapshot that is gone", () => storage.snapshots.readSlice(4, 0), SnapshotMissing)
      await trial.closeAll()
      await holdsSnapshots(await trial.open(), [8, 6])
    },
  },
  {
    id: "snapshots/same-position",
    title: "a snapshot at the position of the newest replaces it, and the older one stays",
    level: "MUST",
    requires: ["snapshots"],
    rule: "A snapshot at the same position replaces the one there.",
    why: "Two snapshots of one position must not push out the older one, which is the reserve.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 4)
      await storage.snapshots.write(2, slicesFor(2))
      await storage.snapshots.write(4, [frameAt(1), frameAt(2), frameAt(3), frameAt(4)])
      await storage.snapshots.write(4, slicesFor(4))
      await holdsSnapshots(storage, [4, 2])
      await rejects("a slice of the one that was replaced", () => storage.snapshots.readSlice(4, 3), SnapshotMissing)
      await trial.closeAll()
      await holdsSnapshots(await trial.open(), [4, 2])
    },
  },
  {
    id: "snapshots/position-out-of-range",
    title: "a position above the head, below the newest snapshot, or none at all is refused; nothing changes",
    level: "MUST",
    requires: ["snapshots"],
    rule: AT,
    why: "A snapshot that covers frames which are not there would hide the frames that come.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      await storage.snapshots.write(3, slicesFor(3))
      for (const at of [6, 100, 2, 1, 0, -1]) {
        await rejects(`a snapshot at ${at}, head 5, newest 3`, () => storage.snapshots.write(at, slicesFor(9)), PositionOutOfRange)
      }
      for (const at of [Number.NaN, 3.5, Number.POSITIVE_INFINITY, 2 ** 53]) {
        await rejects(`a snapshot at ${at}`, () => storage.snapshots.write(at, slicesFor(9)), PositionOutOfRange, InvalidOption)
      }
      await holdsSnapshots(storage, [3])
    },
  },
  {
    id: "snapshots/missing-slice",
    title: "a slice or snapshot that is not there is refused with SnapshotMissing",
    level: "MUST",
    requires: ["snapshots"],
    rule: "Rejects with `SnapshotMissing` if there is no such snapshot or slice.",
    why: "Bytes that are made up, or undefined, would be opened as state.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      await storage.snapshots.write(3, slicesFor(3))
      for (const index of [3, 4, 1000, -1, 0.5, Number.NaN]) {
        const error = await rejects(`slice ${index} of 3`, () => storage.snapshots.readSlice(3, index), SnapshotMissing)
        equal(error.details, { at: 3, index }, "details")
      }
      for (const at of [2, 4, 0, -1, Number.NaN]) {
        await rejects(`slice 0 at ${at}`, () => storage.snapshots.readSlice(at, 0), SnapshotMissing)
      }
    },
  },
  {
    id: "snapshots/other-handles",
    title: "another handle sees a snapshot once it is written",
    level: "MUST",
    requires: ["snapshots", "multiHandle"],
    rule: "Two handles in one process may have the same store open at once.",
    why: "A process that opens the store beside this one needs the snapshot to find what was trimmed.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      await fill(writer, 4)
      for (const [position, kept] of [[1, [1]], [2, [2, 1]], [4, [4, 2]]] as const) {
        await writer.snapshots.write(position, slicesFor(position))
        await holdsSnapshots(reader, kept)
      }
      await rejects("an older snapshot by the other handle", () => reader.snapshots.write(3, slicesFor(3)), PositionOutOfRange)
    },
  },
]
