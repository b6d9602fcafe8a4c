/**
 * Wake-ups: why the next cycle begins, and when.
 *
 *   calls     sync(), push(), pull() of the user                 at once, also while it is paused
 *   rings     start, interval, network, the end of a wait        at once
 *   writes    of this store                                      as the debounce says, if the remote lacks anything
 *   hints     of the live channel                                at once, if they tell anything new
 *
 * Whatever comes while a cycle runs is one more cycle afterwards, not one each. Nothing of an engine ever runs inside of the call that wakes it.
 */
import * as Effect from "effect/Effect"
import type { Cursor } from "../../ports/remote.ts"
import type { Hints } from "./hints.ts"
import type { WriteDebounce } from "./write-debounce.ts"

/** Somebody who waits for a cycle. */
export interface SyncCall {
  readonly push: boolean
  readonly pull: boolean
  /** Tells how it ended; called once. */
  readonly settle: (failed: { readonly error: unknown } | undefined) => void
}

/** What the next cycle is for. */
export interface Demand {
  readonly push: boolean
  readonly pull: boolean
  /** Writes asked for the push: a pull follows one that goes well, and confirms it. */
  readonly isWritten: boolean
  /** Nothing but a hint asked for the pull. */
  readonly isHinted: boolean
  readonly calls: readonly SyncCall[]
}

export interface WakeUpsOptions {
  readonly writes: WriteDebounce
  readonly hints: Hints
  readonly hasPending: () => boolean
  readonly cursor: () => Cursor
}

export class WakeUps {
  /** Only calls wake. */
  isHeld: boolean = false
  readonly #options: WakeUpsOptions
  #push = false
  #pull = false
  #calls: SyncCall[] = []
  #resume: ((demand: Effect.Effect<Demand>) => void) | undefined
  #isStirred = false

  constructor(options: WakeUpsOptions) {
    this.#options = options
  }

  /** Resolves with what is to be done, when there is something. One at a time. */
  readonly take: Effect.Effect<Demand> = Effect.callback((resume) => {
    this.#resume = resume
    this.stir()
    return Effect.sync(() => this.#resume = undefined)
  })

  /** Asks for a cycle. */
  ring(push: boolean, pull: boolean): void {
    this.#push ||= push
    this.#pull ||= pull
    this.stir()
  }

  add(call: SyncCall): void {
    this.#calls.push(call)
    this.stir()
  }

  /** Takes calls back that wait. */
  takeCalls(): readonly SyncCall[] {
    const calls = this.#calls
    this.#calls = []
    return calls
  }

  /** Something may be due: looks for it in a microtask. */
  stir(): void {
    if (this.#isStirred || this.#resume === undefined) return
    this.#isStirred = true
    queueMicrotask(() => {
      this.#isStirred = false
      const resume = this.#resume
      if (resume === undefined) return
      let demand: Effect.Effect<Demand> | undefined
      try {
        const collected = this.#collect()
        demand = collected && Effect.succeed(collected)
      } catch (defect) {
        demand = Effect.die(defect)
      }
      if (demand === undefined) return
      this.#resume = undefined
      resume(demand)
    })
  }

  /** Takes everything that is due: what a stall keeps from being done now is asked for again when the stall is over. */
  #collect(): Demand | undefined {
    const calls = this.takeCalls(), isFree = !this.isHeld, { hints, writes, cursor } = this.#options
    const isWritten = isFree && this.#takeWrites()
    const isHinted = isFree && hints.isDue(cursor)
    const push = calls.some((call) => call.push) || isFree && this.#push || isWritten
    const pull = calls.some((call) => call.pull) || isFree && this.#pull
    if (isFree) this.#push = this.#pull = false
    if (push) writes.take()
    if (pull || isHinted) hints.take()
    return push || pull || isHinted ? { push, pull: pull || isHinted, isWritten, isHinted: isHinted && !pull, calls } : undefined
  }

  /** Takes what was written; answers whether the remote lacks any of it: frames that it sent itself are told of as well. */
  #takeWrites(): boolean {
    const { writes, hasPending } = this.#options
    if (!writes.isDue) return false
    writes.take()
    return hasPending()
  }
}
