/** Histories of pulling: pages, cursors and what comes twice (rules S16, S18). */
import { type History, ONE_FRAME } from "../history.ts"
import type { Heard } from "../network.ts"

/** The answer that was given last. */
function latest(old: readonly Heard[]): Heard {
  const last = old.at(-1)
  if (last === undefined) throw new Error("nothing was answered yet")
  return last
}

/** In the order of their rules. */
export const PULLING_HISTORIES: readonly History[] = [
  {
    title: "two processes pull; the slower page takes the cursor back",
    rules: ["S16", "S2"],
    habits: ONE_FRAME,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.another("B")
      await w.put("A", "k0")
      await w.sync("A", "R")
      const slow = w.process("B", 1).cycle("R"), { signal } = new AbortController()
      await w.run(slow.connect(signal))
      // Its request is answered, and the answer is on its way while the other one pulls.
      w.world.network.hold()
      const pulling = slow.pull(signal)
      await w.world.scheduler.quiet()
      await w.world.scheduler.runUntil(() => w.world.network.held > 0, 100)
      for (let n = 0; n < 3; n++) {
        await w.put("A", "k1")
        await w.sync("A", "R")
      }
      await w.pull("B", "R")
      w.world.network.release()
      await w.run(pulling)
    },
  },
  {
    title: "a cache answers with the page that another device got",
    rules: ["S16"],
    play: async (w) => {
      w.world.network.staleOf = latest
      await w.servers("R")
      for (const name of ["A", "B", "C", "D"]) await w.device(name, "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.pull("C", "R")
      await w.put("D", "k1")
      await w.sync("D", "R")
      await w.pull("C", "R")
      await w.pull("B", "R", "staleAnswer")
    },
  },
  {
    title: "a page brings again what is here, and something new",
    rules: ["S18", "S13"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1", "R2")
      await w.device("B", "R1", "R2")
      await w.put("A", "k0")
      await w.sync("A", "R1")
      await w.sync("B", "R1")
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.sync("A", "R2")
      await w.sync("B", "R2")
      await w.sync("B", "R1")
      w.remove("A")
    },
  },
]
