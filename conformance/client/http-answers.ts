/** Cases: what HTTP says of an answer: its status, where else to ask, how it is encoded. */
import { ensure, equal } from "../expect.ts"
import { gzip } from "../server/gzip.ts"
import { Door, type Incoming } from "./door.ts"
import { bodyOf, failing, redirected, replyOf } from "./misdeeds.ts"
import type { ClientCase } from "./trial.ts"

export const httpAnswerCases: readonly ClientCase[] = [
  {
    id: "answer/status",
    title: "A message that is no error counts with a status of success alone, an error with any.",
    level: "MUST",
    requires: [],
    rule: "a message that is no error counts with a status of success (2xx) alone, and an error with any",
    why: "What a gateway says is wrong would be taken for right, and what the server says is wrong would not be heard.",
    run: async (trial) => {
      const client = await trial.synced()
      await trial.elsewhere("theirs", "from elsewhere")
      for (const status of [400, 404, 500, 503]) {
        trial.server.on("pull", async ({ serve }) => replyOf(bodyOf(await serve()) ?? new Uint8Array(0), status), 1)
        await client.failsToSync(`a sync whose page has the status ${status}`)
        await client.lacks("theirs")
        trial.server.behave()
      }
      for (const status of [200, 404, 503]) {
        trial.server.on("pull", failing("rate_limited", { status }), 1)
        await client.failsToSync(`a sync whose pull is answered with an error of status ${status}`, "rate_limited")
        trial.server.behave()
      }
      await client.syncs("the sync after them")
      await client.shows("theirs", "from elsewhere")
    },
  },
  {
    id: "answer/redirect",
    title: "A redirect is not followed: not to another origin, which would be given the token, and not to the same one.",
    level: "MUST",
    requires: [],
    rule: "A server MUST NOT redirect, and a client MUST NOT follow a redirect.",
    why: "Whoever can answer once would be sent the token and all records of the device.",
    run: async (trial) => {
      const elsewhere: Incoming[] = []
      const door = await Door.open((incoming) => {
        elsewhere.push(incoming)
        return Promise.resolve(replyOf(new Uint8Array(0)))
      })
      try {
        const client = await trial.synced()
        for (const status of [301, 302, 303, 307, 308]) {
          trial.server.on("pull", redirected(`http://127.0.0.1:${door.port}/v1/pull`, status), 1)
          await client.failsToSync(`a pull that is redirected with status ${status}`, "network")
          const before = trial.server.requests.length
          trial.server.on("pull", redirected(`${trial.server.url}/v1/pull`, status), 1)
          await client.failsToSync(`a pull that is redirected to the same origin with status ${status}`, "network")
          const pulls = trial.server.requests.slice(before).filter(({ incoming }) => incoming.target.startsWith("/v1/pull"))
          equal(pulls.length, 1, "pulls after a redirect")
        }
        equal(elsewhere.length, 0, "requests at the other origin")
      } finally {
        await door.shut()
      }
    },
  },
  {
    id: "answer/gzip",
    title: "A zipped answer is read, and a request says that it may be.",
    level: "MUST",
    requires: ["gzip"],
    rule: "a server MUST NOT compress an answer unless the request names `gzip` in `accept`",
    why: "The device could not sync with a server that zips.",
    run: async (trial) => {
      await trial.elsewhere("one", "a".repeat(5000))
      const client = await trial.open()
      trial.server.on(
        "pull",
        async ({ serve }) => replyOf(gzip(bodyOf(await serve()) ?? new Uint8Array(0)), 200, { "content-encoding": "gzip" }),
      )
      await client.syncs("a sync whose pages are zipped")
      const isNamed = trial.server.of("pull").every(({ identity }) => identity?.accept.includes("gzip") === true)
      ensure(isNamed, "a pull does not name gzip in `accept`")
      await client.shows("one", "a".repeat(5000))
    },
  },
]
