/**
 * Lies: a server whose answers to pulls are changed on their way out. Each is a message of the protocol and names the request that it answers.
 *
 *   cursor rewinds       the page goes on before the place that was asked for
 *   cursor never moves   the page goes on where it was asked for, and says that there is more
 *   always begins anew   there is more, and wherever a puller stands, it has to begin again
 *   empty pages          the cursor moves, a step each time, and nothing ever comes
 */
import type { Cursor, PullAnswer } from "../../../kernel/ports/remote.ts"
import { callOf } from "../../../protocol/envelope.ts"
import { decodePullAnswer, decodePullRequest, encodePullAnswer } from "../../../protocol/messages.ts"

/** What a server answers wrongly. */
export type Lie = "cursor rewinds" | "cursor never moves" | "always begins anew" | "empty pages"

type Serve = (request: Request) => Promise<Response>

const START: Cursor = { position: 0, id: new Uint8Array(16) }
/** Farther than the log of any test. */
const STEP = 1000

const LIES: Readonly<Record<Lie, (answer: PullAnswer, cursor: Cursor) => PullAnswer>> = {
  "cursor rewinds": (answer, { position }) => answer.kind === "page" && position > 0 ? { ...answer, next: START, upToDate: false } : answer,
  "cursor never moves": (answer, cursor) =>
    answer.kind === "page" ? { ...answer, parts: [], ranges: [], next: cursor, upToDate: false, head: answer.head + STEP } : answer,
  "always begins anew": (answer, { position }) => {
    if (position > 0) return { kind: "restart", at: START, serverTimeMillis: answer.serverTimeMillis }
    return answer.kind === "page" ? { ...answer, upToDate: false, head: answer.head + STEP } : answer
  },
  "empty pages": ({ serverTimeMillis }, { position }) => {
    const next: Cursor = { position: position + STEP, id: new Uint8Array(16).fill(7) }
    return { kind: "page", parts: [], ranges: [], next, upToDate: false, head: next.position + STEP, serverTimeMillis }
  },
}

/** Answers as `serve` does, but lies about pulls. */
export const lying = (serve: Serve, lie: Lie): Serve => async (request) => {
  if (!new URL(request.url).pathname.endsWith("/pull")) return await serve(request)
  const asked = new Uint8Array(await request.arrayBuffer())
  const plain = new Headers(request.headers)
  plain.delete("accept-encoding")
  const response = await serve(new Request(request.url, { method: "POST", headers: plain, body: asked }))
  if (!response.ok) return response
  const answer = decodePullAnswer(new Uint8Array(await response.arrayBuffer()))
  const told = LIES[lie](answer, decodePullRequest(asked).request.cursor)
  const headers = new Headers(response.headers)
  headers.delete("content-length")
  return new Response(encodePullAnswer(told, callOf(asked)), { status: response.status, headers })
}
