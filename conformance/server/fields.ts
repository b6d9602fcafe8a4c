/** Fields of requests: each is there and of its type, unknown ones mean nothing, and nothing depends on their order. */
import type { Part } from "../../kernel/ports/remote.ts"
import { encodeEnvelope } from "../../protocol/envelope.ts"
import type { RouteName } from "../../protocol/routes.ts"
import { ensure, equal } from "../expect.ts"
import { drawCall, type Fields, fieldsOf, requestOf, START_FIELD } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const NOT_AS_DESCRIBED =
  "It MUST refuse what is not a message, what breaks the limits of section 8, and fields that are missing or not as described: a server with `invalid_request`"
const UNKNOWN = "Members of `fields`, and of maps in them, that this page does not name MUST be ignored; their order means nothing."
const ABSENT = "A member that may be absent may be nil instead, and one that may be nil may be absent, with the same meaning."
const ONCE = "Lists that name writers, or dots, name each once, but for `ranges` (W-39)."
const PART_TYPES =
  "a server answers `unsupported_feature`, a client refuses the answer (W-65). A part from 128 on MAY be left out by whoever receives it."

const ID = new Uint8Array(16).fill(7), WRITER = new Uint8Array(16).fill(0xa0)
const REQUIRED: Readonly<Record<RouteName, readonly string[]>> = {
  handshake: ["versions"],
  push: ["basis", "own"],
  pull: ["cursor", "have", "partsBytesMax"],
  watch: [],
  wait: ["cursor", "waitMillis"],
}
const NO_INTEGERS: readonly unknown[] = [-1, 1.5, 2 ** 53, 1n, "1", true, Infinity, NaN, [1], {}]
const NO_CURSORS: readonly unknown[] = [
  [1],
  [1, ID, 0],
  [-1, ID],
  [1.5, ID],
  [2 ** 53, ID],
  [1n, ID],
  [1, ID.slice(1)],
  [1, "x".repeat(16)],
  [0, ID],
  ID,
  {},
  "1",
]
const NO_NAMES: readonly unknown[] = ["gzip", [""], [7], [["gzip"]], ["x".repeat(65)], {}, 1]

/** What each field may not be. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  protocol: NO_INTEGERS,
  store: ["", "x".repeat(201), "é".repeat(101), new Uint8Array(5), 5, ["notes"], {}],
  session: [new Uint8Array(15), new Uint8Array(17), "x".repeat(16), [], 1],
  replica: [new Uint8Array(7), new Uint8Array(16), "x".repeat(8), 0],
  accept: NO_NAMES,
  features: NO_NAMES,
  versions: [[], 1, ["1"], [-1], [1.5], {}],
  basis: [[], START_FIELD, ...NO_CURSORS.map((cursor) => [cursor])],
  own: [{}, [new Uint8Array(8)], ["x".repeat(16)], [[WRITER]], WRITER],
  cursor: NO_CURSORS,
  have: [{}, [WRITER], [[WRITER]], [[WRITER, 0]], [[WRITER, 2 ** 31]], [[WRITER, "1"]], [[WRITER, 1, 1]], [[WRITER.slice(1), 1]]],
  partsBytesMax: [...NO_INTEGERS, 0],
  waitMillis: NO_INTEGERS,
}

/** A good request of a route, with a block where that needs one. */
const good = (trial: ServerTrial, route: RouteName, more: Fields = {}): Uint8Array =>
  requestOf(route, trial.store, more, partsOf(trial, route))
const partsOf = (trial: ServerTrial, route: RouteName): readonly Part[] => route === "push" ? [trial.writer().write(1).part()] : []

/** Fails unless a good request is answered; a stream of hints is one where its head says so. */
const taken = async (trial: ServerTrial, what: string, route: RouteName, body: Uint8Array): Promise<void> => {
  const answer = await trial.send({ route, body })
  equal([answer.status, answer.headers.get("content-type")?.split(";")[0]], [
    200,
    route === "watch" ? "text/event-stream" : "application/vnd.persist+msgpack",
  ], `${what}: status and media type`)
}

