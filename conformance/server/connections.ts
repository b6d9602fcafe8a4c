/** Connections: requests one behind the other, at once, and after errors; and health. */
import { describe, ensure, equal } from "../expect.ts"
import { drawCall, joined, requestOf } from "./message.ts"
import type { Asked, ServerCase } from "./trial.ts"

const ALONE = "Every request stands alone: a server keeps nothing between two of them but its log and what can be folded from it."
const NAMES_CALL = "An answer names the call of its request; an error SHOULD, and names 16 zeros where it was not read."
const HEALTH = "It needs no token and tells nothing of stores; its body is for people."

/** Pieces of what nobody takes, and connections on which nobody does. */
const PIECES = 4
const UNREAD = 2

export const connectionCases: readonly ServerCase[] = [
  {
    id: "connection/after-errors",
    title: "after an error a connection is good for the next request, or closed; what was left of a body is no request",
    level: "MUST",
    requires: [],
    rule: ALONE,
    why: "The rest of a refused body would be taken for the next request, which somebody else may have written.",
    async run(trial) {
      const { store } = trial, good = requestOf("handshake", store)
      // What a server that leaves a body unread would take for the next request.
      const smuggled = trial.requestBytes({ body: requestOf("handshake", trial.otherStore("smuggled")) })
      const causes: readonly (readonly [string, Asked])[] = [
        ["a damaged body", { body: good.with(3, 0) }],
        ["an invalid field", { route: "pull", body: requestOf("pull", store, { cursor: 1 }) }],
        ["no token", { body: smuggled, token: null }],
        ["another media type", { body: smuggled, headers: { "content-type": "text/plain" } }],
        ["another encoding", { body: smuggled, headers: { "content-encoding": "br" } }],
        ["no endpoint", { path: "/v1/nothing", body: smuggled }],
        ["another version", { path: "/v2/push", body: smuggled }],
        ["another method", { method: "PUT", body: smuggled }],
      ]
      for (const [what, asked] of causes) {
        const connection = await trial.connect(), call = drawCall()
        await connection.write(trial.requestBytes(asked))
        const first = await trial.inTime(`an answer to ${what}`, connection.answer())
        ensure(first.status >= 400, `${what}: found status ${first.status}`)
        if (first.headers.get("connection")?.toLowerCase() !== "close") {
          await connection.write(trial.requestBytes({ body: requestOf("handshake", store, {}, [], call) }))
          const next = await trial.inTime(`an answer behind ${what}`, connection.answer().catch(() => undefined))
          if (next !== undefined) trial.judge(`the request behind ${what}`, next, call)
        }
        trial.drop(connection)
      }
      const missing = requestOf("pull", trial.otherStore("smuggled"))
      await trial.refused("a store that only a smuggled request names", { route: "pull", body: missing }, "store_not_found")
    },
  },
  {
    id: "connection/pipelined",
    title: "requests that are written before the answers come are answered in their order",
    level: "MUST",
    requires: [],
    rule: NAMES_CALL,
    why: "Answers in another order are taken for those of other requests.",
    async run(trial) {
      const writer = trial.writer().write(8), calls = Array.from({ length: 24 }, drawCall)
      const requests = calls.map((call, at) => {
        if (at % 3 === 0) return { body: requestOf("handshake", trial.store, {}, [], call) }
        if (at % 3 === 1) return { route: "pull" as const, body: requestOf("pull", trial.store, {}, [], call) }
        const part = writer.part((at - 2) / 3, (at - 2) / 3 + 1)
        return { route: "push" as const, body: requestOf("push", trial.store, { own: [writer.id] }, [part], call) }
      })
      for (let at = 0; at < calls.length;) {
        const connection = await trial.connect()
        void connection.write(joined(...requests.slice(at).map((asked) => trial.requestBytes(asked))))
        // A server may say with any answer that it is the last one; the rest is sent again.
        for (let isLast = false; !isLast && at < calls.length; at += 1) {
          const answer = await trial.inTime(`answer ${at + 1}`, connection.answer())
          const { fields } = trial.judge(`answer ${at + 1}`, answer, calls[at]!)
          equal(fields["type"], ["handshake", "page", "ok"][at % 3], `type of answer ${at + 1}`)
          isLast = answer.headers.get("connection")?.toLowerCase() === "close"
        }
        trial.drop(connection)
      }
      equal(await trial.headPosition(), 8, "position of the last frame")
    },
  },
  {
    id: "connection/at-once",
    title: "requests on many connections at once are answered each with its own",
    level: "MUST",
    requires: [],
    rule: ALONE,
    why: "Requests that share something on the way get each other's answers, and so each other's data.",
    async run(trial) {
      const stores = [0, 1, 2].map((at) => trial.otherStore(String(at)))
      for (const store of stores) await trial.shakeHands(store)
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(Array.from({ length: 12 }, async (_, at) => {
          const store = stores[at % 3]!, writer = trial.writer().write(1), label = `${round}-${at}`
          const { fields } = await trial.answered(`push ${label}`, "push", { store, fields: { own: [writer.id] }, parts: [writer.part()] })
          const [[id, seq]] = Object(fields["pairs"]) as [[Uint8Array, number]]
          equal([id.join(), seq], [writer.id.join(), 1], `push ${label}: the pair`)
          const { parts } = await trial.answered(`pull ${label}`, "pull", { store })
          ensure(parts.some(({ content }) => content.join() === writer.part().content.join()), `pull ${label}: an own push is not there`)
        }))
      }
      for (const store of stores) equal(await trial.headPosition(store), 20, "position of the last frame")
    },
  },
  {
    id: "connection/unread",
    title: "clients that do not take their answers hold up nobody else", // T55, T59
    level: "SHOULD",
    requires: [],
    rule: ALONE,
    why: "A few phones with a bad connection, or one attacker, would stop a server that waits for them.",
    async run(trial) {
      const bytes = Math.floor(trial.handshake.limits.partsBytesMax * 0.8 / PIECES), writer = trial.writer()
      for (let piece = 0; piece < PIECES; piece += 1) writer.write(1, { value: new Uint8Array(Math.min(bytes, 1_000_000)) })
      equal((await trial.answered("a push", "push", { fields: { own: [writer.id] }, parts: writer.parts() })).fields["type"], "ok", "type")
      for (let count = 0; count < UNREAD; count += 1) {
        const connection = await trial.connect()
        connection.pause()
        // Several answers, of which the first ones fit the buffers on the way.
        const pulls = Array.from({ length: 6 }, () => trial.requestBytes({ route: "pull", body: requestOf("pull", trial.store) }))
        void connection.write(joined(...pulls))
      }
      for (let count = 0; count < 8; count += 1) {
        const other = trial.writer().write(1), fields = { own: [other.id] }
        await trial.answered("a push of another client", "push", { fields, parts: [other.part()] })
        await trial.answered("a handshake of another client", "handshake")
      }
    },
  },
  {
    id: "health/open",
    title: "health is answered to anybody, and tells nothing of stores",
    level: "MUST",
    requires: [],
    rule: HEALTH,
    why: "Balancers have no token; and what they are told, everybody is told.",
    async run(trial) {
      const tokens: readonly (string | null)[] = [null, "a-token-that-is-nobody-s", trial.subject.tokens.owner]
      for (const token of tokens) {
        const { status, body } = await trial.send({ path: "/v1/health", method: "GET", token })
        equal(status, 200, `health with ${token === null ? "no token" : "a token"}: status`)
        const text = new TextDecoder().decode(body)
        ensure(!text.includes(trial.store) && !text.includes(trial.subject.tokens.owner), `health tells ${describe(text)}`)
      }
    },
  },
]
