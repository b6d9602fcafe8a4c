/** Histories of versions that were written apart, settled by hand, by a function or by a choice (rules S4, S6 to S9, S19). */
import { YEAR_MILLIS } from "../clock.ts"
import type { History } from "../history.ts"
import type { Play } from "../play.ts"
import { FICKLE, MANUAL, MERGED } from "../strategies.ts"

/** Two devices that wrote a record apart, and a third one; all know of both versions. */
async function inConflict(w: Play, collection: string = MANUAL): Promise<void> {
  await w.servers("R")
  for (const name of ["A", "B", "C"]) await w.device(name, "R")
  for (const name of ["A", "B"]) await w.use(name, (users, process) => users.put(process, collection, "k0", w.mergeToken()))
  for (const name of ["A", "B", "A", "C"]) await w.sync(name, "R")
}

/** Two devices wrote two records apart; over one of them the merge function fails. */
async function mergeFails(w: Play, failure: number): Promise<void> {
  await inConflict(w, MERGED)
  for (const name of ["A", "B"]) await w.use(name, (users, process) => users.put(process, MERGED, "k1", w.mergeToken(failure)))
  for (const name of ["A", "B", "A"]) await w.sync(name, "R")
  await w.use("A", (users, process) => users.put(process, MERGED, "k1", w.mergeToken(failure)))
}

/** How many operations a device has written by now. */
const writtenBy = (w: Play, name: string): number => w.process(name).written.length

