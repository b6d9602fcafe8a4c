/** Histories of pushing: what goes to a remote, in what order, and on what it builds (rules S10 to S14). */
import type { Store } from "../../kernel/store/store.ts"
import type { DeviceProcess } from "../device-process.ts"
import { type History, ONE_FRAME } from "../history.ts"
import type { Token } from "../token.ts"

function storeOf({ name, store }: DeviceProcess): Store<Token> {
  if (store === undefined) throw new Error(`${name} is not open`)
  return store
}

/** In the order of their rules. */
export const PUSHING_HISTORIES: readonly History[] = [
  {
    title: "the author is gone, the server restored, another device has the write",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      const old = w.backup("R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("B", "R")
      w.remove("A")
      await w.restore("R", old)
      await w.device("C", "R")
    },
  },
  {
    title: "one process of a device writes, another one syncs",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.another("A")
      await w.sync("A", "R")
      await w.run(w.application.put(w.process("A", 1), "", "k0", w.token()))
      await w.push("A", "R")
      if (w.site("R").disk.head === 0) w.world.violation("not pushed", "k0")
    },
  },
  {
    title: "a server loses its power after it said that it has a write",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.world.losePower(w.site("R"), 0)
      w.remove("A")
      await w.device("B", "R")
    },
  },
  {
    title: "an operation reaches the second remote before what it builds on",
    rules: ["S11"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("B", "R1")
      await w.device("A", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.put("B", "k0")
      await w.sync("B", "R1")
      await w.sync("A", "R1")
      await w.put("A", "k1")
      await w.push("A", "R2")
    },
  },
  {
    title: "void in one push, superseded in a later one that never comes",
    rules: ["S12"],
    habits: ONE_FRAME,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      for (let n = 0; n < 3; n++) await w.put("A", "k1")
      await w.put("A", "k0")
      const cycle = w.process("A").cycle("R")
      await w.run(cycle.connect(new AbortController().signal))
      const pushing = cycle.push(new AbortController().signal).catch(() => {})
      await w.world.scheduler.quiet()
      // The first push is confirmed, the second never leaves.
      await w.world.scheduler.runUntil(() => w.site("R").disk.head > 0, 100)
      w.remove("A")
      void pushing
    },
  },
  {
    title: "a relay with another cut of the same numbers takes itself for a fork",
    rules: ["S13"],
    habits: { limits: { operationsMax: 2, partsMax: 2 } },
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1", "R2")
      await w.device("D", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.sync("D", "R1", "R2")
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.push("A", "R2")
      await w.put("A", "k0")
      await w.push("A", "R1")
      await w.pull("D", "R1")
      await w.put("D", "k1")
      await w.push("D", "R2")
      await w.pull("D", "R2")
    },
  },
  {
    title: "a restored server takes a write whose cause it lost",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      const old = w.backup("R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("B", "R")
      await w.restore("R", old)
      await w.put("B", "k1")
      await w.push("B", "R")
    },
  },
  {
    title: "a server is restored after a relay's push that no pull has brought back",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B")
      await w.device("A", "R", "B")
      await w.sync("A", "R")
      const old = w.backup("R")
      await w.put("B", "k0")
      await w.pull("A", "B")
      await w.push("A", "R")
      await w.restore("R", old)
      await w.put("A", "k1")
      await w.push("A", "R")
    },
  },
  {
    title: "another process hears that the server was wiped while a push is made ready",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B")
      await w.device("A", "R", "B")
      await w.put("B", "k2")
      await w.pull("A", "B")
      await w.sync("A", "R")
      await w.another("A")
      await w.put("B", "k0")
      await w.pull("A", "B")
      await w.push("A", "R")
      await w.restore("R", [])
      await w.put("A", "k1")
      const { synced } = storeOf(w.process("A")), { flush } = synced
      synced.flush = async () => {
        await flush()
        await w.process("A", 1).cycle("R").pull(new AbortController().signal)
        await synced.refresh()
      }
      await w.push("A", "R")
      synced.flush = flush
    },
  },
  {
    title: "what a refused operation replaced is listed, not void",
    rules: ["S12", "S19"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R")
      w.remove("A")
      await w.device("B", "R")
    },
  },
]
