/** Rights: what a principal may do with a store, which stores it reaches at all, and what it learns of others. */
import { ensure, equal } from "../expect.ts"
import { drawCall, requestOf, ROUTE_NAMES } from "./message.ts"
import type { ServerCase } from "./trial.ts"

const NO_OTHER_MAKES =
  "A server MAY make a store that does not exist at a handshake or push of a principal with `write`; no other request makes one."
const NAMESPACES = "Principals belong to *namespaces*; a store is a namespace and a name, and no request reaches one of another namespace."
const INVISIBLE = "To a principal without any right at a store it MUST NOT be visible whether it exists."

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
        for (const route of ["pull", "watch", "wait"] as const) {
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
      for (const route of ROUTE_NAMES) {
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
]