/** In the order of their rules. */
export const CONFLICT_HISTORIES: readonly History[] = [
  {
    title: "a put closes a conflict that nobody looked at",
    rules: ["S4", "S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("B", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "who wrote the version that is not shown writes on, and again",
    rules: ["S4", "S9"],
    play: async (w) => {
      await inConflict(w)
      for (let n = 0; n < 3; n++) await w.use("A", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "what is shown is deleted; the other version stays",
    rules: ["S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("A", (users, process) => users.delete(process, MANUAL, "k0"))
    },
  },
  {
    title: "a record in conflict is written twice in one frame",
    rules: ["S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("A", (users, process) => Promise.all(["k0", "k0"].map((key) => users.put(process, MANUAL, key))))
      await w.use("C", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "a record in conflict is written and decided in one frame",
    rules: ["S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("A", (users, process) => Promise.all([users.put(process, MANUAL, "k0"), users.resolve(process, MANUAL, "k0")]))
    },
  },
  {
    title: "a collection is opened while the disk does not answer",
    rules: ["S9"],
    play: async (w) => {
      await inConflict(w)
      await w.device("D", "R")
      await w.pull("D", "R")
      const { disk } = w.site("D")
      disk.downUntilMillis = w.world.scheduler.millis + 1_000_000
      await w.use("D", (users, process) => users.delete(process, MANUAL, "k1"))
      disk.downUntilMillis = 0
      await w.use("D", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "a write that left a version open is replaced by somebody who decides",
    rules: ["S4", "S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("A", (users, process) => users.put(process, MANUAL, "k0"))
      await w.sync("A", "R")
      await w.sync("C", "R")
      await w.use("C", (users, process) => users.resolve(process, MANUAL, "k0"))
      await w.use("B", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "sequential writes of three devices are no conflict",
    rules: ["S4"],
    play: async (w) => {
      await inConflict(w)
      await w.use("C", (users, process) => users.resolve(process, MANUAL, "k0"))
      for (const name of ["C", "A", "B", "A"]) {
        await w.sync(name, "R")
        await w.use(name, (users, process) => users.put(process, MANUAL, "k0"))
        await w.sync(name, "R")
      }
    },
  },
  {
    title: "the same record is deleted on two devices, and written on neither",
    rules: ["S6"],
    play: async (w) => {
      await inConflict(w)
      await w.use("C", (users, process) => users.resolve(process, MANUAL, "k0"))
      for (const name of ["C", "A", "B"]) await w.sync(name, "R")
      for (const name of ["A", "B"]) await w.use(name, (users, process) => users.delete(process, MANUAL, "k0"))
    },
  },
  {
    title: "a record is deleted on one device and written on the other",
    rules: ["S6"],
    play: async (w) => {
      for (const collection of [MANUAL, MERGED]) {
        if (collection === MANUAL) await inConflict(w)
        await w.use("A", (users, process) => users.resolve(process, collection, "k0"))
        for (const name of ["A", "B"]) await w.sync(name, "R")
        await w.use("B", (users, process) => users.put(process, collection, "k0"))
        await w.use("A", (users, process) => users.delete(process, collection, "k0"))
      }
    },
  },
  {
    title: "three devices merge what they wrote apart, and write nothing",
    rules: ["S7"],
    habits: { inStep: true },
    play: async (w) => {
      await inConflict(w, MERGED)
      await w.use("C", (users, process) => users.put(process, MERGED, "k1", w.mergeToken()))
      await w.use("A", (users, process) => users.put(process, MERGED, "k1", w.mergeToken()))
      await w.use("B", (users, process) => users.put(process, MERGED, "k1", w.mergeToken()))
      const before = ["A", "B", "C"].map((name) => writtenBy(w, name)).join()
      for (const name of ["A", "B", "C", "A", "B"]) {
        await w.sync(name, "R")
        for (const key of ["k0", "k1"]) await w.run(w.process(name).collections?.merged.get(key) ?? Promise.resolve())
      }
      if (["A", "B", "C"].map((name) => writtenBy(w, name)).join() !== before) w.world.violation("a merge was written", MERGED)
    },
  },
  {
    title: "a put replaces all that was merged",
    rules: ["S7"],
    play: async (w) => {
      await inConflict(w, MERGED)
      await w.use("C", (users, process) => users.put(process, MERGED, "k0", w.mergeToken()))
    },
  },
  {
    title: "the function fails over one record, and nowhere else",
    rules: ["S7", "S9"],
    play: (w) => mergeFails(w, 0),
  },
  {
    title: "the function gives two results for the same versions",
    rules: ["S7"],
    play: (w) => mergeFails(w, FICKLE),
  },
  {
    title: "a process that was not given the function writes what it cannot merge",
    rules: ["S7", "S9"],
    play: async (w) => {
      await inConflict(w, MERGED)
      w.forgetMerge()
      await w.reopen("A")
      await w.use("A", (users, process) => users.put(process, MERGED, "k0", w.mergeToken()))
    },
  },
  {
    title: "two devices run the documented program: resolve(key, conflict.remote)",
    rules: ["S8"],
    habits: { inStep: true, takesRemote: true },
    play: (w) => inConflict(w),
  },
  {
    title: "a version comes after a conflict was read and before it is chosen",
    rules: ["S8", "S9"],
    play: async (w) => {
      await inConflict(w)
      await w.use("C", (users, process) => users.delete(process, MANUAL, "k0"))
      await w.sync("C", "R")
      await w.use("A", (users, process) =>
        users.choose(process, MANUAL, "k0", async (versions) => {
          await process.cycle("R").pull(new AbortController().signal)
          return versions[0]
        }))
    },
  },
  {
    title: "somebody chooses while somebody else, who has seen the same, decides",
    rules: ["S8"],
    play: async (w) => {
      await inConflict(w)
      await w.use("B", (users, process) => users.resolve(process, MANUAL, "k0"))
      await w.use("A", (users, process) => users.choose(process, MANUAL, "k0", (versions) => versions[0]))
    },
  },
  {
    title: "somebody chooses while somebody else, who has seen less, writes on",
    rules: ["S8", "S4"],
    play: async (w) => {
      await inConflict(w)
      await w.use("C", (users, process) => users.put(process, MANUAL, "k0"))
      await w.use("A", (users, process) => users.choose(process, MANUAL, "k0", (versions) => versions[0]))
    },
  },
  {
    title: "two choose among other versions, and one writes on beside the choice",
    rules: ["S8", "S9"],
    play: async (w) => {
      await w.servers("R")
      for (const name of ["A", "B", "C", "D"]) await w.device(name, "R")
      for (const name of ["B", "A"]) await w.use(name, (users, process) => users.put(process, MANUAL, "k0"))
      for (const name of ["A", "B", "C", "A"]) await w.sync(name, "R")
      await w.use("C", (users, process) => users.choose(process, MANUAL, "k0", (versions) => versions[0]))
      await w.use("B", (users, process) => users.put(process, MANUAL, "k0"))
      await w.sync("B", "R")
      await w.sync("A", "R")
      await w.use("A", (users, process) => users.choose(process, MANUAL, "k0", (versions) => versions[0]))
      await w.pull("C", "R")
      await w.push("C", "R")
      await w.pull("D", "R")
      await w.use("C", (users, process) => users.put(process, MANUAL, "k0"))
    },
  },
  {
    title: "a version of a conflict is written anew for a wrong clock, and the other one stays",
    rules: ["S19", "S9"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B", "R")
      await w.use("B", (users, process) => users.put(process, MANUAL, "k0"))
      await w.sync("B", "R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.use("A", (users, process) => users.put(process, MANUAL, "k0"))
      await w.sync("A", "R")
    },
  },
  {
    title: "a choice of a delete is refused for a wrong clock, and written anew",
    rules: ["S19", "S8"],
    play: async (w) => {
      await inConflict(w)
      await w.use("B", (users, process) => users.delete(process, MANUAL, "k0"))
      await w.sync("B", "R")
      await w.sync("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.use("A", (users, process) => users.choose(process, MANUAL, "k0", (versions) => versions.find(({ deleted }) => deleted)))
      await w.sync("A", "R")
    },
  },
  {
    title: "a version of a conflict is refused for good, and its author is gone",
    rules: ["S20", "S9"],
    play: async (w) => {
      await inConflict(w)
      await w.device("D", "R", "C")
      await w.use("C", (users, process) => users.resolve(process, MANUAL, "k0", w.token(true)))
      await w.use("A", (users, process) => users.put(process, MANUAL, "k0"))
      await w.pull("D", "C")
      await w.sync("A", "R")
      await w.sync("C", "R")
      w.remove("C")
    },
  },
]
