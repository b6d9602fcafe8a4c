/**
 * Plan: what each child writes and when it is killed. Drawn from the seed, so a seed gives the same plan again; at which instruction the
 * signal lands is the machine's choice.
 *
 *   records   writing   after some acknowledgements and a tiny delay
 *             tearing   a moment after a call with a large value was made: a long write is under way
 *   frames    tearing   the same, with a large frame
 *             saving    while a snapshot is being saved
 *             trimming  while frames are being dropped
 *   both      flushing  a moment after it began to flush
 *             opening   some way into the time that opening takes; one in two is followed by the next child at once, a recovery after a
 *                       recovery
 *             closing   a moment after it began to close
 */
import { Random } from "../processes/random.ts"

/** What a child writes: records through the store, or frames through the storage port. */
export type Work = "records" | "frames"
export type Moment = "writing" | "tearing" | "flushing" | "saving" | "trimming" | "opening" | "closing"

export interface Plan {
  readonly work: Work
  readonly moment: Moment
  /** Acknowledgements to wait for, or calls to make before closing. */
  readonly calls: number
  /** How much of the delay's range to wait, from 0 to 1. */
  readonly share: number
  /** If nothing was called, the next child opens the store without a look at it in between. */
  readonly isUnchecked: boolean
}

const CALLS_MAX: Readonly<Record<Work, number>> = { records: 600, frames: 12 }

/** Moments by how often they come, in hundredths. */
const MOMENTS: Readonly<Record<Work, readonly (readonly [Moment, number])[]>> = {
  records: [["writing", 50], ["tearing", 15], ["flushing", 10], ["opening", 15], ["closing", 10]],
  frames: [["tearing", 30], ["flushing", 10], ["saving", 25], ["trimming", 20], ["opening", 10], ["closing", 5]],
}

export const planAt = (seed: number, kill: number): Plan => {
  const random = new Random(seed, kill, 2)
  const work = random.oneIn(3) ? "frames" : "records"
  return {
    work,
    moment: drawMoment(MOMENTS[work], random.below(100)),
    calls: random.spread(CALLS_MAX[work]) - 1,
    share: random.next(),
    isUnchecked: random.oneIn(2),
  }
}

const drawMoment = (moments: readonly (readonly [Moment, number])[], drawn: number): Moment => {
  let sum = 0
  for (const [moment, share] of moments) if (drawn < (sum += share)) return moment
  throw new Error("the shares of the moments make less than 100")
}
