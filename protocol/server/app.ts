/**
 * App: the protocol over HTTP, as a Hono app that runs wherever there are `Request` and `Response`.
 *
 *   in    id ▸ places left? ▸ draining? ▸ origin ▸ who ▸ places of the principal ▸ rate ▸ media type ▸ encoding ▸ body ▸ service
 *   out   status of the code · body · no-store, nosniff, … on every answer ▸ access log
 *
 * Who asks is known before anything of the body is read. What goes wrong at any step is an answer of type "error"; nothing leaves the request.
 */
import { Hono } from "hono"
import type { Awaitable, Bytes } from "../../kernel/ports/log-storage.ts"
import { startTimer } from "../../kernel/ports/platform.ts"
import { findGzip } from "../client/gzip.ts"
import { encodeErrorAnswer } from "../messages.ts"
import { type WireError, wireError } from "../errors.ts"
import {
  ANSWER_HEADERS,
  EVENTS_MEDIA_TYPE,
  HEALTH_PATH,
  MEDIA_TYPE,
  REQUEST_ID_HEADER,
  type RouteName,
  ROUTES,
  versionOfPath,
} from "../routes.ts"
import { PROTOCOL_VERSIONS } from "../version.ts"
import { answerStream, isSmall } from "./answer-stream.ts"
import { readBody } from "./body.ts"
import { contentEncodingOf, isMediaType } from "./headers.ts"
import { eventStream } from "./event-stream.ts"
import { toWireError } from "./failures.ts"
import { Gauge } from "./gauge.ts"
import { type BytesClaim, HeldBytes } from "./held-bytes.ts"
import { checkIdentity, type Identity, isExpired } from "./identity.ts"
import type { ResolvedOptions } from "./options.ts"
import type { ServiceAnswer, SyncService } from "./service.ts"
import { Visit } from "./visit.ts"

const RETRY_AFTER_MILLIS = 1000
/** Deno's signal aborts after answers that arrived as well, and warns of that whenever it is looked at. */
const IS_DENO = "Deno" in globalThis
/** Time for `authenticate` and `rateLimit` to answer. */
const OWNER_MILLIS_MAX = 10_000
/** Bytes below which compressing costs more than it saves. */
const GZIP_BYTES_MIN = 1024

export interface SyncApp {
  readonly app: Hono
  /** Bytes of bodies and answers held now, and requests under way. */
  readonly load: { readonly heldBytes: number; readonly requests: number }
}

/** The app over a service. */
export function createApp(service: SyncService, options: ResolvedOptions): SyncApp {
  const exchange = new HttpExchange(service, options)
  const app = new Hono()
  app.onError((error, { req }) => exchange.refuse(req.raw, "none", error))
  for (const { name, path } of Object.values(ROUTES)) {
    app.post(path, ({ req }) => exchange.answer(req.raw, name))
    app.options(path, ({ req }) => exchange.preflight(req.raw))
  }
  app.get(HEALTH_PATH, ({ req }) => exchange.health(req.raw))
  app.all("*", ({ req }) => exchange.refuse(req.raw, "none", noSuchRoute(req.raw)))
  return {
    app,
    get load() {
      return exchange.load
    },
  }
}

/** Why nothing is at a path: another version of the protocol, another method, or nothing at all. */
function noSuchRoute({ url, method }: Request): WireError {
  const path = new URL(url).pathname
  // The app may be mounted below a path of its own.
  const version = versionOfPath(`/${path.split("/").slice(-2).join("/")}`)
  if (version !== undefined && !PROTOCOL_VERSIONS.includes(version)) {
    const min = Math.min(...PROTOCOL_VERSIONS), max = Math.max(...PROTOCOL_VERSIONS)
    return wireError("unsupported_version", `this server speaks the versions ${min} to ${max}`, { details: { min, max } })
  }
  return wireError("invalid_request", method === "POST" ? "there is nothing at this path" : "there is nothing at this path for this method")
}

class HttpExchange {
  readonly #service: SyncService
  readonly #options: ResolvedOptions
  readonly #held: HeldBytes
  readonly #principals: Gauge
  readonly #gzip = findGzip()
  #requests = 0

  constructor(service: SyncService, options: ResolvedOptions) {
    this.#service = service
    this.#options = options
    this.#held = new HeldBytes(options.limits.heldBytesMax)
    this.#principals = new Gauge(options.limits.requestsPerPrincipalMax)
  }

