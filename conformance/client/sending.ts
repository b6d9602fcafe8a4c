/** Cases: what a client sends of its own log, when, and what it does with the answers that mean "not now" and "not so much". */
import { decodePullAnswer, decodePushAnswer } from "../../protocol/messages.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import { ensure, equal } from "../expect.ts"
import type { Json } from "./contract.ts"
import { answered, bodyOf, dropped, failing } from "./misdeeds.ts"
import { typeOfAnswer } from "./request-rules.ts"
import type { SeenRequest } from "./seen-request.ts"
import type { Misdeed } from "./server.ts"
import { listedIn } from "./shown.ts"
import type { ClientCase } from "./trial.ts"

/** Values that programs spoil. */
const VALUES: Readonly<Record<string, Json>> = {
  "null": null,
  "false": false,
  "zero": 0,
  "minus": -1,
  "small": -2147483648,
  "great": 4294967295,
  "greater": 4294967296,
  "exact": 9007199254740991,
  "fraction": 0.1,
  "huge": 1e300,
  "empty text": "",
  "text": 'ä€😀\u0000 \n"',
  "long text": "x".repeat(70_000),
  "empty list": [],
  "empty map": {},
  "deep": { a: [{ b: [[], {}, [1, [2, [3]]]] }], "": "", "ключ": null },
}

/** A name for a cursor. */
const nameOf = ({ position, id }: { readonly position: number; readonly id: Uint8Array }): string => `${position} ${bytesToHex(id)}`

/** Does `misdeed` with pushes of more than `operationsMax` operations. */
const ofMoreThan = (operationsMax: number, misdeed: Misdeed): Misdeed => async (exchange) =>
  listedIn(exchange.seen.blocks).length > operationsMax ? await misdeed(exchange) : await exchange.serve()

const lossOf = (when: "before" | "after"): ClientCase => ({
  id: `sending/connection-lost-${when}`,
  title: when === "after"
    ? "A push of which the answer is lost takes effect once, and is found to be there."
    : "A push that never arrived is sent again.",
  level: "MUST",
  requires: [],
  rule: "A client that got no answer knows nothing, and sends what the server lacks by what it knows then.",
  why: "What was written in a tunnel would be lost, or be there twice.",
  run: async (trial) => {
    const client = await trial.synced()
    await client.put("one", 1)
    await client.put("two", 2)
    trial.server.on("push", dropped(when)) // not once: what is under HTTP may send the same bytes again
    await client.failsToSync("a sync whose push is cut off", "network")
    trial.server.behave()
    await client.put("one", "again")
    await client.syncs("the sync after it")
    equal([...(await trial.held()).records], [["one", "again"], ["two", 2]], "records at the server")
    equal((await client.status()).pending, 0, "pending operations")
  },
})

const halves = (code: string): ClientCase => ({
  id: `sending/halves-after-${code.replaceAll("_", "-")}`,
  title: `After ${code} a client sends less, until it is taken, and all arrives.`,
  level: "MUST",
  requires: [],
  rule:
    "After `batch_too_large` or `body_too_large` a client sends half of it, and remembers the size until its next handshake. One frame is never cut.",
  why: "A device that was offline for a week would never sync again with a server whose limits were lowered.",
  run: async (trial) => {
    const client = await trial.synced()
    for (let at = 0; at < 12; at += 1) await client.put(`key ${at}`, "x".repeat(200))
    trial.server.on("push", ofMoreThan(2, failing(code)))
    await client.start(100)
    await trial.arrives("key 11", "x".repeat(200))
    equal((await trial.held()).records.size, 12, "records at the server")
    const refused = trial.server.of("push").filter((seen) => typeOfAnswer(seen) === code).length
    ensure(refused <= 5, `${refused} pushes were too large: twelve operations are halved to two or one in at most four steps`)
  },
})

