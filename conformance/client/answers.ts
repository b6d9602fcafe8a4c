/** Cases: answers that are none, damaged, old, or of somebody else. To a client it is as if no answer had come: it may pass, and nothing of it is used. */
import type { RouteName } from "../../protocol/routes.ts"
import { ensure, equal } from "../expect.ts"
import type { Client } from "./client.ts"
import { bodyOf, changed, cut, failing, flipped, page, replayed, replyOf } from "./misdeeds.ts"
import type { Misdeed } from "./server.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** What every sync asks. */
const ASKED: readonly RouteName[] = ["handshake", "push", "pull"]

/**
 * A misdeed meets one request of `route`: the sync fails with one of `codes`, shows nothing that is not so, and what was lacking comes with the next one.
 */
const isNoAnswer = async (
  trial: ClientTrial,
  route: RouteName,
  misdeed: Misdeed,
  codes: readonly string[] = ["network"],
): Promise<void> => {
  const client = await trial.open({ tokens: trial.tokens })
  await trial.elsewhere("theirs", "from elsewhere")
  await client.put("ours", "from here")
  trial.server.on(route, misdeed, 1)
  await client.failsToSync(`a sync whose ${route} meets it`, ...codes)
  await client.shows("ours", "from here")
  await goesWell(trial, client)
}

const goesWell = async (trial: ClientTrial, client: Client): Promise<void> => {
  trial.server.behave()
  await client.syncs("the sync after it")
  await client.lists({ ours: "from here", theirs: "from elsewhere" })
  equal([...(await trial.held()).records], [["ours", "from here"], ["theirs", "from elsewhere"]], "records at the server")
  equal((await client.status()).pending, 0, "pending operations")
}

/** The same case for each request that a sync makes. */
const forEachAsked = (one: (route: RouteName) => ClientCase): readonly ClientCase[] => ASKED.map(one)

/** Answers with bytes of the right answer, of another media type. */
const typed = (type: string | undefined): Misdeed => async ({ serve }) => {
  const reply = await serve()
  return replyOf(bodyOf(reply) ?? new Uint8Array(0), reply.status, { "content-type": type })
}

