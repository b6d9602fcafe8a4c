/** Appending, seen by frames: their sizes, their bytes, and whose bytes they are. */
import { FrameTooLarge, InvalidOption, PositionTaken } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { areSameBytes, ensure, equal, equalBytes, fail, outcomeOf, rejects } from "../expect.ts"
import { ALL, bytesOf, bytesOfText, fill, frameAt, framesBetween, holds } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const SIZE = "`frame` has 1 to `maxFrameBytes` bytes"

/** Around the edges of length fields, blocks and pages. */
const SIZES = [1, 2, 127, 128, 255, 256, 4095, 4096, 4097, 65_535, 65_536, 1_048_576]

export const appendFrameCases: readonly LogStorageCase[] = [
  {
    id: "append/every-size",
    title: "frames of every size up to 1 MiB come back byte for byte, also after opening again",
    level: "MUST",
    requires: [],
    rule: SIZE,
    why: "Lengths around powers of two and pages are where encodings of lengths go wrong.",
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
    rule: SIZE,
    why: "A store that claims a size and refuses it cannot take a batch that the kernel has already accepted.",
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
    why: "A frame that is cut, or refused after it was written in part, is damage; the sizes tell the user what to split.",
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
    rule: SIZE,
    why: "Many media cannot tell an empty frame from none, so it would be lost when the store is opened again.",
    async run(trial) {
      const storage = await trial.open()
      await rejects("a frame of 0 bytes", () => storage.append(1, new Uint8Array(0)), InvalidOption)
      await holds(storage, [])
    },
  },
  {
    id: "append/callers-buffer",
    title: "a frame stays as it was when its caller changes the buffer after the append has settled",
    level: "MUST",
    requires: [],
    rule: "it is the caller's again once the call has settled, so an adapter copies what it keeps.",
    why: "The kernel uses its buffers again; an adapter that keeps one finds later frames in earlier places.",
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
    rule: "Stores `frame` at `position` if and only if the head is `position - 1`.",
    why: "Storing the whole buffer around a view stores bytes that belong to somebody else, and a frame that cannot be read.",
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
    why: "Users store any bytes; a medium that looks at them changes or refuses data.",
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
    id: "append/whole-for-readers",
    title: "a reader beside an append sees all of the frame or nothing",
    level: "MUST",
    requires: [],
    rule: "Readers see all of it or nothing.",
    why: "A reader that sees half of a frame takes a healthy log for damaged.",
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
]
