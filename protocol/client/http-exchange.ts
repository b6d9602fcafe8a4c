/**
 * HTTP exchange: carries requests by `fetch`, each a POST with a body and an answer of its own.
 *
 *     call ──▶ token ──▶ encode ──▶ fetch ──▶ check status, media type, encoding ──▶ read, counted ──▶ body
 *                ▲                                  │
 *                └── once, with another token ◀── 401
 *
 * Nothing is followed, cached or sent along that was not asked for: no redirects, no cookies, no referrer. Every call ends: by its answer, its
 * limit of time or of bytes, its signal, or `close`.
 */
import { RemoteUnreachable, Unauthenticated } from "../../kernel/errors.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { CallOptions, Cursor } from "../../kernel/ports/remote.ts"
import { callOf } from "../envelope.ts"
import { SILENCE_MILLIS_MAX } from "../limits.ts"
import { EVENTS_MEDIA_TYPE, MEDIA_TYPE, REQUEST_ID_HEADER, type RouteName, ROUTES } from "../routes.ts"
import { Compression } from "./compression.ts"
import type { CallRoute, Exchange, ExchangeTerms, HintRequests } from "./exchange.ts"
import { HintChannel } from "./hint-channel.ts"
import { checkEncoding, readBody } from "./http-answer.ts"
import {
  answeredFailure,
  type Asked,
  closedFailure,
  foreignFailure,
  isRedirect,
  mediaTypeOf,
  networkFailure,
  redirectFailure,
  timeoutFailure,
} from "./http-failure.ts"
import { type HttpExchangeOptions, type HttpSettings, httpSettingsOf } from "./http-options.ts"
import { type HttpPlace, httpPlaceOf } from "./http-place.ts"
import { PendingCall } from "./pending-call.ts"
import { retryAfterMillisOf } from "./retry-after.ts"
import { TokenFailed, TokenSource } from "./token-source.ts"

/** Bytes of bodies that an exchange has moved, without headers. */
export interface Traffic {
  /** As they travelled; also those of requests that failed. */
  readonly sentBytes: number
  /** As they travelled where the answer said so, else as they were read. */
  readonly receivedBytes: number
  /** How many more it would have been without compression, both ways. */
  readonly savedBytes: number
}

/** A call may take a millisecond more for so many bytes. */
const BYTES_PER_MILLI = 16

export class HttpExchange implements Exchange {
  readonly name: string
  readonly #place: HttpPlace
  readonly #settings: HttpSettings
  readonly #tokens: TokenSource
  readonly #compression: Compression
  readonly #hints: HintChannel
  readonly #pending = new Set<() => void>()
  readonly #traffic = { sentBytes: 0, receivedBytes: 0, savedBytes: 0 }
  #isClosed = false

