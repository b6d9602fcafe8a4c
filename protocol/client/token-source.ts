/**
 * Token source: what a remote's requests prove themselves with. A token that is given as text never changes; one that is given as a function is
 * asked for once, kept in memory, and asked for again when the remote takes it no more.
 *
 *     current() ──▶ kept? ── no ──▶ ask ─┐
 *     refresh(rejected) ──▶ kept another one meanwhile? ── no ──▶ ask, together with everybody who asks meanwhile ──▶ kept
 *
 * Nothing of a token is ever part of an error.
 */
import { InvalidOption } from "../../kernel/errors.ts"

/** A bearer token, or a function that gets one; it is called again when the remote answered that the last one is not valid. */
export type Token = string | (() => string | Promise<string>)

/** The token function failed, or gave something that is no token. */
export class TokenFailed extends Error {
  /** Asking again may help: the function threw. */
  readonly isPassing: boolean

  constructor(message: string, isPassing: boolean, options?: ErrorOptions) {
    super(message, options)
    this.isPassing = isPassing
  }
}

/** What may follow "Bearer ": visible ASCII, so that no token ends the header. A superset of RFC 6750, 2.1. */
const TOKEN = /^[\x21-\x7e]+$/
const TOKEN_BYTES_MAX = 16_384
const isToken = (token: unknown): token is string => typeof token === "string" && token.length <= TOKEN_BYTES_MAX && TOKEN.test(token)

export class TokenSource {
  readonly #ask: (() => string | Promise<string>) | undefined
  #kept: string | undefined
  #asking: Promise<string> | undefined

  /** Throws `InvalidOption` for a text that is no token. */
  constructor(token: Token | undefined) {
    if (typeof token === "function") this.#ask = token
    else if (token === undefined || isToken(token)) this.#kept = token
    else {
      throw new InvalidOption({
        option: "token",
        found: "what is no token",
        expected: `a function, or 1 to ${TOKEN_BYTES_MAX} visible ASCII characters`,
      })
    }
  }

  /** The token to use now; undefined if none was given. Rejects with `TokenFailed`. */
  async current(): Promise<string | undefined> {
    return this.#kept ?? (this.#ask === undefined ? undefined : await this.#askOnce(this.#ask))
  }

  /**
   * Another token than the one that was rejected; undefined where there is no way to another. However many ask at once, the function is
   * called once. Rejects with `TokenFailed`.
   */
  async refresh(rejected: string | undefined): Promise<string | undefined> {
    if (this.#ask === undefined) return undefined
    this.forget(rejected)
    const token = await this.current()
    return token === rejected ? undefined : token
  }

  /** Does not use this token again without asking. */
  forget(rejected: string | undefined): void {
    if (this.#ask !== undefined && this.#kept === rejected) this.#kept = undefined
  }

  #askOnce(ask: () => string | Promise<string>): Promise<string> {
    this.#asking ??= this.#askNow(ask).finally(() => this.#asking = undefined)
    return this.#asking
  }

  async #askNow(ask: () => string | Promise<string>): Promise<string> {
    let token: unknown
    try {
      token = await ask()
    } catch (cause) {
      // Without its message, which is not ours and may hold a secret; it is the cause.
      throw new TokenFailed("the token function failed", true, { cause })
    }
    if (!isToken(token)) throw new TokenFailed("the token function gave no token", false)
    return this.#kept = token
  }
}
