/** Reading: pages in order, their limits, and what lies outside of the log. */
import { FramesTrimmed, InvalidOption, PositionOutOfRange } from "../../kernel/errors.ts"
import { ensure, equal, equalBytes, outcomeOf, rejects } from "../expect.ts"
import { ALL, bytesOf, equalFrames, fill, frameAt, framesBetween, holds, readAll } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const ORDER = "Frames after `after`, in order: the first is at `after + 1`."
const LIMITS = "Bounds of one `read`; at least one frame is answered if there is one, even if it is larger than `maxBytes`."

export const readCases: readonly LogStorageCase[] = [
  {
    id: "read/every-suffix",
    title: "reading after k gives the frames from k + 1 on, for every k",
    level: "MUST",
    requires: [],
    rule: ORDER,
    why: "Opening from a snapshot and syncing read from the middle; one frame too few or too many there is lost or doubled data.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 150)
      const frames = framesBetween(0, 150)
      for (let after = 0; after < 150; after += 1) {
        equalFrames(await readAll(storage, after), frames.slice(after), `the frames after ${after}`)
      }
    },
  },
  {
    id: "read/at-the-head",
    title: "reading after the head gives an empty page",
    level: "MUST",
    requires: [],
    rule: "Empty if and only if `after` is the head.",
    why: "Asking for news when there is none is the most frequent read; an error there stops every follower.",
    async run(trial) {
      const storage = await trial.open()
      equal(await storage.read(0, ALL), [], "the page of an empty log")
      await fill(storage, 3)
      equal(await storage.read(3, ALL), [], "the page after the head")
      for (let after = 0; after < 3; after += 1) ensure((await storage.read(after, ALL)).length > 0, `the page after ${after} is empty`)
    },
  },
  {
    id: "read/past-the-head",
    title: "reading after a position above the head is refused, and the error tells the head",
    level: "MUST",
    requires: [],
    rule: "`PositionOutOfRange` if it is above the head",
    why: "A reader ahead of the log has seen frames that are gone; without an error it would miss their replacements.",
    async run(trial) {
      const storage = await trial.open()
      await rejects("reading after 1 of an empty log", () => storage.read(1, ALL), PositionOutOfRange)
      await fill(storage, 3)
      for (const after of [4, 5, 1000, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        const error = await rejects(`reading after ${after} with the head at 3`, () => storage.read(after, ALL), PositionOutOfRange)
        equal(error.details, { position: after, head: 3 }, "details")
      }
    },
  },
  {
    id: "read/no-position",
    title: "what is no position (negative, a fraction, NaN, 2^53) is refused",
    level: "MUST",
    requires: [],
    rule: "An integer of at most 2^53 - 1.",
    why: "A wrong position that answers something hides a defect until data are wrong.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      for (const after of [-1, -1000, 0.5, 2.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 2 ** 64]) {
        await rejects(`reading after ${after}`, () => storage.read(after, ALL), PositionOutOfRange, FramesTrimmed, InvalidOption)
      }
    },
  },
  {
    id: "read/max-frames",
    title: "a page has at most maxFrames frames, and pages join without loss",
    level: "MUST",
    requires: [],
    rule: LIMITS,
    why: "The kernel bounds its memory by this limit, and goes on where a page ended.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 20)
      for (const maxFrames of [1, 2, 7, 19, 20, 21]) {
        const page = await storage.read(0, { ...ALL, maxFrames })
        ensure(page.length >= 1 && page.length <= maxFrames, `a page with maxFrames ${maxFrames} has ${page.length} frames`)
        equalFrames(await readAll(storage, 0, { ...ALL, maxFrames }), framesBetween(0, 20), `the pages with maxFrames ${maxFrames}`)
      }
    },
  },
  {
    id: "read/max-bytes",
    title: "a page has at most maxBytes bytes unless it is one frame, and pages join without loss",
    level: "MUST",
    requires: [],
    rule: LIMITS,
    why: "The kernel bounds its memory by this limit; a page without it can fill the memory of a phone.",
    async run(trial) {
      const storage = await trial.open()
      const frames = Array.from({ length: 20 }, (_, index) => bytesOf(100, index))
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      for (const maxBytes of [1, 99, 100, 101, 199, 200, 201, 1050, 1999, 2000]) {
        const page = await storage.read(0, { ...ALL, maxBytes })
        ensure(page.length >= 1, `a page with maxBytes ${maxBytes} is empty`)
        const bytes = page.reduce((sum, frame) => sum + frame.length, 0)
        ensure(page.length === 1 || bytes <= maxBytes, `a page with maxBytes ${maxBytes} has ${bytes} bytes in ${page.length} frames`)
        equalFrames(await readAll(storage, 0, { ...ALL, maxBytes }), frames, `the pages with maxBytes ${maxBytes}`)
      }
    },
  },
  {
    id: "read/large-frame-small-limit",
    title: "a frame larger than maxBytes is answered alone, wherever it stands",
    level: "MUST",
    requires: [],
    rule: LIMITS,
    why: "An empty page means the end of the log: behind a large frame nothing would ever be read.",
    async run(trial) {
      const frames = [frameAt(1), bytesOf(Math.min(1_048_576, trial.capabilities.maxFrameBytes), 2), frameAt(3)]
      const storage = await trial.open()
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      for (const after of [0, 1, 2]) {
        const page = await storage.read(after, { maxFrames: 100, maxBytes: 1 })
        equal(page.length, 1, `frames of the page after ${after}`)
        equalBytes(page[0], frames[after]!, `the frame after ${after}`)
      }
    },
  },
  {
    id: "read/full-pages",
    title: "a page is filled as far as its limits allow",
    level: "SHOULD",
    requires: [],
    rule: LIMITS,
    why: "Pages that are nearly empty make opening a store as slow as the number of its frames.",
    async run(trial) {
      const storage = await trial.open()
      for (let position = 1; position <= 20; position += 1) await storage.append(position, bytesOf(100, position))
      equal((await storage.read(0, { ...ALL, maxFrames: 7 })).length, 7, "frames of a page with maxFrames 7")
      equal((await storage.read(0, { ...ALL, maxBytes: 1000 })).length, 10, "frames of a page with maxBytes 1000")
    },
  },
  {
    id: "read/at-once",
    title: "reads at once, from different positions, do not disturb each other",
    level: "MUST",
    requires: [],
    rule: ORDER,
    why: "Views are read while the log is replayed; readers that share a place in a file get each other's frames.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 100)
      const frames = framesBetween(0, 100)
      const suffixes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => readAll(storage, index * 5, { maxFrames: 3, maxBytes: 1000 })),
      )
      for (const [index, suffix] of suffixes.entries()) equalFrames(suffix, frames.slice(index * 5), `the frames after ${index * 5}`)
    },
  },
  {
    id: "read/beside-appends",
    title: "a reader beside appends sees a prefix of the log, never less than what was acknowledged before",
    level: "MUST",
    requires: [],
    rule: ORDER,
    why: "A reader that misses what was acknowledged shows the user that a write was lost.",
    async run(trial) {
      const storage = await trial.open()
      const frames = framesBetween(0, 200)
      let acknowledged = 0
      const writing = outcomeOf(async () => {
        for (const [index, frame] of frames.entries()) {
          await storage.append(index + 1, frame)
          acknowledged = index + 1
          // A turn for the reader, where appending takes none.
          if (index % 10 === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0))
        }
      })
      const reading = await outcomeOf(async () => {
        let isWriting = true
        void writing.then(() => isWriting = false)
        while (isWriting) {
          const before = acknowledged
          const seen = await readAll(storage)
          ensure(seen.length >= before, `a read begun with ${before} frames acknowledged saw ${seen.length}`)
          equalFrames(seen, frames.slice(0, seen.length))
          await new Promise<void>((resolve) => setTimeout(resolve, 0))
        }
      })
      for (const outcome of [reading, await writing]) if (outcome.kind === "error") throw outcome.error
      await holds(storage, frames)
    },
  },
  {
    id: "read/pages-stay",
    title: "a page that was answered stays as it is, whatever is read, appended and closed later",
    level: "MUST",
    requires: [],
    rule: "The kernel does not change them and the adapter must not either.",
    why: "The kernel keeps frames that it was given; a buffer that is used again changes them afterwards.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 10)
      const small = await storage.read(0, ALL)
      await storage.append(11, bytesOf(200_000, 11))
      const large = await storage.read(10, ALL)
      for (let position = 12; position <= 40; position += 1) {
        await storage.append(position, bytesOf(200 * position, position))
        await storage.read(0, ALL)
      }
      equalFrames(small, framesBetween(0, 10), "the first page")
      await trial.closeAll()
      const again = await trial.open()
      await again.append(41, frameAt(41))
      await readAll(again)
      equalFrames(small, framesBetween(0, 10), "the first page after close()")
      equalFrames(large, [bytesOf(200_000, 11)], "the page with the large frame after close()")
    },
  },
  {
    id: "read/plain-bytes",
    title: "frames are plain Uint8Arrays over plain buffers, no Buffer of a runtime",
    level: "SHOULD",
    requires: [],
    rule: "Bytes over a plain buffer: what every web API takes.",
    why: "A Buffer is a Uint8Array whose slice shares memory, so code that is right elsewhere changes data on one runtime.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      await storage.append(4, bytesOf(70_000, 4))
      for (const frame of await readAll(storage)) {
        ensure(Object.getPrototypeOf(frame) === Uint8Array.prototype, `a frame is a ${frame.constructor.name}`)
        ensure(frame.buffer instanceof ArrayBuffer, `a frame lies over a ${Object.prototype.toString.call(frame.buffer)}`)
      }
    },
  },
]