export const sendingCases: readonly ClientCase[] = [
  {
    id: "sending/values",
    title: "Every value and key arrives as it was written, and comes back so.",
    level: "MUST",
    requires: [],
    rule: "Each value has exactly one encoding.",
    why: "A number or a text would be another one on other devices.",
    run: async (trial) => {
      const client = await trial.open()
      for (const [key, value] of Object.entries(VALUES)) await client.put(key, value)
      await client.put("ключ 😀 \u0000", "a key")
      await client.syncs("the sync")
      const { records } = await trial.held()
      for (const [key, value] of Object.entries({ ...VALUES, "ключ 😀 \u0000": "a key" })) {
        equal(records.get(key), value, `"${key}" at the server`)
        await client.shows(key, value)
      }
    },
  },
  lossOf("before"),
  lossOf("after"),
  {
    id: "sending/after-the-first-page",
    title: "Nothing is pushed before the first page that was up to date.",
    level: "MUST",
    requires: [],
    rule: "Nothing is pushed before the first page that was up to date.",
    why: "A device that was restored from a backup would send under numbers that it has given away before.",
    run: async (trial) => {
      for (const key of ["a", "b", "c"]) await trial.elsewhere(key, "x".repeat(2000))
      await trial.server.limit({ partsBytesMax: 1000 })
      const client = await trial.open()
      await client.put("ours", "from here")
      trial.server.on("pull", failing("overloaded"), 1)
      await client.failsToSync("a first sync whose pull fails", "overloaded")
      equal(trial.server.of("push").length, 0, "pushes before any page came")
      trial.server.behave()
      await client.syncs("the sync after it")
      const requests = trial.server.requests
      const firstPush = requests.findIndex(({ route }) => route === "push")
      const isUpToDate = ({ route, reply }: SeenRequest): boolean => {
        if (route !== "pull" || reply?.status !== 200) return false
        const answer = decodePullAnswer(bodyOf(reply) ?? new Uint8Array(0))
        return answer.kind === "page" && answer.upToDate
      }
      ensure(firstPush > 0 && requests.slice(0, firstPush).some(isUpToDate), "a push came before the first page that was up to date")
    },
  },
  {
    id: "sending/failing-push-lets-pulls-go-on",
    title: "A push that fails again and again does not keep the client from hearing what others write.",
    level: "MUST",
    requires: [],
    rule: "a push that fails does not keep the pull from being sent",
    why: "A server whose disk is full would cut its readers off, too.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      trial.server.on("push", failing("quota_exceeded"))
      await client.start(200)
      await trial.server.until("a push", () => trial.server.of("push").length > 0, trial.patienceMillis)
      await trial.elsewhere("theirs", "from elsewhere")
      for (const late = performance.now() + trial.patienceMillis; !(await client.get("theirs")).found;) {
        ensure(performance.now() < late, "what others wrote did not come while pushes fail")
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      ensure((await client.status()).pending > 0, "nothing is pending, though no push was taken")
    },
  },
  {
    id: "sending/announced-limits",
    title: "A push keeps to the limits that the server announced.",
    level: "MUST",
    requires: [],
    rule: "whole frames, until a limit is reached",
    why: "A server with small limits would refuse every push of a device that was offline for long.",
    run: async (trial) => {
      await trial.server.limit({ operationsMax: 4, partsMax: 4, partsBytesMax: 2000 })
      const client = await trial.open()
      for (let at = 0; at < 20; at += 1) await client.put(`key ${at}`, "x".repeat(100))
      await client.syncs("the sync")
      equal((await trial.held()).records.size, 20, "records at the server")
      for (const { number, blocks, push } of trial.server.of("push")) {
        const operations = listedIn(blocks).length, bytes = push?.parts.reduce((sum, { content }) => sum + content.length, 0) ?? 0
        ensure(
          operations <= 4 && blocks.length <= 4,
          `request ${number} brings ${operations} operations in ${blocks.length} parts, 4 are announced`,
        )
        ensure(operations === 1 || bytes <= 2000, `request ${number} brings ${bytes} bytes of parts, 2,000 are announced`)
      }
    },
  },
  halves("batch_too_large"),
  halves("body_too_large"),
  {
    id: "sending/basis",
    title: "A push names the client's cursor at this server, and the last frame of the latest ok since the last page that was up to date.",
    level: "MUST",
    requires: [],
    rule:
      "`basis` names the client's cursor at this server and, if there is one, the `last` of the latest `ok` since the last page that was up to date: both, not the later one",
    why: "A server that was restored would be given effects without their causes.",
    run: async (trial) => {
      await trial.server.limit({ operationsMax: 2 })
      const client = await trial.synced()
      for (let round = 0; round < 3; round += 1) {
        await trial.elsewhere(`theirs ${round}`, round)
        for (let at = 0; at < 5; at += 1) await client.put(`ours ${round} ${at}`, at)
        await client.syncs(`sync ${round}`)
      }
      let cursor = "0 " + "0".repeat(32), last: string | undefined, pushes = 0
      for (const { number, route, push, reply } of trial.server.requests) {
        if (push !== undefined) {
          pushes += 1
          const basis = push.basis.map(nameOf)
          ensure(basis.includes(cursor), `request ${number}: its basis lacks the client's cursor ${cursor}`)
          ensure(last === undefined || basis.includes(last), `request ${number}: its basis lacks the last frame of the latest ok, ${last}`)
        }
        if (reply?.status !== 200) continue
        const body = bodyOf(reply) ?? new Uint8Array(0)
        if (route === "pull") {
          const answer = decodePullAnswer(body)
          if (answer.kind !== "page") continue
          cursor = nameOf(answer.next)
          if (answer.upToDate) last = undefined
        } else if (route === "push") {
          const answer = decodePushAnswer(body)
          if (answer.kind === "ok") last = nameOf(answer.last)
        }
      }
      ensure(pushes >= 9, `${pushes} pushes came of 15 operations, of which at most two go in one`)
    },
  },
  {
    id: "sending/unknown",
    title: "After unknown nothing is pushed before a pull was answered; then all arrives.",
    level: "MUST",
    requires: [],
    rule:
      "A client that is answered `unknown` MUST NOT push again before a pull was answered: its page or restart tells what the server has.",
    why: "A server that was restored would be pushed to without end.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      trial.server.on("push", answered({ type: "unknown" }), 2)
      for (let syncs = 0; syncs < 3; syncs += 1) await client.sync()
      await trial.arrives("ours", "from here")
      const routes = trial.server.requests.map((seen) => seen.route === "push" && typeOfAnswer(seen) === "unknown" ? "unknown" : seen.route)
      for (const [at, route] of routes.entries()) {
        if (route !== "unknown") continue
        const next = routes.slice(at + 1).find((one) => one !== "handshake")
        equal(next, "pull", 'what is asked next after "unknown"')
      }
    },
  },
  {
    id: "sending/unknown-without-end",
    title: "A server that answers unknown to every push is not pushed to on and on.",
    level: "MUST",
    requires: [],
    rule:
      "A client MUST bound the restarts and the `unknown` of one try, and the empty pages in a row, and then waits as after a failure that may pass.",
    why: "The battery of every device would be gone in a day.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      trial.server.on("push", answered({ type: "unknown" }))
      await client.sync()
      const { length } = trial.server.of("push")
      ensure(length <= 20, `${length} pushes in one sync, all of which were answered unknown`)
      trial.server.behave()
      await client.syncs("the sync after it")
      await trial.arrives("ours", "from here")
    },
  },
  {
    id: "sending/own",
    title: "A push names as own those writers that wrote into the client's log, and no other.",
    level: "MUST",
    requires: [],
    rule: "those writers of the push's blocks that wrote into the client's own log (F-32)",
    why: "What others wrote would belong to this device's user, and they could write no more.",
    run: async (trial) => {
      const other = await trial.elsewhere("theirs", "from elsewhere")
      const client = await trial.synced()
      await client.put("ours", "from here")
      await client.syncs("the push")
      await trial.server.wipe()
      for (let syncs = 0; syncs < 3; syncs += 1) await client.sync()
      await trial.arrives("ours", "from here")
      const name = bytesToHex(other.id)
      for (const { number, push, blocks } of trial.server.of("push")) {
        const own = new Set(push?.own.map((writer) => bytesToHex(writer)))
        ensure(!own.has(name), `request ${number} names a writer of another device as its own`)
        for (const { writers: [writer = ""] } of blocks) {
          ensure(own.has(writer) || writer === name, `request ${number} does not name its own writer ${writer} as its own`)
        }
      }
    },
  },
  {
    id: "sending/many-at-once",
    title: "What a device has written offline goes in few requests.",
    level: "SHOULD",
    requires: [],
    rule:
      "of each frame from the first one with something lacking, what the server lacks of it, of all writers together, whole frames, until a limit is reached",
    why: "A day in the field would take an hour to sync.",
    run: async (trial) => {
      const client = await trial.synced()
      for (let at = 0; at < 100; at += 1) await client.put(`key ${at}`, at)
      await client.syncs("the sync")
      const { length } = trial.server.of("push")
      ensure(length <= 5, `100 operations went in ${length} pushes`)
    },
  },
]
