/**
 * Cycle runner: one cycle in its order, what became of it, and what that means for the next one.
 *
 *   connect ─▶ pull, before the first push of all ─▶ push ─▶ pull
 *                                                     └─ pull_first: pull at once and push again, at most 3 times
 *
 * Push and pull fail each on its own: a push that fails never stops a pull, a pull that fails stops pushes only while the first one has not reached
 * the head (rule S10). What waits because it failed is left out, unless somebody calls for it. Calls of the cycle never overlap, also not with
 * one that was interrupted and has not ended.
 */
import * as Effect from "effect/Effect"
import { NoProgress } from "../../errors.ts"
import type { Platform } from "../../ports/platform.ts"
import type { PullResult, PushResult, SyncCycle } from "../cycle.ts"
import { isRetryable } from "./failure.ts"
import type { Hints } from "./hints.ts"
import type { Stall } from "./stall.ts"
import type { RemoteCall, SyncProgress } from "./sync-status.ts"
import type { SyncedStore } from "./synced-store.ts"
import { TokenBucket } from "./token-bucket.ts"
import type { Demand } from "./wake-ups.ts"

/** Pulls in the middle of one push. */
const PULL_FIRST_MAX = 3
/** So many pushes of which nothing is taken, in a row and as many more as time allows, are no reason to wait. */
const FRUITLESS_MAX = 5
const FRUITLESS_PER_MILLI = 1 / 10_000
/** A remote may make a pull begin anew so many times, and then once an hour. */
const RESTARTS_MAX = 4
const HOUR_MILLIS = 3_600_000

/** Limits, rights and clock are asked for again after this time. */
const HANDSHAKE_MILLIS_MAX = HOUR_MILLIS

export interface CycleRunnerOptions {
  readonly store: SyncedStore
  readonly cycle: SyncCycle
  readonly platform: Platform
  readonly stalls: { readonly connect: Stall; readonly push: Stall; readonly pull: Stall }
  readonly hints: Hints
  /** Called when something of it has changed. */
  readonly onChange: () => void
}

type Failed = { readonly error: unknown } | undefined

/** How the parts of a cycle ended that were asked for. */
export interface CycleOutcome {
  readonly push: Failed
  readonly pull: Failed
}

