/** Tokens: in one header, with one scheme, asked for with every request. */
import { describe, ensure, equal, fail } from "../expect.ts"
import type { Asked, ServerCase, ServerTrial } from "./trial.ts"
import { drawCall, requestOf } from "./message.ts"

const NEVER_ELSEWHERE = "in every request but health, and never anywhere else: not in a URL, a body, a cookie or a log."
const ANY_CASE = "a server SHOULD take the word in any case"
const SCHEMES = "Other schemes are answered `unauthenticated`."
const UNKNOWN = "`unauthenticated`: it is not known who asks."
const ANEW =
  "A server asks for each request anew who sends it and what that principal may do; a handshake gives no session. It asks before it reads the body, where what it needs is in the head."

/** How long a token lasts that ends while somebody waits for it. */
const LIFE_MILLIS = 1200

const good = (trial: ServerTrial, asked: Asked = {}): Asked => ({ body: requestOf(asked.route ?? "handshake", trial.store), ...asked })

export const tokenCases: readonly ServerCase[] = [
  {
    id: "token/missing",
    title: "a request without a token is answered so, at every endpoint, also at stores that there are not",
    level: "MUST",
    requires: [],
    rule: UNKNOWN,
    why: "A request without a token that is answered otherwise tells strangers which stores there are.",
    async run(trial) {
      for (const route of trial.routes) {
        await trial.refused(`${route} without a token`, good(trial, { route, token: null }), "unauthenticated")
        const body = requestOf(route, trial.otherStore("missing"))
        await trial.refused(`${route} of no store`, { route, token: null, body }, "unauthenticated")
      }
    },
  },
  {
    id: "token/wrong",
    title: "a token that is another one, were it by a letter, is nobody's", // R89
    level: "MUST",
    requires: [],
    rule: UNKNOWN,
    why: "A token that is almost right must be worth nothing.",
    async run(trial) {
      const { owner } = trial.subject.tokens
      const last = owner.at(-1) === "a" ? "b" : "a"
      for (
        const token of ["", "x", `${owner}x`, owner.slice(0, -1), owner.slice(0, -1) + last, `${owner} ${owner}`, "null", "undefined", "*"]
      ) {
        await trial.refused(`a token of ${token.length} characters`, good(trial, { token }), "unauthenticated")
      }
    },
  },
  {
    id: "token/scheme",
    title: "a token of another scheme, or of none, is none",
    level: "MUST",
    requires: [],
    rule: SCHEMES,
    why: "A password that is taken for a token opens stores to whoever has it.",
    async run(trial) {
      const { owner } = trial.subject.tokens
      for (
        const value of [owner, `Basic ${btoa(`user:${owner}`)}`, `Token ${owner}`, `Bearer${owner}`, `Digest ${owner}`, `Basic ${owner}`]
      ) {
        const asked = good(trial, { headers: { authorization: value } })
        await trial.refused(`the scheme ${describe(value.split(" ")[0]!.replace(owner, "<token>"))}`, asked, "unauthenticated")
      }
    },
  },
  {
    id: "token/any-case",
    title: "the scheme may be written in any case",
    level: "SHOULD",
    requires: [],
    rule: ANY_CASE,
    why: "Libraries write the word in their own way, and their users would be shut out.",
    async run(trial) {
      const { status } = await trial.send(good(trial, { headers: { authorization: `bearer ${trial.subject.tokens.owner}` } }))
      equal(status, 200, 'a token behind "bearer": status')
    },
  },
  {
    id: "token/elsewhere",
    title: "a token in the URL, a cookie, the body or another header is none", // R92, P82
    level: "MUST",
    requires: [],
    rule: NEVER_ELSEWHERE,
    why: "URLs and cookies stand in logs and histories, and are sent by pages of others.",
    async run(trial) {
      const { owner } = trial.subject.tokens, quoted = encodeURIComponent(owner)
      for (const name of ["access_token", "token", "auth", "authorization", "key", "jwt"]) {
        const asked = good(trial, { token: null, path: `/v1/handshake?${name}=${quoted}` })
        await trial.refused(`${name} in the URL`, asked, "unauthenticated")
      }
      for (
        const [name, value] of [["cookie", `token=${quoted}; access_token=${quoted}`], ["x-api-key", owner], [
          "proxy-authorization",
          `Bearer ${owner}`,
        ]] as const
      ) {
        await trial.refused(`the header ${name}`, good(trial, { token: null, headers: { [name]: value } }), "unauthenticated")
      }
      const body = requestOf("handshake", trial.store, { token: owner, access_token: owner, authorization: `Bearer ${owner}` })
      await trial.refused("in the body", { token: null, body }, "unauthenticated")
    },
  },
  {
    id: "token/each-request",
    title: "who asks is found out for each request, also of one connection",
    level: "MUST",
    requires: [],
    rule: ANEW,
    why: "A right that was taken away must end at once, not with the connection.",
    async run(trial) {
      for (const [turn, route] of [...trial.routes, ...trial.routes].slice(0, 4).entries()) {
        const connection = await trial.connect(), call = drawCall()
        await connection.write(trial.requestBytes({ body: requestOf("handshake", trial.store, {}, [], call) }))
        trial.judge("with a token", await trial.inTime("an answer", connection.answer()), call)
        const token = turn % 2 === 0 ? null : "another-token-that-is-none"
        await connection.write(trial.requestBytes({ route, token, body: requestOf(route, trial.store) }))
        const answer = await trial.inTime("an answer or an end", connection.answer().catch(() => undefined))
        if (answer !== undefined) trial.judgeError("without one, on the same connection", answer, "unauthenticated")
        else ensure(connection.isOver, "no answer on the same connection")
        trial.drop(connection)
      }
    },
  },
  {
    id: "token/expires",
    title: "a token that ends while a stream is open ends the stream, and counts no more",
    level: "MUST",
    requires: ["live", "expiring"],
    rule: "A token that ends while a stream is open ends the stream; the next request is answered `unauthenticated`.",
    why: "Who was logged out would go on to hear what happens.",
    async run(trial) {
      const began = performance.now()
      const token = await trial.subject.expiringToken?.(LIFE_MILLIS) ?? fail("there is no token that ends")
      const { fields } = await trial.answered("a handshake", "handshake", { token })
      const leftMillis = Number(fields["tokenExpiresMillis"] ?? NaN) - Number(fields["serverTimeMillis"])
      ensure(Number.isNaN(leftMillis) || leftMillis > 0 && leftMillis <= LIFE_MILLIS + 1000, `the token ends in ${leftMillis} ms`)
      const connection = await trial.connect()
      await connection.write(trial.requestBytes({ route: "watch", token, body: requestOf("watch", trial.store) }))
      equal((await trial.inTime("an answer", connection.head())).status, 200, "status of a stream")
      await trial.inTime(
        "the end of the stream",
        connection.body().catch(() => undefined),
        LIFE_MILLIS + Math.min(3000, trial.patienceMillis),
      )
      const millis = performance.now() - began
      ensure(millis > LIFE_MILLIS * 0.8, `the stream ended after ${Math.round(millis)} ms, the token lasts ${LIFE_MILLIS} ms`)
      for (const route of trial.routes) await trial.refused(`${route} afterwards`, good(trial, { route, token }), "unauthenticated")
    },
  },
  {
    id: "token/before-the-body",
    title: "who has no token is told so before the body came",
    level: "SHOULD",
    requires: [],
    rule: ANEW,
    why: "Strangers would make the server read bodies for nothing.",
    async run(trial) {
      const connection = await trial.connect()
      await connection.write(trial.headOf({ route: "push", token: null, headers: { "content-length": "100000" } }))
      trial.judgeError(
        "a head without a token",
        await trial.inTime("an answer", connection.answer(), Math.min(3000, trial.patienceMillis)),
        "unauthenticated",
      )
      trial.drop(connection)
    },
  },
]
