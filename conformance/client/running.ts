/** Cases: what a client does by itself between start and stop, and what it does not. */
import { fail } from "../expect.ts"
import { failing } from "./misdeeds.ts"
import type { ClientCase } from "./trial.ts"
import { isQuiet, pause } from "./trouble.ts"

export const runningCases: readonly ClientCase[] = [
  {
    id: "comeback/stop-is-silence",
    title: "After stop nothing is sent, whatever is written.",
    level: "MUST",
    requires: [],
    rule: "ends that; nothing is sent after the answer",
    why: "Who goes offline on purpose would be online.",
    run: async (trial) => {
      const client = await trial.open()
      await client.start(100)
      await trial.server.until("a pull", () => trial.server.of("pull").length > 1, trial.patienceMillis)
      await client.stop()
      const written = client.put("ours", 1)
      await isQuiet(trial, "after stop")
      await written
      await client.syncs("a sync that somebody asks for")
      await trial.arrives("ours", 1)
      await isQuiet(trial, "after that sync")
    },
  },
  {
    id: "comeback/sync-plans-nothing",
    title: "A sync that failed, of a client that is not started, is not tried again by itself.",
    level: "MUST",
    requires: [],
    rule: "The client plans no further try because of it",
    why: "Who asks once would get an answer later, when nobody expects it.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", 1)
      trial.server.on("any", failing("internal"))
      await client.failsToSync("a sync of a server that fails", "internal")
      await isQuiet(trial, "after a sync that failed")
    },
  },
  {
    id: "comeback/writes-go-by-themselves",
    title: "A started client sends what is written, and fetches what others write, without being asked.",
    level: "MUST",
    requires: [],
    rule: "syncs by itself from now on, until `stop`: at once, after writes, at the latest `intervalMillis` after the last time",
    why: "Users would have to press a button.",
    run: async (trial) => {
      const client = await trial.open()
      await client.start(300)
      await client.put("ours", 1)
      await trial.arrives("ours", 1)
      await trial.elsewhere("theirs", 2)
      for (const late = performance.now() + trial.patienceMillis; !(await client.get("theirs")).found;) {
        if (performance.now() > late) fail("what others wrote did not come by itself")
        await pause(50)
      }
    },
  },
  {
    id: "comeback/one-at-a-time",
    title: "At most one push and one pull are under way at once, however much is asked and written.",
    level: "MUST",
    requires: [],
    rule: "At most one push and one pull of one store are under way at one server at a time.",
    why: "Two pushes at once would overtake each other, and a slow server would be asked ever more.",
    run: async (trial) => {
      const client = await trial.open()
      await client.start(100)
      for (const route of ["push", "pull"] as const) {
        trial.server.on(route, async ({ serve }) => {
          await pause(400)
          return await serve()
        })
      }
      for (let at = 0; at < 8; at += 1) {
        await client.put(`key ${at}`, at)
        await trial.elsewhere(`their ${at}`, at)
        await pause(150)
      }
      await client.syncs("a sync beside it")
      await trial.arrives("key 7", 7)
      await client.stop()
    },
  },
]