  get load(): SyncApp["load"] {
    return { heldBytes: this.#held.held, requests: this.#requests }
  }

  /** Answers a request of a route; never rejects. */
  async answer(request: Request, route: RouteName): Promise<Response> {
    const visit = this.#visit(request, route)
    try {
      const leave = this.#enter(visit)
      this.#service.refuseIfDraining()
      this.#options.origins.check(request.headers)
      const identity = await this.#identify(request)
      visit.identify(identity)
      const leavePrincipal = this.#enterPrincipal(visit, identity.principal)
      await this.#rate(identity, route, request)
      const claim = this.#claim(visit)
      const body = await this.#read(visit, claim)
      if (route === "watch" || route === "wait") {
        // Listeners are counted for themselves, and for longer than any request.
        leave()
        leavePrincipal()
        claim.keep(0)
      }
      if (route === "watch") return await this.#watch(visit, body, identity)
      if (route === "pull") claim.add(2 * this.#options.limits.partsBytesMax)
      const answer = await this.#service.handle(route, body, identity, {
        requestId: visit.requestId,
        signal: route === "wait" && !IS_DENO ? request.signal : undefined,
      })
      claim.keep(answer.body.length)
      return await this.#respond(visit, answer)
    } catch (failure) {
      return this.#fail(visit, failure)
    }
  }

  /** Answers what a browser asks before its first request. */
  preflight(request: Request): Response {
    const visit = this.#visit(request, "preflight")
    try {
      this.#options.origins.check(request.headers)
      return this.#finish(visit, 204, null, this.#options.origins.preflightHeaders(request.headers))
    } catch (failure) {
      return this.#fail(visit, failure)
    }
  }

  /** Answers, to anybody, whether the server takes requests. */
  health(request: Request): Response {
    const isOk = !this.#service.isDraining
    const body = JSON.stringify({ status: isOk ? "ok" : "draining" })
    return this.#finish(this.#visit(request, "health"), isOk ? 200 : 503, body, { "content-type": "application/json" })
  }

  /** Answers a request that came to nothing. */
  refuse(request: Request, route: string, failure: unknown): Response {
    return this.#fail(this.#visit(request, route), failure)
  }

  #visit(request: Request, route: string): Visit {
    return new Visit(request, route, this.#options.platform, this.#options.accessLog)
  }

  #enter(visit: Visit): () => void {
    if (this.#requests >= this.#options.limits.requestsMax) {
      throw wireError("overloaded", "the server answers as many requests as it may", { retryAfterMillis: RETRY_AFTER_MILLIS })
    }
    this.#requests++
    return visit.hold(() => void this.#requests--)
  }

  async #identify(request: Request): Promise<Identity> {
    const identity = await this.#inTime(this.#options.authenticate(request), "who asks")
    if (identity === undefined || identity === null) throw wireError("unauthenticated", "a valid token is needed")
    checkIdentity(identity)
    // Before the body is read; the service looks at it once more when that is done.
    if (isExpired(identity, this.#options.platform.now())) throw wireError("unauthenticated", "the token has expired")
    return identity
  }

  /** What the owner's code answers. Throws `overloaded` when that takes too long: it would hold its place for ever. */
  #inTime<T>(answer: Awaitable<T>, what: string): Awaitable<T> {
    if (!(answer instanceof Promise)) return answer
    return new Promise((resolve, reject) => {
      const stopClock = startTimer(
        this.#options.platform,
        () => {
          reject(wireError("overloaded", `the server could not find out ${what} in time`, { retryAfterMillis: RETRY_AFTER_MILLIS }))
        },
        OWNER_MILLIS_MAX,
        true,
      )
      answer.then(resolve, reject).finally(stopClock)
    })
  }

  #enterPrincipal(visit: Visit, principal: string): () => void {
    if (!this.#principals.enter(principal)) {
      const { requestsPerPrincipalMax } = this.#options.limits
      throw wireError("rate_limited", `this principal has ${requestsPerPrincipalMax} requests under way already`, {
        retryAfterMillis: RETRY_AFTER_MILLIS,
        details: { requestsPerPrincipalMax },
      })
    }
    return visit.hold(() => this.#principals.leave(principal))
  }

