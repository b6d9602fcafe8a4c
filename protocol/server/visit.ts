/**
 * Visit: one HTTP request from its first byte to the last one of its answer: what the access log will say of it, and what has to be given
 * back when it is over, however it ends.
 */
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Platform } from "../../kernel/ports/platform.ts"
import { printable } from "../../kernel/text.ts"
import { isRequestId, REQUEST_ID_HEADER } from "../routes.ts"
import type { Identity } from "./identity.ts"

const REQUEST_ID_BYTES = 8

/** One line of the access log. Never a payload, a key, a token or an address of a page. */
export interface AccessEntry {
  /** When the request came, in milliseconds since 1970-01-01. */
  readonly time: number
  readonly method: string
  /** Name of the route; "health", "preflight", or "none" where there is no such route. */
  readonly route: string
  readonly status: number
  readonly requestId: string
  /** Who asked, once that was known. */
  readonly principal?: string | undefined
  readonly namespace?: string | undefined
  /** Name of the store, once it was known; escaped, so that it cannot forge a line. */
  readonly store?: string | undefined
  /** Bytes of the bodies as they travelled. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** From the request's head to the end of its answer. */
  readonly millis: number
  /** Code of the error, if one was answered. */
  readonly code?: string | undefined
}

export type AccessLog = (entry: AccessEntry) => void

export class Visit {
  readonly request: Request
  readonly route: string
  readonly requestId: string
  status = 0
  bytesIn = 0
  bytesOut = 0
  store: string | undefined
  code: string | undefined
  #identity: Identity | undefined
  readonly #time: number
  readonly #platform: Platform
  readonly #log: AccessLog | undefined
  #returns: (() => void)[] = []
  #isOver = false

  constructor(request: Request, route: string, platform: Platform, log: AccessLog | undefined) {
    const given = request.headers.get(REQUEST_ID_HEADER)
    this.request = request
    this.route = route
    this.requestId = given !== null && isRequestId(given) ? given : bytesToHex(platform.randomBytes(REQUEST_ID_BYTES))
    this.#platform = platform
    this.#time = platform.now()
    this.#log = log
  }

  identify(identity: Identity): void {
    this.#identity = identity
  }

  /** Has `giveBack` called when the visit is over. Answers what calls it now instead. */
  hold(giveBack: () => void): () => void {
    let isGiven = false
    const once = (): void => {
      if (!isGiven) giveBack()
      isGiven = true
    }
    this.#returns.push(once)
    return once
  }

  /** The answer is out, or nobody waits for it any more. Idempotent. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const giveBack of this.#returns) giveBack()
    this.#returns = []
    try {
      this.#log?.({
        time: this.#time,
        method: printable(this.request.method, 20),
        route: this.route,
        status: this.status,
        requestId: this.requestId,
        principal: this.#identity?.principal,
        namespace: this.#identity?.namespace,
        store: this.store,
        bytesIn: this.bytesIn,
        bytesOut: this.bytesOut,
        millis: Math.max(0, this.#platform.now() - this.#time),
        code: this.code,
      })
    } catch {
      // A log that fails must not fail the request that it is about.
    }
  }
}