export class CycleRunner {
  /** What it is at. */
  call: RemoteCall | undefined
  /** Nothing more is fetched: it ends after the push that runs. */
  isEnding: boolean = false
  /** It answered when it was asked last. */
  isOnline: boolean = false
  /** The last push was refused as a whole. */
  isForbidden: boolean = false
  lastPushAt: number | undefined
  lastPullAt: number | undefined
  readonly totals: { sentOperations: number; coalesced: number; coalescedBytes: number; refusedOperations: number } = {
    sentOperations: 0,
    coalesced: 0,
    coalescedBytes: 0,
    refusedOperations: 0,
  }
  readonly #options: CycleRunnerOptions
  readonly #fruitless: TokenBucket
  readonly #restarts: TokenBucket
  #connectedAt: number | undefined
  /** Where the present call began: operations that were lacking, or frames of the remote that were known. */
  #startedFrom = 0
  /** The call before, whether it went well or not. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(options: CycleRunnerOptions) {
    this.#options = options
    const { now } = options.platform
    this.#fruitless = new TokenBucket(now, FRUITLESS_MAX, FRUITLESS_PER_MILLI)
    this.#restarts = new TokenBucket(now, RESTARTS_MAX, 1 / HOUR_MILLIS)
  }

  /** How far the present push or pull is. */
  get progress(): SyncProgress | undefined {
    const { pendingOperations, cursor, remoteHead } = this.#options.cycle.status(), { call } = this
    if (call === "push") {
      const total = Math.max(this.#startedFrom, pendingOperations)
      return { call, done: total - pendingOperations, total }
    }
    if (call !== "pull") return undefined
    const done = Math.max(0, cursor.position - this.#startedFrom)
    return { call, done, total: Math.max(done, remoteHead - this.#startedFrom) }
  }

  /** Does what is asked for, as far as nothing stands against it. Never fails. */
  run(demand: Demand): Effect.Effect<CycleOutcome> {
    const { cycle, stalls } = this.#options
    const isCalled = (part: "push" | "pull"): boolean => demand.calls.some((call) => call[part])
    const isOpen = (part: "push" | "pull"): boolean => demand[part] && (isCalled(part) || stalls.connect.isOpen && stalls[part].isOpen)
    return Effect.gen({ self: this }, function* () {
      if (!isOpen("push") && !isOpen("pull")) return { push: undefined, pull: undefined }
      const failed = yield* this.#failed(this.#connect())
      if (failed !== undefined) return { push: failed, pull: failed }
      const first = cycle.status().caughtUp ? undefined : { failed: yield* this.#failed(this.#pull(demand)) }
      if (first?.failed !== undefined) return { push: first.failed, pull: first.failed }
      const push = isOpen("push") ? yield* this.#pushWithPulls(demand) : { failed: undefined, isAfterPull: false, operations: 0 }
      const isFetched = (first !== undefined || push.isAfterPull) && push.operations === 0
      const pull = isOpen("pull") && !isFetched && !this.isEnding ? yield* this.#failed(this.#pull(demand)) : undefined
      return { push: push.failed, pull }
    }).pipe(Effect.ensuring(Effect.sync(() => this.#enter(undefined))))
  }

  #connect(): Effect.Effect<void, unknown> {
    const { cycle, platform, stalls } = this.#options
    const age = this.#connectedAt === undefined ? 0 : Math.abs(platform.now() - this.#connectedAt)
    if (age > HANDSHAKE_MILLIS_MAX) cycle.forget()
    if (cycle.status().handshake !== undefined) return Effect.void
    return Effect.map(this.#ask("connect", (signal) => cycle.connect(signal)), () => {
      this.#connectedAt = platform.now()
      stalls.connect.succeed()
    })
  }

  #pull(demand: Demand): Effect.Effect<void, unknown> {
    const { cycle, platform, stalls, hints } = this.#options, { name } = cycle.remote
    return Effect.gen({ self: this }, function* () {
      this.#startedFrom = cycle.status().cursor.position
      const result: PullResult = yield* this.#ask("pull", (signal) => cycle.pull(signal))
      this.lastPullAt = platform.now()
      stalls.pull.succeed()
      const isFruitful = result.parts > 0
      if (demand.isHinted || isFruitful) yield* hints.judge(name, isFruitful)
      if (result.restarts === 0) return
      this.#restarts.take(result.restarts)
      const waitMillis = this.#restarts.waitMillis
      if (waitMillis === 0) return
      yield* stalls.pull.fail(new NoProgress({ remote: name, call: "pull", reason: "it asks for a new beginning, again and again" }), waitMillis)
    })
  }

  /** Pushes, with pulls before it where the remote says that something is missing here. */
  #pushWithPulls(demand: Demand): Effect.Effect<{ readonly failed: Failed; readonly isAfterPull: boolean; readonly operations: number }> {
    const { cycle, store, stalls } = this.#options, { name } = cycle.remote
    return Effect.gen({ self: this }, function* () {
      let operations = 0
      for (let pulls = 0;; pulls++) {
        const isAfterPull = pulls > 0
        if (!cycle.hasPending) {
          stalls.push.succeed()
          return { failed: undefined, isAfterPull, operations }
        }
        let result: PushResult | undefined
        const failed = yield* this.#failed(Effect.gen({ self: this }, function* () {
          this.#startedFrom = cycle.status().pendingOperations
          yield* this.#ask("push", () => store.flush())
          result = yield* this.#ask("push", (signal) => cycle.push(signal))
          this.#took(result)
          yield* this.#judgePush(result, pulls >= PULL_FIRST_MAX)
        }))
        operations += result?.operations ?? 0
        if (failed !== undefined || result?.stoppedBy !== "pull_first" || this.isEnding) return { failed, isAfterPull: false, operations }
        const missing = yield* this.#failed(this.#pull(demand))
        if (missing !== undefined) return { failed: missing, isAfterPull: true, operations }
        operations = 0
        yield* Effect.void.pipe(Effect.as(name))
      }
    })
  }

  #took({ operations, coalesced, coalescedBytes, refused, stoppedBy }: PushResult): void {
    const { totals } = this
    totals.sentOperations += operations
    totals.coalesced += coalesced
    totals.coalescedBytes += coalescedBytes
    totals.refusedOperations += refused
    this.isForbidden = stoppedBy === "forbidden"
  }
}