  async #rate({ principal, namespace }: Identity, route: RouteName, request: Request): Promise<void> {
    const millis = await this.#inTime(this.#options.rateLimit?.({ principal, namespace, route, request }), "how long to wait") ?? 0
    if (millis > 0) throw wireError("rate_limited", "too many requests", { retryAfterMillis: Math.ceil(millis) })
  }

  #claim(visit: Visit): BytesClaim {
    const claim = this.#held.open()
    visit.hold(() => claim.keep(0))
    return claim
  }

  #read(visit: Visit, claim: BytesClaim): Promise<Bytes> {
    const { headers } = visit.request
    if (!isMediaType(headers.get("content-type"), MEDIA_TYPE)) {
      throw wireError("invalid_request", `a body has the media type ${MEDIA_TYPE}`, { details: { accepts: [MEDIA_TYPE] } })
    }
    const { limits, platform } = this.#options
    return readBody(visit.request, contentEncodingOf(headers.get("content-encoding")), {
      limits,
      platform,
      claim,
      onBytes: (bytes) => visit.bytesIn += bytes,
    })
  }

  async #watch(visit: Visit, body: Bytes, identity: Identity): Promise<Response> {
    const { url, headers } = visit.request
    // What is left of the request while the stream lasts; its body is gone.
    const kept = new Request(url, { method: "POST", headers: new Headers(headers) })
    const opened = await this.#service.watch(body, identity, {
      requestId: visit.requestId,
      identify: async () => {
        const now = await this.#options.authenticate(kept)
        if (now !== undefined) checkIdentity(now)
        return now
      },
    })
    if (!("feed" in opened)) return await this.#respond(visit, opened)
    visit.store = opened.store
    const stream = eventStream(opened.feed, {
      onBytes: (bytes) => visit.bytesOut += bytes,
      onEnd: () => visit.end(),
    })
    return this.#response(visit, 200, stream, { "content-type": EVENTS_MEDIA_TYPE, "x-accel-buffering": "no" })
  }

  async #respond(visit: Visit, { status, body, error, store, accept }: ServiceAnswer): Promise<Response> {
    visit.store = store
    if (error !== undefined) return this.#finish(visit, status, body, this.#errorHeaders(visit, error))
    const isZipped = this.#gzip !== undefined && accept.includes("gzip") && body.length >= GZIP_BYTES_MIN
    const bytes = isZipped && this.#gzip !== undefined ? await this.#gzip(body) : body
    const headers = { "content-type": MEDIA_TYPE, ...isZipped ? { "content-encoding": "gzip" } : {} }
    if (isSmall(bytes)) return this.#finish(visit, status, bytes, headers)
    const stream = answerStream(bytes, {
      platform: this.#options.platform,
      stallSecondsMax: this.#options.limits.answerStallSecondsMax,
      onBytes: (taken) => visit.bytesOut += taken,
      onEnd: () => visit.end(),
    })
    return this.#response(visit, status, stream, headers)
  }

  #fail(visit: Visit, failure: unknown): Response {
    const { requestId, route } = visit
    const error = toWireError(failure, this.#options.logger, { route, requestId })
    return this.#finish(visit, error.status, encodeErrorAnswer(error, requestId), this.#errorHeaders(visit, error))
  }

  #errorHeaders(visit: Visit, { code, status, retryAfterMillis }: WireError): Record<string, string> {
    visit.code = code
    return {
      "content-type": MEDIA_TYPE,
      ...retryAfterMillis === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMillis / 1000)) },
      ...status === 401 ? { "www-authenticate": "Bearer" } : {},
    }
  }

  /** An answer that is handed over whole. */
  #finish(visit: Visit, status: number, body: Bytes | string | null, headers: Readonly<Record<string, string>>): Response {
    const response = this.#response(visit, status, body, headers)
    visit.bytesOut = body?.length ?? 0
    visit.end()
    return response
  }

  #response(visit: Visit, status: number, body: BodyInit | null, headers: Readonly<Record<string, string>>): Response {
    visit.status = status
    return new Response(body, {
      status,
      headers: {
        ...ANSWER_HEADERS,
        vary: "Authorization, Origin",
        ...this.#options.origins.answerHeaders(visit.request.headers),
        ...headers,
        [REQUEST_ID_HEADER]: visit.requestId,
      },
    })
  }
}
