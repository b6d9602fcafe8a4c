/**
 * Listeners: who waits for hints at the moment, counted by principal and store, so that all can be told to go when the server stops.
 *
 *   open   a stream: a feed that lasts about a minute
 *   wait   one hint: the head, once it is another, or when the time is over
 *
 * Either lets go of its store's work: a store that only has listeners may be closed for another one. They are then told to come again.
 */
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { wireError } from "../errors.ts"
import { WATCH_MILLIS } from "../limits.ts"
import type { WaitRequest } from "../messages.ts"
import { Gauge } from "./gauge.ts"
import { HeadFeed } from "./head-feed.ts"
import type { Identity } from "./identity.ts"
import type { ServerLimits } from "./limits.ts"
import type { StoreLease } from "./open-stores.ts"

const RETRY_AFTER_MILLIS = 5000

export interface ListenersOptions {
  readonly limits: ServerLimits
  readonly platform: Platform
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #counts: Gauge
  /** Ends each of them. */
  readonly #ends = new Set<() => void>()

  constructor(options: ListenersOptions) {
    this.#options = options
    this.#counts = new Gauge(options.limits.livePerStoreMax)
  }

  /** How many there are. */
  get size(): number {
    return this.#counts.total
  }

  /** Ends all of them: streams say "bye", waits answer the head as it is. */
  end(): void {
    for (const end of [...this.#ends]) end()
  }

  /**
   * A stream of hints, whose first event is the head as it is. It ends by itself, when the signal aborts, when `isAllowed` says no, and when
   * the store is closed. Throws `rate_limited` or `overloaded` where too many listen.
   */
  open(store: string, identity: Identity, lease: StoreLease, isAllowed: () => Promise<boolean>, signal: AbortSignal | undefined): HeadFeed {
    const stops = [this.#enter(identity, store)]
    const onEnd = (): void => {
      for (const stop of stops) stop()
    }
    const feed = new HeadFeed({ platform: this.#options.platform, isAllowed, onEnd })
    const bye = (): void => feed.end("bye"), drop = (): void => feed.end("dropped")
    this.#ends.add(bye)
    signal?.addEventListener("abort", drop)
    stops.push(
      () => this.#ends.delete(bye),
      () => signal?.removeEventListener("abort", drop),
      lease.log.onHead((head) => feed.tell(head)),
      lease.listen(bye),
    )
    const { expiresMillis } = identity, leftMillis = (expiresMillis ?? Infinity) - this.#options.platform.now()
    // Beats look at the token as well, but not at once; a longer time than a stream lasts may be too long for a timer.
    if (leftMillis < 2 * WATCH_MILLIS) stops.push(startTimer(this.#options.platform, bye, Math.max(0, leftMillis), true))
    feed.tell(lease.log.head)
    if (signal?.aborted === true) drop()
    return feed
  }

  /** The head, as soon as it is another than the cursor; or as it is when the time is over or {@link end} is called. Throws as {@link open}. */
  async wait(
    store: string,
    identity: Identity,
    { log, listen }: StoreLease,
    { cursor, waitMillis }: WaitRequest,
    signal: AbortSignal | undefined,
  ): Promise<Cursor> {
    const isNews = (): boolean => log.head.position !== cursor.position || log.head.id.some((byte, at) => byte !== cursor.id[at])
    if (isNews() || signal?.aborted === true) return log.head
    const { platform, limits } = this.#options
    const stops = [this.#enter(identity, store)]
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const stop of stops) stop()
        resolve()
      }
      this.#ends.add(done)
      signal?.addEventListener("abort", done)
      stops.push(
        () => this.#ends.delete(done),
        () => signal?.removeEventListener("abort", done),
        startTimer(platform, done, Math.min(waitMillis, limits.waitMillisMax), true),
        log.onHead(() => {
          if (isNews()) done()
        }),
        listen(done),
      )
    })
    return log.head
  }

  /** Counts one more; answers what counts it off, once. */
  #enter({ principal, namespace }: Identity, store: string): () => void {
    const { liveMax, livePerStoreMax } = this.#options.limits
    if (this.#counts.total >= liveMax) {
      throw wireError("overloaded", "as many listen for hints as may", { retryAfterMillis: RETRY_AFTER_MILLIS })
    }
    const key = JSON.stringify([principal, namespace, store])
    if (!this.#counts.enter(key)) {
      throw wireError("rate_limited", `this principal listens ${livePerStoreMax} times to this store already`, {
        retryAfterMillis: RETRY_AFTER_MILLIS,
        details: { livePerStoreMax },
      })
    }
    let isIn = true
    return () => {
      if (isIn) this.#counts.leave(key)
      isIn = false
    }
  }
}
