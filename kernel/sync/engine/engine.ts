/**
 * Engine: keeps one remote of one open store in sync, a cycle at a time, until it is interrupted.
 *
 *   wake-ups ──demand──▶ cycle ──▶ stalls, interval, live channel ──▶ wake-ups
 *
 * It owns no truth: whatever it does may end at any await, and begins again from what log and remote say. Its work is bounded: cycles that nobody
 * calls for are at most 500 at once and 50 a second, far fewer when nothing comes of them (hints, pushes, new beginnings), and one each interval.
 * At any time at most one handshake, push or pull runs, and one watch.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { SyncStopped } from "../../errors.ts"
import { COMMIT_OPERATIONS_TARGET } from "../../limits.ts"
import { kindOf, type Logger } from "../../ports/logger.ts"
import type { Platform } from "../../ports/platform.ts"
import type { Remote } from "../../ports/remote.ts"
import type { SyncCycle } from "../cycle.ts"
import { Alarm } from "./alarm.ts"
import { type CycleOutcome, CycleRunner } from "./cycle-runner.ts"
import { CycleSteps } from "./cycle-steps.ts"
import { Hints } from "./hints.ts"
import { LiveChannel } from "./live-channel.ts"
import { MeteredRemote } from "./metered-remote.ts"
import { toRemoteStatus } from "./remote-status.ts"
import { Stall } from "./stall.ts"
import type { RemoteCall, RemoteStatus } from "./sync-status.ts"
import type { SyncedStore } from "./synced-store.ts"
import type { Throttle } from "./throttle.ts"
import { TokenBucket } from "./token-bucket.ts"
import { type Demand, type SyncCall, WakeUps } from "./wake-ups.ts"
import { WriteDebounce } from "./write-debounce.ts"

/** How often a remote is asked by default, while it tells what is new and while it does not. */
export const LIVE_INTERVAL_MILLIS = 30_000
export const INTERVAL_MILLIS = 5_000
/** Cycles that nobody calls for. */
const CYCLES_MAX = 500
const CYCLES_PER_MILLI = 0.05

export interface SyncEngineOptions {
  readonly store: SyncedStore
  readonly platform: Platform
  readonly logger: Logger
  readonly remote: Remote
  /** The cycle of a remote that counts. */
  readonly makeCycle: (remote: Remote) => SyncCycle
  readonly throttle: Throttle | undefined
  /** Milliseconds between the end of a cycle and the next one that nothing else asks for; undefined: as the live channel is. */
  readonly interval: number | undefined
  /** Watch the remote, if it can be. */
  readonly live: boolean
  /** Whoever writes waits until it has arrived. */
  readonly isAwaited: boolean
  /** Called when the status may have changed. */
  readonly onChange: () => void
}

export class SyncEngine {
  readonly #options: SyncEngineOptions
  readonly #remote: MeteredRemote
  readonly #cycle: SyncCycle
  readonly #stalls: Readonly<Record<"connect" | "push" | "pull" | "hints", Stall>>
  readonly #writes: WriteDebounce
  readonly #wakeUps: WakeUps
  readonly #steps: CycleSteps
  readonly #runner: CycleRunner
  readonly #live: LiveChannel
  readonly #interval: Alarm
  readonly #budget: TokenBucket
  #isRunning = false
  #running: Fiber.Fiber<CycleOutcome> | undefined
  /** Those who wait for the cycle that runs. */
  #calls: readonly SyncCall[] = []
  #watching: Fiber.Fiber<never> | undefined
  #wasConnected = false
  #isPaused = false
  #isStopped = false
  /** The next cycle begins with a handshake. */
  #isForgetful = false

