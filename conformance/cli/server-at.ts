/** The server that is checked by its URL. Tokens are taken from the environment, since arguments can be read by everybody on the machine. */
import type { ServerSubject, ServerTokens } from "../mod.ts"

/** How long a server's minute lasts. */
const MINUTE_MILLIS = 60_000
const PERSONS: readonly (keyof ServerTokens)[] = ["owner", "neighbour", "author", "reader", "sender", "stranger", "nobody"]

/**
 * The subject at `url`. `PERSIST_TOKENS` has a token for each of several persons as JSON (`{"owner":"…","reader":"…"}`), `PERSIST_TOKEN` that of the
 * owner alone. `isSlow`: also what takes a minute. Throws `TypeError`, which shows no token.
 */
export const serverAt = (url: string, env: Readonly<Record<string, string | undefined>>, isSlow: boolean): ServerSubject => {
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) {
    throw new TypeError(`the server is "${url}", expected a URL that begins with http: or https:`)
  }
  return { url: url.replace(/\/+$/, ""), tokens: tokensOf(env), ...isSlow ? { minuteMillis: MINUTE_MILLIS } : {} }
}

const tokensOf = ({ PERSIST_TOKENS: several, PERSIST_TOKEN: owner }: Readonly<Record<string, string | undefined>>): ServerTokens => {
  const wrong = (what: string): never => {
    throw new TypeError(`PERSIST_TOKENS ${what}, expected JSON such as {"owner":"…","reader":"…"}, of ${PERSONS.join(", ")}`)
  }
  if (several === undefined) {
    if (owner === undefined || owner === "") {
      throw new TypeError("the server needs a token in the environment, as PERSIST_TOKEN or PERSIST_TOKENS")
    }
    return { owner }
  }
  const tokens = parse(several)
  if (typeof tokens !== "object" || tokens === null || Array.isArray(tokens)) return wrong("is no map")
  const given: Readonly<Record<string, unknown>> = { ...owner === undefined ? {} : { owner }, ...tokens }
  for (const [person, token] of Object.entries(given)) {
    if (!PERSONS.some((known) => known === person)) wrong(`names "${person}"`)
    if (typeof token !== "string" || token === "") wrong(`has no token for "${person}"`)
  }
  const { owner: first } = given
  return typeof first === "string" ? { ...given, owner: first } : wrong(`has no "owner"`)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // its message would show a part of the text
  }
}
