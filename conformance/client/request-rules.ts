/**
 * What holds for every request that a client ever sends, whatever the case is about: it is valid, asks what a client may ask at that moment, and shows
 * its token to nobody.
 */
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import { decodeEnvelope } from "../../protocol/envelope.ts"
import { decodeHandshakeAnswer } from "../../protocol/messages.ts"
import { HEALTH_PATH, MEDIA_TYPE } from "../../protocol/routes.ts"
import { describe, ensure, outcomeOf } from "../expect.ts"
import { bodyOf } from "./misdeeds.ts"
import type { SeenRequest } from "./seen-request.ts"
import { listedIn } from "./shown.ts"

/** What the client was told to ask with. */
export interface RequestTerms {
  readonly store: string
  readonly tokens: readonly string[]
}

const nameOf = ({ number, route, incoming: { method, target } }: SeenRequest): string =>
  `request ${number} (${route === "other" ? `${method} ${target}` : route})`

/** Fails for the first request that no client may send, in the order in which they came. */
export const checkRequests = async (requests: readonly SeenRequest[], terms: RequestTerms): Promise<void> => {
  const bodyByCall = new Map<string, string>()
  const features = new Set<string>()
  for (const seen of requests) {
    checkPlace(seen)
    checkToken(seen, terms)
    if (seen.route === "health") continue
    checkMessage(seen, terms)
    checkEncoding(seen, features)
    const call = bytesToHex(seen.message?.call ?? new Uint8Array(16)), body = bytesToHex(seen.incoming.body)
    ensure(!/^0+$/.test(call), `${nameOf(seen)}: its call is 16 zeros`)
    ensure((bodyByCall.get(call) ?? body) === body, `${nameOf(seen)}: its call was that of another request`)
    bodyByCall.set(call, body)
    await learnFeatures(seen, features)
  }
  checkOverlaps(requests)
  checkDots(requests)
}

const checkPlace = (seen: SeenRequest): void => {
  const { method, target, headers } = seen.incoming
  ensure(seen.route !== "other", `${nameOf(seen)}: there is no such endpoint; expected POST to /v1/… or GET of ${HEALTH_PATH}`)
  if (seen.route === "health") return
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase()
  ensure(type === MEDIA_TYPE, `${nameOf(seen)}: its media type is ${describe(headers.get("content-type"))}, expected ${MEDIA_TYPE}`)
  ensure(method === "POST" && !target.includes("?"), `${nameOf(seen)}: it has a query`)
}

const checkToken = (seen: SeenRequest, { tokens }: RequestTerms): void => {
  const { target, headers, body } = seen.incoming, text = new TextDecoder("latin1").decode(body)
  const authorization = headers.get("authorization")
  if (seen.route !== "health") {
    const isKnown = tokens.some((token) =>
      authorization?.toLowerCase() === `bearer ${token}`.toLowerCase() && authorization.endsWith(token)
    )
    ensure(
      isKnown,
      `${nameOf(seen)}: its authorization is ${authorization === undefined ? "missing" : "not Bearer and a token that was given"}`,
    )
  }
  for (const token of tokens) {
    ensure(!target.includes(token), `${nameOf(seen)}: the token stands in its URL`)
    ensure(!text.includes(token), `${nameOf(seen)}: the token stands in its body`)
    const other = [...headers].find(([name, value]) => name !== "authorization" && value.includes(token))
    ensure(other === undefined, `${nameOf(seen)}: the token stands in its header ${other?.[0]}`)
  }
}

const checkMessage = (seen: SeenRequest, { store }: RequestTerms): void => {
  ensure(seen.problem === undefined, `${nameOf(seen)}: ${seen.problem}`)
  ensure(
    seen.identity?.store === store,
    `${nameOf(seen)}: it is about the store ${describe(seen.identity?.store)}, expected ${describe(store)}`,
  )
}

/** `features`: those in use by the handshakes before it. */
const checkEncoding = (seen: SeenRequest, features: ReadonlySet<string>): void => {
  const encoding = seen.incoming.headers.get("content-encoding")
  if (encoding === undefined) return
  ensure(encoding.toLowerCase() === "gzip", `${nameOf(seen)}: its encoding is ${describe(encoding)}`)
  ensure(features.has("gzip"), `${nameOf(seen)}: it is zipped, and the feature "gzip" is not in use`)
}

const learnFeatures = async ({ route, reply }: SeenRequest, features: Set<string>): Promise<void> => {
  if (route !== "handshake" || reply?.status !== 200) return
  const answer = await outcomeOf(() => decodeHandshakeAnswer(bodyOf(reply) ?? new Uint8Array(0)))
  if (answer.kind === "value") { for (const feature of answer.value.features) features.add(feature) }
}

/** A dot names one operation for ever. */
const checkDots = (requests: readonly SeenRequest[]): void => {
  const known = new Map<string, string>()
  for (const seen of requests) {
    for (const { dot, kind, key, millis, value } of listedIn(seen.blocks)) {
      const name = dot.join(" "), operation = JSON.stringify([kind, key, millis, value])
      ensure((known.get(name) ?? operation) === operation, `${nameOf(seen)}: operation ${name} is another one than it was before`)
      known.set(name, operation)
    }
  }
}

/** At most one push and one pull are under way at once. */
const checkOverlaps = (requests: readonly SeenRequest[]): void => {
  for (const route of ["push", "pull"] as const) {
    const all = requests.filter((seen) => seen.route === route)
    for (const [index, seen] of all.entries()) {
      const before = all.slice(0, index).find(({ endedMillis }) => (endedMillis ?? Infinity) > seen.atMillis)
      ensure(before === undefined, `${nameOf(seen)}: it came while request ${before?.number} was under way`)
    }
  }
}

/** The type of an answer that was given, or its code where it is an error; undefined where it is no message. */
export const typeOfAnswer = ({ reply }: SeenRequest): string | undefined => {
  if (reply === undefined) return undefined
  try {
    const body = bodyOf(reply)
    if (body === undefined) return undefined
    const { type, code } = decodeEnvelope(body).fields
    return String(type === "error" ? code : type)
  } catch {
    return undefined
  }
}
