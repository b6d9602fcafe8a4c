/**
 * Tokens: `authenticate` by a fixed list of bearer tokens.
 *
 * Only SHA-256 digests of the tokens are kept. What a request brings is digested and compared with all of them, every byte of every one, so
 * that the time says neither which token was near nor how many there are before it. That makes a list of some thousand reasonable; beyond,
 * ask a database for the digest instead.
 */
import { InvalidOption } from "../../kernel/errors.ts"
import { Sha256 } from "../../kernel/format/sha256.ts"
import { printable, textOf } from "../../kernel/text.ts"
import { type Authenticate, bearerToken, type GivenRights, type Identity } from "./identity.ts"
import { faultOfName } from "./store-names.ts"

const TOKEN_LENGTH_MIN = 16
const TOKEN_LENGTH_MAX = 4096
const DIGEST_BYTES = 32
const NO_RIGHTS: GivenRights = {}

/** What one token allows. */
export interface TokenGrant {
  /** The token itself, 16 to 4,096 visible characters; or leave it out and give `sha256`. */
  readonly token?: string | undefined
  /** SHA-256 of the token, 64 hexadecimal digits, so that a configuration holds no secret. */
  readonly sha256?: string | undefined
  /** The stores: names, or beginnings of names with `*` behind them; `["*"]` is every store of the namespace. */
  readonly stores: readonly string[]
  /** Default: `read` and `write`. */
  readonly rights?: GivenRights | undefined
  /** What the stores are kept under. Default: the principal's name. */
  readonly namespace?: string | undefined
  /** Milliseconds since 1970-01-01 after which the token counts no more. */
  readonly expiresMillis?: number | undefined
}

/** Whether the pattern, a name or a beginning with `*` behind it, holds for `name`. */
export const matchesStore = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern

/**
 * An `authenticate` for these tokens, by principal; a principal may have several, while one replaces another, say.
 *
 * Throws `InvalidOption` for a grant that cannot be meant: no token, a short one, no stores, one token given twice.
 */
export function tokens(grants: Readonly<Record<string, TokenGrant | readonly TokenGrant[]>>): Authenticate {
  const identities: Identity[] = []
  const digests: Uint8Array[] = []
  const seen = new Set<string>()
  for (const [principal, given] of Object.entries(grants)) {
    for (const grant of isList(given) ? given : [given]) {
      const refuse = refusal(principal)
      const digest = digestOf(grant, refuse)
      if (seen.size === seen.add(digest.join()).size) refuse("token", "one that is given already", "a token of its own")
      digests.push(digest)
      identities.push(identityOf(principal, grant, refuse))
    }
  }
  return (request) => {
    const token = bearerToken(request.headers)
    return token === undefined || token.length > TOKEN_LENGTH_MAX ? undefined : identities[indexOfDigest(digests, sha256Of(token))]
  }
}

const isList = (given: TokenGrant | readonly TokenGrant[]): given is readonly TokenGrant[] => Array.isArray(given)

/** The place of `digest` among `digests`, or -1; takes the same time whichever it is, or none. */
export function indexOfDigest(digests: readonly Uint8Array[], digest: Uint8Array): number {
  let found = -1
  for (let index = 0; index < digests.length; index++) {
    const other = digests[index]!
    let difference = 0
    for (let at = 0; at < DIGEST_BYTES; at++) difference |= other[at]! ^ digest[at]!
    // -1 where nothing differs, else 0: chosen without a branch.
    const same = (difference - 1) >> 31
    found = (found & ~same) | (index & same)
  }
  return found
}

const utf8 = new TextEncoder()

/** SHA-256 of a token's text. */
export function sha256Of(token: string): Uint8Array {
  const bytes = utf8.encode(token), sha256 = new Sha256()
  sha256.update(bytes, 0, bytes.length)
  return sha256.digest()
}

type Refuse = (field: string, found: string, expected: string) => never

const refusal = (principal: string): Refuse => (field, found, expected) => {
  throw new InvalidOption({ option: `tokens.${printable(principal, 80)}.${field}`, found, expected })
}

function digestOf({ token, sha256 }: TokenGrant, refuse: Refuse): Uint8Array {
  if ((token === undefined) === (sha256 === undefined)) return refuse("token", "both or none", "either token or sha256")
  if (sha256 !== undefined) {
    if (!/^[0-9a-f]{64}$/i.test(sha256)) return refuse("sha256", "something else", "64 hexadecimal digits")
    return Uint8Array.from({ length: DIGEST_BYTES }, (_, index) => Number.parseInt(sha256.slice(index * 2, index * 2 + 2), 16))
  }
  // What was found is a secret, and not said.
  const isToken = typeof token === "string" && token.length >= TOKEN_LENGTH_MIN && token.length <= TOKEN_LENGTH_MAX &&
    !/[^!-+\--~]/.test(token)
  if (!isToken) {
    return refuse("token", "another text", `${TOKEN_LENGTH_MIN} to ${TOKEN_LENGTH_MAX} visible characters of ASCII without a comma`)
  }
  return sha256Of(token)
}

function identityOf(principal: string, grant: TokenGrant, refuse: Refuse): Identity {
  const { stores, rights = { read: true, write: true }, namespace = principal, expiresMillis } = grant
  for (const [field, name] of [["principal", principal], ["namespace", namespace]] as const) {
    const fault = faultOfName(name)
    if (fault !== undefined) refuse(field, textOf(name), `a name; it ${fault}`)
  }
  if (!Array.isArray(stores) || !stores.every((pattern) => typeof pattern === "string" && pattern !== "")) {
    refuse("stores", textOf(stores), "a list of names and of beginnings with * behind them")
  }
  return {
    principal,
    namespace,
    rights: (store) => stores.some((pattern) => matchesStore(pattern, store)) ? rights : NO_RIGHTS,
    expiresMillis,
  }
}
