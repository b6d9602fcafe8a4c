/** Appending, seen by positions: compare-and-append, races, and what a refused append leaves. */
import { FrameTooLarge, InvalidOption, PositionOutOfRange, PositionTaken, StoreBusy } from "../../kernel/errors.ts"
import { ensureError, equal, fail, outcomeOf, rejects } from "../expect.ts"
import { bytesOf, bytesOfText, fill, frameAt, framesBetween, holds, readAll } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const COMPARE = "Stores `frame` at `position` if and only if the head is `position - 1`."

export const appendCases: readonly LogStorageCase[] = [
  {
    id: "append/first-position",
    title: "the first frame is at position 1",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "Every count of the kernel starts here: off by one, and the first write is lost or read twice.",
    async run(trial) {
      const storage = await trial.open()
      await storage.append(1, frameAt(1))
      await holds(storage, [frameAt(1)])
    },
  },
  {
    id: "append/order",
    title: "frames keep the order in which they were appended",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "Replayed in another order, the log gives other data.",
    async run(trial) {
      const storage = await trial.open()
      for (let position = 1; position <= 50; position += 1) {
        await storage.append(position, frameAt(position))
        equal(await storage.head(), position, "head() after an append")
      }
      await holds(storage, framesBetween(0, 50))
    },
  },
  {
    id: "append/many",
    title: "3,000 small frames are read back in order",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "Real stores have thousands of small frames; limits of pages and buffers show only then.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3000)
      await holds(storage, framesBetween(0, 3000))
    },
  },
  {
    id: "append/taken-position",
    title: "a position that holds a frame keeps it; the error tells the head",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "This is compare-and-append: without it two writers overwrite each other, and an acknowledged write is lost.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      for (const position of [3, 2, 1]) {
        const error = await rejects(
          `appending at ${position} with the head at 3`,
          () => storage.append(position, frameAt(99)),
          PositionTaken,
        )
        equal(error.details, { position, head: 3 }, "details")
      }
      // The very frame that is there is refused as well: positions are compared, not bytes.
      await rejects("appending the same frame again", () => storage.append(3, frameAt(3)), PositionTaken)
      await holds(storage, framesBetween(0, 3))
    },
  },
  {
    id: "append/gap",
    title: "a position beyond the next one is refused; positions have no gaps",
    level: "MUST",
    requires: [],
    rule: 'Positions are 1, 2, 3 … without gaps; 0 is "before the first".',
    why: "A log with a hole cannot be replayed, and the frame behind it is never found.",
    async run(trial) {
      const storage = await trial.open()
      for (const position of [2, 3, 1000]) {
        await rejects(`appending at ${position} to an empty log`, () => storage.append(position, frameAt(99)), PositionTaken)
      }
      await fill(storage, 3)
      for (const position of [5, 6, 2 ** 31, 2 ** 32 + 4]) {
        const error = await rejects(
          `appending at ${position} with the head at 3`,
          () => storage.append(position, frameAt(99)),
          PositionTaken,
        )
        equal(error.details, { position, head: 3 }, "details")
      }
      await holds(storage, framesBetween(0, 3))
    },
  },
  {
    id: "append/no-position",
    title: "what is no position (0, negative, a fraction, NaN, 2^53) is refused, and the log is unchanged",
    level: "MUST",
    requires: [],
    rule: "An integer of at most 2^53 - 1.",
    why: "A frame at a place that is none would be stored where nobody reads, or break the order.",
    async run(trial) {
      const storage = await trial.open()
      const wrong = [0, -1, -0, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 2 ** 53 - 1, 2 ** 64 + 1]
      const check = async (head: number): Promise<void> => {
        for (const position of wrong) {
          await rejects(
            `appending at ${position} with the head at ${head}`,
            () => storage.append(position, frameAt(99)),
            PositionTaken,
            PositionOutOfRange,
            InvalidOption,
          )
        }
      }
      await check(0)
      await fill(storage, 1)
      await check(1)
      await holds(storage, [frameAt(1)])
    },
  },
  {
    id: "append/one-of-many-wins",
    title: "of 100 appends at one position at once exactly one is stored",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "If two writers are both told that they won, one of them has lost a write that was acknowledged.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 1)
      const frames = Array.from({ length: 100 }, (_, index) => bytesOf(50, 1000 + index))
      const outcomes = await Promise.all(frames.map((frame) => outcomeOf(() => storage.append(2, frame))))
      const winners = frames.filter((_, index) => outcomes[index]!.kind === "value")
      for (const outcome of outcomes) {
        if (outcome.kind === "error") ensureError("an append that lost", outcome.error, PositionTaken, StoreBusy)
      }
      equal(winners.length, 1, "appends that succeeded")
      await holds(storage, [frameAt(1), winners[0]!])
    },
  },
  {
    id: "append/handles-race",
    title: "two handles that race for each position lose no frame and store none twice",
    level: "MUST",
    requires: ["multiHandle"],
    rule: "Two handles in one process may have the same store open at once.",
    why: "Two windows of one application write at once all the time; a frame that is lost there is lost quietly.",
    async run(trial) {
      const COUNT = 50
      const handles = [await trial.open(), await trial.open(), await trial.open()]
      await Promise.all(handles.map(async (storage, racer) => {
        for (let index = 0; index < COUNT; index += 1) {
          for (let attempt = 0;; attempt += 1) {
            if (attempt > 10_000) fail("an append lost the race 10,000 times")
            const outcome = await outcomeOf(async () => storage.append(await storage.head() + 1, bytesOfText(`${racer}:${index}`)))
            if (outcome.kind === "value") break
            ensureError("an append that lost", outcome.error, PositionTaken, StoreBusy)
          }
        }
      }))
      const stored = (await readAll(handles[0]!)).map((frame) => new TextDecoder().decode(frame))
      equal(await handles[1]!.head(), COUNT * handles.length, "head()")
      for (const racer of handles.keys()) {
        equal(
          stored.filter((frame) => frame.startsWith(`${racer}:`)),
          Array.from({ length: COUNT }, (_, index) => `${racer}:${index}`),
          `frames of handle ${racer}`,
        )
      }
    },
  },
  {
    id: "append/refused-leaves-the-log",
    title: "after refused appends the log goes on as if they had not been, also after opening again",
    level: "MUST",
    requires: [],
    rule: "and the log is unchanged",
    why: "A refused append is normal, and retried; if it leaves something behind, the next one builds on damage.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 2)
      await rejects("a taken position", () => storage.append(2, frameAt(99)), PositionTaken)
      await rejects("a gap", () => storage.append(9, frameAt(99)), PositionTaken)
      await rejects("a frame over the limit", () => storage.append(3, new Uint8Array(trial.capabilities.maxFrameBytes + 1)), FrameTooLarge)
      await holds(storage, framesBetween(0, 2))
      await trial.closeAll()
      const again = await trial.open()
      equal(again.opened.recovery, undefined, "opened.recovery")
      await fill(again, 4)
      await holds(again, framesBetween(0, 4))
    },
  },
  {
    id: "append/clock-jumps",
    title: "a clock that jumps a year ahead and back changes nothing",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    why: "Clocks of devices jump; names and orders that are made of the time would put frames in a wrong order.",
    async run(trial) {
      const YEAR_MILLIS = 365 * 86_400_000
      const storage = await trial.open()
      const now = Date.now
      try {
        for (const [index, jump] of [0, YEAR_MILLIS, -YEAR_MILLIS, 0].entries()) {
          Date.now = () => now() + jump
          await storage.append(index + 1, frameAt(index + 1))
          equal(await storage.head(), index + 1, "head()")
        }
      } finally {
        Date.now = now
      }
      await holds(storage, framesBetween(0, 4))
      await trial.closeAll()
      await holds(await trial.open(), framesBetween(0, 4))
    },
  },
]
