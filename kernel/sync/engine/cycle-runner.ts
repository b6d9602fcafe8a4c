/**
 * Cycle runner: the order of one cycle.
 *
 *   connect ─▶ pull, until the first one has reached the head ─▶ push ─▶ pull
 *                                                                └─ pull_first: pull at once and push again, while anything comes of it
 *
 * Push and pull fail each on its own: a push that fails never stops a pull, a pull that fails stops pushes only until the first one has reached the
 * head (rule S10). What waits because it failed before is left out, unless somebody calls for it.
 */
import * as Effect from "effect/Effect"
import type { SyncCycle } from "../cycle.ts"
import type { CycleSteps, Step } from "./cycle-steps.ts"
import type { Stall } from "./stall.ts"
import type { Demand } from "./wake-ups.ts"

/** An error, whatever was thrown. */
export interface Failed {
  readonly error: unknown
}

/** How what was asked for ended; undefined: well, or not at all. */
export interface CycleOutcome {
  readonly push: Failed | undefined
  readonly pull: Failed | undefined
}

const failedOf = (effect: Effect.Effect<unknown, unknown>): Effect.Effect<Failed | undefined> =>
  Effect.match(effect, { onFailure: (error): Failed | undefined => ({ error }), onSuccess: () => undefined })

export interface CycleRunnerOptions {
  readonly cycle: SyncCycle
  readonly steps: CycleSteps
  readonly stalls: Readonly<Record<Step, Stall>>
}

export class CycleRunner {
  /** Nothing more is fetched: a cycle ends after the push that runs. */
  isEnding: boolean = false
  readonly #options: CycleRunnerOptions

  constructor(options: CycleRunnerOptions) {
    this.#options = options
  }

  /** Is there anything of it that does not wait? */
  canRun(demand: Demand): boolean {
    return this.#isOpen(demand, "push") || this.#isOpen(demand, "pull")
  }

  /** Does what is asked for and does not wait. */
  run(demand: Demand): Effect.Effect<CycleOutcome> {
    const { cycle, steps, stalls } = this.#options
    return Effect.gen({ self: this }, function* () {
      const failed = yield* failedOf(steps.connect())
      if (failed !== undefined) return { push: failed, pull: failed }
      let isFetched = false
      let pull: Failed | undefined
      const fetch = Effect.map(failedOf(steps.pull(demand.isHinted)), (failed) => {
        isFetched = true
        return pull = failed
      })
      if (!cycle.status().caughtUp && (yield* fetch) !== undefined) return { push: pull, pull }
      let push: Failed | undefined
      let isPushed = false
      while (this.#isOpen(demand, "push") && cycle.hasPending) {
        let isPullFirst = false
        push = yield* failedOf(Effect.map(steps.push(), ({ operations, stoppedBy }) => {
          isPushed = true
          if (operations > 0) isFetched = false
          isPullFirst = stoppedBy === "pull_first"
        }))
        if (push !== undefined || !isPullFirst || this.isEnding || !this.#mayPull(demand)) break
        if ((yield* fetch) !== undefined) return { push: pull, pull }
      }
      if (!cycle.hasPending) stalls.push.succeed()
      const isWanted = demand.pull || demand.isWritten && isPushed
      if (isWanted && this.#mayPull(demand) && !isFetched && !this.isEnding) yield* fetch
      return { push, pull }
    })
  }

  #isOpen(demand: Demand, step: Step): boolean {
    if (step === "pull") return demand.pull && this.#mayPull(demand)
    const isCalled = demand.calls.some((call) => call.push)
    return demand.push && (isCalled || this.#isFree("push") && (this.#options.cycle.status().caughtUp || this.#mayPull(demand)))
  }

  /** A step that waits is done only if somebody calls for it; a push that is called for may need a pull. */
  #mayPull(demand: Demand): boolean {
    return demand.calls.length > 0 || this.#isFree("pull")
  }

  #isFree(step: Step): boolean {
    const { stalls } = this.#options
    return stalls.connect.isOpen && stalls[step].isOpen
  }
}
