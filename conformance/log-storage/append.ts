/** Appending: compare-and-append, sizes, and whose bytes are whose. */
import { FrameTooLarge, InvalidOption, PositionOutOfRange, PositionTaken, StoreBusy } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { areSameBytes, ensure, ensureError, equal, equalBytes, fail, outcomeOf, rejects } from "../expect.ts"
import { ALL, bytesOf, bytesOfText, fill, frameAt, framesBetween, holds, readAll } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const COMPARE = "Stores `frame` at `position` if and only if the head is `position - 1`."
const UNCHANGED = "and the log is unchanged"
const OWNERSHIP = "it is the caller's again once the call has settled, so an adapter copies what it keeps."

/** Around the edges of length fields, blocks and pages. */
const SIZES = [1, 2, 127, 128, 255, 256, 4095, 4096, 4097, 65_535, 65_536, 1_048_576]

export const appendCases: readonly LogStorageCase[] = [
  {
    id: "append/first-position",
    title: "the first frame is at position 1",
    level: "MUST",
    requires: [],
    rule: COMPARE,
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
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3000)
      await holds(storage, framesBetween(0, 3000))
    },
  },
  {
    id: "append/every-size",
    title: "frames of every size up to 1 MiB come back byte for byte, also after opening again",
    level: "MUST",
    requires: [],
    rule: "`frame` has 1 to `maxFrameBytes` bytes",
    async run(trial) {
      const sizes = SIZES.filter((size) => size <= trial.capabilities.maxFrameBytes)
      const frames = sizes.map((size) => bytesOf(size, size))
      const storage = await trial.open()
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      await holds(storage, frames)
      await trial.closeAll()
      await holds(await trial.open(), frames)
    },
  },
  {
    id: "append/largest-frame",
    title: "a frame of exactly maxFrameBytes is stored, also between small ones",
    level: "MUST",
    requires: [],
    rule: "`frame` has 1 to `maxFrameBytes` bytes",
    async run(trial) {
      const frames = [frameAt(1), bytesOf(trial.capabilities.maxFrameBytes, 7), frameAt(2)]
      const storage = await trial.open()
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      await holds(storage, frames)
      await trial.closeAll()
      await holds(await trial.open(), frames)
    },
  },
  {
    id: "append/frame-too-large",
    title: "a frame of one byte more than maxFrameBytes is refused with both sizes, and the log is unchanged",
    level: "MUST",
    requires: [],
    rule: "Rejects with `PositionTaken` (head is not `position - 1`), `FrameTooLarge` or any error whose `storedNothing` is true",
    async run(trial) {
      const { maxFrameBytes } = trial.capabilities
      const storage = await trial.open()
      await fill(storage, 1)
      const error = await rejects("a frame over the limit", () => storage.append(2, new Uint8Array(maxFrameBytes + 1)), FrameTooLarge)
      equal(error.details, { bytes: maxFrameBytes + 1, bytesMax: maxFrameBytes }, "details")
      await holds(storage, [frameAt(1)])
      await fill(storage, 2)
      await holds(storage, framesBetween(0, 2))
    },
  },
  {
    id: "append/empty-frame",
    title: "a frame without bytes is refused, and the log is unchanged",
    level: "SHOULD",
    requires: [],
    rule: "`frame` has 1 to `maxFrameBytes` bytes",
    async run(trial) {
      const storage = await trial.open()
      await rejects("a frame of 0 bytes", () => storage.append(1, new Uint8Array(0)), InvalidOption)
      await holds(storage, [])
    },
  },
  {
    id: "append/taken-position",
    title: "a position that holds a frame keeps it; the error tells the head",
    level: "MUST",
    requires: [],
    rule: COMPARE,
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
    id: "append/callers-buffer",
    title: "a frame stays as it was when its caller changes the buffer after the append has settled",
    level: "MUST",
    requires: [],
    rule: OWNERSHIP,
    async run(trial) {
      const storage = await trial.open()
      const expected: Bytes[] = []
      // Small frames and large ones: adapters may treat them differently.
      for (const size of [40, 5000, 100_000]) {
        const buffer = new Uint8Array(size)
        for (let turn = 0; turn < 3; turn += 1) {
          const frame = bytesOf(size, expected.length + 1)
          buffer.set(frame)
          await storage.append(expected.length + 1, buffer)
          buffer.fill(0xee)
          expected.push(frame)
        }
        await rejects("an append that is refused", () => storage.append(1, buffer), PositionTaken)
        buffer.fill(0xdd)
      }
      await holds(storage, expected)
      await trial.closeAll()
      await holds(await trial.open(), expected)
    },
  },
  {
    id: "append/view-of-a-buffer",
    title: "a frame that is a view on a larger buffer is stored without what lies around it",
    level: "MUST",
    requires: [],
    rule: COMPARE,
    async run(trial) {
      const storage = await trial.open()
      const frames = [bytesOf(33, 1), bytesOf(1, 2), bytesOf(70_001, 3)]
      for (const [index, frame] of frames.entries()) {
        const around = new Uint8Array(frame.length + 64).fill(0xaa)
        around.set(frame, 17)
        await storage.append(index + 1, around.subarray(17, 17 + frame.length))
        equalBytes(around.subarray(17, 17 + frame.length), frame, "the caller's bytes after the append")
        ensure(around.subarray(0, 17).every((byte) => byte === 0xaa), "append() wrote before the frame it was given")
        ensure(around.subarray(17 + frame.length).every((byte) => byte === 0xaa), "append() wrote behind the frame it was given")
      }
      await holds(storage, frames)
    },
  },
  {
    id: "append/opaque",
    title: "frames are opaque: zeros, every byte value, texts of databases and earlier frames come back as they are",
    level: "MUST",
    requires: [],
    rule: "What the kernel asks of a backend: a log of opaque frames at dense positions, with compare-and-append at its heart.",
    async run(trial) {
      const storage = await trial.open()
      const frames: Bytes[] = [
        new Uint8Array(1),
        new Uint8Array(4096),
        new Uint8Array(100).fill(0xff),
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
        bytesOfText("SQLite format 3\0"),
        bytesOfText("'; DROP TABLE frames; --"),
        bytesOfText("null"),
        bytesOfText("\r\n\u001a\0"),
        Uint8Array.of(0xef, 0xbb, 0xbf, 0xff, 0xfe),
      ]
      for (const frame of [...frames]) frames.push(frame)
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      // What the medium itself holds is a frame like any other.
      if (trial.lacks("medium") === undefined) {
        for (const bytes of trial.medium.save().values()) {
          if (bytes.length === 0) continue
          const frame = bytes.slice(0, 65_536)
          frames.push(frame)
          await storage.append(frames.length, frame)
        }
      }
      await holds(storage, frames)
      await trial.closeAll()
      await holds(await trial.open(), frames)
    },
  },
  {
    id: "append/refused-leaves-the-log",
    title: "after refused appends the log goes on as if they had not been, also after opening again",
    level: "MUST",
    requires: [],
    rule: UNCHANGED,
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
    id: "append/whole-for-readers",
    title: "a reader beside an append sees all of the frame or nothing",
    level: "MUST",
    requires: [],
    rule: "Readers see all of it or nothing.",
    async run(trial) {
      const storage = await trial.open()
      const reader = trial.capabilities.multiHandle ? await trial.open() : storage
      for (let position = 1; position <= 8; position += 1) {
        const frame = bytesOf(Math.min(300_000, trial.capabilities.maxFrameBytes), position)
        const append = outcomeOf(() => storage.append(position, frame))
        const seen = await reader.read(position - 1, ALL)
        const appended = await append
        if (appended.kind === "error") fail("the append failed", appended.error)
        if (seen.length > 0 && !areSameBytes(seen[0]!, frame)) fail(`a read beside the append at ${position} saw other bytes`)
        equalBytes((await reader.read(position - 1, ALL))[0], frame, "the frame once the append has settled")
      }
    },
  },
  {
    id: "append/clock-jumps",
    title: "a clock that jumps a year ahead and back changes nothing",
    level: "MUST",
    requires: [],
    rule: COMPARE,
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