export const fieldCases: readonly ServerCase[] = [
  {
    id: "field/missing",
    title: "a request without one of its fields, or with nil in place of it, is invalid",
    level: "MUST",
    requires: [],
    rule: NOT_AS_DESCRIBED,
    why: "A default that the server makes up is a decision that nobody took.",
    async run(trial) {
      for (const route of trial.routes) {
        for (const name of ["protocol", "store", "session", ...REQUIRED[route]]) {
          const without: Fields = { [name]: undefined }, nil: Fields = { [name]: null }
          await trial.refused(`${route} without ${name}`, { route, body: good(trial, route, without) }, "invalid_request")
          await trial.refused(`${route} with nil as ${name}`, { route, body: good(trial, route, nil) }, "invalid_request")
        }
      }
      equal(await trial.headPosition(), 0, "position of the last frame")
    },
  },
  {
    id: "field/wrong",
    title: "a field of another type, or out of its range, is invalid",
    level: "MUST",
    requires: [],
    rule: NOT_AS_DESCRIBED,
    why: "A number that is taken for another one moves a cursor or a pair, and data are skipped.",
    async run(trial) {
      for (const route of trial.routes) {
        for (const name of ["protocol", "store", "session", "replica", "accept", "features", ...REQUIRED[route]]) {
          for (const [at, value] of WRONG[name]!.entries()) {
            const body = good(trial, route, { [name]: value })
            await trial.refused(`${route} with a wrong ${name} (${at + 1})`, { route, body }, "invalid_request")
          }
        }
      }
      equal(await trial.headPosition(), 0, "position of the last frame")
    },
  },
  {
    id: "field/names",
    title: "an error names the field that is wrong",
    level: "SHOULD",
    requires: [],
    rule: "for people, at most 1,000 bytes; SHOULD name the field that is wrong",
    why: "Who writes a client has nothing else to find the mistake by.",
    async run(trial) {
      for (const name of ["session", "cursor", "have", "partsBytesMax"]) {
        const { error } = await trial.refused(name, { route: "pull", body: good(trial, "pull", { [name]: "x" }) }, "invalid_request")
        ensure(error.message.includes(name), `${name}: the message is "${error.message}"`)
      }
    },
  },
  {
    id: "field/unknown",
    title: "members that nobody knows are ignored, and members may come in any order", // R5
    level: "MUST",
    requires: [],
    rule: UNKNOWN,
    why: "A later version adds members; a server that refuses them shuts newer clients out.",
    async run(trial) {
      const unknown: Fields = { later: { than: ["this"], "": null }, x: new Uint8Array(3), type: "pull", at: -1n, when: new Date(0) }
      for (const route of trial.routes) {
        await taken(trial, `${route} with unknown members`, route, good(trial, route, unknown))
        const reversed = Object.fromEntries(Object.entries(fieldsOf(route, trial.store, unknown)).reverse())
        await taken(trial, `${route} in another order`, route, encodeEnvelope(reversed, partsOf(trial, route), drawCall()))
      }
    },
  },
  {
    id: "field/absent",
    title: "what may be absent may be nil, and the reverse",
    level: "MUST",
    requires: [],
    rule: ABSENT,
    why: "Languages differ in what they write for nothing; one of them would be shut out.",
    async run(trial) {
      for (const name of ["replica", "accept", "features"]) {
        await taken(trial, `nil as ${name}`, "handshake", good(trial, "handshake", { [name]: null }))
        await taken(trial, `no ${name}`, "handshake", good(trial, "handshake", { [name]: undefined }))
      }
      await taken(trial, "all of them", "handshake", good(trial, "handshake", { replica: ID.slice(8), accept: [], features: [] }))
    },
  },
  {
    id: "field/tracing",
    title: "nothing is decided by the session and the replica of who asks",
    level: "MUST",
    requires: [],
    rule: "`session` and `replica` are for tracing alone. A server MUST NOT decide anything by them.",
    why: "These are told by whoever asks: a right that hangs on them can be had by anybody.",
    async run(trial) {
      const writer = trial.writer().write(4), own = [writer.id], sessions = [0, 1, 255, 1].map((byte) => new Uint8Array(16).fill(byte))
      for (const [at, session] of sessions.entries()) {
        const fields = { own, session, replica: at % 2 === 0 ? session.slice(8) : null }
        const answer = await trial.answered(`push ${at + 1}`, "push", { fields, parts: [writer.part(at, at + 1)] })
        equal(answer.fields["type"], "ok", `push ${at + 1}: type`)
      }
      for (const replica of [null, writer.id.slice(0, 8), new Uint8Array(8)]) {
        const { parts } = await trial.answered("a pull", "pull", { fields: { session: new Uint8Array(16).fill(3), replica } })
        equal(parts.length, 4, "parts of a pull")
      }
    },
  },
  {
    id: "field/twice",
    title: "a list that names a writer twice is invalid",
    level: "MUST",
    requires: [],
    rule: ONCE,
    why: "Two pairs of one writer contradict each other, and whichever is taken loses data.",
    async run(trial) {
      const writer = trial.writer().write(1)
      await trial.storesNothing("own with a writer twice", async () => {
        const body = requestOf("push", trial.store, { own: [writer.id, writer.id] }, [writer.part()])
        await trial.refused("own with a writer twice", { route: "push", body }, "invalid_request")
      })
      const have = [[writer.id, 1], [WRITER, 1], [writer.id, 2]]
      await trial.refused("have with a writer twice", { route: "pull", body: good(trial, "pull", { have }) }, "invalid_request")
    },
  },
  {
    id: "field/parts",
    title: "a push has a block, other requests have no parts",
    level: "MUST",
    requires: [],
    rule: NOT_AS_DESCRIBED,
    why: "A push of nothing, or a pull that brings something, is a client's defect that would go unseen.",
    async run(trial) {
      const part = trial.writer().write(1).part()
      for (const route of trial.routes.filter((name) => name !== "push")) {
        await trial.refused(`${route} with a part`, { route, body: requestOf(route, trial.store, {}, [part]) }, "invalid_request")
      }
      await trial.refused("a push without parts", { route: "push", body: requestOf("push", trial.store) }, "invalid_request")
      const other = { type: 200, content: new Uint8Array(3) }
      await trial.refused("a push without a block", { route: "push", body: requestOf("push", trial.store, {}, [other]) }, "invalid_request")
    },
  },
  {
    id: "field/part-types",
    title: "a part that has to be understood and is not is an unsupported feature; others may be left out",
    level: "MUST",
    requires: [],
    rule: PART_TYPES,
    why: "What is stored without being understood is handed out as if it had been checked.",
    async run(trial) {
      const writer = trial.writer().write(1), own = [writer.id]
      for (const type of [0, 2, 3, 5, 127]) {
        const parts = [writer.part(), { type, content: new Uint8Array(9) }]
        await trial.storesNothing(`a part of type ${type}`, async () => {
          await trial.refused(
            `a part of type ${type}`,
            { route: "push", body: requestOf("push", trial.store, { own }, parts) },
            "unsupported_feature",
          )
        })
      }
      const parts = [{ type: 128, content: new Uint8Array(9) }, writer.part(), { type: 70_000, content: new Uint8Array(0) }]
      equal((await trial.answered("parts that may be ignored", "push", { fields: { own }, parts })).fields["type"], "ok", "type")
      const { parts: found } = await trial.answered("a pull", "pull")
      equal(found.filter(({ type }) => type === 1).map(({ content }) => content.join()), [writer.part().content.join()], "blocks")
    },
  },
]
