/** Trimming: what the older kept snapshot covers, never more. */
import { FramesTrimmed, InvalidOption, PositionOutOfRange, PositionTaken } from "../../kernel/errors.ts"
import { ensure, ensureError, equal, outcomeOf, rejects } from "../expect.ts"
import { ALL, bytesOf, fill, frameAt, framesBetween, holds } from "./frames.ts"
import { holdsSnapshots, slicesFor } from "./snapshots.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"
import type { LogStorage } from "../../kernel/ports/log-storage.ts"

const COVERED =
  "Drops frames up to `through`, as far as the older kept snapshot covers them, never more; answers the new base, the last position dropped."
const TWO = "With fewer than two snapshots it drops nothing."
const BELOW = "Rejects with `FramesTrimmed` if `after` is below the base"

/** A store with frames up to `head` and snapshots at these positions. */
const prepare = async (trial: LogStorageTrial, head: number, snapshots: readonly number[]): Promise<LogStorage> => {
  const storage = await trial.open()
  await fill(storage, head)
  for (const at of snapshots) await storage.snapshots.write(at, slicesFor(at))
  return storage
}

/** Fails unless the frames up to `base` are gone and those up to `head` are there. */
const isTrimmed = async (storage: LogStorage, base: number, head: number): Promise<void> => {
  await holds(storage, framesBetween(base, head), base)
  for (let after = 0; after < base; after += 1) {
    const error = await rejects(`reading after ${after} with the base at ${base}`, () => storage.read(after, ALL), FramesTrimmed)
    equal(error.details, { after, base }, "details")
  }
}

