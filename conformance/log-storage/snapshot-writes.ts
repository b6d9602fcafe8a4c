/** Snapshots on their way: whole or not at all. */
import { SnapshotMissing } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { describeError, ensure, equal, fail, outcomeOf, rejects } from "../expect.ts"
import { bytesOf, fill, framesBetween, holds } from "./frames.ts"
import { holdsSnapshots, slicesFor } from "./snapshots.ts"
import type { LogStorageCase } from "./trial.ts"

const WHOLE = "It appears whole or not at all: one that was not finished is gone at the next open, and a rejected call leaves nothing."

export const snapshotWriteCases: readonly LogStorageCase[] = [
  {
    id: "snapshots/source-throws",
    title: "a source that throws at any slice leaves nothing, ends with its own error and keeps what was there",
    level: "MUST",
    requires: ["snapshots"],
    rule: WHOLE,
    why: "A failed snapshot is tried again later; half of one, or a lost older one, would cost the data that were trimmed.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      const broken = new Error("the source broke")
      function* breaksAfter(count: number): Generator<Bytes> {
        for (let index = 0; index < count; index += 1) yield bytesOf(50_000, index)
        throw broken
      }
      async function* breaksLater(count: number): AsyncGenerator<Bytes> {
        yield* breaksAfter(count)
      }
      const check = async (at: number): Promise<void> => {
        for (const count of [0, 1, 4]) {
          for (const source of [breaksAfter(count), breaksLater(count)]) {
            const outcome = await outcomeOf(() => storage.snapshots.write(at, source))
            if (outcome.kind === "value") fail(`write() succeeded though its source threw after ${count} slices`)
            else ensure(outcome.error === broken, `write() failed with ${describeError(outcome.error)}, not with what its source threw`)
          }
        }
      }
      await check(3)
      equal(await storage.snapshots.list(), [], "snapshots.list()")
      await storage.snapshots.write(3, slicesFor(3))
      await check(3)
      await check(5)
      await holdsSnapshots(storage, [3])
      await trial.closeAll()
      const again = await trial.open()
      await holdsSnapshots(again, [3])
      await again.snapshots.write(5, slicesFor(5))
      await holdsSnapshots(again, [5, 3])
    },
  },
  {
    id: "snapshots/not-shown-half-written",
    title: "a snapshot that is being written is not listed and cannot be read before it is whole",
    level: "MUST",
    requires: ["snapshots"],
    rule: WHOLE,
    why: "Who opens the store in the meantime would start from half of the state.",
    async run(trial) {
      const storage = await trial.open()
      const readers = [storage, ...trial.capabilities.multiHandle ? [await trial.open()] : []]
      await fill(storage, 5)
      await storage.snapshots.write(3, slicesFor(3))
      async function* watched(): AsyncGenerator<Bytes> {
        for (const slice of slicesFor(5)) {
          yield slice
          for (const reader of readers) {
            equal((await reader.snapshots.list()).map(({ at }) => at), [3], "snapshots.list() in the middle of a write")
            await rejects("a slice in the middle of a write", () => reader.snapshots.readSlice(5, 0), SnapshotMissing)
          }
        }
      }
      await storage.snapshots.write(5, watched())
      for (const reader of readers) await holdsSnapshots(reader, [5, 3])
    },
  },
  {
    id: "snapshots/appends-beside",
    title: "frames may be appended and read while a snapshot is written",
    level: "MUST",
    requires: ["snapshots"],
    rule: "Writes a snapshot.",
    why: "A snapshot of a large store takes long; users go on writing.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      async function* busy(): AsyncGenerator<Bytes> {
        for (const [index, slice] of slicesFor(3).entries()) {
          await fill(storage, 4 + index)
          yield slice
          await holds(storage, framesBetween(0, 4 + index))
        }
      }
      await storage.snapshots.write(3, busy())
      await holdsSnapshots(storage, [3])
      await holds(storage, framesBetween(0, 6))
    },
  },
  {
    id: "snapshots/callers-buffer",
    title: "slices stay as they were when their source changes the buffers after the write",
    level: "MUST",
    requires: ["snapshots"],
    rule: WHOLE,
    why: "The kernel uses its buffers again after the write.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      const slices = slicesFor(3).map((slice) => slice.slice())
      await storage.snapshots.write(3, slices)
      for (const slice of slices) slice.fill(0xee)
      await holdsSnapshots(storage, [3])
    },
  },
  {
    id: "snapshots/one-buffer",
    title: "a source may give every slice in the same buffer",
    level: "MUST",
    requires: ["snapshots"],
    rule: "A slice is the source's again once the next one was asked for, so an adapter copies what it keeps.",
    why: "The kernel encodes one slice after another into one buffer; kept without a copy, all slices are the last one.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      const slices = slicesFor(3)
      const buffer = new Uint8Array(Math.max(...slices.map((slice) => slice.length)))
      async function* reusing(): AsyncGenerator<Bytes> {
        for (const slice of slices) {
          buffer.fill(0xee)
          buffer.set(slice)
          yield buffer.subarray(0, slice.length)
        }
        buffer.fill(0xee)
      }
      await storage.snapshots.write(3, reusing())
      await holdsSnapshots(storage, [3])
    },
  },
]
