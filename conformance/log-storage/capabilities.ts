/** Claims: they fit each other, and what works is claimed. (What is claimed and does not work fails in the group of its noun.) */
import { DEFAULT_CAPABILITIES, type Durability } from "../../kernel/ports/log-storage.ts"
import { ensure, equal, outcomeOf } from "../expect.ts"
import { fill, frameAt, holds, readAll } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const LEVELS: readonly string[] = ["full", "normal", "relaxed", "none"] satisfies Durability[]

export const capabilityCases: readonly LogStorageCase[] = [
  {
    id: "capabilities/consistent",
    title: "the claims are of their types and fit each other",
    level: "MUST",
    requires: [],
    rule: "What an adapter claims to be able to do; the conformance suite checks each claim.",
    why: "The kernel chooses by the claims what it offers, so claims that contradict each other make it offer what does not work.",
    async run(trial) {
      const { name } = trial.adapter
      ensure(/^[a-z][a-z0-9-]*$/.test(name), `the name ${JSON.stringify(name)} is not one lower-case word`)
      const claims = trial.capabilities
      for (const [claim, value] of Object.entries(DEFAULT_CAPABILITIES)) {
        equal(typeof Object.entries(claims).find(([found]) => found === claim)?.[1], typeof value, `the type of capabilities.${claim}`)
      }
      for (const claim of Object.keys(claims)) ensure(claim in DEFAULT_CAPABILITIES, `capabilities.${claim} is unknown`)
      ensure(claims.levels.length > 0, "capabilities.levels is empty")
      equal(new Set(claims.levels).size, claims.levels.length, "different capabilities.levels")
      for (const level of claims.levels) ensure(LEVELS.includes(level), `capabilities.levels holds ${JSON.stringify(level)}`)
      if (claims.durable) ensure(claims.levels.some((level) => level !== "none"), "it claims durable, but only the level none")
      else ensure(!claims.levels.includes("full"), "it claims the level full, but not durable")
      ensure(Number.isSafeInteger(claims.maxFrameBytes) && claims.maxFrameBytes > 0, "capabilities.maxFrameBytes is no positive integer")
      ensure(!claims.sliceReads || claims.snapshots, "it claims sliceReads, but not snapshots")
    },
  },
  {
    id: "capabilities/every-level-opens",
    title: "every claimed durability level opens a store that takes frames",
    level: "MUST",
    requires: [],
    rule: "Durability levels that `open` accepts, the default one first.",
    why: "A user who asks for a level that is claimed would get an error instead of a store.",
    async run(trial) {
      for (const durability of trial.capabilities.levels) {
        const storage = await trial.open(durability, { durability })
        await fill(storage, 3)
        await holds(storage, [frameAt(1), frameAt(2), frameAt(3)])
      }
    },
  },
  {
    id: "capabilities/full-frame-size",
    title: "frames may have 4,000,000 bytes, so that the store can sync",
    level: "SHOULD",
    requires: [],
    rule: "Default {@link FRAME_BYTES_MAX}; a store with less cannot sync.",
    why: "A store that cannot hold a frame of this size cannot take every push of other devices, so it does not sync.",
    async run(trial) {
      ensure(
        trial.capabilities.maxFrameBytes >= DEFAULT_CAPABILITIES.maxFrameBytes,
        `capabilities.maxFrameBytes is ${trial.capabilities.maxFrameBytes}`,
      )
    },
  },
  {
    id: "capabilities/reopen-given",
    title: "the subject of a durable adapter can be looked at as a fresh process would",
    level: "MUST",
    requires: ["durable"],
    rule: "Frames outlive the process.",
    why: "What is looked at through the same object may come from its memory: nothing would show that it outlives the process.",
    async run(trial) {
      ensure(trial.canReopen, "the subject has no reopen(), so that durable cannot be checked")
      const before = trial.adapter
      await trial.reopen()
      ensure(trial.adapter !== before, "reopen() answers the same adapter object")
    },
  },
  {
    id: "capabilities/unclaimed",
    title: "what works is claimed",
    level: "SHOULD",
    requires: [],
    rule: "Claims that differ from {@link DEFAULT_CAPABILITIES}.",
    why: "The kernel uses nothing that is not claimed, so users would go without what works.",
    async run(trial) {
      const claims = trial.capabilities
      const storage = await trial.open()
      await fill(storage, 2)

      if (!claims.snapshots) {
        const listed = await outcomeOf(async () => {
          await storage.snapshots.write(1, [frameAt(1)])
          return storage.snapshots.list()
        })
        if (listed.kind === "value" && listed.value.length > 0) trial.warn("snapshots work, but are not claimed")
      }
      const other = await outcomeOf(() => trial.open())
      if (other.kind === "value") {
        let calls = 0
        const watched = await outcomeOf(() => other.value.watch(() => calls += 1))
        await storage.append(3, frameAt(3))
        if (!claims.multiHandle && await other.value.head() === 3) trial.warn("two handles work, but multiHandle is not claimed")
        if (!claims.watch && watched.kind === "value") {
          await new Promise<void>((resolve) => setTimeout(resolve, Math.min(100, trial.patienceMillis)))
          if (calls > 0) trial.warn("watch works, but is not claimed")
        }
      }
      if (!claims.durable && trial.canReopen) {
        await trial.reopen()
        const again = await outcomeOf(async () => readAll(await trial.open("notes", { create: false })))
        if (again.kind === "value" && again.value.length > 0) trial.warn("frames outlive the adapter object, but durable is not claimed")
      }
    },
  },
]