  constructor(options: SyncEngineOptions) {
    const { store, platform, remote, throttle, isAwaited, onChange } = options
    this.#options = options
    this.#remote = new MeteredRemote({ remote, platform, throttle, onTraffic: onChange })
    const cycle = this.#cycle = options.makeCycle(this.#remote)
    const stall = (call: RemoteCall): Stall =>
      new Stall({ remote: remote.name, call, platform, onOpen: () => this.#wakeUps.ring(true, true) })
    const stalls = this.#stalls = { connect: stall("connect"), push: stall("push"), pull: stall("pull"), hints: stall("pull") }
    const hints = new Hints(stalls.hints, platform.now)
    const writes = this.#writes = new WriteDebounce({
      platform,
      isAwaited,
      isBusy: () => this.#isRunning,
      isFull: () => cycle.status().pendingOperations >= COMMIT_OPERATIONS_TARGET,
      onDue: () => this.#wakeUps.stir(),
      onTick: onChange,
    })
    this.#wakeUps = new WakeUps({ writes, hints, hasPending: () => cycle.hasPending, cursor: () => cycle.status().cursor })
    const steps = this.#steps = new CycleSteps({ store, cycle, platform, stalls, hints, onChange })
    this.#runner = new CycleRunner({ cycle, steps, stalls })
    this.#live = new LiveChannel({
      remote: this.#remote,
      platform,
      onHead: (head) => {
        hints.note(head)
        this.#wakeUps.stir()
      },
      onConnection: (isConnected) => this.#connected(isConnected),
      onChange,
    })
    this.#interval = new Alarm(platform, () => this.#wakeUps.ring(true, true))
    this.#budget = new TokenBucket(platform.now, CYCLES_MAX, CYCLES_PER_MILLI)
  }

  /** Syncs until it is interrupted; then everything is freed, and whoever waits is told so. */
  readonly run: Effect.Effect<never> = Effect.scoped(Effect.gen({ self: this }, function* () {
    const end = this.#options.store.onWrite(() => this.#writes.note())
    yield* Effect.addFinalizer(() => Effect.sync(() => this.#free(end)))
    this.#wakeUps.ring(true, true)
    return yield* Effect.forever(Effect.catchDefect(Effect.suspend(() => this.#next()), (defect) => this.#broke(defect)))
  }))

  /** Asks for a cycle that begins after this call. Rejects with what the part that was asked for failed with, or with `SyncStopped`. */
  call(parts: { readonly push: boolean; readonly pull: boolean }): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped || this.#runner.isEnding) return reject(this.#stopped())
      this.#wakeUps.add({ ...parts, settle: (failed) => failed === undefined ? resolve() : reject(failed.error) })
    })
  }

  /** Does nothing more by itself; a cycle that somebody waits for goes on. */
  pause(): void {
    this.#isPaused = true
    this.#hold()
    if (this.#calls.length === 0) this.#running?.interruptUnsafe()
    this.#options.onChange()
  }

  /** Goes on after a pause; tries at once whatever waits, as if it had never failed. */
  resume(): void {
    if (this.#runner.isEnding) return
    this.#isPaused = this.#wakeUps.isHeld = false
    this.#isForgetful = true
    this.retry()
  }

  /** Tries at once whatever waits. */
  retry(): void {
    if (this.#isPaused || this.#runner.isEnding) return
    for (const stall of [...Object.values(this.#stalls), this.#live.stall]) stall.release()
    this.#wakeUps.ring(true, true)
    this.#options.onChange()
  }

  /** Pushes for the last time what can be pushed at once; afterwards it does nothing any more, and waits to be interrupted. */
  async finish(): Promise<void> {
    const { connect, push } = this.#stalls, fiber = this.#running
    this.#runner.isEnding = true
    this.#hold()
    for (const call of this.#wakeUps.takeCalls()) call.settle({ error: this.#stopped() })
    if (this.#steps.step !== "push") fiber?.interruptUnsafe()
    if (fiber !== undefined) await new Promise<void>((resolve) => void fiber.addObserver(() => resolve()))
    const { caughtUp, handshake } = this.#cycle.status()
    const isPossible = !this.#isPaused && connect.isOpen && push.isOpen && caughtUp && handshake !== undefined
    if (!isPossible || !this.#cycle.hasPending) return
    await new Promise<void>((resolve) => this.#wakeUps.add({ push: true, pull: false, settle: () => resolve() }))
  }

  status(): RemoteStatus {
    return toRemoteStatus({
      remote: this.#remote,
      cycle: this.#cycle.status(),
      steps: this.#steps,
      stalls: this.#stalls,
      live: this.#live,
      isForgetful: this.#isForgetful,
      isRunning: this.#isRunning,
      isPaused: this.#isPaused,
      isStopped: this.#isStopped,
    })
  }

  /** Waits for a demand and does it. */
  #next(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const demand = yield* this.#wakeUps.take
      if (demand.calls.length === 0 && !(yield* this.#mayBegin(demand))) return this.#rest()
      if (this.#isForgetful) this.#cycle.forget()
      this.#isForgetful = false
      if (demand.calls.length > 0) this.#remote.allowRestarts()
      this.#calls = demand.calls
      this.#isRunning = true
      const wasOffline = !this.#steps.isOnline
      const fiber = this.#running = yield* Effect.forkScoped(this.#runner.run(demand), { startImmediately: true })
      const exit = yield* Fiber.await(fiber)
      this.#running = undefined
      this.#isRunning = false
      if (!Exit.isSuccess(exit) && !Cause.hasInterruptsOnly(exit.cause)) yield* this.#broke(Cause.squash(exit.cause))
      this.#settle(exit)
      // A remote that can be reached again is watched again soon, however long the last watches failed.
      if (wasOffline && this.#steps.isOnline && !this.#live.stall.isParked) this.#live.stall.release()
      yield* this.#watch()
      this.#rest()
    })
  }

  /** A cycle that nobody called for: is there anything to do that does not wait, and is it not too many? */
  #mayBegin(demand: Demand): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      if (!this.#runner.canRun(demand)) return false
      const waitMillis = this.#budget.waitMillis
      if (waitMillis > 0) yield* Effect.sleep(waitMillis)
      this.#budget.take(1)
      return !this.#wakeUps.isHeld
    })
  }

  #settle(exit: Exit.Exit<CycleOutcome>): void {
    const calls = this.#calls
    this.#calls = []
    for (const call of calls) {
      if (!Exit.isSuccess(exit)) call.settle({ error: Cause.hasInterruptsOnly(exit.cause) ? this.#stopped() : Cause.squash(exit.cause) })
      else if (call.pull && this.#runner.isEnding) call.settle({ error: this.#stopped() })
      else call.settle(call.push && exit.value.push || call.pull && exit.value.pull || undefined)
    }
  }

  /** Something was thrown where nothing is: tells of it, and goes on like after any error that is not known. */
  #broke(defect: unknown): Effect.Effect<void> {
    this.#options.logger.error("syncing broke", { remote: this.#remote.name, error: kindOf(defect) })
    return this.#stalls.pull.fail(defect)
  }

  /** Begins or ends the live channel as the last cycle says. */
  #watch(): Effect.Effect<void, never, Scope.Scope> {
    const { connect, pull } = this.#stalls
    if (connect.isParked || pull.isParked) this.#unwatch()
    const isWanted = this.#options.live && !this.#wakeUps.isHeld && !pull.isParked && this.#cycle.status().handshake?.live === true
    if (!isWanted || this.#watching !== undefined) return Effect.void
    return Effect.map(Effect.forkScoped(this.#live.run), (fiber) => void (this.#watching = fiber))
  }

  #unwatch(): void {
    this.#watching?.interruptUnsafe()
    this.#watching = undefined
    this.#wasConnected = false
  }

  #connected(isConnected: boolean): void {
    if (isConnected) {
      // What never answered may do so now: the network is there.
      for (const stall of Object.values(this.#stalls)) if (stall.isUnreachable) stall.release()
      // Between two watches anything may have been missed.
      if (this.#wasConnected) this.#wakeUps.ring(false, true)
      this.#wasConnected = true
    }
    this.#rest()
  }

  /** Sets the time of the next cycle that nothing else asks for. */
  #rest(): void {
    const { interval = this.#live.isConnected ? LIVE_INTERVAL_MILLIS : INTERVAL_MILLIS, onChange } = this.#options
    const { connect, pull } = this.#stalls
    // What waits after a failure rings when that is over.
    if (this.#wakeUps.isHeld || !connect.isOpen || !pull.isOpen) this.#interval.clear()
    else this.#interval.set(interval)
    onChange()
  }

  #hold(): void {
    this.#wakeUps.isHeld = true
    this.#interval.clear()
    this.#unwatch()
  }

  #free(end: () => void): void {
    end()
    this.#isStopped = this.#runner.isEnding = true
    this.#hold()
    this.#writes.take()
    for (const stall of Object.values(this.#stalls)) stall.close()
    for (const call of [...this.#calls, ...this.#wakeUps.takeCalls()]) call.settle({ error: this.#stopped() })
    this.#options.onChange()
  }

  #stopped(): SyncStopped {
    return new SyncStopped({ store: this.#options.store.name })
  }
}
