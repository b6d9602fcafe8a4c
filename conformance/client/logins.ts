/** Cases: tokens: where they go, when another one is asked for, and what is done without a right. */
import { networkInterfaces } from "node:os"
import { ensure, equal, outcomeOf } from "../expect.ts"
import { Door, type Incoming } from "./door.ts"
import { failing, page, redirected, replyOf } from "./misdeeds.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

const drawToken = (): string => crypto.randomUUID().replaceAll("-", "")

/** Tokens that the requests of a client had, each as often as it came in a row. */
const usedTokens = ({ server }: ClientTrial): readonly string[] =>
  server.requests.map(({ incoming }) => incoming.headers.get("authorization")?.replace(/^bearer /i, "") ?? "")
    .filter((token, at, all) => token !== all[at - 1])

/** An address of this machine that others reach it by; undefined where there is none. */
const outerAddress = (): string | undefined =>
  Object.values(networkInterfaces()).flatMap((all) => all ?? []).find(({ family, internal }) => family === "IPv4" && !internal)?.address

export const loginCases: readonly ClientCase[] = [
  {
    id: "login/next-token",
    title: "A token that counts no more is replaced by the next one, within the same sync, and nothing is lost.",
    level: "MUST",
    requires: [],
    rule: "A client then asks for a new token once, and stops visibly if that is refused too.",
    why: "Users would have to log in every hour.",
    run: async (trial) => {
      const next = drawToken(), [first = ""] = trial.tokens
      trial.tokens.push(next)
      trial.server.admit(next)
      const client = await trial.synced()
      trial.server.accounts.delete(first)
      await client.put("ours", "from here")
      await client.syncs("a sync whose token counts no more")
      await trial.arrives("ours", "from here")
      equal(usedTokens(trial), [first, next], "tokens in the order of their use")
    },
  },
  {
    id: "login/none-left",
    title: "Where the new token is refused, too, a started client stops visibly, and keeps everything.",
    level: "MUST",
    requires: [],
    rule: "A client then asks for a new token once, and stops visibly if that is refused too.",
    why: "A device that was logged out would ask without end, or throw away what was not sent.",
    run: async (trial) => {
      const next = drawToken(), [first = ""] = trial.tokens
      trial.tokens.push(next)
      trial.server.accounts.delete(first)
      const client = await trial.open()
      await client.put("ours", "from here")
      await client.start(100)
      const { lastError, pending } = await client.until("that it has stopped", ({ isStopped }) => isStopped, trial.patienceMillis)
      equal(lastError, "unauthenticated", "its last error")
      ensure(pending > 0, "nothing is pending any more")
      const { length } = trial.server.requests
      ensure(length <= 6, `${length} requests until it stopped`)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      equal(trial.server.requests.length, length, "requests after it has stopped")
      trial.server.admit(next)
      await client.syncs("a sync after a new login")
      await trial.arrives("ours", "from here")
    },
  },
  {
    id: "login/forbidden-push",
    title: "A client that may not write keeps what it has, says so, and still hears what others write.",
    level: "MUST",
    requires: [],
    rule: "a push that fails does not keep the pull from being sent",
    why: "Readers would see nothing, and what they wrote would be gone when they are given the right.",
    run: async (trial) => {
      const [token = ""] = trial.tokens
      trial.server.admit(token, "owner", { read: true })
      const client = await trial.open()
      await client.put("ours", "from here")
      await trial.elsewhere("before", 0) // who may not write makes no store
      await client.start(200)
      const { pending } = await client.until("an error that is shown", ({ lastError }) => lastError === "forbidden", trial.patienceMillis)
      ensure(pending > 0, "nothing is pending any more")
      await trial.elsewhere("theirs", "from elsewhere")
      for (const late = performance.now() + trial.patienceMillis; !(await client.get("theirs")).found;) {
        ensure(performance.now() < late, "what others wrote did not come while pushes are forbidden")
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await client.stop()
      trial.server.admit(token)
      await client.syncs("a sync with the right to write")
      await trial.arrives("ours", "from here")
    },
  },
  {
    id: "login/header-alone",
    title: "The token is sent in one header of each request and nowhere else: not in a URL, a body, another header, or to people.",
    level: "MUST",
    requires: [],
    rule:
      "A token is sent as `Authorization: Bearer <token>` (RFC 6750; a server SHOULD take the word in any case), in every request but health, and never anywhere else: not in a URL, a body, a cookie or a log.",
    why: "Logs of proxies, histories of browsers and reports of faults would hold what lets anybody in.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", 1)
      for (const misdeed of [failing("unauthenticated"), failing("internal"), page(), redirected(`${trial.server.url}/login`)]) {
        trial.server.on("any", misdeed)
        await client.failsToSync("a sync that meets trouble")
        trial.server.behave()
      }
      await client.syncs("the sync after it")
      await trial.checkRequests()
      for (const token of trial.tokens) ensure(!trial.told.includes(token), "the token stands in what the client wrote to standard error")
    },
  },
  {
    id: "login/other-origin",
    title: "A token is sent to no other origin than the one that it was given for.",
    level: "MUST",
    requires: [],
    rule: "never to another origin than the one it was given for",
    why: "Whoever can answer once would be given what lets them in.",
    run: async (trial) => {
      const elsewhere: Incoming[] = []
      const door = await Door.open((incoming) => {
        elsewhere.push(incoming)
        return Promise.resolve(replyOf(new Uint8Array(0)))
      })
      try {
        const client = await trial.open()
        for (const status of [301, 302, 307, 308]) {
          trial.server.on("any", redirected(`http://127.0.0.1:${door.port}/v1/handshake`, status))
          await client.failsToSync("a sync that is sent elsewhere", "network")
          trial.server.behave()
        }
        const isTold = elsewhere.some(({ headers, target, body }) =>
          trial.tokens.some((token) => `${[...headers].join()}${target}${new TextDecoder("latin1").decode(body)}`.includes(token))
        )
        ensure(!isTold, "the token was sent to another origin")
      } finally {
        await door.shut()
      }
    },
  },
  {
    id: "login/plain-http",
    title: "A token is not sent over plain http to an address that is not this machine's loopback.",
    level: "MUST",
    requires: [],
    rule: "A client sends tokens over `https` only, or to a loopback address",
    why: "Everybody in the same café would have the token, and all records.",
    run: async (trial) => {
      const address = outerAddress(), came: Incoming[] = []
      if (address === undefined) return trial.warn("this machine has no address but loopback: not checked")
      const door = await Door.open((incoming) => {
        came.push(incoming)
        return Promise.resolve(undefined)
      }, "0.0.0.0")
      try {
        const opened = await outcomeOf(() => trial.open({ server: `http://${address}:${door.port}` }))
        if (opened.kind === "value") await opened.value.failsToSync("a sync over plain http to another address")
        equal(came.filter(({ headers }) => headers.has("authorization")).length, 0, "requests with a token that came over plain http")
      } finally {
        await door.shut()
      }
    },
  },
]
