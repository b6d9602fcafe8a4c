/**
 * Plan: when each child is killed. Drawn from the seed, so a seed gives the same plan again; at which instruction the signal lands is the
 * machine's choice.
 *
 *   writing   after some acknowledgements and a tiny delay
 *   tearing   a moment after a call with a large value was made: a long write is under way
 *   opening   some way into the time that opening takes; one in two is followed by the next child at once, a recovery after a recovery
 *   closing   a moment after it began to close
 */
import { Random } from "./random.ts"

export type Moment = "writing" | "tearing" | "opening" | "closing"

export interface Plan {
  readonly moment: Moment
  /** Acknowledgements to wait for, or calls to make before closing. */
  readonly calls: number
  /** How much of the delay's range to wait, from 0 to 1. */
  readonly share: number
  /** If nothing was called, the next child opens the store without a look at it in between. */
  readonly isUnchecked: boolean
}

const CALLS_MAX = 600

export const planAt = (seed: number, kill: number): Plan => {
  const random = new Random(seed, kill, 2)
  const kind = random.next()
  return {
    moment: kind < 0.6 ? "writing" : kind < 0.75 ? "tearing" : kind < 0.9 ? "opening" : "closing",
    calls: random.spread(CALLS_MAX) - 1,
    share: random.next(),
    isUnchecked: random.oneIn(2),
  }
}
