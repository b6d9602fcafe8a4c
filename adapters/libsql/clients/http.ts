/**
 * One HTTP request of the library: with a deadline, a token, and one answer to the question whether it can have reached the server.
 *
 *   the library ──▶ Request ──▶ sendRequest ──▶ fetch ──┬─ 2xx ───────────▶ the whole answer, read to its end
 *                                   ▲                   ├─ 401 ───────────▶ once more with a new token, if there may be one
 *                                   └───────────────────┘─ all else ──────▶ DatabaseError with its meaning (errors.ts)
 *
 * A request is sent once. Deno sends a POST again by itself if a kept connection is closed before the answer comes, by which time the first
 * may have been carried out; it cannot where the body is a stream, so there it is one. (A browser does the same, and cannot be kept from
 * it: `LibsqlLogStorage` meets a frame of its own then, and says that it does not know.)
 */
import { DatabaseError } from "../errors.ts"
import type { Tokens } from "../tokens.ts"

/** An answer of the server in words is quoted no further. */
const REASON_LENGTH_MAX = 200

export interface RequestOptions {
  readonly tokens: Tokens
  readonly timeoutMillis: number
  /** Ends what is under way. */
  readonly signal: AbortSignal
}

/** Rejects with a `DatabaseError`. */
export const sendRequest = async (request: Request, { tokens, timeoutMillis, signal }: RequestOptions): Promise<Response> => {
  const body = await request.text()
  for (let isFirst = true;; isFirst = false) {
    const token = await tokens.current()
    const headers = new Headers(request.headers)
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`)
    const deadline = AbortSignal.timeout(timeoutMillis)
    const isSentTwice = "Deno" in globalThis
    const init: RequestInit & { duplex?: "half" } = {
      method: "POST",
      headers,
      body: isSentTwice ? new Blob([body]).stream() : body,
      signal: AbortSignal.any([deadline, signal]),
      // What is asked with a token goes where the user said, and nowhere else.
      redirect: "error",
    }
    if (isSentTwice) init.duplex = "half"
    let answer: Response
    try {
      const response = await fetch(request.url, init)
      // Read here, so that an answer that is cut off or never ends is found here.
      answer = new Response(await response.arrayBuffer(), { status: response.status, headers: { "content-type": typeOf(response) } })
    } catch (cause) {
      const reason = deadline.aborted ? `the server did not answer within ${timeoutMillis} ms` : reasonOf(cause)
      throw new DatabaseError(isUnsent(cause) ? "unreachable" : "failed", hide(reason, token), { cause })
    }
    if (answer.ok) return answer
    if (answer.status === 401 && isFirst && await tokens.refused(token)) continue
    throw failureOf(answer.status, hide(await answer.text(), token))
  }
}

const typeOf = (response: Response): string => response.headers.get("content-type") ?? "text/plain"

/** What an HTTP status means. */
export const failureOf = (status: number, body: string): DatabaseError => {
  const words = body.replace(/\s+/g, " ").trim().slice(0, REASON_LENGTH_MAX)
  const said = `HTTP status ${status}${words === "" ? "" : `: ${words}`}`
  switch (status) {
    case 401:
      return new DatabaseError("denied", `the server does not accept the token (${said})`, { status })
    case 403:
      return new DatabaseError("denied", `the token does not permit it (${said})`, { status })
    case 429:
      return new DatabaseError("busy", `the server asks to slow down (${said})`, { status })
    default:
      return new DatabaseError(
        status >= 400 && status < 500 && status !== 408 ? "rejected" : "failed",
        `the server answered with ${said}`,
        { status },
      )
  }
}

/** Errors of making a connection, as Node and Bun name them. */
const UNSENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT", "ConnectionRefused"])

/** Whether no connection was made, so that nothing can have been sent. A browser does not tell. */
export const isUnsent = (cause: unknown): boolean => {
  for (let at: unknown = cause; at instanceof Error; at = at.cause) {
    const { code } = at as { readonly code?: unknown }
    if (typeof code === "string" && UNSENT.has(code)) return true
    // Deno has no codes: its words for a failed connection, and those of Bun and `ws` for that of a WebSocket.
    if (/client error \(Connect\)|failed: Failed to connect$|connect ECONNREFUSED|getaddrinfo E/.test(at.message)) return true
    if (/failed to connect to WebSocket: (tcp connect|dns) error/.test(at.message)) return true
  }
  return false
}

const reasonOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message
}

/** No token in any message, whatever a server or runtime makes of it. */
export const hide = (text: string, token: string | undefined): string =>
  token === undefined || token === "" ? text : text.replaceAll(token, "…")
