/**
 * Cycle steps: connect, push and pull of one remote, each with what its end means: what is counted, what is put off, what is asked for again.
 *
 * A step never overlaps another one, also not one that was interrupted and has not ended. One that goes well although nothing comes of it is
 * allowed a few times; then it is put off like one that failed.
 */
import * as Effect from "effect/Effect"
import { NoProgress } from "../../errors.ts"
import type { Platform } from "../../ports/platform.ts"
import type { PullResult, PushResult, SyncCycle } from "../cycle.ts"
import { isAnswer, isRetryable, isUnreachable } from "./failure.ts"
import type { Hints } from "./hints.ts"
import type { Stall } from "./stall.ts"
import type { SyncProgress } from "./sync-status.ts"
import type { SyncedStore } from "./synced-store.ts"
import { TokenBucket } from "./token-bucket.ts"

/** So many pushes of which nothing is taken, in a row and as many more as time allows, are no reason to wait. */
const FRUITLESS_MAX = 5
const FRUITLESS_PER_MILLI = 1 / 10_000
/** Limits, rights and clock are asked for again after this time. */
const HANDSHAKE_MILLIS_MAX = 3_600_000

export type Step = "connect" | "push" | "pull"

export interface CycleStepsOptions {
  readonly store: SyncedStore
  readonly cycle: SyncCycle
  readonly platform: Platform
  readonly stalls: Readonly<Record<Step, Stall>>
  readonly hints: Hints
  /** Called when something of it has changed. */
  readonly onChange: () => void
}

export class CycleSteps {
  /** The one that runs. */
  step: Step | undefined
  /** It answered when it was asked last. */
  isOnline: boolean = false
  /** Since the last handshake, a push ended because of what this principal may not. */
  isForbidden: boolean = false
  lastPushAt: number | undefined
  lastPullAt: number | undefined
  readonly #options: CycleStepsOptions
  readonly #fruitless: TokenBucket
  #connectedAt: number | undefined
  /** Where the step began: operations that were lacking, or frames of the remote that were known. */
  #startedFrom = 0
  /** The step before, whether it went well or not. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(options: CycleStepsOptions) {
    this.#options = options
    this.#fruitless = new TokenBucket(options.platform.now, FRUITLESS_MAX, FRUITLESS_PER_MILLI)
  }

  /** How far the present push or pull is. */
  get progress(): SyncProgress | undefined {
    const { pendingOperations, cursor, remoteHead } = this.#options.cycle.status(), { step } = this
    if (step === "push") {
      const total = Math.max(this.#startedFrom, pendingOperations)
      return { call: step, done: total - pendingOperations, total }
    }
    if (step !== "pull") return undefined
    const done = Math.max(0, cursor.position - this.#startedFrom)
    return { call: step, done, total: Math.max(done, remoteHead - this.#startedFrom) }
  }

  /** Asks who is there, if that is not known or has not been asked for an hour. Fails with what the remote failed with. */
  connect(): Effect.Effect<void, unknown> {
    const { cycle, platform, stalls } = this.#options
    return Effect.suspend(() => {
      const age = this.#connectedAt === undefined ? 0 : Math.abs(platform.now() - this.#connectedAt)
      if (age > HANDSHAKE_MILLIS_MAX) cycle.forget()
      if (cycle.status().handshake !== undefined) return Effect.void
      return Effect.map(this.#take("connect", (signal) => cycle.connect(signal)), () => {
        this.#connectedAt = platform.now()
        this.isForbidden = false
        stalls.connect.succeed()
      })
    })
  }

  /** Takes what is new at the remote. `isHinted`: nothing but a hint asked for it. Fails with what the cycle failed with. */
  pull(isHinted: boolean): Effect.Effect<void, unknown> {
    const { cycle, platform, stalls, hints } = this.#options
    return Effect.gen({ self: this }, function* () {
      this.#startedFrom = cycle.status().cursor.position
      const { parts }: PullResult = yield* this.#take("pull", (signal) => cycle.pull(signal))
      this.lastPullAt = platform.now()
      stalls.pull.succeed()
      if (isHinted || parts > 0) yield* hints.judge(cycle.remote.name, parts > 0)
    })
  }

  /** Sends what the remote lacks, once it is on the device. Fails with what store or cycle failed with, or with `NoProgress`. */
  push(): Effect.Effect<PushResult, unknown> {
    const { cycle, store, platform, stalls } = this.#options
    return Effect.gen({ self: this }, function* () {
      this.#startedFrom = cycle.status().pendingOperations
      const result: PushResult = yield* this.#take("push", async (signal) => {
        await store.flush()
        signal.throwIfAborted()
        return await cycle.push(signal)
      })
      this.isForbidden ||= result.stoppedBy === "forbidden"
      if (result.requests > 0) this.lastPushAt = platform.now()
      if (result.operations > 0) this.#fruitless.fill()
      else if (result.requests > 0) this.#fruitless.take(1)
      if (this.#fruitless.waitMillis > 0) {
        const error = new NoProgress({ remote: cycle.remote.name, call: "push", reason: "it takes nothing of what is pushed" })
        yield* stalls.push.fail(error)
        return yield* Effect.fail(error)
      }
      if (result.operations > 0 || stalls.push.failure?.code !== "no_progress") stalls.push.succeed()
      return result
    })
  }

  #take<A>(step: Step, start: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, unknown> {
    const { cycle, stalls, onChange } = this.#options
    const answer = Effect.tryPromise({
      try: (signal) => {
        const answer = this.#before.then(() => {
          signal.throwIfAborted()
          return start(signal)
        })
        this.#before = answer.catch(() => {})
        return answer
      },
      catch: (error) => error,
    })
    const fail = (error: unknown): Effect.Effect<never, unknown> => {
      if (isAnswer(error)) this.isOnline = true
      else if (isUnreachable(error)) this.isOnline = false
      // It may be another one now, or take us for another one, or not be there: the next try begins with a handshake. A push that does not get
      // through says too little: large messages alone may be lost.
      if (!isRetryable(error) || isUnreachable(error) && step === "pull") cycle.forget()
      return Effect.andThen(stalls[step].fail(error), Effect.fail(error))
    }
    return Effect.suspend(() => {
      this.step = step
      onChange()
      return Effect.matchEffect(answer, {
        onFailure: fail,
        onSuccess: (value) => {
          this.isOnline = true
          return Effect.succeed(value)
        },
      })
    }).pipe(Effect.ensuring(Effect.sync(() => this.step = undefined)))
  }
}
