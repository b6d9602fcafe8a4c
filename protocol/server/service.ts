/**
 * Service: the protocol's routes over logs, without HTTP, without a runtime: bytes and an identity in, a status and bytes out. The server's app
 * is a thin layer over it; a simulation and remotes in the same process call it directly.
 *
 *   body ──▶ decode ──▶ rights ──▶ store (open-stores.ts) ──▶ RemoteLog ──▶ encode ──▶ answer
 *                 └──────────┴──────────────┴─────────────────────┴──▶ failure ──▶ answer of type "error"
 *
 * It keeps no state but logs that are open, which it can open again, and counters.
 */
import { FormatTooNew } from "../../kernel/errors.ts"
import type { Logger } from "../../kernel/ports/logger.ts"
import type { Adapter, Bytes } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { PullRequest, PushRequest, Rights } from "../../kernel/ports/remote.ts"
import type { RemoteLog } from "../../kernel/sync/remote-log.ts"
import { printable } from "../../kernel/text.ts"
import { callOf } from "../envelope.ts"
import { type WireError, wireError } from "../errors.ts"
import { malformed } from "../fields.ts"
import { MESSAGE_BYTES_MAX } from "../limits.ts"
import {
  decodeHandshakeRequest,
  decodePullRequest,
  decodePushRequest,
  decodeWaitRequest,
  decodeWatchRequest,
  encodeErrorAnswer,
  encodeHandshakeAnswer,
  encodeHeadAnswer,
  encodePullAnswer,
  encodePushAnswer,
  type RequestIdentity,
  type WaitRequest,
} from "../messages.ts"
import { agreeFeatures, agreeVersion } from "../negotiation.ts"
import { type RouteName, ROUTES } from "../routes.ts"
import { FEATURES } from "../version.ts"
import { toWireError } from "./failures.ts"
import { type HeadFeed, randomShare } from "./head-feed.ts"
import { type Identity, isEnough, isExpired, rightsTo } from "./identity.ts"
import type { ServerLimits } from "./limits.ts"
import { Listeners } from "./listeners.ts"
import { OpenStores, type StoreLease } from "./open-stores.ts"
import { faultOfName } from "./store-names.ts"
import { WriterQuota } from "./writer-quota.ts"

/** Routes that make a store that is missing, of who may write (W-69). */
const MAKING: ReadonlySet<RouteName> = new Set(["handshake", "push"])
const DRAINING_RETRY_MILLIS = 1000
const DRAINING_JITTER_MILLIS = 4000

export interface ServiceOptions {
  /** Where the stores of a namespace are kept. */
  readonly storage: (namespace: string) => Adapter
  readonly openLog: (adapter: Adapter, name: string, create: boolean) => Promise<RemoteLog>
  readonly platform: Platform
  readonly logger: Logger
  readonly limits: ServerLimits
}

/** The routes that answer with one body. */
export type CallRoute = Exclude<RouteName, "watch">

export interface CallContext {
  /** Named in errors, so that a client's report can be found in the server's log. */
  readonly requestId?: string | undefined
  /** Ends a wait early: who asked is gone. */
  readonly signal?: AbortSignal | undefined
}

export interface ServiceAnswer {
  /** As an HTTP status. */
  readonly status: number
  readonly body: Bytes
  /** What the answer says went wrong. */
  readonly error?: WireError | undefined
  /** The store that was asked for, if the request could be read; harmless to print. */
  readonly store?: string | undefined
  /** Encodings that the answer may have. */
  readonly accept: readonly string[]
}

/** A stream of hints that was opened. */
export interface ServiceFeed {
  readonly feed: HeadFeed
  readonly store: string
}

/** What is looked at once more while a stream of hints lasts. */
export interface WatchContext extends CallContext {
  /** The identity as it is now; undefined if it is nobody's any more. Default: the identity stays. */
  readonly identify?: (() => Promise<Identity | undefined>) | undefined
}

/** A request that is being answered. */
interface Session {
  readonly asker: RequestIdentity
  /** Features in use: of those that the request names. */
  readonly features: readonly string[]
  readonly identity: Identity
  readonly rights: Rights
  readonly lease: StoreLease
  readonly context: CallContext
  /** What the answer names, so that it passes for no other's. */
  readonly call: Bytes
}

/** A request that was read: who asks, and what answers it once its store is open. */
interface ReadRequest {
  readonly asker: RequestIdentity
  readonly answer: (session: Session) => Promise<Bytes>
}

