/** Rights: what a principal may do with a store, which stores it reaches at all, and what it learns of others. */
import type { RouteName } from "../../protocol/routes.ts"
import { ensure, equal } from "../expect.ts"
import { BlockWriter } from "../remote/block-writer.ts"
import { drawCall, requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const NO_OTHER_MAKES =
  "A server MAY make a store that does not exist at a handshake or push of a principal with `write`; no other request makes one."
const NAMESPACES = "Principals belong to *namespaces*; a store is a namespace and a name, and no request reaches one of another namespace."
const RIGHTS =
  "Rights are `read` (pull, watch, wait), `write` (push of own writers), `relay` (push of others' operations) and `admin` (nothing in this protocol)."
const INVISIBLE = "To a principal without any right at a store it MUST NOT be visible whether it exists."

/** Fails unless a principal is answered at these endpoints, and forbidden at all others, where nothing is stored. */
const allows = async (trial: ServerTrial, who: string, token: string, allowed: readonly RouteName[]): Promise<void> => {
  for (const route of trial.routes) {
    const writer = trial.writer().write(1), what = `${route} by ${who}`
    const body = requestOf(route, trial.store, route === "push" ? { own: [writer.id] } : {}, route === "push" ? [writer.part()] : [])
    if (allowed.includes(route)) equal((await trial.send({ route, token, body })).status, 200, `${what}: status`)
    else await trial.storesNothing(what, async () => void await trial.refused(what, { route, token, body }, "forbidden"))
  }
}

export const rightCases: readonly ServerCase[] = [
  {
    id: "right/not-made",
    title: "a store that is not there is not found, and asking for it does not make it", // P87
    level: "MUST",
    requires: [],
    rule: NO_OTHER_MAKES,
    why: "Strangers could fill the server with empty stores, or learn which names are taken.",
    async run(trial) {
      const store = trial.otherStore("missing")
      for (let time = 1; time <= 2; time += 1) {
        for (const route of trial.routes.filter((name) => name !== "handshake" && name !== "push")) {
          await trial.refused(`${route} of no store, time ${time}`, { route, body: requestOf(route, store) }, "store_not_found")
        }
      }
      equal(await trial.headPosition(store), 0, "position of the last frame after a handshake")
      await trial.answered("a pull afterwards", "pull", { store })
    },
  },
  {
    id: "right/reader",
    title: "who may only read is forbidden to push, and makes no store", // R91
    level: "MUST",
    requires: ["reader"],
    rule: "`forbidden`: it is, and the right is missing.",
    why: "A guest who can write changes the data of others.",
    async run(trial) {
      const token = trial.subject.tokens.reader!, missing = trial.otherStore("missing")
      const push = (store: string): Uint8Array => requestOf("push", store, {}, [trial.writer().write(1).part()])
      await trial.storesNothing("a push by a reader", async () => {
        await trial.refused("a push by a reader", { route: "push", token, body: push(trial.store) }, "forbidden")
      })
      await trial.refused("a push to no store", { route: "push", token, body: push(missing) }, "forbidden")
      await trial.refused("a handshake at no store", { token, body: requestOf("handshake", missing) }, "store_not_found")
      await trial.refused("a pull of no store", { route: "pull", body: requestOf("pull", missing) }, "store_not_found")
      equal((await trial.answered("a pull by a reader", "pull", { token })).fields["type"], "page", "type")
      const { fields } = await trial.answered("a handshake by a reader", "handshake", { token })
      const rights = Object(fields["rights"]) as unknown[]
      equal(["read", "write", "relay"].filter((right) => rights.includes(right)), ["read"], "rights")
    },
  },
  {
    id: "right/namespaces",
    title: "a name means another store in another namespace, and nothing leads from one to the other", // R48
    level: "MUST",
    requires: ["stranger"],
    rule: NAMESPACES,
    why: "Customers of one server would read each other's stores.",
    async run(trial) {
      const token = trial.subject.tokens.stranger!, writer = trial.writer().write(2)
      await trial.answered("a push", "push", { fields: { own: [writer.id] }, parts: [writer.part()] })
      await trial.refused("a pull by a stranger", { route: "pull", token, body: requestOf("pull", trial.store) }, "store_not_found")
      const { head } = await trial.shakeHands(trial.store, token)
      equal(head.position, 0, "position of the last frame of the stranger's store of this name")
      const { head: ours } = await trial.shakeHands()
      for (const cursor of [[1, ours.id], [1, new Uint8Array(16).fill(1)]]) {
        const { fields } = await trial.answered("a pull by a stranger", "pull", { token, fields: { cursor } })
        equal(fields["type"], "restart", "a cursor of ours at the stranger's store: type")
      }
      const theirs = trial.writer().write(1)
      await trial.answered("a push by a stranger", "push", { token, fields: { own: [theirs.id] }, parts: [theirs.part()] })
      const found = (await trial.answered("a pull", "pull")).parts.map(({ content }) => content.join())
      equal(found, [writer.part().content.join()], "what our store holds")
    },
  },
  {
    id: "right/invisible",
    title: "who has no right at a store is told the same whether there is one or not", // R93
    level: "MUST",
    requires: ["nobody"],
    rule: INVISIBLE,
    why: "Names of stores tell about people; who has no right learns nothing from them.",
    async run(trial) {
      const token = trial.subject.tokens.nobody!, missing = trial.otherStore("missing").replace("missing", "x")
      const there = trial.otherStore("y")
      await trial.shakeHands(there)
      for (const route of trial.routes) {
        const words: string[] = []
        for (const store of [there, missing]) {
          const parts = route === "push" ? [trial.writer().write(1).part()] : []
          const body = requestOf(route, store, {}, parts, drawCall())
          const { error } = await trial.refused(`${route} by nobody`, { route, token, body }, "forbidden", "store_not_found")
          words.push(JSON.stringify([error.code, error.message.replaceAll(store, "<store>"), error.retry, error.details ?? null]))
        }
        ensure(words[0] === words[1], `${route}: a store that there is is answered ${words[0]}, another one ${words[1]}`)
      }
      await trial.refused("a pull by the owner", { route: "pull", body: requestOf("pull", missing) }, "store_not_found")
    },
  },
  {
    id: "right/endpoints",
    title: "each endpoint asks for its own right, and for no more", // R91, P83
    level: "MUST",
    requires: ["reader", "author"],
    rule: RIGHTS,
    why:
      "A right that is not asked for at one endpoint is given to everybody there; one that is asked for too much keeps people from their data.",
    async run(trial) {
      const { owner, author, reader } = trial.subject.tokens
      await allows(trial, "the owner", owner, trial.routes)
      await allows(trial, "an author", author!, trial.routes)
      await allows(trial, "a reader", reader!, ["handshake", "pull", "watch", "wait"])
    },
  },
  {
    id: "right/sender",
    title: "who may only write pushes and reads nothing", // R91, P83
    level: "MUST",
    requires: ["sender"],
    rule: RIGHTS,
    why: "Devices that only send, such as sensors, are easily stolen; they must not open what all others sent.",
    async run(trial) {
      const token = trial.subject.tokens.sender!
      await allows(trial, "a sender", token, ["handshake", "push"])
      const rights = Object((await trial.answered("a handshake by a sender", "handshake", { token })).fields["rights"]) as unknown[]
      equal(["read", "write"].filter((right) => rights.includes(right)), ["write"], "rights")
    },
  },
  {
    id: "right/canaries",
    title: "nothing that is in a store is in any answer to who may not read it", // I21, T29, T30
    level: "MUST",
    requires: ["stranger", "nobody"],
    rule: NAMESPACES,
    why: "What leaks through an error, a cache or a cursor is as lost as what is read.",
    async run(trial) {
      const { stranger, nobody } = trial.subject.tokens, canary = `canary${crypto.randomUUID()}`
      const writer = trial.writer().write(2, { key: canary, value: canary, collection: canary })
      await trial.answered("a push", "push", { fields: { own: [writer.id] }, parts: [writer.part()] })
      await trial.answered("a pull", "pull") // what is kept of it must not reach others
      const { head } = await trial.shakeHands()
      const other = trial.writer().write(1)
      const clone = new BlockWriter(trial.handshake.serverTimeMillis, writer.id).write(3)
      const bodies = (): readonly (readonly [RouteName, Uint8Array])[] => [
        ...trial.routes.map((route) => [route, requestOf(route, trial.store, {}, route === "push" ? [other.part()] : [])] as const),
        ["pull", requestOf("pull", trial.store, { cursor: [head.position, head.id] })],
        ["pull", requestOf("pull", trial.store, { have: [[writer.id, 1]] })],
        ["push", requestOf("push", trial.store, { own: [writer.id], basis: [[head.position, head.id]] }, [clone.part()])],
        ["push", requestOf("push", trial.store, { own: [writer.id] }, [clone.part(1, 3)])],
      ]
      // First where the stranger has no store of this name, then where there is one.
      for (const token of [nobody, stranger, null, "a-token-that-is-nobody-s", stranger, nobody]) {
        for (const [route, body] of bodies()) {
          const { status, headers, body: answered } = await trial.send({ route, token, body })
          const words = [...headers].join() + new TextDecoder("latin1").decode(answered)
          ensure(!words.includes(canary), `${route}, answered with status ${status}, tells what is in a store of others`)
        }
      }
      const found = (await trial.answered("a pull", "pull")).parts.map(({ content }) => content.join())
      equal(found, [writer.part().content.join()], "what our store holds")
    },
  },
]
