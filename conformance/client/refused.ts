/** Cases: single operations that a server does not take, and what becomes of them and of all others. */
import { ensure, equal } from "../expect.ts"
import { answered, failing } from "./misdeeds.ts"
import type { Misdeed } from "./server.ts"
import { type Listed, listedIn } from "./shown.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

const YEAR_MILLIS = 31_557_600_000

const bytesOf = (writer: string): Uint8Array => Uint8Array.from(writer.match(/../g) ?? [], (digits) => parseInt(digits, 16))

/** Refuses operations for which a code is answered; pushes without such are served. */
const refusing = (codeOf: (listed: Listed) => string | undefined): Misdeed => async (exchange) => {
  const refused = listedIn(exchange.seen.blocks).flatMap((listed) => {
    const code = codeOf(listed)
    return code === undefined ? [] : [[bytesOf(listed.dot[0]), listed.dot[1], code, "the case does not want it"]]
  })
  if (refused.length === 0) return await exchange.serve()
  return await answered({ type: "refused", refused, serverTimeMillis: Date.now() })(exchange)
}

/** Refuses every operation whose value is "bad". */
const bad = (code: string = "op_invalid"): Misdeed => refusing(({ value }) => value === "bad" ? code : undefined)

/** Pushes after the first answer that refused. */
const listedLater = (trial: ClientTrial): readonly Listed[] => {
  const pushes = trial.server.of("push"), first = pushes.findIndex(({ blocks }) => listedIn(blocks).some(({ value }) => value === "bad"))
  return listedIn(pushes.slice(first + 1).flatMap(({ blocks }) => blocks))
}

