/** Doubles that send what they should not, too much, too early, or not again; and that do the wrong thing with what is refused. */
import { RemoteError, RemoteUnreachable } from "../../../kernel/errors.ts"
import { BlockColumns } from "../../../kernel/format/block-columns.ts"
import { encodeNotedBlock, notationOf } from "../../../kernel/format/block-notation.ts"
import { ByteReader } from "../../../kernel/format/bytes.ts"
import { decodeBlock } from "../../../kernel/format/operation-block.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { Part, PushAnswer, PushRequest, Remote } from "../../../kernel/ports/remote.ts"
import { encodeEnvelope } from "../../../protocol/envelope.ts"
import {
  answerDouble,
  bodyOf,
  type ClientDouble,
  double,
  driveDouble,
  fetchDouble,
  fromHex,
  lastSeqs,
  listedDots,
  messageResponse,
  readMessage,
  rebodied,
  remoteDouble,
  send,
} from "./client-double.ts"
import type { Json } from "../../client/contract.ts"

type Push = Remote["push"]

const okOf = (request: PushRequest): PushAnswer => ({
  kind: "ok",
  pairs: [...lastSeqs(request)].map(([writer, seq]) => ({ writer: fromHex(writer), seq, withheld: [] })),
  last: request.basis[0] ?? { position: 0, id: new Uint8Array(16) },
  durability: "durable",
  serverTimeMillis: Date.now(),
})

const errorOf = (remote: Remote, remoteCode: string): RemoteError =>
  new RemoteError({ remote: remote.name, call: "push", remoteCode, reason: "the double says so", retry: "after_action" })

/** A double that does something else with pushes. */
const pushDouble = (fault: string, caughtBy: string | readonly string[], replace: (remote: Remote) => Push): ClientDouble =>
  remoteDouble(fault, caughtBy, (remote) => ({ push: replace(remote) }))

/** Every part as its operations would be without what they had seen. */
const withoutContexts = ({ type, content }: Part): Part => {
  const reader = new ByteReader("a block of a double"), block = new BlockColumns()
  reader.point(content, 0, content.length)
  decodeBlock(reader, block)
  const noted = notationOf(block)
  return { type, content: encodeNotedBlock({ ...noted, operations: noted.operations.map((one) => ({ ...one, context: [], keeps: [] })) }) }
}

const rounded = (value: Json): Json => typeof value === "number" ? Math.round(value) : value

