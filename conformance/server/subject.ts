/**
 * A server that is checked: where it is, who may ask, and what else can be done with it.
 *
 *   url · tokens { owner, neighbour?, author?, reader?, sender?, stranger?, nobody? } · expiringToken? · minuteMillis?
 *   beside? · restart? · roll? · wipe? · backUp?                    its processes, and what keeps its logs
 *   draining? · failing? · full? · overloaded? · limited?           troubles, which it answers by an error each
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
  /** Another one, who may write alone. */
  readonly sender?: string | undefined
  /** Who may read, write and relay in another namespace. */
  readonly stranger?: string | undefined
  /** Who is known and has no right at any store of the owner's namespace. */
  readonly nobody?: string | undefined
}

/** Brings a server into trouble; resolves once it is in it, to what ends that. */
export type BringTrouble = () => Awaitable<() => Awaitable<void>>

/** Troubles of a server, each of which has an error of its own. */
export interface ServerTroubles {
  /** It ends as planned, and still answers: by `draining`. Afterwards it is there again, with its logs. */
  readonly draining?: BringTrouble | undefined
  /** Every push that brings something fails, in a way of which the server knows no more than that: `internal`. */
  readonly failing?: BringTrouble | undefined
  /** There is no room for what pushes bring: `quota_exceeded`. */
  readonly full?: BringTrouble | undefined
  /** There is no room for another request at the moment: `overloaded`. */
  readonly overloaded?: BringTrouble | undefined
  /** The owner has asked more than anybody may in a time: `rate_limited`. */
  readonly limited?: BringTrouble | undefined
}

/** What is checked: a server that runs already. */
export interface ServerSubject extends ServerTroubles {
  /** Its base: without a slash at its end. */
  readonly url: string
  readonly tokens: ServerTokens
  /** The base of another process over the same stores. */
  readonly beside?: string | undefined
  /** Makes the server forget all that is not in its logs, as a kill and a start do. */
  readonly restart?: (() => Awaitable<void>) | undefined
  /** Starts its processes anew, one after another, so that one is always there. Needs `beside`. */
  readonly roll?: (() => Awaitable<void>) | undefined
  /** Empties all stores, as somebody who deletes the files does, and restarts. */
  readonly wipe?: (() => Awaitable<void>) | undefined
  /** Copies all stores; what it answers puts the copy in their place, as somebody who restores a backup does, and restarts. */
  readonly backUp?: (() => Awaitable<() => Awaitable<void>>) | undefined
  /** Gives a token of the owner that ends after so many milliseconds. */
  readonly expiringToken?: ((lifeMillis: number) => Awaitable<string>) | undefined
  /** How long the server's minute lasts, in milliseconds; left out, cases that take more than one are skipped. 60,000 of nearly all. */
  readonly minuteMillis?: number | undefined
}

/** What a case may ask for: what remotes may lack, a token, a feature, or the time that it takes. */
export type ServerNeed = RemoteNeed | "gzip" | "minute" | "expiring" | keyof ServerTroubles | Exclude<keyof ServerTokens, "owner">

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
    case "roll":
    case "wipe":
    case "backUp":
    case "draining":
    case "failing":
    case "full":
    case "overloaded":
    case "limited":
      return lacks(subject[need] !== undefined, `the subject gives no ${need}`)
    case "persons": {
      const missing = (["neighbour", "author", "reader"] as const).filter((person) => tokens[person] === undefined)
      return lacks(missing.length === 0, `the subject gives no token of ${missing.join(", ")}`)
    }
    default:
      return lacks(Object(tokens)[need] !== undefined, `the subject gives no token of ${need}`)
  }
}
