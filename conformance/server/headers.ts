/** Headers, paths and methods: what every answer has, whatever it says, and where there is nothing. */
import { EVENTS_MEDIA_TYPE, MEDIA_TYPE, ROUTES } from "../../protocol/routes.ts"
import { describe, ensure, equal } from "../expect.ts"
import type { HttpAnswer } from "./connection.ts"
import { gzip } from "./gzip.ts"
import { requestOf } from "./message.ts"
import type { Asked, ServerCase, ServerTrial } from "./trial.ts"

const ALWAYS =
  "Every answer, whatever its status, MUST have `Cache-Control: no-store`, `X-Content-Type-Options: nosniff` and `Cross-Origin-Resource-Policy: same-origin`."
const ECHO =
  "The answer MUST have the same header with this id, or with one that the server drew where there is none or it is not of this form."
const MEDIA = "A server MUST answer `invalid_request` to a request with another media type, or without one."
const NOWHERE = "Its endpoints are these and no others"
const REQUEST_ID = "persist-request-id"

/** A request for every kind of answer: all statuses that anybody can cause. */
const all = (trial: ServerTrial): readonly (readonly [string, Asked])[] => {
  const { store } = trial, handshake = requestOf("handshake", store)
  const writer = trial.writer().write(1), ahead = trial.writer().write(1, { millis: trial.handshake.serverTimeMillis + 4_000_000_000 })
  return [
    ["a handshake", { body: handshake }],
    ["a push", { route: "push", body: requestOf("push", store, { own: [writer.id] }, [writer.part()]) }],
    ["a push that is refused", { route: "push", body: requestOf("push", store, { own: [ahead.id] }, [ahead.part()]) }],
    ["a pull", { route: "pull", body: requestOf("pull", store) }],
    ...trial.lacks("live") === undefined
      ? [["a watch", { route: "watch", body: requestOf("watch", store) }], ["a wait", {
        route: "wait",
        body: requestOf("wait", store),
      }]] as const
      : [],
    ["a damaged body", { body: handshake.with(3, 0) }],
    ["an invalid request", { route: "pull", body: requestOf("pull", store, { have: 1 }) }],
    ["no token", { body: handshake, token: null }],
    ["no store", { route: "pull", body: requestOf("pull", trial.otherStore("missing")) }],
    ["too large a body", { headers: { "content-length": String(trial.handshake.limits.bodyBytesMax + 1) } }],
    ["two encodings", { body: gzip(handshake), headers: { "content-encoding": "gzip, br" } }],
    ["another version", { path: "/v2/handshake", body: handshake }],
    ["no endpoint", { path: "/v1/nothing", body: handshake }],
    ["another method", { method: "GET" }],
    ["health", { path: "/v1/health", method: "GET", token: null }],
  ]
}

/** Fails unless the answer has the headers that every answer has. */
export const checkHeaders = (what: string, { status, headers }: HttpAnswer): void => {
  const found = ["cache-control", "x-content-type-options", "cross-origin-resource-policy"].map((name) => headers.get(name)?.toLowerCase())
  equal(found, ["no-store", "nosniff", "same-origin"], `${what} (status ${status}): the headers that every answer has`)
}