export const answerCases: readonly ClientCase[] = [
  ...forEachAsked((route) => ({
    id: `answer/page-for-${route}`,
    title: `A page for people with status 200 in place of the answer to a ${route} is as if no answer had come.`,
    level: "MUST",
    requires: [],
    rule: "Anything else (a login page with status 200, the page of a proxy) is as if no answer had come",
    why: "In the network of a hotel the device would take the login page for the server's word, or give up for good.",
    run: (trial) => isNoAnswer(trial, route, page()),
  })),
  {
    id: "answer/media-type",
    title: "A message under another media type, or without one, is not taken.",
    level: "MUST",
    requires: [],
    rule: "A client MUST take an answer for one of this protocol only if it has the media type that W-5 says.",
    why: "What a cache or a gateway stores and serves under its own name would pass for the server's word.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("one", 1)
      for (const type of ["text/html", "application/octet-stream", undefined]) {
        trial.server.on("pull", typed(type), 1)
        await trial.elsewhere(String(type), 1)
        await client.failsToSync(`a pull that is answered as ${type ?? "nothing"}`, "network")
        await client.lacks(String(type))
        trial.server.behave()
      }
      await client.syncs("the sync after it")
    },
  },
  {
    id: "answer/media-type-parameters",
    title: "Parameters of the media type, and its case, mean nothing.",
    level: "MUST",
    requires: [],
    rule: "Parameters of the media type are ignored.",
    why: "A gateway that adds a charset would cut the device off.",
    run: async (trial) => {
      const client = await trial.open()
      await trial.elsewhere("one", 1)
      trial.server.on("any", typed("Application/vnd.Persist+msgpack; charset=utf-8"))
      await client.syncs("a sync whose answers have parameters")
      await client.shows("one", 1)
    },
  },
  ...forEachAsked((route) => ({
    id: `answer/flipped-${route}`,
    title: `An answer to a ${route} of which one bit is another is as if none had come, wherever that bit is.`,
    level: "MUST",
    requires: [],
    rule: "Bytes with a wrong one, or without one, are not those that were sent, and nothing of them is used",
    why: "A value that changed on its way would be stored under the name of the right one, and differ from all other devices for ever.",
    run: async (trial) => {
      const client = await trial.open()
      await trial.elsewhere("theirs", "from elsewhere")
      await client.put("ours", "from here")
      for (const at of [0, 1, 5, 9, 20, -45, -30, -21, -20, -7, -5, -4, -1]) {
        await client.put("ours", at) // so that there is something to push each time
        trial.server.on(route, flipped(at), 1)
        await client.failsToSync(`a sync whose ${route} is answered with byte ${at} changed`, "network")
        trial.server.behave()
      }
      await client.put("ours", "from here")
      await goesWell(trial, client)
    },
  })),
  {
    id: "answer/value-flipped",
    title: "A page in which one letter of a value changed is not taken.",
    level: "MUST",
    requires: [],
    rule: "an operation that is stored with a flipped bit is another one under the same dot, for ever",
    why: "A price or a name would be wrong on this device alone, and nothing would ever tell.",
    run: async (trial) => {
      const client = await trial.open()
      await trial.elsewhere("one", "a value of some letters")
      trial.server.on("pull", async ({ serve }) => {
        const reply = await serve(), body = bodyOf(reply) ?? new Uint8Array(0), text = new TextDecoder("latin1").decode(body)
        const at = text.indexOf("letters")
        ensure(at > 0, "the case itself: the page does not hold the value")
        body[at] = 0x4c
        return replyOf(body)
      }, 1)
      await client.failsToSync("a sync whose page changed on its way", "network")
      await client.lacks("one")
      trial.server.behave()
      await client.syncs("the sync after it")
      await client.shows("one", "a value of some letters")
    },
  },
  ...forEachAsked((route) => ({
    id: `answer/cut-${route}`,
    title: `An answer to a ${route} that ends too early is as if none had come, whether its length says so or not.`,
    level: "MUST",
    requires: [],
    rule: "Bytes with a wrong one, or without one, are not those that were sent, and nothing of them is used",
    why: "A connection that breaks in a tunnel would leave half of a page on the device.",
    run: async (trial) => {
      const client = await trial.open()
      await trial.elsewhere("theirs", "from elsewhere")
      await client.put("ours", "from here")
      const shortened = (left: (bytes: number) => number): Misdeed => async ({ serve }) => {
        const body = bodyOf(await serve()) ?? new Uint8Array(0)
        return replyOf(body.subarray(0, left(body.length)))
      }
      const cuts = [() => 0, () => 1, (bytes: number) => bytes >> 1, (bytes: number) => bytes - 5, (bytes: number) => bytes - 1]
      for (const left of cuts) {
        for (const misdeed of [cut(left), shortened(left)]) {
          await client.put("ours", "on its way") // so that there is something to push each time
          trial.server.on(route, misdeed, 1)
          await client.failsToSync(`a sync whose ${route} is answered in part`, "network")
          trial.server.behave()
        }
      }
      await client.put("ours", "from here")
      await goesWell(trial, client)
    },
  })),
  {
    id: "answer/old-page",
    title: "A page that was the answer to another pull is not taken, however true it was.",
    level: "MUST",
    requires: [],
    rule: "A client MUST NOT take an answer that names another call",
    why: "A cache that replays answers would keep the device in the past, or let it believe that it is up to date.",
    run: async (trial) => {
      const client = await trial.synced()
      const old = trial.server.of("pull").at(-1)?.reply
      await trial.elsewhere("theirs", "from elsewhere")
      trial.server.on("pull", replayed(old), 1)
      await client.failsToSync("a sync whose pull is answered with an old page", "network")
      trial.server.behave()
      await client.syncs("the sync after it")
      await client.shows("theirs", "from elsewhere")
    },
  },
  {
    id: "answer/old-ok",
    title: 'An "ok" that was the answer to another push is not taken: what was sent is sent again.',
    level: "MUST",
    requires: [],
    rule: "A client MUST NOT take an answer that names another call",
    why: "The device would believe that a write is at the server which never arrived there.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", 1)
      await client.syncs("the first push")
      const old = trial.server.of("push").at(-1)?.reply
      ensure(old !== undefined, "no push came")
      await client.put("ours", "from here")
      await trial.elsewhere("theirs", "from elsewhere")
      trial.server.on("push", replayed(old), 1)
      await client.failsToSync('a sync whose push is answered with an old "ok"', "network")
      await goesWell(trial, client)
    },
  },
  {
    id: "answer/call-of-zeros",
    title: "An answer that is no error and names 16 zeros in place of the call is not taken.",
    level: "MUST",
    requires: [],
    rule:
      "A client MUST NOT take an answer that names another call, nor an error that names another one but zeros: it is as if no answer had come.",
    why: "Whoever leaves the call out could have kept the answer for years.",
    run: (trial) => isNoAnswer(trial, "pull", changed(() => ({ call: new Uint8Array(16) }))),
  },
  {
    id: "answer/error-of-zeros",
    title: "An error that names 16 zeros in place of the call is one.",
    level: "MUST",
    requires: [],
    rule: "An answer names the call of its request; an error SHOULD, and names 16 zeros where it was not read.",
    why: "Nobody would be told why the device does not sync.",
    run: (trial) => isNoAnswer(trial, "pull", failing("rate_limited", { withoutCall: true }), ["rate_limited"]),
  },
  {
    id: "answer/error-of-another",
    title: "An error that names the call of another request is not taken.",
    level: "MUST",
    requires: [],
    rule:
      "A client MUST NOT take an answer that names another call, nor an error that names another one but zeros: it is as if no answer had come.",
    why: "An old refusal would stop a device that may sync again.",
    run: (trial) =>
      isNoAnswer(trial, "pull", async (exchange) => {
        const reply = await failing("invalid_request")(exchange)
        ensure(reply !== undefined, "the case itself: there is no answer")
        return await changed(() => ({ call: new Uint8Array(16).fill(7) }))({
          ...exchange,
          serve: () => Promise.resolve({ ...reply, status: 200 }),
        })
      }),
  },
]
