/**
 * Hybrid logical clock: physical milliseconds and a counter, later than anything it has sent or received.
 *
 * After Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks" (OPODIS 2014), algorithm of figure 5, with the
 * counter carrying into the milliseconds when it is full, so that a local write never fails because of a clock. A stamp that
 * is further ahead than CLOCK_DRIFT_MILLIS_MAX does not move the clock (rule S22 of the sync model).
 */
import { CLOCK_DRIFT_MILLIS_MAX, STAMP_COUNTER_MAX, STAMP_MILLIS_MAX } from "../limits.ts"

const toMillis = (now: number): number => (now > 0 ? Math.min(Math.floor(now), STAMP_MILLIS_MAX) : 0)

/** One clock a store. Its fields hold the last stamp, so that sending allocates nothing. */
export class HybridClock {
  /** Milliseconds of the last stamp since 1970-01-01, 48 bits. */
  millis: number = 0
  /** Counter of the last stamp, 16 bits. */
  counter: number = 0

  /** Takes the next stamp into `millis` and `counter`: greater than every one before. `now` in milliseconds. */
  send(now: number): void {
    const physical = toMillis(now)
    if (physical > this.millis) {
      this.millis = physical
      this.counter = 0
    } else if (this.counter < STAMP_COUNTER_MAX) {
      this.counter++
    } else if (this.millis < STAMP_MILLIS_MAX) {
      this.millis++
      this.counter = 0
    }
  }

  /** Moves behind a stamp that was seen. Answers false, unmoved, if that is too far ahead of `now`. */
  receive(millis: number, counter: number, now: number): boolean {
    if (millis - toMillis(now) > CLOCK_DRIFT_MILLIS_MAX) return false
    if (millis > this.millis || (millis === this.millis && counter > this.counter)) {
      this.millis = millis
      this.counter = counter
    }
    return true
  }

  /** Goes back to `now` if it is ahead: its physical part was wrong. No rule of sync needs stamps to ascend. */
  fallBack(now: number): void {
    const physical = toMillis(now)
    if (this.millis < physical) return
    this.millis = physical
    this.counter = 0
  }
}
