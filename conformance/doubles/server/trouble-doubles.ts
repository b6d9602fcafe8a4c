/** Faults of servers that end, fail, are full, or have no room. */
import {
  again,
  type Answer,
  answerDouble,
  bodyOf,
  double,
  encode,
  errorAnswer,
  fieldsDouble,
  read,
  relabelled,
  routeOf,
  type ServerDouble,
  withBody,
} from "./server-double.ts"
import { streamDouble } from "./hint-doubles.ts"

/** The code of an answer that is an error. */
const codeOf = async (response: Response): Promise<unknown> =>
  response.status >= 400 ? read(new Uint8Array(await response.clone().arrayBuffer()))?.fields["code"] : undefined

/** A double that answers one error as something else. */
const instead = (fault: string, caughtBy: string, code: string, change: (request: Request) => Response): ServerDouble =>
  answerDouble(fault, caughtBy, async (response, request) => await codeOf(response) === code ? change(request) : response)

/** A double that meets this error once, and then answers by it what it would take. */
const contagious = (
  fault: string,
  caughtBy: string,
  code: "quota_exceeded" | "rate_limited",
  isHit: (request: Request) => boolean,
): ServerDouble =>
  double(fault, caughtBy, (server) => {
    let hasIt = false
    return async (request) => {
      const answer = await server(request)
      hasIt ||= await codeOf(answer) === code
      return hasIt && answer.status === 200 && isHit(request) ? errorAnswer(request, code, undefined, { retryAfterMillis: 1000 }) : answer
    }
  })

/** A double that tells a client that its operations are refused, where a request could not be done. */
const refusing = (fault: string, caughtBy: string, code: string): ServerDouble =>
  double(fault, caughtBy, (server) => async (request) => {
    const body = await bodyOf(request), sent = read(body), answer = await server(again(request, body))
    if (sent === undefined || await codeOf(answer) !== code) return answer
    const [writer] = Object(sent.fields["own"]) as readonly unknown[]
    const fields = { type: "refused", refused: [[writer, 1, "op_invalid", "it could not be done"]], serverTimeMillis: Date.now() }
    return withBody(new Response(null, { headers: answer.headers }), encode({ fields, parts: [], call: sent.call }))
  })

/** Answers requests only once another one has been answered so. */
const slowWaits = (server: Answer): Answer => async (request) => {
  const answer = await server(request)
  if (routeOf(request) === "wait" && answer.status === 200) await new Promise((resolve) => setTimeout(resolve, 3000))
  return answer
}

export const troubleDoubles: readonly ServerDouble[] = [
  instead("fails where it ends", "trouble/draining", "draining", (request) => errorAnswer(request, "internal")),
  instead(
    "sends those away for good who come when it ends",
    "trouble/draining",
    "draining",
    (request) => errorAnswer(request, "draining", undefined, { retry: "never" }),
  ),
  answerDouble(
    "is healthy to its end",
    "trouble/draining",
    (response, { url }) => relabelled(response, () => undefined, url.endsWith("/health") ? 200 : response.status),
  ),
  answerDouble("loses its headers when it ends", "trouble/draining", async (response) =>
    relabelled(
      response,
      await codeOf(response) === "draining" ? (headers) => headers.delete("cache-control") : () => undefined,
    )),
  streamDouble("cuts off streams when it ends", "trouble/draining-hints", (text) => text.replace("event: bye", "event: end")),
  double("lets waits wait when it ends", "trouble/draining-hints", slowWaits),
  instead(
    "has everybody come back in a second",
    "trouble/draining-spread",
    "draining",
    (request) => errorAnswer(request, "draining", undefined, { retryAfterMillis: 1000 }),
  ),
  refusing("refuses the operations that it fails at", "trouble/failing", "internal"),
  double("tells what it failed at", "trouble/failing", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    const key = /canary[0-9a-f]+/.exec(new TextDecoder("latin1").decode(body))?.[0]
    const message = await codeOf(answer) === "internal" ? read(new Uint8Array(await answer.clone().arrayBuffer())) : undefined
    if (message === undefined) return answer
    return withBody(answer, encode({ ...message, fields: { ...message.fields, message: `the rule about ${key} is broken` } }))
  }),
  refusing("refuses the operations that it has no room for", "trouble/full", "quota_exceeded"),
  contagious("answers nobody any more when it is full", "trouble/full", "quota_exceeded", (request) => routeOf(request) === "pull"),
  fieldsDouble(
    "gives up those for good whom it has no room for",
    "trouble/overloaded",
    (fields) => fields["code"] === "overloaded" ? { ...fields, retry: "after_action" } : undefined,
  ),
  instead("fails where it has no room", "trouble/overloaded", "overloaded", (request) => errorAnswer(request, "internal")),
  contagious("counts the requests of all as those of one", "trouble/limited", "rate_limited", () => true),
  fieldsDouble(
    "does not say when to come again",
    "trouble/limited",
    ({ retryAfterMillis: _, ...fields }) => fields,
  ),
]
