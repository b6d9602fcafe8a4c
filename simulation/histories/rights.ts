/** Histories of what a login may bring: devices that may not relay, and several logins on one device (rules S35, S36). */
import type { History } from "../history.ts"
import type { Play } from "../play.ts"

/** A device has a dead letter though nobody refused what it says. */
function expectNoLetters(w: Play, name: string, index?: number): void {
  const dead = w.process(name, index).store?.synced.views.remotes.dead.size ?? 0
  if (dead > 0) w.world.violation("a dead letter for a right", `${name} has ${dead}`)
}

/** More operations were refused than there were changes of logins. */
function expectRefused(w: Play, name: string, most: number): void {
  const refused = w.process(name).store?.synced.views.remotes.of("R").refused.size ?? 0
  if (refused > most) w.world.violation("refused again", `${refused} operations of ${name}, ${most} were expected`)
}

/** In the order of their rules. */
export const RIGHTS_HISTORIES: readonly History[] = [
  {
    title: "a device that may not relay brings what its neighbour wrote",
    rules: ["S35"],
    play: async (w) => {
      await w.servers("R")
      await w.device("C", "R")
      await w.restrictedDevice("D", "R", "C")
      await w.sync("D", "R")
      await w.put("C", "k0")
      await w.pull("D", "C")
      await w.put("D", "k1")
      await w.push("D", "R")
      expectNoLetters(w, "D")
    },
  },
  {
    title: "another login before what was written is sent",
    rules: ["S35"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.delete("A", "k1")
      await w.put("A", "k2")
      w.logIn("A", "A 2")
      await w.reopen("A")
      await w.put("A", "k1") // of a writer that links to the other login's
      await w.sync("A", "R")
      expectNoLetters(w, "A")
      await w.sync("B", "R")
      expectNoLetters(w, "B")
    },
  },
  {
    title: "another login while the process runs; it writes on",
    rules: ["S35"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      w.logIn("A", "A 2")
      await w.put("A", "k0")
      await w.sync("A", "R")
      for (const key of ["k0", "k1", "k2"]) await w.put("A", key)
      await w.sync("A", "R")
      expectNoLetters(w, "A")
      expectRefused(w, "A", 1)
    },
  },
  {
    title: "two logins take turns on one device",
    rules: ["S35"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      for (const login of ["A", "A 2", "A", "A 2", "A"]) {
        w.logIn("A", login)
        await w.put("A", "k0")
        await w.sync("A", "R")
        await w.put("A", "k1")
      }
      expectNoLetters(w, "A")
      expectRefused(w, "A", 8)
    },
  },
  {
    title: "two processes of one device, a login each; one hears of the refusal from the other",
    rules: ["S35"],
    habits: { isWatched: true },
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.another("A")
      w.logIn("A", "A 2", 1)
      await w.put("A", "k0")
      const [first, second] = [w.process("A", 0), w.process("A", 1)], signal = new AbortController().signal
      await w.run(second.cycle("R").pull(signal))
      await w.run(second.cycle("R").push(signal)) // the first one's writer belongs to the first one's login
      await w.run(first.store?.refresh() ?? Promise.resolve())
      for (const key of ["k0", "k1", "k2"]) await w.put("A", key)
      await w.run(second.cycle("R").push(signal))
      await w.run(first.cycle("R").push(signal))
      expectNoLetters(w, "A")
      expectRefused(w, "A", 1)
    },
  },
  {
    title: "a copy with the old login brings what was written anew under the new one",
    rules: ["S35", "S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.put("A", "k0")
      const copy = await w.clone("A")
      w.logIn("A", "A 2")
      await w.sync("A", "R")
      await w.sync(copy, "R")
      await w.put(copy, "k0")
      await w.sync(copy, "R")
      await w.sync("A", "R")
      expectNoLetters(w, "A")
      expectNoLetters(w, copy)
    },
  },
  {
    title: "a server's clock says nothing of a login",
    rules: ["S35", "S37"],
    play: async (w) => {
      await w.servers("R")
      w.site("R").clock.offsetMillis = -200_000 // within what a server takes
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      w.logIn("A", "A 2")
      await w.put("A", "k0")
      await w.push("A", "R")
      const offset = w.process("A").store?.synced.views.remotes.clockOffsetMillis ?? 0
      if (offset !== 0) w.world.violation("a clock is corrected for a login", String(offset))
    },
  },
  {
    title: "a device that may not relay replaces what the server does not have",
    rules: ["S36"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B", "R")
      await w.device("E", "R")
      await w.restrictedDevice("D", "R", "B")
      await w.sync("D", "R")
      await w.put("B", "k0")
      await w.sync("B", "R")
      await w.reopen("B")
      await w.put("B", "k0")
      await w.pull("D", "B")
      await w.put("D", "k0")
      await w.push("D", "R") // names B's second writer, whose link comes later
      await w.sync("E", "R")
    },
  },
  {
    title: "a relay brings a number that is void with it to a server that has what covers it",
    rules: ["S36", "S12"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1", "R2")
      await w.device("B", "R2")
      await w.restrictedDevice("D", "R1", "B")
      await w.device("E", "R2", "D")
      for (const [name, remote] of [["A", "R1"], ["A", "R2"], ["D", "R1"], ["E", "R2"]] as const) await w.sync(name, remote)
      await w.put("B", "k0")
      await w.pull("D", "B")
      await w.put("D", "k0")
      await w.push("D", "R1") // without what it replaced
      await w.pull("E", "D")
      await w.push("E", "R2") // both, the first one void
      await w.pull("A", "R1")
      await w.pull("A", "R2")
      await w.push("A", "R1")
    },
  },
  {
    title: "a wiped server gets back what authors have; the rest is named",
    rules: ["S36"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.restrictedDevice("D", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("D", "R")
      await w.put("D", "k1")
      await w.sync("D", "R")
      w.remove("A")
      await w.restore("R", [])
      await w.pull("D", "R")
      await w.sync("D", "R")
      const { upstreamLoss } = w.process("D").cycle("R").status()
      if (upstreamLoss?.operations !== 1) w.world.violation("a loss is not named", `${upstreamLoss?.operations}`)
      if (!w.site("R").observer.fold.sorted().some(([, key]) => key === "k1")) w.world.violation("write lost", "D's own")
    },
  },
  {
    title: "a wiped server, a device that may not relay, and one that may",
    rules: ["S36", "S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.restrictedDevice("D", "R")
      await w.device("E", "D")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("D", "R")
      await w.sync("E", "D")
      w.remove("A")
      await w.restore("R", [])
      await w.sync("D", "R")
      w.site("E").remotes = ["R", "D"]
      await w.sync("E", "R")
      await w.sync("D", "R")
      await w.sync("D", "R")
      if (w.process("D").cycle("R").status().upstreamLoss !== undefined) w.world.violation("a loss that was healed is named", "D")
    },
  },
]