  /** Throws `InvalidOption`; nothing is sent. */
  constructor(url: string, options: HttpExchangeOptions = {}) {
    this.#place = httpPlaceOf(url, options)
    this.#settings = httpSettingsOf(options)
    this.#tokens = new TokenSource(options.token)
    this.#compression = new Compression({ mode: this.#settings.compress, isLoopback: this.#place.isLoopback })
    this.name = this.#place.url
    this.#hints = new HintChannel(this.#settings.platform, {
      asked: this.#asked("watch"),
      begin: (signal) => this.#begin(this.#asked("watch"), signal),
      openStream: (body, pending) => this.#openStream(body, pending),
      poll: (body, signal) => this.call("wait", body, { signal }),
    })
  }

  /** So far. */
  get traffic(): Traffic {
    return { ...this.#traffic }
  }

  get features(): readonly string[] {
    return ["live", ...this.#compression.features]
  }

  get accept(): readonly string[] {
    return this.#compression.accept
  }

  agree(terms: ExchangeTerms): void {
    this.#compression.agree(terms)
  }

  async call(route: CallRoute, body: Bytes, { signal }: CallOptions): Promise<Bytes> {
    const asked = this.#asked(route, body)
    const pending = this.#begin(asked, signal)
    try {
      const millis = route === "wait" ? Math.max(SILENCE_MILLIS_MAX, this.#settings.timeoutMillis) : this.#settings.timeoutMillis
      const grant = pending.deadline(millis, BYTES_PER_MILLI, () => timeoutFailure(millis, asked))
      return await this.#withToken(pending, asked, async (token) => {
        const encoded = await pending.race(this.#compression.encode(body))
        grant(encoded.bytes.length)
        const startedMillis = performance.now()
        const response = await this.#fetch(route, encoded.bytes, encoded.encoding, MEDIA_TYPE, token, pending, asked)
        this.#compression.requests.note(encoded.bytes.length, performance.now() - startedMillis)
        this.#traffic.savedBytes += body.length - encoded.bytes.length
        return await this.#read(response, pending, asked, grant)
      })
    } finally {
      pending.end()
    }
  }

  watch(requests: HintRequests, onHead: (head: Cursor) => void, { signal }: CallOptions): Promise<void> {
    return this.#hints.watch(requests, onHead, signal)
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#hints.close()
    for (const end of [...this.#pending]) end()
    return Promise.resolve()
  }

  #asked(call: string, body?: Bytes): Asked {
    return { remote: this.#place.url, call, id: body && callOf(body) }
  }

  #begin(asked: Asked, signal: AbortSignal): PendingCall {
    if (this.#isClosed) throw closedFailure(asked)
    const pending: PendingCall = new PendingCall(this.#settings.platform, signal, () => this.#pending.delete(close))
    const close = (): void => pending.abort(closedFailure(asked))
    this.#pending.add(close)
    return pending
  }

  /** Runs `attempt` with the token, and once more with another one if the remote does not take it and there is another. */
  async #withToken<T>(pending: PendingCall, asked: Asked, attempt: (token: string | undefined) => Promise<T>): Promise<T> {
    const token = await this.#askForToken(pending, asked, this.#tokens.current())
    try {
      return await attempt(token)
    } catch (error) {
      if (!(error instanceof Unauthenticated)) throw error
      const another = await this.#askForToken(pending, asked, this.#tokens.refresh(token))
      if (another === undefined) throw error
      try {
        return await attempt(another)
      } catch (error) {
        if (error instanceof Unauthenticated) this.#tokens.forget(another)
        throw error
      }
    }
  }

  async #askForToken(pending: PendingCall, asked: Asked, asking: Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await pending.race(asking)
    } catch (error) {
      if (!(error instanceof TokenFailed)) throw error
      const { remote, call } = asked, details = { remote, call, reason: error.message }
      throw error.isPassing ? new RemoteUnreachable(details, { cause: error }) : new Unauthenticated(details, { cause: error })
    }
  }

  /** Sends the request; resolves with the head of an answer that is a success of the media type that was asked for. */
  async #fetch(
    route: RouteName,
    body: Bytes,
    encoding: string | undefined,
    accept: string,
    token: string | undefined,
    pending: PendingCall,
    asked: Asked,
  ): Promise<Response> {
    const headers: Record<string, string> = {
      ...this.#settings.headers,
      accept,
      // Deno undoes what it asked for itself, or what is asked for by name; anything but gzip would be left as it is or is not bounded well.
      "accept-encoding": "gzip",
      "content-type": MEDIA_TYPE,
      [REQUEST_ID_HEADER]: bytesToHex(this.#settings.platform.randomBytes(8)),
    }
    if (encoding !== undefined) headers["content-encoding"] = encoding
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`
    this.#traffic.sentBytes += body.length
    const init: RequestInit = { ...QUIET, method: "POST", headers, body, redirect: "manual", signal: pending.signal }
    const { fetch, backgroundFetch } = this.#settings, isOpen = route === "watch" || route === "wait"
    const response = await pending.race((isOpen ? backgroundFetch : fetch)(`${this.#place.url}${ROUTES[route].path}`, init)).catch(
      (error) => {
        throw pending.signal.aborted ? error : networkFailure(error, asked)
      },
    )
    await this.#check(response, accept, pending, asked)
    return response
  }

  /** Rejects with what an answer means that is not the one that was asked for. */
  async #check(response: Response, accept: string, pending: PendingCall, asked: Asked): Promise<void> {
    if (isRedirect(response)) throw redirectFailure(response, asked)
    const mediaType = mediaTypeOf(response)
    const retryAfterMillis = retryAfterMillisOf(response.headers.get("retry-after"), this.#settings.platform.now())
    const isError = !response.ok && mediaType === MEDIA_TYPE
    if (!isError && !(response.ok && mediaType === accept)) throw foreignFailure(response, asked, retryAfterMillis)
    checkEncoding(response, asked)
    if (isError) throw answeredFailure(await this.#read(response, pending, asked, () => undefined), asked, retryAfterMillis)
  }

  async #read(response: Response, pending: PendingCall, asked: Asked, grant: (bytes: number) => void): Promise<Bytes> {
    const startedMillis = performance.now()
    const { bytes, counted } = await readBody(response, this.#settings.responseBytesMax, pending, asked, grant)
    this.#compression.answers.note(counted.received, performance.now() - startedMillis)
    this.#traffic.receivedBytes += counted.received
    this.#traffic.savedBytes += Math.max(0, counted.read - counted.received)
    return bytes
  }

  async #openStream(body: Bytes, pending: PendingCall): Promise<ReadableStreamDefaultReader<Bytes>> {
    const asked = this.#asked("watch", body)
    return await this.#withToken(pending, asked, async (token) => {
      const response = await this.#fetch("watch", body, undefined, EVENTS_MEDIA_TYPE, token, pending, asked)
      return (response.body ?? new ReadableStream<Bytes>({ start: (controller) => controller.close() })).getReader()
    })
  }
}

/** What keeps a request to itself, as far as the runtime knows such members: workerd refuses those that it does not know. */
const QUIET: RequestInit = (() => {
  const members = Object.entries({ cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" })
  const known = typeof Request === "function" ? Request.prototype : {}
  return Object.fromEntries(members.filter(([name]) => name in known))
})()
