/**
 * A server that is checked: where it is, who may ask, and what else can be done with it.
 *
 *   url · tokens { owner, neighbour?, author?, reader?, stranger?, nobody? } · beside? · restart? · wipe? · expiringToken? · minuteMillis?
 *
 * What is left out is a need that the subject lacks: the cases that have it are skipped, with the reason.
 */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import type { RemoteNeed } from "../remote/trial.ts"

/** What there is a token for. */
export interface ServerTokens {
  /** Who may read, write and relay in all stores of a namespace, and makes them by a handshake. */
  readonly owner: string
  /** Another principal of the same namespace with the same rights. */
  readonly neighbour?: string | undefined
  /** Another one, who may read and write but not relay. */
  readonly author?: string | undefined
  /** Another one, who may read alone. */
  readonly reader?: string | undefined
  /** Who may read, write and relay in another namespace. */
  readonly stranger?: string | undefined
  /** Who is known and has no right at any store of the owner's namespace. */
  readonly nobody?: string | undefined
}

/** What is checked: a server that runs already. */
export interface ServerSubject {
  /** Its base: without a slash at its end. */
  readonly url: string
  readonly tokens: ServerTokens
  /** The base of another process over the same stores. */
  readonly beside?: string | undefined
  /** Makes the server forget all that is not in its logs, as a kill and a start do. */
  readonly restart?: (() => Awaitable<void>) | undefined
  /** Empties all stores, as somebody who deletes the files does, and restarts. */
  readonly wipe?: (() => Awaitable<void>) | undefined
  /** Gives a token of the owner that ends after so many milliseconds. */
  readonly expiringToken?: ((lifeMillis: number) => Awaitable<string>) | undefined
  /** How long the server's minute lasts, in milliseconds; left out, cases that take more than one are skipped. 60,000 of nearly all. */
  readonly minuteMillis?: number | undefined
}

/** What a case may ask for: what remotes may lack, a token, a feature, or the time that it takes. */
export type ServerNeed = RemoteNeed | "gzip" | "minute" | "expiring" | Exclude<keyof ServerTokens, "owner">

/** Why a server with these features cannot do what a case needs; undefined if it can. */
export const lackOf = (subject: ServerSubject, features: readonly string[], need: string): string | undefined => {
  const lacks = (isThere: boolean, reason: string): string | undefined => isThere ? undefined : reason
  const { tokens } = subject
  switch (need) {
    case "live":
    case "gzip":
      return lacks(features.includes(need), `the server does not have ${need}`)
    case "other": // another name of a store is one
      return undefined
    case "minute":
      return lacks(subject.minuteMillis !== undefined, "the subject gives no time for it")
    case "expiring":
      return lacks(subject.expiringToken !== undefined, "the subject gives no token that ends")
    case "beside":
    case "restart":
    case "wipe":
      return lacks(subject[need] !== undefined, `the subject gives no ${need}`)
    case "persons": {
      const missing = (["neighbour", "author", "reader"] as const).filter((person) => tokens[person] === undefined)
      return lacks(missing.length === 0, `the subject gives no token of ${missing.join(", ")}`)
    }
    default:
      return lacks(Object(tokens)[need] !== undefined, `the subject gives no token of ${need}`)
  }
}
