/** Durability: what a fresh process finds after each level, with and without a flush. What a kill leaves is in `crash.ts`. */
import { equal, fail, type Outcome, outcomeOf } from "../expect.ts"
import { bytesOf, fill, framesBetween, holds } from "./frames.ts"
import { holdsSnapshots, slicesFor } from "./snapshots.ts"
import type { LogStorageCase } from "./trial.ts"

const OUTLIVES = "Frames outlive the process."

export const durabilityCases: readonly LogStorageCase[] = [
  {
    id: "durability/fresh-process",
    title: "a fresh process finds the frames of every level",
    level: "MUST",
    requires: ["durable"],
    rule: OUTLIVES,
    why: "Data that only the writing process can see are lost when it ends.",
    async run(trial) {
      for (const durability of trial.capabilities.levels.filter((level) => level !== "none")) {
        const storage = await trial.open(durability, { durability })
        await fill(storage, 20)
        await storage.append(21, bytesOf(200_000, 21))
        await trial.reopen()
        const again = await trial.open(durability, { durability, create: false })
        equal(again.opened.created, false, "opened.created")
        equal(again.opened.recovery, undefined, "opened.recovery")
        await holds(again, [...framesBetween(0, 20), bytesOf(200_000, 21)])
        await trial.closeAll()
      }
    },
  },
  {
    id: "durability/level-changes",
    title: "a store may be opened with another level each time",
    level: "MUST",
    requires: ["durable"],
    rule: "Durability levels that `open` accepts, the default one first.",
    why: "A user who asks for more safety later must find the same data.",
    async run(trial) {
      let head = 0
      for (const durability of [...trial.capabilities.levels, ...trial.capabilities.levels].filter((level) => level !== "none")) {
        const storage = await trial.open("notes", { durability })
        await holds(storage, framesBetween(0, head))
        await fill(storage, head += 3)
        await trial.reopen()
      }
      await holds(await trial.open(), framesBetween(0, head))
    },
  },
  {
    id: "durability/fresh-process-snapshots",
    title: "a fresh process finds snapshots, base and frames",
    level: "MUST",
    requires: ["durable", "snapshots"],
    rule: OUTLIVES,
    why: "After a trim the data are in the snapshot alone: without it the store cannot be opened.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 9)
      for (const at of [3, 7]) await storage.snapshots.write(at, slicesFor(at))
      equal(await storage.trim(9), 3, "trim(9)")
      await trial.reopen()
      const again = await trial.open("notes", { create: false })
      await holdsSnapshots(again, [7, 3])
      await holds(again, framesBetween(3, 9), 3)
    },
  },
  {
    id: "durability/flush",
    title: "flush() may be called at any time: on an empty log, twice at once, after each append",
    level: "MUST",
    requires: [],
    rule: "Resolves when everything that was appended by this handle is on the device.",
    why: "It is called at every end of a program, whatever happened before.",
    async run(trial) {
      const storage = await trial.open()
      await storage.flush()
      for (let position = 1; position <= 5; position += 1) {
        await fill(storage, position)
        await Promise.all([storage.flush(), storage.flush()])
      }
      await storage.flush()
      await holds(storage, framesBetween(0, 5))
    },
  },
  {
    id: "durability/flush-beside-appends",
    title: "flush() beside an append disturbs neither",
    level: "MUST",
    requires: [],
    rule: "Resolves when everything that was appended by this handle is on the device.",
    why: "It is called while users write; a frame that is lost or doubled there is lost or doubled data.",
    async run(trial) {
      const storage = await trial.open()
      const flushes: Promise<Outcome<void>>[] = []
      for (let position = 1; position <= 30; position += 1) {
        const append = outcomeOf(() => fill(storage, position))
        flushes.push(outcomeOf(() => storage.flush()))
        const appended = await append
        if (appended.kind === "error") fail("an append beside a flush failed", appended.error)
      }
      for (const outcome of await Promise.all(flushes)) if (outcome.kind === "error") fail("a flush beside an append failed", outcome.error)
      await holds(storage, framesBetween(0, 30))
    },
  },
  {
    id: "durability/other-adapter",
    title: "an adapter object of another process sees frames of a handle that is still open",
    level: "MUST",
    requires: ["durable", "multiProcess"],
    rule: "Several processes may have the same store open at once.",
    why: "Another process that does not see acknowledged frames appends over them.",
    async run(trial) {
      const first = await trial.open()
      await fill(first, 3)
      const other = await trial.anotherAdapter()
      const second = await other.open("notes", { durability: trial.capabilities.levels[0] ?? "normal", create: false })
      try {
        await holds(second, framesBetween(0, 3))
        await fill(second, 5)
        await holds(first, framesBetween(0, 5))
        await fill(first, 6)
        await holds(second, framesBetween(0, 6))
      } finally {
        await second.close()
      }
    },
  },
]
