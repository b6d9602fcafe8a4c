/** Histories of counters (rules S1, S6). */
import type { History } from "../history.ts"
import { COUNTED } from "../strategies.ts"

/** In the order of their rules. */
export const COUNTER_HISTORIES: readonly History[] = [
  {
    title: "a cloned counter adds twice under one name",
    rules: ["S1"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.use("A", (users, process) => users.increment(process, "k0"))
      const copy = await w.clone("A")
      for (const name of ["A", copy]) await w.use(name, (users, process) => users.increment(process, "k0"))
    },
  },
  {
    title: "three devices count apart, then one goes on with what all had counted",
    rules: ["S6"],
    play: async (w) => {
      await w.servers("R")
      for (const name of ["A", "B", "C"]) {
        await w.device(name, "R")
        for (const key of ["k0", "k1", "k2", "k0"]) await w.use(name, (users, process) => users.increment(process, key))
      }
      for (const name of ["A", "B", "C", "A"]) await w.sync(name, "R")
      await w.use("A", (users, process) => Promise.all(["k0", "k0", "k1"].map((key) => users.increment(process, key))))
    },
  },
  {
    title: "two devices count down from the same number",
    rules: ["S6"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.use("A", (users, process) => users.increment(process, "k1"))
      for (const name of ["A", "B"]) await w.sync(name, "R")
      for (const name of ["A", "B", "A"]) await w.use(name, (users, process) => users.increment(process, "k1"))
    },
  },
  {
    title: "a counter is deleted and counted anew while another device goes on counting",
    rules: ["S6"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.use("A", (users, process) => users.increment(process, "k0"))
      for (const name of ["A", "B"]) await w.sync(name, "R")
      await w.use("B", (users, process) => users.increment(process, "k0"))
      await w.use("A", (users, process) => users.delete(process, COUNTED, "k0"))
      for (let n = 0; n < 3; n++) await w.use("A", (users, process) => users.increment(process, "k0"))
    },
  },
]
