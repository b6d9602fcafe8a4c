/**
 * Cross-origin: which pages of browsers may speak to the server. Browsers name the page's origin in every request of this protocol, other
 * clients name none. A page whose origin is not listed is refused, whoever is logged in; nothing is ever said with credentials.
 */
import { InvalidOption } from "../../kernel/errors.ts"
import { wireError } from "../errors.ts"
import { REQUEST_ID_HEADER } from "../routes.ts"

const PREFLIGHT_SECONDS = 600
const REQUEST_HEADERS = `authorization, content-type, content-encoding, ${REQUEST_ID_HEADER}`
const ANSWER_HEADERS = `${REQUEST_ID_HEADER}, retry-after`

export class CrossOrigin {
  readonly #allowed: ReadonlySet<string>

  /** Throws `InvalidOption` for what is no origin: `https://app.example.com`, without path; "*" and "null" are none. */
  constructor(allowed: readonly string[] = []) {
    for (const origin of allowed) {
      if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
        throw new InvalidOption({ option: "allowedOrigins", found: String(origin), expected: "origins, such as https://app.example.com" })
      }
    }
    this.#allowed = new Set(allowed)
  }

  /** Throws `forbidden` for a request of a page that may not speak to the server. */
  check(headers: Headers): void {
    const origin = headers.get("origin")
    if (origin !== null && !this.#allowed.has(origin)) throw wireError("forbidden", "pages of this origin may not use this server")
  }

  /** What an answer says to the browser; nothing to others. */
  answerHeaders(headers: Headers): Readonly<Record<string, string>> {
    const origin = headers.get("origin")
    if (origin === null || !this.#allowed.has(origin)) return {}
    return { "access-control-allow-origin": origin, "access-control-expose-headers": ANSWER_HEADERS }
  }

  /** The same for what a browser asks before its first request. */
  preflightHeaders(headers: Headers): Readonly<Record<string, string>> {
    return {
      ...this.answerHeaders(headers),
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": REQUEST_HEADERS,
      "access-control-max-age": String(PREFLIGHT_SECONDS),
    }
  }
}
