/** The token of a server: given once, or asked for; kept until the server refuses it. */
import { DatabaseError } from "./errors.ts"

/** A token, or what answers one; asked at the first request, and again when the server refuses the one it has. */
export type TokenSource = string | (() => string | Promise<string>)

export class Tokens {
  readonly #source: TokenSource | undefined
  #current: Promise<string> | undefined

  constructor(source: TokenSource | undefined) {
    this.#source = source
  }

  /** The token to send. Rejects with a `DatabaseError`, before anything was sent. */
  async current(): Promise<string | undefined> {
    const source = this.#source
    if (typeof source !== "function") return source
    // One question for all who wait for the answer.
    const asked = this.#current ??= Promise.resolve().then(source)
    try {
      const token = await asked
      if (typeof token !== "string") throw new TypeError(`it answered ${typeof token}, no string`)
      return token
    } catch (cause) {
      this.#forget(asked)
      throw new DatabaseError("unreachable", `the function for the token failed: ${cause instanceof Error ? cause.name : typeof cause}`, {
        cause,
      })
    }
  }

  /** The server refused `token`. Answers whether there may be another one. */
  async refused(token: string | undefined): Promise<boolean> {
    if (typeof this.#source !== "function") return false
    const asked = this.#current
    // Somebody else has asked anew meanwhile.
    if (asked !== undefined && await asked.catch(() => undefined) === token) this.#forget(asked)
    return true
  }

  #forget(asked: Promise<string>): void {
    if (this.#current === asked) this.#current = undefined
  }
}
