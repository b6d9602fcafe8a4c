/** Cases: a server that lies once, always, or leads on and on: what a client makes of it in the long run. */
import { ensure, equal } from "../expect.ts"
import { now, SOME_ID, VIOLATION, withPage, ZEROS } from "./lies.ts"
import { answered } from "./misdeeds.ts"
import type { ClientCase } from "./trial.ts"

const WITHOUT_END =
  "A client MUST bound the restarts and the `unknown` of one try, and the empty pages in a row, and then waits as after a failure that may pass."

export const longLieCases: readonly ClientCase[] = [
  {
    id: "lie/restart-from-the-start",
    title: "A restart of a pull that began at the first frame is not taken.",
    level: "MUST",
    requires: [],
    rule: "a restart from position 0, at the cursor that was sent, or to another position than 0 without a state (W-42)",
    why: "A new device would begin anew without end.",
    run: async (trial) => {
      const client = await trial.open()
      trial.server.on("pull", answered({ type: "restart", at: [0, ZEROS], serverTimeMillis: now() }))
      await client.failsToSync("a first pull that is answered with a restart", VIOLATION)
      const { length } = trial.server.of("pull")
      ensure(length <= 4, `${length} pulls in one sync`)
      trial.server.behave()
      await client.syncs("the sync after it")
    },
  },
  {
    id: "lie/may-pass-once",
    title: "A started client that is told a lie once goes on by itself.",
    level: "MUST",
    requires: [],
    rule: "It reports a violation of the protocol and treats it like an error that may pass once.",
    why: "One wrong answer of a server that is replaced would stop the device for good.",
    run: async (trial) => {
      await trial.elsewhere("theirs", "from elsewhere")
      const client = await trial.open()
      trial.server.on("pull", withPage((fields) => ({ ...fields, head: 0 })), 1)
      await client.start(500)
      await client.until("what others wrote", (status) => status.lastError === null, trial.patienceMillis)
      await trial.server.until("a pull after the lie", () => trial.server.of("pull").length > 1, trial.patienceMillis)
      await client.until("no error any more", ({ lastError }) => lastError === null, trial.patienceMillis)
      await client.syncs("a sync after it")
      await client.shows("theirs", "from elsewhere")
    },
  },
  {
    id: "lie/always",
    title: "A started client that is told lies all the time stops visibly, and does not ask on and on.",
    level: "MUST",
    requires: [],
    rule: "`never` and `after_action` are tried once more, then no more until something changes; that state is visible.",
    why: "All devices of a broken server would ask it without end, and nobody would be told.",
    run: async (trial) => {
      const client = await trial.open()
      trial.server.on("pull", withPage((fields) => ({ ...fields, head: 0, next: [9, SOME_ID] })))
      await client.start(200)
      const { lastError } = await client.until("that it has stopped", ({ isStopped }) => isStopped, trial.patienceMillis)
      equal(lastError, VIOLATION, "its last error")
      const { length } = trial.server.of("pull")
      ensure(length <= 4, `${length} pulls before it stopped`)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      equal(trial.server.of("pull").length, length, "pulls after it has stopped")
    },
  },
  {
    id: "lie/no-end",
    title: "A server of which each page moves a step and brings nothing does not keep a client busy.",
    level: "MUST",
    requires: [],
    rule: WITHOUT_END,
    why: "The battery of every device would be gone in a day.",
    run: async (trial) => {
      const client = await trial.synced()
      trial.server.on(
        "pull",
        answered(({ pull }) => {
          const position = (pull?.cursor.position ?? 0) + 1
          return { type: "page", ranges: [], next: [position, SOME_ID], upToDate: false, head: position + 1000, serverTimeMillis: now() }
        }),
      )
      await client.sync()
      const { length } = trial.server.of("pull")
      ensure(length <= 300, `${length} pulls in one sync that brought nothing`)
    },
  },
  {
    id: "lie/begins-anew-without-end",
    title: "A server that has a client begin anew wherever it stands does not keep it busy.",
    level: "MUST",
    requires: [],
    rule: WITHOUT_END,
    why: "The battery of every device would be gone in a day.",
    run: async (trial) => {
      const client = await trial.synced()
      trial.server.on(
        "pull",
        answered(({ pull }) =>
          pull?.cursor.position === 0
            ? { type: "page", ranges: [], next: [1, SOME_ID], upToDate: false, head: 1000, serverTimeMillis: now() }
            : { type: "restart", at: [0, ZEROS], serverTimeMillis: now() }
        ),
      )
      await trial.elsewhere("theirs", 1)
      await client.sync()
      const { length } = trial.server.of("pull")
      ensure(length <= 300, `${length} pulls in one sync that began anew again and again`)
    },
  },
  {
    id: "lie/ok-of-nothing",
    title: 'What a server said "ok" to and does not have, as its next pages show, is sent again.',
    level: "MUST",
    requires: [],
    rule:
      "what a remote is known to have is the pair of the latest `ok`, where there is one since the last page that was up to date, else what pages said",
    why: "A server that lost its last seconds in a crash would never get them back.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      const head = trial.server.of("pull").at(-1)?.pull?.cursor ?? { position: 0, id: ZEROS }
      trial.server.on(
        "push",
        answered(({ blocks, push }) => ({
          type: "ok",
          pairs: [...new Set(push?.parts.length === 0 ? [] : blocks.map(({ writers }) => writers[0] ?? ""))].map((writer) => [
            Uint8Array.from(writer.match(/../g) ?? [], (digits) => parseInt(digits, 16)),
            Math.max(...blocks.filter(({ writers }) => writers[0] === writer).map(({ to }) => to)),
            [],
          ]),
          last: [head.position, head.id],
          durability: "durable",
          serverTimeMillis: now(),
        })),
        1,
      )
      for (let syncs = 0; syncs < 3; syncs += 1) await client.sync()
      await trial.arrives("ours", "from here")
    },
  },
]