export const refusedCases: readonly ClientCase[] = [
  {
    id: "refused/rest-arrives",
    title: "What a server does not take is left out, and all else arrives.",
    level: "MUST",
    requires: [],
    rule: "Later pushes to this server carry these numbers as withheld.",
    why: "One record that a server refuses would keep everything behind it on the device for ever.",
    run: async (trial) => {
      const client = await trial.synced()
      for (const [key, value] of [["a", 1], ["b", "bad"], ["c", 3]] as const) await client.put(key, value)
      trial.server.on("push", bad())
      await client.syncs("a sync of which one operation is refused")
      equal([...(await trial.held()).records], [["a", 1], ["c", 3]], "records at the server")
      await client.shows("b", "bad", "what was refused, on the device")
      equal((await client.status()).pending, 0, "pending operations")
      await client.put("d", 4)
      await client.syncs("the next sync")
      equal((await trial.held()).records.get("d"), 4, '"d" at the server')
    },
  },
  {
    id: "refused/not-sent-again",
    title: "What a server has refused is not listed again; its number is named as withheld.",
    level: "MUST",
    requires: [],
    rule: "Later pushes to this server carry these numbers as withheld.",
    why: "Every sync would be refused for the same operation.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", "bad")
      trial.server.on("push", bad())
      await client.syncs("a sync whose operation is refused")
      const refused = listedIn(trial.server.of("push").flatMap(({ blocks }) => blocks)).find(({ value }) => value === "bad")
      ensure(refused !== undefined, "no push listed the operation")
      await client.put("b", 2)
      await client.syncs("the next sync")
      equal(listedLater(trial).filter(({ value }) => value === "bad").length, 0, "how often it was listed again")
      const [writer, seq] = refused.dot
      const later = trial.server.of("push").slice(1).flatMap(({ blocks }) => blocks)
        .filter(({ writers, from, to }) => writers[0] === writer && from < seq && to >= seq)
      ensure(later.length > 0, "no later push tells of its number")
      for (const { withheld } of later) ensure(withheld.includes(seq), "a later push brings its number, and does not name it as withheld")
    },
  },
  {
    id: "refused/dead-letter",
    title: "A refused operation is a dead letter: shown on the device, with its key and the server's code.",
    level: "MUST",
    requires: ["dead-letters"],
    rule: "for other codes, and for events, a dead letter that waits for the application",
    why: "Users would believe that everybody sees what nobody has.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", "bad")
      await client.put("b", "too large")
      await client.put("c", 3)
      trial.server.on("push", refusing(({ value }) => value === "bad" ? "op_invalid" : value === "too large" ? "op_too_large" : undefined))
      await client.syncs("a sync of which two operations are refused")
      const letters = (await client.status()).deadLetters.map(({ key, code }) => `${key} ${code}`).sort()
      equal(letters, ["a op_invalid", "b op_too_large"], "dead letters")
      await client.lists({ a: "bad", b: "too large", c: 3 })
    },
  },
  {
    id: "refused/dead-letter-stays",
    title: "Dead letters outlive a start anew, and are not sent again after it.",
    level: "MUST",
    requires: ["dead-letters", "durable"],
    rule: "A client that is answered `refused` records it in its own log before it sends anything else there",
    why: "Each start of the application would send what is refused, and forget that it was.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", "bad")
      trial.server.on("push", bad())
      await client.syncs("a sync whose operation is refused")
      await trial.restart()
      const again = await trial.open()
      equal((await again.status()).deadLetters.map(({ key }) => key), ["a"], "dead letters after a start anew")
      await again.put("b", 2)
      await again.syncs("the sync after a start anew")
      equal(listedLater(trial).filter(({ value }) => value === "bad").length, 0, "how often it was listed again")
      await again.lists({ a: "bad", b: 2 })
    },
  },
  {
    id: "refused/recorded-first",
    title: "A refusal is recorded before anything else is sent: a process that ends at the next request knows of it.",
    level: "MUST",
    requires: ["durable"],
    rule: "A client that is answered `refused` records it in its own log before it sends anything else there",
    why: "A crash in that moment would send again what is refused, as if it were new.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", "bad")
      await client.put("b", 2)
      let isRefused = false
      trial.server.on("push", async (exchange) => {
        if (!isRefused) {
          isRefused = true
          return await bad()(exchange)
        }
        return undefined
      })
      await client.failsToSync("a sync that is cut off after the refusal")
      await trial.restart()
      trial.server.behave()
      trial.server.on("push", bad())
      const again = await trial.open()
      await again.syncs("the sync after a start anew")
      equal(listedLater(trial).filter(({ value }) => value === "bad").length, 0, "how often it was listed again")
      await trial.arrives("b", 2)
    },
  },
  {
    id: "refused/later-write",
    title: "A later write of a record whose earlier one was refused goes on like any other.",
    level: "MUST",
    requires: [],
    rule: "A number is left out of a block only if it is withheld",
    why: "Users who correct what was refused would not be heard.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", "bad")
      trial.server.on("push", bad())
      await client.syncs("a sync whose operation is refused")
      await client.put("a", "better")
      await client.syncs("the next sync")
      equal((await trial.held()).records.get("a"), "better", '"a" at the server')
      equal((await client.status()).deadLetters.length, 0, "dead letters")
      await client.shows("a", "better")
    },
  },
  {
    id: "refused/clock-ahead",
    title:
      "A client whose clock is a year ahead of the server's writes anew with a corrected stamp what is refused for it, and all arrives.",
    level: "MUST",
    requires: [],
    rule:
      "for each operation that is still a version of its record a new one with the same value that covers it, stamped by a clock that is corrected by `serverTimeMillis`",
    why: "A device with a wrong clock could not sync, or would win against everybody for a year.",
    run: async (trial) => {
      trial.server.clockMillis = -YEAR_MILLIS
      const client = await trial.open()
      await client.put("a", 1)
      await client.put("b", 2)
      await client.syncs("the first sync")
      await client.put("c", 3)
      await client.put("a", "again")
      await client.syncs("the second sync")
      const held = await trial.held()
      equal([...held.records], [["a", "again"], ["b", 2], ["c", 3]], "records at the server")
      for (const { key, millis } of listedIn(held.blocks)) {
        ensure(millis <= Date.now() - YEAR_MILLIS + 300_000, `the stamp of "${key}" is ahead of the server's clock`)
      }
      await client.lists({ a: "again", b: 2, c: 3 })
      equal((await client.status()).deadLetters.length, 0, "dead letters")
      equal((await client.status()).pending, 0, "pending operations")
    },
  },
  {
    id: "refused/clock-behind",
    title: "A server whose clock is a year ahead sets no client's clock forward.",
    level: "MUST",
    requires: [],
    rule:
      "`serverTimeMillis` never sets a clock forward: it lowers stamps, after a refusal, until an answer shows that the client's clock is ahead by no more than 300,000 ms.",
    why: "One server with a wrong clock would make all devices write in the future.",
    run: async (trial) => {
      trial.server.clockMillis = YEAR_MILLIS
      const client = await trial.synced()
      for (let at = 0; at < 3; at += 1) {
        await client.put(`key ${at}`, at)
        await client.syncs(`sync ${at}`)
      }
      for (const { key, millis } of listedIn((await trial.held()).blocks)) {
        ensure(Math.abs(millis - Date.now()) < 300_000, `the stamp of "${key}" is ${Math.round((millis - Date.now()) / 1000)} s ahead`)
      }
    },
  },
  {
    id: "refused/writer-of-another",
    title: "After a login as somebody else, what is refused since its writer belongs to the first one is written anew under a new writer.",
    level: "MUST",
    requires: [],
    rule:
      "A client writes no more under a writer that it was told belongs to another principal; later writers of its log go on to link to that one",
    why: "Who logs in on a shared device could not write there any more.",
    run: async (trial) => {
      const second = crypto.randomUUID().replaceAll("-", ""), [first = ""] = trial.tokens
      trial.tokens.push(second)
      trial.server.admit(second, "somebody else")
      const client = await trial.synced()
      await client.put("a", 1)
      await client.syncs("the push of the first login")
      trial.server.accounts.delete(first)
      await client.put("b", 2)
      await client.syncs("the push of the second login")
      await client.put("c", 3)
      await client.syncs("the push after it")
      const held = await trial.held()
      equal([...held.records], [["a", 1], ["b", 2], ["c", 3]], "records at the server")
      const writers = new Map(listedIn(held.blocks).map(({ key, dot: [writer] }) => [key, writer]))
      ensure(writers.get("a") !== writers.get("b"), "the second login wrote under the writer of the first")
      await client.lists({ a: 1, b: 2, c: 3 })
      equal((await client.status()).deadLetters.length, 0, "dead letters")
    },
  },
  {
    id: "refused/forbidden-writers",
    title: "What a principal may not bring is left out; its own operations arrive, and nothing becomes a dead letter.",
    level: "MUST",
    requires: [],
    rule:
      "leaves these writers, and all that are not its own, out of what it pushes to this server until its next handshake; nothing of them becomes a dead letter",
    why: "A device that may not pass on what others wrote could not send its own.",
    run: async (trial) => {
      const [token = ""] = trial.tokens
      trial.server.admit(token, "owner", { read: true, write: true, relay: false })
      await trial.elsewhere("theirs", "from elsewhere")
      const client = await trial.synced()
      await client.put("ours", "from here")
      await client.syncs("the first push")
      await trial.server.wipe()
      await client.put("ours", "again")
      for (let syncs = 0; syncs < 3; syncs += 1) await client.sync()
      await trial.arrives("ours", "again")
      equal((await client.status()).deadLetters.length, 0, "dead letters")
      await client.lists({ ours: "again", theirs: "from elsewhere" })
    },
  },
  {
    id: "refused/not-by-an-error",
    title: "An error of whatever kind refuses no operation: all is still there and arrives when the server behaves.",
    level: "MUST",
    requires: [],
    rule: "An error never refuses, withholds or forgets an operation.",
    why: "One bad hour of a server would lose what was written in it.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("a", 1)
      for (
        const code of [
          "invalid_request",
          "unsupported_feature",
          "quota_exceeded",
          "forbidden",
          "batch_too_large",
          "store_not_found",
          "op_invalid",
        ]
      ) {
        trial.server.on("push", failing(code))
        await client.failsToSync(`a sync whose push is answered ${code}`, code)
        const { pending, deadLetters } = await client.status()
        ensure(pending > 0 && deadLetters.length === 0, `after ${code}: ${pending} pending, ${deadLetters.length} dead letters`)
        trial.server.behave()
      }
      await client.syncs("the sync after them")
      await trial.arrives("a", 1)
    },
  },
]
