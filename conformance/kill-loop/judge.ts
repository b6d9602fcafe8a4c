/**
 * Judge: keeps what is known of a log from one look to the next, and fails with `RuleBroken` at a promise that does not hold.
 *
 * Whatever is written: a log never gets shorter, and a torn tail is cut where the log ends, never before an earlier cut.
 */
import { ensure, equal } from "../expect.ts"
import type { Subject } from "./subject.ts"
import type { Victim } from "./victim.ts"

export abstract class Judge {
  readonly subject: Subject
  /** How long opening took last. */
  openMillis: number = 10
  /** Torn tails that opening cut off. */
  cuts: number = 0
  /** The longest that the log is known to have been. */
  head: number = 0
  #cut = 0

  constructor(subject: Subject) {
    this.subject = subject
  }

  /** Where the next child begins: a call, or a position. */
  abstract get next(): number
  /** Is what a child does under this number long enough to be killed in the middle of? */
  abstract isLarge(number: number): boolean
  /** Looks twice at what the killed child left; answers the last number that is stored. */
  abstract check(victim: Victim): Promise<number>

  /** Takes in what a child said. */
  note({ opened }: Victim): void {
    if (opened !== undefined) this.noteOpened(opened.head, opened.cut)
  }

  /** `cut` is the position from which a torn tail was cut, if one was. */
  protected noteOpened(head: number, cut: number | undefined): void {
    ensure(head >= this.head, `the head is ${head} and was ${this.head} before`)
    this.head = head
    if (cut === undefined) return
    this.cuts++
    equal(cut, head + 1, "the position from which a torn tail was cut")
    ensure(cut >= this.#cut, `a torn tail was cut from position ${cut}, and one from position ${this.#cut} before`)
    this.#cut = cut
  }
}
