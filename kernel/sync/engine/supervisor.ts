/**
 * Supervisor: the engines of one handle, one for each remote, as fibers of one scope. They live and end together, but none depends on another:
 * what one remote does or fails to do, no other remote notices.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { abortable } from "../../abortable.ts"
import { checkFunction, checkMembers, checkSignal } from "../../arguments.ts"
import { AlreadySyncing, SyncStopped } from "../../errors.ts"
import { kindOf, type Logger, storeLogger } from "../../ports/logger.ts"
import { type Platform, startTimer } from "../../ports/platform.ts"
import type { Remote } from "../../ports/remote.ts"
import type { SyncCycle } from "../cycle.ts"
import { onOnline } from "./connectivity.ts"
import { SyncEngine } from "./engine.ts"
import { KeepAlive } from "./keep-alive.ts"
import { runtimeServices } from "./runtime-services.ts"
import { StatusFeed } from "./status-feed.ts"
import { iterateStatus } from "./status-iterator.ts"
import { onSyncEvent, type SyncEvents } from "./sync-events.ts"
import type { SyncCallOptions, SyncHandle } from "./sync-handle.ts"
import type { SyncOptions } from "./sync-options.ts"
import type { SyncStatus } from "./sync-status.ts"
import type { SyncedStore } from "./synced-store.ts"
import { Throttle } from "./throttle.ts"
import { toSyncStatus } from "./whole-status.ts"

export interface SyncParts {
  readonly store: SyncedStore
  readonly platform: Platform
  readonly logger: Logger
  /** The cycle of a remote. The one that is given counts, and is throttled; it is to be used in place of the one of the options. */
  readonly makeCycle: (remote: Remote) => SyncCycle
  /** Called when the status may have changed: something was written, sent, taken or refused. */
  readonly onChange?: (() => void) | undefined
  /** Called once when everything has ended: frees remotes that were made for this handle, say. */
  readonly release?: (() => Promise<void>) | undefined
}

/**
 * Begins to sync, and answers at once: nothing was asked of a remote yet. Throws `AlreadySyncing` if two remotes have the same name, and the reason of
 * `options.signal` if it has aborted.
 */
export function startSync(parts: SyncParts, options: SyncOptions<Remote>): SyncHandle {
  const names = options.remotes.map(({ name }) => name), twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new AlreadySyncing({ store: parts.store.name, remote: twice })
  options.signal?.throwIfAborted()
  return new Supervisor(parts, options)
}

type CallParts = { readonly push: boolean; readonly pull: boolean }

class Supervisor implements SyncHandle {
  readonly #parts: SyncParts
  readonly #options: SyncOptions<Remote>
  readonly #engines: readonly SyncEngine[]
  readonly #feed: StatusFeed
  readonly #keepAlive: KeepAlive
  /** All engines; ends when it is interrupted. */
  readonly #root: Fiber.Fiber<never>
  readonly #ends: readonly (() => void)[]
  #stopping: Promise<void> | undefined

  constructor(parts: SyncParts, options: SyncOptions<Remote>) {
    this.#parts = parts
    this.#options = options
    const { store, platform, makeCycle } = parts, { signal, interval, live } = options
    const logger = storeLogger(parts.logger, store.name)
    this.#feed = new StatusFeed(() => this.status(), logger)
    this.#keepAlive = new KeepAlive(platform)
    const throttle = options.throttle === undefined ? undefined : new Throttle(platform, options.throttle)
    const onChange = (): void => {
      this.#feed.publish()
      parts.onChange?.()
    }
    const isAwaited = options.mode === "write-through"
    this.#engines = options.remotes.map((remote) =>
      new SyncEngine({ store, platform, logger, remote, makeCycle, throttle, interval, live, isAwaited, onChange })
    )
    const all = Effect.forEach(this.#engines, (engine) => Effect.forkScoped(engine.run), { discard: true })
    this.#root = Effect.runForkWith(runtimeServices(platform))(Effect.scoped(Effect.andThen(all, Effect.never)))
    const abort = (): void => void this.#end(0)
    signal?.addEventListener("abort", abort)
    this.#ends = [
      onOnline(() => this.#engines.forEach((engine) => engine.retry())),
      store.onClose(() => this.stop()),
      () => signal?.removeEventListener("abort", abort),
    ]
  }

  sync(options?: SyncCallOptions): Promise<void> {
    return this.#call({ push: true, pull: true }, options)
  }

  push(options?: SyncCallOptions): Promise<void> {
    return this.#call({ push: true, pull: false }, options)
  }

  pull(options?: SyncCallOptions): Promise<void> {
    return this.#call({ push: false, pull: true }, options)
  }

  pause(): void {
    for (const engine of this.#engines) engine.pause()
  }

  resume(): void {
    for (const engine of this.#engines) engine.resume()
  }

  stop(): Promise<void> {
    return this.#end(this.#options.stopMillis)
  }

  status(): SyncStatus {
    return toSyncStatus(this.#parts.store, this.#options.label, this.#engines.map((engine) => engine.status()))
  }

  async waitFor(predicate: (status: SyncStatus) => boolean, options?: SyncCallOptions): Promise<SyncStatus> {
    checkFunction("predicate", predicate)
    return await this.#keepAlive.during(this.#feed.waitFor(predicate, signalOf(options)))
  }

  subscribe(listener: (status: SyncStatus) => void): () => void {
    checkFunction("listener", listener)
    return this.#feed.subscribe(listener)
  }

  on<Event extends keyof SyncEvents>(event: Event, listener: (detail: SyncEvents[Event]) => void): () => void {
    checkFunction("listener", listener)
    return onSyncEvent(this.#feed, event, listener)
  }

  [Symbol.asyncIterator](): AsyncGenerator<SyncStatus, void, undefined> {
    return iterateStatus(this.#feed)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #call(parts: CallParts, options: SyncCallOptions | undefined): Promise<void> {
    const signal = signalOf(options)
    signal?.throwIfAborted()
    if (this.#stopping !== undefined) throw new SyncStopped({ store: this.#parts.store.name })
    const answers = Promise.allSettled(this.#engines.map((engine) => engine.call(parts)))
    const ended = await this.#keepAlive.during(abortable(answers, signal))
    for (const answer of ended) if (answer.status === "rejected") throw answer.reason
  }

  #end(stopMillis: number): Promise<void> {
    this.#stopping ??= this.#keepAlive.during(this.#stop(stopMillis))
    return this.#stopping
  }

  async #stop(stopMillis: number): Promise<void> {
    const { platform, logger, release } = this.#parts
    for (const end of this.#ends) end()
    if (stopMillis > 0) {
      let end = (): void => {}
      const time = new Promise<void>((resolve) => end = startTimer(platform, resolve, stopMillis, false))
      await Promise.race([Promise.all(this.#engines.map((engine) => engine.finish())), time])
      end()
    }
    await new Promise<void>((resolve) => {
      this.#root.addObserver(() => resolve())
      this.#root.interruptUnsafe()
    })
    this.#feed.end()
    try {
      await release?.()
    } catch (error) {
      logger.warn("a remote could not be closed", { error: kindOf(error) })
    }
  }
}

/** The signal of what a user passed. Throws `InvalidOption`. */
function signalOf(options: SyncCallOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined
  checkMembers("options", options, ["signal"])
  checkSignal(options.signal)
  return options.signal
}
