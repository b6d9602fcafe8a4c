/** Histories of what remotes do not take, and of clocks (rules S19 to S22, S37). */
import { YEAR_MILLIS } from "../clock.ts"
import type { History } from "../history.ts"

/** In the order of their rules. */
export const REFUSAL_HISTORIES: readonly History[] = [
  {
    title: "re-stamped for one remote after the other took it and the answer was lost",
    rules: ["S19"],
    play: async (w) => {
      await w.servers("R1", "R2")
      w.site("R1").clock.offsetMillis = YEAR_MILLIS
      await w.device("A", "R1", "R2")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R1", "R2")
      await w.put("A", "k0")
      await w.push("A", "R1", "dropAnswer")
      await w.push("A", "R2")
    },
  },
  {
    title: "the rest of a push is stored, the refusal is lost with the answer",
    rules: ["S19", "S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R", "dropAnswer")
    },
  },
  {
    title: "another device holds what the server refused, and its author is gone",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("C", "R")
      await w.device("D", "R", "C")
      await w.put("C", "k0", w.token(true))
      await w.pull("D", "C")
      await w.sync("C", "R")
      w.remove("C")
    },
  },
  {
    title: "one server refused what the other took, and its author is gone",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R1")
      await w.lenientServer("R2")
      await w.device("A", "R1", "R2")
      await w.device("B", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R2")
      await w.sync("A", "R1")
      await w.pull("B", "R1")
      await w.pull("B", "R2")
      w.remove("A")
    },
  },
  {
    title: "a copy learns from a page that a number of its own writer is withheld",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      await w.put("A", "k1")
      const copy = await w.clone("A")
      await w.sync("A", "R")
      await w.pull(copy, "R")
      w.remove("A")
    },
  },
  {
    title: "a relay brings what was withheld, behind later numbers of the same writer",
    rules: ["S20", "S13"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "R", "A")
      await w.sync("B", "R")
      await w.put("A", "k0")
      await w.pull("B", "A")
      await w.sync("A", "R")
      await w.put("A", "k1")
      await w.push("A", "R")
      await w.push("B", "R")
      await w.pull("A", "R")
    },
  },
  {
    title: "a device is restored from before the refusal",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      const old = w.backup("A")
      await w.sync("A", "R")
      await w.restore("A", old)
      w.site("A").clock.offsetMillis = 0
      await w.pull("A", "R")
    },
  },
  {
    title: "a copy that never had a refused operation writes on, and says that it continues its writer",
    rules: ["S20", "S5"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      const copy = await w.clone("A")
      await w.put("A", "k0", w.token(true))
      await w.sync("A", "R")
      await w.pull(copy, "R")
      await w.put(copy, "k0")
      await w.put(copy, "k0")
      await w.sync(copy, "R")
      await w.pull("A", "R")
    },
  },
  {
    title: "a withheld number comes from a copy that does not know of it",
    rules: ["S19", "S20", "S21"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      const copy = await w.clone("A")
      await w.sync("A", "R")
      await w.push(copy, "R")
    },
  },
  {
    title: "refused writes are answered beside what another device wrote meanwhile",
    rules: ["S19"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      const first = w.token()
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.put("A", "k2", first)
      await w.sync("A", "R")
      await w.sync("B", "R")
      for (const key of ["k0", "k1", "k2"]) await w.put("A", key, w.token(true))
      for (const key of ["k0", "k1"]) await w.put("B", key)
      await w.sync("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k2", w.token(true)) // over what was refused
      await w.sync("A", "R")
      await w.answer("A", "k0", "discard")
      await w.answer("A", "k1", "retry")
      await w.answer("A", "k2", "discard")
      const shown = w.process("A").store?.records.peek("k2")
      if (shown?.uid !== first.uid) w.world.violation("a discard shows something else", `${shown?.uid}, not ${first.uid}`)
      if (await w.process("A").store?.digest() !== await w.site("A").observer.fold.digest()) {
        w.world.violation("digest is not that of the log", "A")
      }
    },
  },
  {
    title: "a relay brings what a clock that is a year ahead wrote",
    rules: ["S21"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "R", "A")
      await w.put("A", "k0")
      await w.sync("B", "A", "R")
      const [process] = w.world.processesOf(w.site("B"))
      if (process !== undefined && process.written.length > 0) w.world.violation("a relay writes others' operations anew", "k0")
    },
  },
  {
    title: "a stamp that is a year ahead moves no other clock",
    rules: ["S22"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "A")
      await w.put("A", "k0")
      await w.sync("B", "A")
      await w.put("B", "k1")
      const written = w.process("B").written.at(-1)
      if (written === undefined || written.millis > w.world.scheduler.millis + 1000) {
        w.world.violation("a far stamp moved a clock", String(written?.millis))
      }
    },
  },
  {
    title: "a device whose clock is a year ahead opens its log again",
    rules: ["S37"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.reopen("A")
      await w.put("A", "k1")
      await w.sync("A", "R")
      const { size } = w.process("A").store?.synced.views.remotes.of("R").refused ?? { size: 0 }
      if (size > 1) w.world.violation("refused again", `${size} operations`)
    },
  },
  {
    title: "a clock that was wrong is set right",
    rules: ["S37"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      w.site("A").clock.offsetMillis = 0
      w.world.scheduler.pass(600_000)
      await w.sync("A", "R")
      await w.put("A", "k0")
      const written = w.process("A").written.at(-1)
      if (written === undefined || written.millis < w.world.scheduler.millis - 1000) {
        w.world.violation("a right clock stays corrected", String(written?.millis))
      }
    },
  },
]
