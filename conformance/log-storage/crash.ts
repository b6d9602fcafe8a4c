/**
 * Crashes: the medium as it is at some moment is what a killed process leaves. It is saved there, put back later, and opened.
 *
 *   acknowledged ⊆ stored ⊆ attempted, in order, and nothing half there
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ensure, equal, outcomeOf } from "../expect.ts"
import { bytesOf, fill, frameAt, framesBetween, holds, holdsPrefix } from "./frames.ts"
import { holdsSnapshots, slicesFor } from "./snapshots.ts"
import type { LogStorageCase } from "./trial.ts"

const SURVIVES = "What an acknowledged write has survived."
const WHOLE = "It appears whole or not at all: one that was not finished is gone at the next open, and a rejected call leaves nothing."

export const crashCases: readonly LogStorageCase[] = [
  {
    id: "crash/after-append",
    title: "a kill right after an append loses nothing that was acknowledged, at any level",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: SURVIVES,
    why: "Whoever was told that the write is stored must find it after the process was killed.",
    async run(trial) {
      for (const durability of trial.capabilities.levels.filter((level) => level !== "none")) {
        const storage = await trial.open(durability, { durability })
        const images: ReadonlyMap<string, Bytes>[] = []
        for (let position = 1; position <= 6; position += 1) {
          await storage.append(position, frameAt(position))
          images.push(trial.medium.save())
        }
        for (const [index, image] of images.entries()) {
          await trial.restore(image)
          const again = await trial.open(durability, { durability, create: false })
          await holds(again, framesBetween(0, index + 1))
          await fill(again, index + 3)
          await holds(again, framesBetween(0, index + 3))
        }
        await trial.closeAll()
      }
    },
  },
  {
    id: "crash/during-append",
    title: "a kill during an append leaves all of its frame or nothing of it",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "Readers see all of it or nothing.",
    why: "Half a frame in the middle of a log makes all that follows unreadable.",
    async run(trial) {
      for (const size of [50, 5000, 1_000_000]) {
        const name = `notes-${size}`
        const storage = await trial.open(name)
        await fill(storage, 3)
        const frame = bytesOf(Math.min(size, trial.capabilities.maxFrameBytes), size)
        const append = outcomeOf(() => storage.append(4, frame))
        const images = [trial.medium.save()]
        for (let turn = 0; turn < 3; turn += 1) {
          await Promise.resolve()
          images.push(trial.medium.save())
        }
        ensure((await append).kind === "value", "the append failed")
        for (const image of images) {
          await trial.restore(image)
          const again = await trial.open(name, { create: false })
          const head = await again.head()
          ensure(head === 3 || head === 4, `head() is ${head}`)
          await holds(again, head === 3 ? framesBetween(0, 3) : [...framesBetween(0, 3), frame])
        }
        await trial.closeAll()
      }
    },
  },
  {
    id: "crash/during-first-open",
    title: "a kill right after a store was made leaves it empty or not there",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "The store did not exist before.",
    why: "A store that is half made can be neither opened nor made, and blocks the program at every start.",
    async run(trial) {
      await trial.open()
      const image = trial.medium.save()
      await trial.restore(image)
      const again = await trial.open()
      await holds(again, [])
      await fill(again, 2)
      await trial.reopen()
      await holds(await trial.open(), framesBetween(0, 2))
    },
  },
  {
    id: "crash/during-snapshot",
    title: "a kill in the middle of a snapshot leaves the older ones and the frames, and the next one succeeds",
    level: "MUST",
    requires: ["durable", "medium", "snapshots"],
    rule: WHOLE,
    why: "The older snapshots are all there is of trimmed frames; a half-written one must not take their place.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      await storage.snapshots.write(2, slicesFor(2))
      await storage.snapshots.write(3, slicesFor(3))
      const images: ReadonlyMap<string, Bytes>[] = []
      async function* watched(): AsyncGenerator<Bytes> {
        for (const slice of slicesFor(5)) {
          images.push(trial.medium.save())
          yield slice
        }
        images.push(trial.medium.save())
      }
      await storage.snapshots.write(5, watched())
      equal(images.length, slicesFor(5).length + 1, "images")
      for (const image of images) {
        await trial.restore(image)
        const again = await trial.open("notes", { create: false })
        await holdsSnapshots(again, [3, 2])
        await holds(again, framesBetween(0, 5))
        await again.snapshots.write(5, slicesFor(5))
        await holdsSnapshots(again, [5, 3])
      }
    },
  },
  {
    id: "crash/after-trim",
    title: "a kill right after a trim leaves base, frames and snapshots as they were answered",
    level: "MUST",
    requires: ["durable", "medium", "snapshots"],
    rule: "No crash can make it drop more.",
    why: "A base that falls back, or that is ahead of the frames, makes a healthy store look damaged.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 9)
      for (const at of [3, 7]) await storage.snapshots.write(at, slicesFor(at))
      const trimming = outcomeOf(() => storage.trim(9))
      const during = trial.medium.save()
      await trimming
      const after = trial.medium.save()
      for (const image of [during, after]) {
        await trial.restore(image)
        const again = await trial.open("notes", { create: false })
        await holdsSnapshots(again, [7, 3])
        await holds(again, framesBetween(3, 9), 3)
        equal(await again.trim(9), 3, "trim(9)")
        await fill(again, 10)
        await holds(again, framesBetween(3, 10), 3)
      }
    },
  },
  {
    id: "crash/twice",
    title: "a kill, an open and another kill leave what the first open found",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: SURVIVES,
    why: "A recovery that changes what it recovered loses a bit more at each crash.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 10)
      await trial.restore(trial.medium.save())
      for (let round = 0; round < 5; round += 1) {
        const again = await trial.open("notes", { create: false })
        equal(await holdsPrefix(again, 10), 10, "head()")
        await trial.restore(trial.medium.save())
      }
    },
  },
]
