/** Cases: what outlives the end of a client's process, wherever that comes. */
import { ensure, equal } from "../expect.ts"
import { held } from "./misdeeds.ts"
import type { ClientCase } from "./trial.ts"

export const keepingCases: readonly ClientCase[] = [
  {
    id: "keeping/closed",
    title: "What was written is there after close and a start anew, and is sent then.",
    level: "MUST",
    requires: ["durable"],
    rule: "the folder keeps the log through a kill of the process",
    why: "What is written offline would be gone with the application's window.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("one", { text: "kept" })
      await client.put("two", 2)
      await client.delete("two")
      await client.close()
      await trial.restart()
      const again = await trial.open()
      await again.lists({ one: { text: "kept" } })
      await again.syncs("the first sync")
      equal([...(await trial.held()).records], [["one", { text: "kept" }]], "records at the server")
    },
  },
  {
    id: "keeping/killed",
    title: "What a put was answered for is there after the process was killed.",
    level: "MUST",
    requires: ["durable"],
    rule: "the folder keeps the log through a kill of the process",
    why: "A crash of the application would lose what users saw saved.",
    run: async (trial) => {
      const client = await trial.open()
      for (let at = 0; at < 20; at += 1) await client.put(`key ${at}`, at)
      await trial.restart()
      const again = await trial.open()
      await again.lists(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`key ${at}`, at])))
    },
  },
  {
    id: "keeping/before-it-is-sent",
    title: "What arrives at the server is on the device already: a process that is killed at that moment has it.",
    level: "MUST",
    requires: ["durable"],
    rule: "A client flushes its own log before it sends what is in it.",
    why: "Others would have what its own device has lost, and its numbers would be given twice.",
    run: async (trial) => {
      const client = await trial.synced()
      trial.server.on("push", held(new Promise(() => {})))
      await client.start(200)
      await client.put("one", 1)
      await trial.server.until("a push", () => trial.server.of("push").length > 0, trial.patienceMillis)
      await trial.restart()
      trial.server.behave()
      const again = await trial.open()
      await again.shows("one", 1)
      await again.syncs("the sync after a start anew")
      await trial.arrives("one", 1)
    },
  },
  {
    id: "keeping/killed-anywhere",
    title: "A process that is killed at any request, before the server has it or after, loses nothing, and does nothing twice.",
    level: "MUST",
    requires: ["durable"],
    rule: "A push is *idempotent*, without limit of time: whatever was taken before is skipped, by dot.",
    why: "A phone whose battery ends in the middle of a sync would lose writes, or show them twice.",
    run: async (trial) => {
      const expected: Record<string, number> = {}
      let client = await trial.open()
      for (let round = 0; round < 4; round += 1) {
        await client.put(`ours ${round}`, expected[`ours ${round}`] = round)
        await trial.elsewhere(`theirs ${round}`, expected[`theirs ${round}`] = round)
        // The second, third, fourth request of this round; every other time the server does what is asked.
        const at = trial.server.requests.length + 1 + round, never = new Promise<never>(() => {})
        trial.server.on("any", async (exchange) => {
          if (exchange.seen.number < at) return await exchange.serve()
          if (round % 2 === 1) await exchange.serve()
          return await held(never)(exchange)
        })
        await client.start(100)
        await trial.server.until(`request ${at}`, () => trial.server.requests.length >= at, trial.patienceMillis)
        await trial.restart()
        trial.server.behave()
        client = await trial.open()
      }
      await client.syncs("the last sync")
      await client.lists(expected)
      const atServer = await trial.held()
      equal(atServer.records.size, 8, "records at the server")
      for (const [key, versions] of atServer.versions) {
        ensure(versions.length === 1, `"${key}" has ${versions.length} versions at the server`)
      }
    },
  },
]
