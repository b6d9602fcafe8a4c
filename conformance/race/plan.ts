/**
 * Plan: what happens to the processes of a race while they run, by a seed. Moments are shares of all increments.
 *
 *   0 ────●───────●────┃────────●──────────●──────── 1        ● a short stop   ┃ the long stop   ✕ the kill
 *              ✕
 *
 * Stops come one after another. The kill comes in the middle, whatever is stopped then.
 */
import { Random } from "../processes/random.ts"

export interface Stop {
  /** It comes when this share of the increments has been made. */
  readonly share: number
  readonly millis: number
  /** The long one must be between two commits of its process: else it is made again. */
  readonly isLong: boolean
}

export interface Plan {
  readonly stops: readonly Stop[]
  readonly kill: { readonly share: number; readonly millis: number }
}

const SHORT_STOPS = 6
const SHORT_MILLIS_MAX = 150
/** The kill comes up to so many milliseconds after its share, so that it hits any moment of a call. */
const KILL_MILLIS_MAX = 8

export const planOf = (seed: number, stopMillis: number): Plan => {
  const random = new Random(seed, 0)
  const stops: Stop[] = []
  for (let index = 0; index < SHORT_STOPS; index++) {
    stops.push({ share: (index + random.next()) / SHORT_STOPS * 0.9, millis: 1 + random.below(SHORT_MILLIS_MAX), isLong: false })
  }
  if (stopMillis > 0) stops.push({ share: 0.2 + random.next() * 0.2, millis: stopMillis, isLong: true })
  return {
    stops: stops.sort((left, right) => left.share - right.share),
    kill: { share: 0.3 + random.next() * 0.4, millis: random.below(KILL_MILLIS_MAX) },
  }
}