export const headerCases: readonly ServerCase[] = [
  {
    id: "header/always",
    title: "every answer forbids to keep it, to guess its type, and to embed it elsewhere, whatever its status", // R101
    level: "MUST",
    requires: [],
    rule: ALWAYS,
    why: "A cache that keeps an answer gives one person's data to another one; a page that embeds it reads them.",
    async run(trial) {
      for (const [what, asked] of all(trial)) checkHeaders(what, await trial.send(asked))
    },
  },
  {
    id: "header/media-type",
    title: "every answer but health is a message, or a stream of hints, and says so",
    level: "MUST",
    requires: [],
    rule:
      "The body of a POST and of its answer is one message (W-12) of the media type `application/vnd.persist+msgpack`; only a stream of hints is `text/event-stream`.",
    why: "A client must tell an answer of the server from the page of a proxy or of a hotel's login.",
    async run(trial) {
      for (const [what, asked] of all(trial)) {
        if (what === "health") continue
        const answer = await trial.send(asked), type = answer.headers.get("content-type")?.split(";")[0]?.trim()
        equal(type, what === "a watch" ? EVENTS_MEDIA_TYPE : MEDIA_TYPE, `${what} (status ${answer.status}): media type`)
        if (what !== "a watch") trial.message(what, answer)
      }
    },
  },
  {
    id: "header/no-redirect",
    title: "nothing is answered by a redirect, however near its path is to another",
    level: "MUST",
    requires: [],
    rule: "A server MUST NOT redirect, and a client MUST NOT follow a redirect.",
    why: "A redirect takes a token to another place.",
    async run(trial) {
      const body = requestOf("handshake", trial.store)
      const check = ({ status, headers }: HttpAnswer, what: string): void =>
        ensure((status < 300 || status > 399) && !headers.has("location"), `${what}: found status ${status} to ${headers.get("location")}`)
      for (const path of ["/v1/handshake/", "//v1/handshake", "/v1//handshake", "/V1/handshake", "/v1", "/v1/", "/"]) {
        check(await trial.send({ path, body }), describe(path))
      }
      for (const [what, asked] of all(trial)) check(await trial.send(asked), what)
    },
  },
  {
    id: "header/request-id",
    title: "an answer names the id of its request, whatever its status", // P104
    level: "MUST",
    requires: [],
    rule: ECHO,
    why: "Without it nobody finds in the server's log what a user complains about.",
    async run(trial) {
      const ids = ["x", "!~\"'<>{}\\", "a".repeat(128), crypto.randomUUID()]
      for (const [at, [what, asked]] of all(trial).entries()) {
        const id = ids[at % ids.length]!
        const { status, headers } = await trial.send({ ...asked, headers: { ...asked.headers, [REQUEST_ID]: id } })
        equal(headers.get(REQUEST_ID), id, `${what} (status ${status}): ${REQUEST_ID}`)
      }
      const [one, two] = [
        await trial.send({ body: requestOf("handshake", trial.store), headers: { [REQUEST_ID]: "same" } }),
        await trial.send({
          body: requestOf("handshake", trial.store),
          headers: { [REQUEST_ID]: "same" },
        }),
      ]
      equal([one.status, two.status], [200, 200], "two requests with one id")
    },
  },
  {
    id: "header/drawn-id",
    title: "an answer has an id of the server's own where the request has none, or one that is not of the form",
    level: "MUST",
    requires: [],
    rule: ECHO,
    why: "What is copied from a request into headers and logs can forge them.",
    async run(trial) {
      const body = requestOf("handshake", trial.store)
      for (const id of [null, "a".repeat(129), "with a blank", "\u00e9", ""]) {
        const { headers } = await trial.send({ body, headers: { [REQUEST_ID]: id } })
        const found = headers.get(REQUEST_ID) ?? ""
        ensure(/^[!-~]{1,128}$/.test(found) && found !== id, `asked with ${describe(id)}: found the id ${describe(found)}`)
      }
    },
  },
  {
    id: "header/origins",
    title: "pages of other origins are told nothing that would let them read an answer", // W-71
    level: "MUST",
    requires: [],
    rule: "Answers to web pages of other origins need an explicit list of origins (CORS), also for the preflight (`OPTIONS`, answered 204)",
    why: "Any page that a user visits could read the user's stores.",
    async run(trial) {
      for (const origin of ["https://of-nobody.example", "null", "http://localhost:1"]) {
        const body = requestOf("handshake", trial.store), preflight = { origin, "access-control-request-method": "POST" }
        for (
          const [what, asked] of [
            ["a handshake", { body, headers: { origin } }],
            ["a pull", { route: "pull", body: requestOf("pull", trial.store), headers: { origin } }],
            ["no token", { body, headers: { origin }, token: null }],
            ["a preflight", { method: "OPTIONS", headers: preflight, token: null }],
          ] as const
        ) {
          const { headers } = await trial.send(asked)
          const allowed = headers.get("access-control-allow-origin")
          ensure(allowed === undefined, `${what} of ${origin}: found access-control-allow-origin: ${allowed}`)
        }
      }
    },
  },
  {
    id: "header/asked-type",
    title: "a request of another media type, or of none, is invalid; parameters of it mean nothing", // R11
    level: "MUST",
    requires: [],
    rule: MEDIA,
    why: "Forms of any page can send other types without asking; they must never be taken for a request.",
    async run(trial) {
      for (const route of trial.routes) {
        const body = requestOf(route, trial.store)
        for (
          const type of [null, "application/msgpack", "application/json", "text/plain", `${MEDIA_TYPE}x`, "*/*", "multipart/form-data"]
        ) {
          await trial.refused(`${route} as ${describe(type)}`, { route, body, headers: { "content-type": type } }, "invalid_request")
        }
      }
      for (const type of [`${MEDIA_TYPE}; charset=utf-8`, `${MEDIA_TYPE};x="y"`, MEDIA_TYPE.toUpperCase()]) {
        const { status } = await trial.send({ body: requestOf("handshake", trial.store), headers: { "content-type": type } })
        equal(status, 200, `a handshake as ${type}: status`)
      }
    },
  },
]

export const routeCases: readonly ServerCase[] = [
  {
    id: "route/methods",
    title: "an endpoint takes the method that it has, and no other",
    level: "MUST",
    requires: [],
    rule: NOWHERE,
    why: "Links and prefetching use GET; they must never push, and must not be taken for something else.",
    async run(trial) {
      for (const route of trial.routes) {
        const body = requestOf(route, trial.store)
        for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
          const headers = { "content-type": MEDIA_TYPE }
          await trial.refused(`${method} ${route}`, { route, method, headers, ...method === "GET" ? {} : { body } }, "invalid_request")
        }
      }
      await trial.refused("POST health", { path: "/v1/health", body: requestOf("handshake", trial.store) }, "invalid_request")
    },
  },
  {
    id: "route/paths",
    title: "there is nothing at any other path",
    level: "MUST",
    requires: [],
    rule: NOWHERE,
    why: "A path that means something by accident is one that nobody guards.",
    async run(trial) {
      const body = requestOf("handshake", trial.store), names = Object.keys(ROUTES)
      for (
        const path of [
          "/v1/nothing",
          "/v1/pushes",
          "/v1",
          "/v1/handshake/more",
          "/v1/HANDSHAKE",
          "/v1/%68andshake2",
          "/handshake",
          "/v1x/push",
        ]
      ) {
        await trial.refused(`${path} (known are ${names.join(", ")})`, { path, body }, "invalid_request")
      }
      equal(await trial.headPosition(), 0, "position of the last frame")
    },
  },
]