export const sendingDoubles: readonly ClientDouble[] = [
  fetchDouble("writes a field as something else than the tables say", "asking/valid", () => async (url, init) => {
    const request = readMessage(bodyOf(init))
    if (request === undefined) return await send(url, init)
    return await send(
      url,
      rebodied(init, encodeEnvelope({ ...request.fields, replica: null, accept: "gzip" }, request.parts, request.call)),
    )
  }),
  fetchDouble("uses one call for all of its requests", "asking/calls", () => async (url, init) => {
    const request = readMessage(bodyOf(init)), call: Bytes = new Uint8Array(16).fill(1)
    if (request === undefined) return await send(url, init)
    const response = await send(url, rebodied(init, encodeEnvelope(request.fields, request.parts, call)))
    const answer = readMessage(new Uint8Array(await response.clone().arrayBuffer()))
    return answer === undefined ? response : messageResponse(encodeEnvelope(answer.fields, answer.parts, request.call), response.status)
  }),
  driveDouble("syncs with every write", "asking/silent-until-asked", () => ({
    put: async (_, next, ask) => {
      const answer = await next()
      await ask("sync", {})
      return answer
    },
  })),
  pushDouble("sends everything each time", "asking/operations-once", (remote) => {
    const sent: Part[] = []
    return async (request, call) => {
      const parts = [...sent, ...request.parts]
      sent.push(...request.parts)
      return await remote.push({ ...request, parts }, call)
    }
  }),
  driveDouble("writes numbers without their fractions", "sending/values", () => ({
    put: ({ key, value }, next) => next({ key, value: rounded(value) }),
  })),
  pushDouble(
    "takes a push that broke for one that arrived",
    ["sending/connection-lost-before", "sending/connection-lost-after"],
    (remote) => async (request, call) => {
      try {
        return await remote.push(request, call)
      } catch (error) {
        if (error instanceof RemoteUnreachable) return okOf(request)
        throw error
      }
    },
  ),
  remoteDouble("pushes before it has asked what is there", "sending/after-the-first-page", (remote) => {
    let isFirst = true
    return {
      pull: async (request, call) => {
        if (!isFirst) return await remote.pull(request, call)
        isFirst = false
        const { cursor: next } = request
        return { kind: "page", parts: [], ranges: [], next, upToDate: true, head: next.position, serverTimeMillis: Date.now() }
      },
    }
  }),
  remoteDouble("pulls nothing while a push fails", ["sending/failing-push-lets-pulls-go-on", "login/forbidden-push"], (remote) => {
    let failure: { readonly error: unknown } | undefined
    return {
      push: async (request, call) => {
        try {
          failure = undefined
          return await remote.push(request, call)
        } catch (error) {
          failure = { error }
          throw error
        }
      },
      pull: async (request, call) => {
        if (failure !== undefined) throw failure.error
        return await remote.pull(request, call)
      },
    }
  }),
  remoteDouble("does not read the limits of a handshake", "sending/announced-limits", (remote) => ({
    handshake: async (call) => ({
      ...await remote.handshake(call),
      limits: { partsBytesMax: 3_600_000, operationsMax: 65_536, partsMax: 4096 },
    }),
  })),
  pushDouble(
    "sends the same again that was too large",
    ["sending/halves-after-batch-too-large", "sending/halves-after-body-too-large"],
    (remote) => async (request, call) => {
      try {
        return await remote.push(request, call)
      } catch (error) {
        throw error instanceof RemoteError && /too_large/.test(error.details.remoteCode) ? errorOf(remote, "quota_exceeded") : error
      }
    },
  ),
  pushDouble(
    "builds on its cursor alone",
    "sending/basis",
    (remote) => (request, call) => remote.push({ ...request, basis: request.basis.slice(0, 1) }, call),
  ),
  pushDouble("pushes again after unknown", ["sending/unknown", "sending/unknown-without-end"], (remote) => async (request, call) => {
    let answer = await remote.push(request, call)
    for (let again = 0; again < 40 && answer.kind === "unknown"; again += 1) answer = await remote.push(request, call)
    return answer
  }),
  pushDouble("names all writers as its own", "sending/own", (remote) => (request, call) => {
    const own = [...lastSeqs(request).keys()].map(fromHex)
    return remote.push({ ...request, own }, call)
  }),
  remoteDouble("sends one operation at a time", "sending/many-at-once", (remote) => ({
    handshake: async (call) => {
      const handshake = await remote.handshake(call)
      return { ...handshake, limits: { ...handshake.limits, operationsMax: 1 } }
    },
  })),
  pushDouble(
    "sends what it writes as if it had seen nothing",
    "together/seen-is-replaced",
    (remote) => (request, call) => remote.push({ ...request, parts: request.parts.map(withoutContexts) }, call),
  ),
  pushDouble(
    "gives a push up of which one operation is refused",
    ["refused/rest-arrives", "refused/not-sent-again"],
    (remote) => async (request, call) => {
      const answer = await remote.push(request, call)
      if (answer.kind === "refused") throw errorOf(remote, "invalid_request")
      return answer
    },
  ),
  driveDouble("tells of no dead letters", ["refused/dead-letter", "refused/dead-letter-stays"], () => ({
    status: async (_, next) => ({ ...await next(), deadLetters: [] }),
  })),
  pushDouble("sends again what is refused before it records that", "refused/recorded-first", (remote) => async (request, call) => {
    const answer = await remote.push(request, call)
    return answer.kind === "refused" ? await remote.push(request, call) : answer
  }),
  driveDouble("takes no write of a record that has a dead letter", "refused/later-write", () => ({
    put: async (fields, next, ask) => {
      const { deadLetters } = await ask("status", {})
      return deadLetters.some(({ key }) => key === fields.key) ? {} : await next()
    },
  })),
  pushDouble(
    "makes dead letters of what is ahead of the server's clock",
    "refused/clock-ahead",
    (remote) => async (request, call) => asInvalid(await remote.push(request, call)),
  ),
  pushDouble(
    "makes dead letters of what belongs to another login",
    "refused/writer-of-another",
    (remote) => async (request, call) => asInvalid(await remote.push(request, call)),
  ),
  double("sets its clock by the server's", "refused/clock-behind", () => {
    let offset = 0
    return {
      platform: { ...nativePlatform, now: () => Date.now() + offset },
      remote: (remote) => ({
        name: remote.name,
        handshake: async (call) => {
          const handshake = await remote.handshake(call)
          offset = handshake.serverTimeMillis - Date.now()
          return handshake
        },
        push: (request, call) => remote.push(request, call),
        pull: (request, call) => remote.pull(request, call),
        watch: (onHead, call) => remote.watch(onHead, call),
        close: () => remote.close(),
      }),
    }
  }),
  pushDouble("gives a push up of which one writer is forbidden", "refused/forbidden-writers", (remote) => async (request, call) => {
    const answer = await remote.push(request, call)
    if (answer.kind === "forbidden") throw errorOf(remote, "forbidden")
    return answer
  }),
  pushDouble("makes dead letters of a push that fails for good", "refused/not-by-an-error", (remote) => async (request, call) => {
    try {
      return await remote.push(request, call)
    } catch (error) {
      if (!(error instanceof RemoteError) || error.retryable) throw error
      const refused = [...listedDots(request)].map((dot) => dot.split(" ")).map(([writer = "", seq]) => ({
        writer: fromHex(writer),
        seq: Number(seq),
        code: "op_invalid" as const,
        message: "",
      }))
      return { kind: "refused", refused, serverTimeMillis: Date.now() }
    }
  }),
  answerDouble(
    "zips and listens whatever the server uses",
    "listening/not-in-use",
    ({ fields }) => fields["type"] === "handshake" ? { fields: { ...fields, features: ["live"] } } : undefined,
  ),
]

const asInvalid = (answer: PushAnswer): PushAnswer =>
  answer.kind === "refused" ? { ...answer, refused: answer.refused.map((one) => ({ ...one, code: "op_invalid" })) } : answer
