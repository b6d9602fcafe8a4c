/** Histories of writing: writers, commits, what a write covers (rules S1 to S6). */
import { StorageFailed } from "../../kernel/errors.ts"
import { YEAR_MILLIS } from "../clock.ts"
import type { History } from "../history.ts"
import { LATER } from "../history.ts"

/** In the order of their rules. */
export const WRITING_HISTORIES: readonly History[] = [
  {
    title: "a clone goes on under the name of what it was copied from",
    rules: ["S1"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.push("A", "R", "dropAnswer")
      const copy = await w.clone("A")
      await w.put("A", "k1")
      await w.push("A", "R")
      await w.put(copy, "k2")
    },
  },
  {
    title: "two remotes take the two branches of a clone",
    rules: ["S1"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1")
      await w.device("D", "R1", "R2")
      await w.put("A", "k0")
      const copy = await w.clone("A")
      w.site(copy).remotes = ["R2"]
      await w.put("A", "k0")
      await w.put(copy, "k1")
      await w.sync("A", "R1")
      await w.sync(copy, "R2")
      await w.sync("D", "R1", "R2")
    },
  },
  {
    title: "an append times out but was stored; the write is done again",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      const { disk } = w.site("A"), append = disk.append.bind(disk)
      disk.append = (position, frame, by) => {
        disk.append = append
        append(position, frame, by)
        throw new StorageFailed({ location: "A", call: "append to", reason: "the answer was lost" })
      }
      await w.put("A", "k0")
      if (w.world.processesOf(w.site("A"))[0]?.written.length !== 1) w.world.violation("written twice", "k0")
    },
  },
  {
    title: "an append lands after the read-back found nothing",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      const { disk } = w.site("A"), append = disk.append.bind(disk)
      let late: (() => void) | undefined
      disk.append = (position, frame, by) => {
        if (late === undefined) {
          const copy = frame.slice()
          late = () => append(position, copy, by)
          throw new StorageFailed({ location: "A", call: "append to", reason: "the connection broke" })
        }
        disk.append = append
        late()
        append(position, frame, by)
      }
      await w.put("A", "k0")
      if (w.world.processesOf(w.site("A"))[0]?.written.length !== 1) w.world.violation("written twice", "k0")
    },
  },
  {
    title: "two processes of a device write at once; the slower one builds again",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.another("A")
      await w.put("A", "k0")
      const [one, other] = [w.process("A", 0), w.process("A", 1)]
      for (let n = 0; n < 4; n++) {
        await Promise.all([w.run(w.application.put(one, "", "k0", w.token())), w.run(w.application.put(other, "", "k0", w.token()))])
      }
    },
  },
  {
    title: "a batch fills a push, and others come before it",
    rules: ["S3"],
    habits: { limits: { operationsMax: 3, partsMax: 2 } },
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      const { store } = w.process("A")
      await w.run(Promise.all(["k0", "k1", "k2"].map((key) => w.application.put(w.process("A"), "", key, w.token()))))
      await w.run(store?.batch((tx) => ["k0", "k1", "k2"].forEach((key) => tx.put(key, w.token()))) ?? Promise.resolve())
      await w.push("A", "R")
      await w.pull("B", "R")
    },
  },
  {
    title: "a write after an open covers what the open before wrote",
    rules: ["S4", "S5"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      for (let n = 0; n < 3; n++) {
        await w.put("A", "k0")
        await w.sync("A", "R")
        await w.reopen("A")
        await w.put("B", "k0")
        await w.sync("B", "R")
        await w.sync("A", "R")
      }
    },
  },
  {
    title: "the loser is dropped, then the winner is replaced by a slow clock",
    rules: ["S6"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("C", "R")
      await w.device("B", "R")
      w.site("B").clock.offsetMillis = -YEAR_MILLIS
      await w.put("A", "k0")
      await w.put("C", "k0")
      await w.sync("C", "R")
      await w.sync("B", "R")
      await w.put("B", "k0")
      await w.sync("B", "R")
      await w.sync("A", "R")
    },
  },
]
