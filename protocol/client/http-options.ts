/** Options of an exchange over HTTP: what they mean, their defaults, and what is refused. */
import { InvalidOption } from "../../kernel/errors.ts"
import { type Platform, webPlatform } from "../../kernel/ports/platform.ts"
import { type Fetch, findBackgroundFetch } from "./background-fetch.ts"
import { MESSAGE_BYTES_MAX } from "../limits.ts"
import { REQUEST_ID_HEADER } from "../routes.ts"
import type { CompressionMode } from "./compression.ts"
import type { HttpPlaceOptions } from "./http-place.ts"
import type { Token } from "./token-source.ts"

export interface HttpExchangeOptions extends HttpPlaceOptions {
  /**
   * Goes into the header `Authorization`, and nowhere else. A function is asked before the first request, and again when the remote answers that
   * its last token is not valid.
   */
  readonly token?: Token | undefined
  /** Default: the runtime's. One that leaves answers zipped, such as a server's in the same process, will do. */
  readonly fetch?: Fetch | undefined
  /** Whether bodies are zipped, if the remote can. Default "auto": where the link is slow; `compression.ts` says what that is. */
  readonly compress?: CompressionMode | undefined
  /** Longest time of one request, with its answer; a second more for every 16 KB of either. Default 30,000. */
  readonly timeoutMillis?: number | undefined
  /** Largest body of an answer, after its encoding is undone. Default 5 MiB, the most that the protocol allows. */
  readonly responseBytesMax?: number | undefined
  /** Sent with every request, for a gateway in between, say. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Time and randomness. Default: the runtime's. */
  readonly platform?: Platform | undefined
}

/** Options with their defaults. */
export interface HttpSettings {
  readonly fetch: Fetch
  /** For requests that stay open: holds no process, where the runtime can have it so. */
  readonly backgroundFetch: Fetch
  readonly compress: CompressionMode
  readonly timeoutMillis: number
  readonly responseBytesMax: number
  readonly headers: Readonly<Record<string, string>>
  readonly platform: Platform
}

const TIMEOUT_MILLIS_DEFAULT = 30_000
const MODES: readonly CompressionMode[] = ["auto", "always", "never"]
/** Headers that mean something here, or that would send what belongs to somebody else. */
const OWN_HEADERS: readonly string[] = [
  "authorization",
  "proxy-authorization",
  "cookie",
  "host",
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "accept",
  "accept-encoding",
  REQUEST_ID_HEADER,
]

/** Throws `InvalidOption`; shows no value of a header. */
export const httpSettingsOf = (options: HttpExchangeOptions): HttpSettings => {
  const { fetch, compress = "auto", headers = {}, platform = webPlatform } = options
  if (!MODES.includes(compress)) throw new InvalidOption({ option: "compress", found: String(compress), expected: MODES.join(", ") })
  // Called as a plain function: browsers and workerd refuse another `this`. Looked up at each call, so that it may be replaced.
  const ownFetch: Fetch = (url, init) => globalThis.fetch(url, init)
  return {
    fetch: fetch ?? ownFetch,
    backgroundFetch: fetch ?? findBackgroundFetch() ?? ownFetch,
    compress,
    timeoutMillis: positive("timeoutMillis", options.timeoutMillis ?? TIMEOUT_MILLIS_DEFAULT, 2 ** 31 - 1),
    responseBytesMax: positive("responseBytesMax", options.responseBytesMax ?? MESSAGE_BYTES_MAX, Number.MAX_SAFE_INTEGER),
    headers: checkedHeaders(headers),
    platform,
  }
}

const positive = (option: string, value: number, valueMax: number): number => {
  if (Number.isInteger(value) && value > 0 && value <= valueMax) return value
  throw new InvalidOption({ option, found: String(value), expected: `an integer from 1 to ${valueMax}` })
}

const checkedHeaders = (headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(lower) || OWN_HEADERS.includes(lower)) {
      throw new InvalidOption({ option: "headers", found: name, expected: `names of headers, but for ${OWN_HEADERS.join(", ")}` })
    }
    if (typeof value !== "string" || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new InvalidOption({ option: "headers", found: `a value of ${name}`, expected: "visible ASCII" })
    }
    checked[lower] = value
  }
  return checked
}
