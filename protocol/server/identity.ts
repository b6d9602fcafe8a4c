/**
 * Identity: who is asking, as the server's `authenticate` says. It is asked for every request anew; nothing is remembered between two.
 *
 *   principal   who is logged in; receipts in the log name it
 *   namespace   what the principal's stores are kept under; a store is (namespace, name)
 *   rights      what it may do, with every store or by the store's name
 */
import { InvalidOption } from "../../kernel/errors.ts"
import type { Logger } from "../../kernel/ports/logger.ts"
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import type { Rights } from "../../kernel/ports/remote.ts"
import { textOf } from "../../kernel/text.ts"
import type { Route } from "../routes.ts"
import { trimBlanks } from "./headers.ts"
import { faultOfName } from "./store-names.ts"

/** Rights as they are given: what is left out is not given, but for `relay`, which comes with `write`. */
export type GivenRights = Partial<Rights>

export interface Identity {
  /** 1 to 200 bytes in UTF-8. */
  readonly principal: string
  /** 1 to 200 bytes in UTF-8. Two principals with the same namespace share its stores. */
  readonly namespace: string
  /** With every store of the namespace, or with the store of a name. No right at all is answered like a store that is not there. */
  readonly rights: GivenRights | ((store: string) => GivenRights)
  /** Milliseconds since 1970-01-01 after which the identity counts no more. */
  readonly expiresMillis?: number | undefined
}

/**
 * Says who sends a request; undefined if nobody is known. Called for every request, before its body is read and never with it, and for live
 * streams again at every heartbeat. A throw or rejection is answered `internal` and told to the logger; one that takes more than ten seconds is
 * answered `overloaded`.
 */
export type Authenticate = (request: Request) => Awaitable<Identity | undefined>

/** All rights filled in. */
export const resolveRights = ({ read = false, write = false, relay = write, admin = false }: GivenRights): Rights => ({
  read,
  write,
  relay,
  admin,
})

/** Whether the identity counts no more at this time. */
export const isExpired = ({ expiresMillis = Infinity }: Identity, nowMillis: number): boolean => expiresMillis <= nowMillis

/** What `identity` may do with the store `name`. */
export const rightsTo = ({ rights }: Identity, store: string): Rights =>
  resolveRights(typeof rights === "function" ? rights(store) : rights)

/** Whether `rights` are enough for a route. */
export const isEnough = (rights: Rights, needs: Route["needs"]): boolean =>
  needs === "any" ? rights.read || rights.write || rights.relay || rights.admin : rights[needs]

/** Throws `InvalidOption` unless `identity` is one: what `authenticate` answers decides what a principal reaches, so its shape is not trusted. */
export function checkIdentity(identity: Identity): void {
  for (const field of ["principal", "namespace"] as const) {
    const fault = faultOfName(identity[field])
    if (fault !== undefined) {
      throw new InvalidOption({ option: `authenticate().${field}`, found: textOf(identity[field]), expected: `a name; it ${fault}` })
    }
  }
  if (typeof identity.rights !== "function" && (typeof identity.rights !== "object" || identity.rights === null)) {
    throw new InvalidOption({ option: "authenticate().rights", found: textOf(identity.rights), expected: "an object or a function" })
  }
}

const BEARER = "bearer "

/** The token of `Authorization: Bearer …`; undefined with another scheme, without a token, or with more than one header. */
export function bearerToken(headers: Headers): string | undefined {
  const header = headers.get("authorization")
  if (header === null || header.slice(0, BEARER.length).toLowerCase() !== BEARER) return undefined
  const token = trimBlanks(header.slice(BEARER.length))
  // A comma joins several headers, and is in no token, nor is a blank (RFC 6750, section 2.1).
  return token === "" || /[^!-+\--~]/.test(token) ? undefined : token
}

/**
 * Lets everybody do everything, in one namespace. For tests, and for machines that nobody else reaches. The server says so once, through its
 * logger.
 */
export function allowAnyone(): Authenticate {
  const everybody: Identity = { principal: "anyone", namespace: "public", rights: { read: true, write: true, admin: true } }
  const authenticate: Authenticate = () => everybody
  open.add(authenticate)
  return authenticate
}

const open = new WeakSet<Authenticate>()

/** Tells `logger` if `authenticate` lets everybody in. */
export function warnIfOpen(authenticate: Authenticate, logger: Logger): void {
  if (open.has(authenticate)) logger.warn("the sync server lets everybody read and write every store: allowAnyone() is in use")
}
