/**
 * The kill loop: a child writes, the parent kills it, opens the store, compares, and lets the next child go on with the same store.
 *
 *   ┌─▶ child: open, write, report ── SIGKILL ─▶ look ─▶ judge ─▶ look again ─▶ same digest? ─┐
 *   └────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * After each look: no acknowledged call is lost, the store stands where some call ended (`oracle.ts`), the log did not get shorter, a
 * torn tail was cut where the log ends and never before an earlier cut, and the second look finds nothing left to repair.
 */
import { fileURLToPath } from "node:url"
import { setTimeout as sleep } from "node:timers/promises"
import { ensure, equal } from "../expect.ts"
import { callAt, isLarge } from "./calls.ts"
import { Oracle } from "./oracle.ts"
import { type Moment, type Plan, planAt } from "./plan.ts"
import { lookAt, type Subject } from "./subject.ts"
import { type Runtime, Victim } from "./victim.ts"

export interface KillLoopOptions {
  readonly subject: Subject
  readonly kills: number
  readonly runtime: Runtime
  /** Path of the child's program. Default: `child.ts`. */
  readonly program?: string | undefined
  /** Called after each kill. */
  readonly onKill?: ((totals: Totals) => void) | undefined
}

/** What a run has done so far. */
export interface Totals {
  kills: number
  readonly killsAt: Record<Moment, number>
  /** Calls made by children. */
  calls: number
  /** Calls that were reported as stored before the kill. */
  acknowledged: number
  /** Calls that were under way at a kill and were found stored. */
  storedUnacknowledged: number
  /** Calls that were under way at a kill and were not found. */
  notStored: number
  /** Torn tails that opening cut off. */
  cuts: number
  frames: number
}

const CALLS_WITHOUT_END = 1_000_000_000
const OPEN_SHARE_MAX = 1.5
/** The longest delay of each moment; that of opening depends on how long it takes. */
const DELAY_MILLIS_MAX = { writing: 3, tearing: 2, closing: 3 }

/** Kills `kills` children. Fails with `RuleBroken` at the first promise that does not hold; the store is left as it is then. */
export const runKillLoop = async ({ subject, kills, runtime, program, onKill }: KillLoopOptions): Promise<Totals> => {
  const totals: Totals = {
    kills: 0,
    killsAt: { writing: 0, tearing: 0, opening: 0, closing: 0 },
    calls: 0,
    acknowledged: 0,
    storedUnacknowledged: 0,
    notStored: 0,
    cuts: 0,
    frames: 0,
  }
  const start = (): Victim => new Victim(program ?? fileURLToPath(new URL("child.ts", import.meta.url)), runtime, subject)
  const judge = new Judge(subject, totals)
  await start().dismiss() // only those that end by themselves leave their compiled modules for the others
  // Each child is started while the one before it is dealt with: most of a start is the runtime's.
  let next = start()
  try {
    while (totals.kills < kills) {
      const victim = next
      const plan = planAt(subject.seed, totals.kills)
      await victim.go(judge.called + 1, plan.moment === "closing" ? plan.calls + 1 : CALLS_WITHOUT_END)
      next = start()
      await killAsPlanned(victim, plan, subject, judge.openMillis)
      count(totals, victim, plan)
      judge.note(victim)
      if (victim.called >= victim.first || !plan.isUnchecked || totals.kills === kills) await judge.check(victim)
      onKill?.(totals)
    }
  } finally {
    await next.dismiss()
  }
  return totals
}

const killAsPlanned = async (victim: Victim, { moment, calls, share }: Plan, { seed }: Subject, openMillis: number): Promise<void> => {
  let seen = victim.first - 1
  const isReached = {
    writing: () => victim.has("opened") && victim.acknowledgements >= calls,
    tearing: () => {
      let isFound = false
      while (seen < victim.called) isFound = isLarge(callAt(seed, ++seen)) || isFound
      return isFound
    },
    opening: () => victim.has("opening"),
    closing: () => victim.has("closing"),
  }
  try {
    await victim.until(isReached[moment])
    await delay(share * (moment === "opening" ? openMillis * OPEN_SHARE_MAX : DELAY_MILLIS_MAX[moment]))
  } finally {
    await victim.kill()
  }
}

/** Waits to the microsecond: timers count in milliseconds only. */
const delay = async (millis: number): Promise<void> => {
  const end = performance.now() + millis
  if (millis > 4) await sleep(millis - 3)
  while (performance.now() < end);
}

const count = (totals: Totals, victim: Victim, { moment }: Plan): void => {
  totals.kills++
  totals.killsAt[moment]++
  totals.calls += victim.called - victim.first + 1
  totals.acknowledged += victim.acknowledgements
}

/** Keeps what is known of the store from one look to the next. */
class Judge {
  /** The last call that any child has made. */
  called: number = 0
  /** How long opening took last. */
  openMillis: number = 10
  readonly #subject: Subject
  readonly #totals: Totals
  readonly #oracle: Oracle
  #head = 0
  #cut = 0

  constructor(subject: Subject, totals: Totals) {
    this.#subject = subject
    this.#totals = totals
    this.#oracle = new Oracle((number) => callAt(subject.seed, number))
  }

  /** Takes in what a child found when it opened the store. */
  note({ opened, called }: Victim): void {
    this.called = Math.max(this.called, called)
    if (opened !== undefined) this.#noteOpened(opened.head, opened.cut)
  }

  #noteOpened(head: number, cut: number): void {
    ensure(head >= this.#head, `the head is ${head} and was ${this.#head} before`)
    this.#head = head
    if (cut === 0) return
    this.#totals.cuts++
    equal(cut, head + 1, "the position from which a torn tail was cut")
    ensure(cut >= this.#cut, `a torn tail was cut from position ${cut}, and one from position ${this.#cut} before`)
    this.#cut = cut
  }

  /** Looks at the store twice and fails if a promise does not hold. */
  async check({ first, acknowledged, called }: Victim): Promise<void> {
    const totals = this.#totals
    const look = await lookAt(this.#subject)
    this.openMillis = look.openMillis
    this.#noteOpened(look.head, look.recovery?.position ?? 0)
    const last = this.#oracle.settle(look.marks, first, acknowledged, called)
    totals.storedUnacknowledged += last - acknowledged
    totals.notStored += called - last
    const again = await lookAt(this.#subject)
    equal(again.digest, look.digest, "the digest of a second replay")
    equal(again.head, look.head, "the head of a second replay")
    ensure(again.recovery === undefined, `opening again found something to repair: ${again.recovery?.reason}`)
    totals.frames = again.head
  }
}
