/** Errors: each has its status, says all that an error has to say, and nothing that is nobody's business. */
import type { WireErrorCode } from "../../protocol/errors.ts"
import { describe, ensure, equal } from "../expect.ts"
import { RawValue } from "../remote/block-writer.ts"
import { gzip } from "./gzip.ts"
import { requestOf } from "./message.ts"
import type { Asked, Refused, ServerCase, ServerTrial } from "./trial.ts"

const STATUS = "A request that fails as a whole is answered with the status of its code and a message without parts"
const NOTHING_TOLD = "Messages and details MUST NOT hold keys, values, tokens, file names, stack traces or anything of another principal."
const RETRIES: readonly unknown[] = ["never", "now", "later", "after_action"]

/** A request for each error that anybody can cause. */
const causes = (trial: ServerTrial): readonly (readonly [WireErrorCode, Asked])[] => {
  const handshake = requestOf("handshake", trial.store), pull = requestOf("pull", trial.otherStore("missing"))
  const { limits } = trial.handshake
  return [
    ["invalid_request", { route: "pull", body: requestOf("pull", trial.store, { cursor: 1 }) }],
    ["body_damaged", { route: "pull", body: handshake.with(9, handshake[9]! ^ 1) }],
    ["version_mismatch", { route: "handshake", body: requestOf("handshake", trial.store, { protocol: 2 }) }],
    ["unsupported_feature", { route: "handshake", body: requestOf("handshake", trial.store, { features: ["must-fly"] }) }],
    ["unauthenticated", { route: "handshake", body: handshake, token: null }],
    ["store_not_found", { route: "pull", body: pull }],
    ["body_too_large", { route: "push", headers: { "content-length": String(limits.bodyBytesMax + 1) } }],
    ["unsupported_encoding", { route: "handshake", body: gzip(gzip(handshake)), headers: { "content-encoding": "gzip, gzip" } }],
    ["unsupported_version", { route: "handshake", body: requestOf("handshake", trial.store, { versions: [77] }) }],
  ]
}

/** Fails unless all that an error says is as it has to be. */
export const checkError = (what: string, { answer: { headers }, fields }: Refused, parts: number): void => {
  equal([fields["type"], parts], ["error", 0], `${what}: type, parts`)
  const { message, retry, retryAfterMillis: after, details, requestId } = fields
  ensure(typeof message === "string" && new TextEncoder().encode(message).length <= 1000, `${what}: message: found ${describe(message)}`)
  ensure(RETRIES.includes(retry), `${what}: retry: found ${describe(retry)}`)
  const isTime = after === undefined || after === null || Number.isSafeInteger(after) && Number(after) >= 0
  ensure(isTime, `${what}: retryAfterMillis: found ${describe(after)}`)
  const isMap = details === undefined || details === null || Object.getPrototypeOf(details) === Object.prototype
  ensure(isMap, `${what}: details: found ${describe(details)}`)
  const isId = requestId === undefined || requestId === null || requestId === headers.get("persist-request-id")
  ensure(isId, `${what}: requestId: found ${describe(requestId)}, the header says ${describe(headers.get("persist-request-id"))}`)
}

export const errorCases: readonly ServerCase[] = [
  {
    id: "error/statuses",
    title: "each error that anybody can cause has the status of its code", // R86
    level: "MUST",
    requires: [],
    rule: STATUS,
    why: "Proxies, balancers and clients decide by the status whether to try again.",
    async run(trial) {
      for (const [code, asked] of causes(trial)) await trial.refused(`what causes ${code}`, asked, code)
    },
  },
  {
    id: "error/fields",
    title: "an error says what it is, its code, a message, when to try again, and no parts",
    level: "MUST",
    requires: [],
    rule: STATUS,
    why: "A client decides by these fields alone what becomes of the user's data.",
    async run(trial) {
      for (const [code, asked] of causes(trial)) {
        const refused = await trial.refused(`what causes ${code}`, asked, code)
        checkError(code, refused, trial.message(code, refused.answer).parts.length)
      }
    },
  },
  {
    id: "error/details",
    title: "an unsupported version tells those that there are, an unsupported feature tells which",
    level: "MUST",
    requires: [],
    rule: "a required feature, part, codec or kind that the server does not have; details: `feature`",
    why: "A client that is not told which version or feature is wanted cannot fall back to one that works.",
    async run(trial) {
      const version = requestOf("handshake", trial.store, { versions: [77] }), feature = { features: ["live", "must-fly", "must-swim"] }
      const { details: versions } = (await trial.refused("version 77", { body: version }, "unsupported_version")).error
      const { min, max } = Object(versions)
      ensure(
        Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= 1 && max >= 1 && max < 77,
        `details: found ${describe(versions)}`,
      )
      const body = requestOf("handshake", trial.store, feature)
      const { details } = (await trial.refused("must-fly", { body }, "unsupported_feature")).error
      ensure(["fly", "swim"].includes(Object(details).feature), `details: found ${describe(details)}`)
    },
  },
  {
    id: "error/retries",
    title: "an error advises what is usual for its code",
    level: "SHOULD",
    requires: [],
    rule: "The codes of version 1, with the status and the usual `retry`.",
    why: "Wrong advice makes clients give up what would work, or hammer a server with what never will.",
    async run(trial) {
      const usual: Partial<Record<WireErrorCode, string>> = {
        invalid_request: "never",
        version_mismatch: "never",
        unsupported_feature: "never",
        unsupported_version: "never",
        body_damaged: "later",
      }
      for (const [code, asked] of causes(trial)) {
        equal((await trial.refused(code, asked, code)).error.retry, usual[code] ?? "after_action", `retry of ${code}`)
      }
    },
  },
  {
    id: "error/nothing-told",
    title: "an error repeats no key, value or token", // T: P65
    level: "MUST",
    requires: [],
    rule: NOTHING_TOLD,
    why: "Errors end up in logs and on screens, where other people's data do not belong.",
    async run(trial) {
      const canary = `canary${crypto.randomUUID().slice(0, 8)}`, bytes = new TextEncoder().encode(canary)
      const refused: Refused[] = [
        await trial.refused(
          "a wrong token",
          { body: requestOf("handshake", trial.store), token: `${canary}-as-a-token` },
          "unauthenticated",
        ),
      ]
      const writer = trial.writer().write(1).write(1, { key: canary, value: new RawValue(0xa0 + bytes.length, ...bytes, 0xc1) })
      const push = requestOf("push", trial.store, { own: [writer.id] }, [writer.part()])
      const { fields: answer } = trial.message("a value that is none", await trial.send({ route: "push", body: push }))
      const cut = { type: 1, content: writer.part().content.slice(0, -1) }
      const body = requestOf("push", trial.store, { own: [writer.id] }, [cut])
      refused.push(await trial.refused("a block that is cut", { route: "push", body }, "invalid_request"))
      for (const words of [...refused.map(({ fields }) => describe(fields)), describe(answer)]) {
        ensure(!words.includes(canary), `an answer repeats what it was not told for: ${words}`)
        ensure(!/\n\s*at |Traceback|\.(?:ts|js|py|go|rs):?\d/.test(words), `an answer shows its insides: ${words}`)
      }
      for (const { headers } of refused.map((one) => one.answer)) {
        ensure(![...headers.values()].some((value) => value.includes(canary)), "a header repeats a token")
      }
    },
  },
]