export const trimCases: readonly LogStorageCase[] = [
  {
    id: "trim/without-snapshots",
    title: "without snapshots nothing is dropped",
    level: "MUST",
    requires: ["snapshots"],
    rule: TWO,
    why: "Frames that no snapshot covers are the only copy of the data.",
    async run(trial) {
      const storage = await prepare(trial, 5, [])
      equal(await storage.trim(5), 0, "trim(5)")
      await isTrimmed(storage, 0, 5)
    },
  },
  {
    id: "trim/with-one-snapshot",
    title: "with one snapshot nothing is dropped",
    level: "MUST",
    requires: ["snapshots"],
    rule: TWO,
    why: "If the only snapshot turns out to be damaged, the frames are the only copy of the data.",
    async run(trial) {
      const storage = await prepare(trial, 5, [4])
      equal(await storage.trim(5), 0, "trim(5)")
      equal(await storage.trim(1), 0, "trim(1)")
      await isTrimmed(storage, 0, 5)
    },
  },
  {
    id: "trim/older-snapshot-covers",
    title: "frames are dropped up to the older snapshot, whatever is asked for",
    level: "MUST",
    requires: ["snapshots"],
    rule: COVERED,
    why: "One damaged snapshot must cost nothing: the older one and the frames behind it give the same state.",
    async run(trial) {
      const storage = await prepare(trial, 9, [3, 7])
      equal(await storage.trim(9), 3, "trim(9)")
      await isTrimmed(storage, 3, 9)
      equal(await storage.trim(Number.MAX_SAFE_INTEGER), 3, "trim(2^53 - 1)")
      await isTrimmed(storage, 3, 9)
      await holdsSnapshots(storage, [7, 3])
    },
  },
  {
    id: "trim/only-through",
    title: "frames are dropped up to what is asked for, even if the snapshot covers more",
    level: "MUST",
    requires: ["snapshots"],
    rule: COVERED,
    why: "The kernel keeps frames that other devices have not fetched yet.",
    async run(trial) {
      const storage = await prepare(trial, 9, [6, 8])
      equal(await storage.trim(2), 2, "trim(2)")
      await isTrimmed(storage, 2, 9)
      equal(await storage.trim(5), 5, "trim(5)")
      await isTrimmed(storage, 5, 9)
    },
  },
  {
    id: "trim/below-the-base",
    title: "trimming below the base drops nothing and answers the base",
    level: "MUST",
    requires: ["snapshots"],
    rule: COVERED,
    why: "Trimming is repeated after a crash, and must not fail or drop more then.",
    async run(trial) {
      const storage = await prepare(trial, 9, [6, 8])
      equal(await storage.trim(4), 4, "trim(4)")
      for (const through of [4, 3, 1, 0]) equal(await storage.trim(through), 4, `trim(${through})`)
      await isTrimmed(storage, 4, 9)
    },
  },
  {
    id: "trim/no-position",
    title: "what is no position drops nothing: it is refused, or the base is answered",
    level: "MUST",
    requires: ["snapshots"],
    rule: "An integer of at most 2^53 - 1.",
    why: "A trim by a wrong number could drop everything.",
    async run(trial) {
      const storage = await prepare(trial, 9, [6, 8])
      for (const through of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) {
        const outcome = await outcomeOf(() => storage.trim(through))
        if (outcome.kind === "value") equal(outcome.value, 0, `trim(${through})`)
        else ensureError(`trim(${through})`, outcome.error, PositionOutOfRange, InvalidOption)
      }
      await isTrimmed(storage, 0, 9)
    },
  },
  {
    id: "trim/next-snapshot",
    title: "the base moves on as newer snapshots come, and snapshots outlive the frames they cover",
    level: "MUST",
    requires: ["snapshots"],
    rule: COVERED,
    why: "A store lives for years: if the base stops moving, its size grows without a bound.",
    async run(trial) {
      const storage = await prepare(trial, 9, [2, 4])
      equal(await storage.trim(9), 2, "trim(9) with snapshots at 2 and 4")
      await storage.snapshots.write(7, slicesFor(7))
      equal(await storage.trim(9), 4, "trim(9) with snapshots at 4 and 7")
      await storage.snapshots.write(9, slicesFor(9))
      equal(await storage.trim(9), 7, "trim(9) with snapshots at 7 and 9")
      await isTrimmed(storage, 7, 9)
      await holdsSnapshots(storage, [9, 7])
    },
  },
  {
    id: "trim/all-but-the-last",
    title: "a log of which only the last frame is left keeps its head, also after opening again",
    level: "MUST",
    requires: ["snapshots"],
    rule: "after `trim`, still of the last frame.",
    why: "A head that falls back to 0 gives positions out for a second time.",
    async run(trial) {
      const storage = await prepare(trial, 7, [6, 7])
      equal(await storage.trim(7), 6, "trim(7)")
      await isTrimmed(storage, 6, 7)
      await trial.closeAll()
      const again = await trial.open()
      await isTrimmed(again, 6, 7)
      for (const position of [1, 6, 7]) await rejects(`appending at ${position}`, () => again.append(position, frameAt(99)), PositionTaken)
      await fill(again, 10)
      await isTrimmed(again, 6, 10)
    },
  },
  {
    id: "trim/opened-again",
    title: "base, frames and snapshots are the same when the store is opened again",
    level: "MUST",
    requires: ["snapshots"],
    rule: COVERED,
    why: "A store that is opened after a trim must not look damaged, or empty.",
    async run(trial) {
      const storage = await prepare(trial, 9, [3, 7])
      equal(await storage.trim(9), 3, "trim(9)")
      await trial.closeAll()
      const again = await trial.open()
      await isTrimmed(again, 3, 9)
      await holdsSnapshots(again, [7, 3])
      equal(await again.trim(1), 3, "trim(1)")
    },
  },
  {
    id: "trim/appends-go-on",
    title: "positions go on as before after a trim",
    level: "MUST",
    requires: ["snapshots"],
    rule: "after `trim`, still of the last frame.",
    why: "Positions that are given twice confuse every reader that remembers one.",
    async run(trial) {
      const storage = await prepare(trial, 5, [4, 5])
      equal(await storage.trim(4), 4, "trim(4)")
      equal(await storage.head(), 5, "head()")
      for (const position of [1, 4, 5]) {
        await rejects(`appending at ${position}`, () => storage.append(position, frameAt(99)), PositionTaken)
      }
      await fill(storage, 8)
      await isTrimmed(storage, 4, 8)
      equal(await storage.read(8, ALL), [], "the page after the head")
      await rejects("reading past the head", () => storage.read(9, ALL), PositionOutOfRange)
    },
  },
  {
    id: "trim/pages-stay",
    title: "a page that was read before a trim stays as it is",
    level: "MUST",
    requires: ["snapshots"],
    rule: "The kernel does not change them and the adapter must not either.",
    why: "A reader at work must not lose the frames in its hand.",
    async run(trial) {
      const storage = await prepare(trial, 9, [8, 9])
      const page = await storage.read(0, ALL)
      equal(await storage.trim(8), 8, "trim(8)")
      await fill(storage, 40)
      for (const [index, frame] of page.entries()) equal([...frame], [...frameAt(index + 1)], `frame ${index + 1} of the page`)
    },
  },
  {
    id: "trim/other-handles",
    title: "another handle sees the new base",
    level: "MUST",
    requires: ["snapshots", "multiHandle"],
    rule: BELOW,
    why: "A handle that reads dropped frames from memory, or fails at them, shows old data or stops.",
    async run(trial) {
      const storage = await prepare(trial, 9, [3, 7])
      const other = await trial.open()
      await holds(other, framesBetween(0, 9))
      equal(await storage.trim(9), 3, "trim(9)")
      await isTrimmed(other, 3, 9)
      await fill(other, 11)
      await isTrimmed(storage, 3, 11)
    },
  },
  {
    id: "trim/space",
    title: "the place shrinks, or new frames take the room of dropped ones",
    level: "SHOULD",
    requires: ["snapshots", "durable", "medium"],
    rule: COVERED,
    why: "Users compact to get room on the device.",
    async run(trial) {
      const FRAME_BYTES = 100_000
      const storage = await trial.open()
      const bytesUsed = (): number => [...trial.medium.save().values()].reduce((sum, bytes) => sum + bytes.length, 0)
      const grow = async (through: number): Promise<void> => {
        for (let position = await storage.head() + 1; position <= through; position += 1) {
          await storage.append(position, bytesOf(FRAME_BYTES, position))
        }
      }
      await grow(200)
      await trial.closeAll()
      const before = bytesUsed()
      for (let round = 1; round <= 3; round += 1) {
        const again = await trial.open()
        const head = await again.head()
        await again.snapshots.write(head - 1, slicesFor(head - 1, [10]))
        await again.snapshots.write(head, slicesFor(head, [10]))
        await again.trim(head)
        for (let position = head + 1; position <= head + 100; position += 1) await again.append(position, bytesOf(FRAME_BYTES, position))
        await trial.closeAll()
      }
      // 500 frames were appended in all, 101 are left; without any reuse there would be 2.5 times as many bytes as before.
      const after = bytesUsed()
      ensure(after <= before * 1.5, `it took ${before} bytes with 200 frames, and takes ${after} with 101 after three trims`)
    },
  },
]