export class SyncService {
  readonly #options: ServiceOptions
  readonly #stores: OpenStores
  readonly #writers: WriterQuota
  readonly #listeners: Listeners
  #isDraining = false
  #running = 0
  #onIdle: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(options: ServiceOptions) {
    this.#options = options
    this.#stores = new OpenStores(options)
    this.#writers = new WriterQuota(options.platform, options.limits.newWritersPerDayMax)
    this.#listeners = new Listeners(options)
  }

  /** No more requests are taken: they are answered `draining`. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Stores that are open, requests under way, streams and waits. */
  get load(): { readonly stores: number; readonly requests: number; readonly live: number } {
    return { stores: this.#stores.size, requests: this.#running, live: this.#listeners.size }
  }

  /** Throws `draining` once the service is closing. */
  refuseIfDraining(): void {
    if (!this.#isDraining) return
    const retryAfterMillis = Math.ceil(DRAINING_RETRY_MILLIS + randomShare(this.#options.platform) * DRAINING_JITTER_MILLIS)
    throw wireError("draining", "the server is being stopped; another one may take over", { retryAfterMillis })
  }

  /** Answers one request. Never rejects: what goes wrong is an answer as well. */
  async handle(route: CallRoute, body: Bytes, identity: Identity, context: CallContext = {}): Promise<ServiceAnswer> {
    this.#running++
    let asker: RequestIdentity | undefined
    let lease: StoreLease | undefined
    try {
      const request = this.#read(route, body)
      asker = request.asker
      const features = agreeFeatures(asker.features, FEATURES)
      const rights = this.#rightsFor(route, identity, asker.store)
      lease = await this.#acquire(identity, asker.store, rights.write && MAKING.has(route))
      return {
        status: 200,
        body: await request.answer({ asker, features, identity, rights, lease, context, call: callOf(body) }),
        store: printable(asker.store),
        accept: asker.accept,
      }
    } catch (failure) {
      lease?.failed(failure)
      return this.#failure(failure, route, asker, context)
    } finally {
      lease?.release()
      this.#running--
      if (this.#running === 0) this.#onIdle?.()
    }
  }

  /** Opens a stream of hints; its first event is the head as it is. What goes wrong before is an answer, as of {@link handle}. */
  async watch(body: Bytes, identity: Identity, context: WatchContext = {}): Promise<ServiceFeed | ServiceAnswer> {
    this.#running++
    let asker: RequestIdentity | undefined
    let lease: StoreLease | undefined
    try {
      this.#refuseUnlessReadable(body)
      asker = decodeWatchRequest(body).identity
      agreeFeatures(asker.features, FEATURES)
      this.#rightsFor("watch", identity, asker.store)
      lease = await this.#acquire(identity, asker.store, false)
      const { store } = asker
      const isAllowed = async (): Promise<boolean> => {
        const now = context.identify === undefined ? identity : await context.identify()
        if (now === undefined || now.principal !== identity.principal || now.namespace !== identity.namespace) return false
        this.#rightsFor("watch", now, store)
        return true
      }
      return { feed: this.#listeners.open(store, identity, lease, isAllowed, context.signal), store: printable(store) }
    } catch (failure) {
      lease?.failed(failure)
      return this.#failure(failure, "watch", asker, context)
    } finally {
      lease?.release()
      this.#running--
      if (this.#running === 0) this.#onIdle?.()
    }
  }

  /**
   * Takes no more requests, ends streams with "bye" and waits with the head as it is, waits for what is under way, then closes every store.
   * Resolves when that is done, or after twice `graceMillis` whatever is left. Idempotent.
   */
  close(graceMillis: number): Promise<void> {
    return this.#closed ??= this.#close(graceMillis)
  }

  async #close(graceMillis: number): Promise<void> {
    const { platform, logger } = this.#options
    this.#isDraining = true
    this.#listeners.end()
    const within = (work: Promise<unknown>, what: string): Promise<void> =>
      new Promise((resolve) => {
        const stopClock = startTimer(platform, () => {
          logger.warn(`the sync server stops before ${what}`, { graceMillis })
          resolve()
        }, graceMillis)
        void work.then(() => {
          stopClock()
          resolve()
        })
      })
    if (this.#running > 0) await within(new Promise<void>((resolve) => this.#onIdle = resolve), "all requests are answered")
    await within(this.#stores.close(), "all stores are closed")
  }

  /** Before anything of a body is decoded. */
  #refuseUnlessReadable(body: Bytes): void {
    this.refuseIfDraining()
    if (body.length > MESSAGE_BYTES_MAX) {
      throw wireError("body_too_large", `the message has ${body.length} bytes, at most ${MESSAGE_BYTES_MAX} are taken`)
    }
  }

  #read(route: CallRoute, body: Bytes): ReadRequest {
    this.#refuseUnlessReadable(body)
    switch (route) {
      case "handshake": {
        const { identity: asker, request } = decodeHandshakeRequest(body)
        // Before the store is looked for: a handshake without a common version has no effect.
        const protocol = agreeVersion(request.versions)
        return { asker, answer: (session) => this.#handshake(protocol, session) }
      }
      case "push": {
        const { identity: asker, request } = decodePushRequest(body)
        return { asker, answer: (session) => this.#push(request, session) }
      }
      case "pull": {
        const { identity: asker, request } = decodePullRequest(body)
        return { asker, answer: (session) => this.#pull(request, session) }
      }
      case "wait": {
        const { identity: asker, request } = decodeWaitRequest(body)
        return { asker, answer: (session) => this.#wait(request, session) }
      }
    }
  }

  /**
   * What the principal may do with a store. Throws `unauthenticated` for an identity that is over, and `forbidden` where its rights are not
   * enough: before anybody looks whether there is such a store, so that nothing can be learnt of it.
   */
  #rightsFor(route: RouteName, identity: Identity, store: string): Rights {
    const fault = faultOfName(store)
    if (fault !== undefined) malformed("store", fault)
    if (isExpired(identity, this.#options.platform.now())) throw wireError("unauthenticated", "the token has expired")
    const rights = rightsTo(identity, store)
    if (!isEnough(rights, ROUTES[route].needs)) throw wireError("forbidden", "this principal has no right to do that with this store")
    return rights
  }

  #acquire({ namespace }: Identity, name: string, mayCreate: boolean): Promise<StoreLease> {
    return this.#stores.acquire({ namespace, name, adapter: this.#options.storage(namespace) }, mayCreate)
  }

  async #handshake(protocol: number, { features, identity, rights, lease, call }: Session): Promise<Bytes> {
    const answer = await lease.log.handshake({ principal: identity.principal, rights })
    const { bodyBytesMax, inflatedBytesMax } = this.#options.limits
    return encodeHandshakeAnswer({
      ...answer,
      protocol,
      features,
      limits: { ...answer.limits, bodyBytesMax, inflatedBytesMax: Math.min(inflatedBytesMax, MESSAGE_BYTES_MAX) },
      tokenExpiresMillis: identity.expiresMillis,
    }, call)
  }

  async #push(request: PushRequest, { asker, identity: { principal, namespace }, rights, lease, call }: Session): Promise<Bytes> {
    const { partsMax } = this.#options.limits
    if (request.parts.length > partsMax) {
      throw wireError("batch_too_large", `the push has ${request.parts.length} parts, at most ${partsMax} are taken`, {
        details: { partsMax },
      })
    }
    const count = this.#writers.admit(principal, JSON.stringify([namespace, asker.store]), request.parts)
    const answer = await lease.log.push(request, { principal, rights }).catch((error) => {
      if (!(error instanceof FormatTooNew)) throw error
      throw wireError("unsupported_feature", "the push has a block of a later version", { cause: error })
    })
    if (answer.kind === "ok") count()
    return encodePushAnswer(answer, call)
  }

  async #pull(request: PullRequest, { identity: { principal }, rights, lease, call }: Session): Promise<Bytes> {
    const partsBytesMax = Math.min(request.partsBytesMax, this.#options.limits.partsBytesMax)
    return encodePullAnswer(await lease.log.pull({ ...request, partsBytesMax }, { principal, rights }), call)
  }

  async #wait(request: WaitRequest, { asker, identity, lease, context, call }: Session): Promise<Bytes> {
    return encodeHeadAnswer(await this.#listeners.wait(asker.store, identity, lease, request, context.signal), call)
  }

  #failure(failure: unknown, route: RouteName, asker: RequestIdentity | undefined, { requestId }: CallContext): ServiceAnswer {
    const store = asker === undefined ? undefined : printable(asker.store)
    const error = toWireError(failure, this.#options.logger, { route, store, requestId })
    return { status: error.status, body: encodeErrorAnswer(error, requestId, asker?.call), error, store, accept: [] }
  }
}
