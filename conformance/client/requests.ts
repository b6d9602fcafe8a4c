/** Cases: what a client sends, whatever it is about. */
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import { ensure, equal } from "../expect.ts"
import { listedIn } from "./shown.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** Writes, deletes, syncs, hears of others, and syncs again: what every client does every day. */
const aDay = async (trial: ClientTrial): Promise<void> => {
  const client = await trial.open()
  await client.put("one", { text: "first", list: [1, -1, 0.5, true, null, "ä€😀"] })
  await client.put("two", "second")
  await client.syncs("the first sync")
  await trial.elsewhere("three", "from elsewhere")
  await client.delete("two")
  await client.put("one", "again")
  await client.syncs("the second sync")
  await client.lists({ one: "again", three: "from elsewhere" })
  equal([...(await trial.held()).records], [["one", "again"], ["three", "from elsewhere"]], "records at the server")
}

export const requestCases: readonly ClientCase[] = [
  {
    id: "asking/valid",
    title: "All that a client sends on an ordinary day is valid: messages, fields, blocks, media types, tokens.",
    level: "MUST",
    requires: [],
    rule: "A message is one MessagePack array of four elements in their shortest forms (F-1), but for the last, and nothing behind it",
    why: "A server of another author would refuse what this client sends, and the device would never sync.",
    run: async (trial) => {
      await aDay(trial)
      for (const seen of trial.server.requests) ensure(seen.problem === undefined, `request ${seen.number}: ${seen.problem}`)
      for (const route of ["handshake", "push", "pull"] as const) ensure(trial.server.of(route).length > 0, `no ${route} came`)
    },
  },
  {
    id: "asking/silent-until-asked",
    title: "Opening a store and writing to it asks the server nothing.",
    level: "MUST",
    requires: [],
    rule: "it asks the server nothing before `sync` or `start`",
    why: "An application that does not sync yet would wait for a network that is not there.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("one", 1)
      await client.shows("one", 1)
      equal(trial.server.requests.length, 0, "requests before the first sync")
    },
  },
  {
    id: "asking/calls",
    title: "Each request has a call that no other one of this client had, after a start anew too.",
    level: "MUST",
    requires: [],
    rule: "A request names a call that this client used for no other request, and that is not 16 zeros",
    why: "An old answer that a cache brings would pass for a new one, and records of today would be those of yesterday.",
    run: async (trial) => {
      await aDay(trial)
      await trial.restart()
      const client = await trial.open()
      await client.put("four", 4)
      await client.syncs("a sync after a start anew")
      const calls = trial.server.requests.map(({ message }) => bytesToHex(message?.call ?? new Uint8Array(16)))
      equal(new Set(calls).size, calls.length, "different calls")
    },
  },
  {
    id: "asking/operations-once",
    title: "An operation that the server has is not sent again.",
    level: "SHOULD",
    requires: [],
    rule: "A push is a prefix of what the server lacks of the client's log",
    why: "Every sync would carry the whole history of the device.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("one", 1)
      await client.syncs("the first push")
      await client.put("two", 2)
      await client.syncs("the second push")
      const dots = trial.server.of("push").flatMap(({ blocks }) => listedIn(blocks)).map(({ dot }) => dot.join(" "))
      equal(dots.length, new Set(dots).size, "operations in all pushes")
    },
  },
]
