/**
 * The kill loop: a child writes, the parent kills it, opens the store, compares, and lets the next child go on with the same store.
 *
 *   ┌─▶ child: open, write, report ── SIGKILL ─▶ look ─▶ judge ─▶ look again ─▶ same digest? ─┐
 *   └────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * After each look: no acknowledged call is lost, the store stands where some call ended (`records-oracle.ts`), the log did not get shorter, a
 * torn tail was cut where the log ends and never before an earlier cut, and the second look finds nothing left to repair.
 */
import { fileURLToPath } from "node:url"
import { delay } from "../processes/delay.ts"
import { FramesJudge } from "./frames-judge.ts"
import type { Judge } from "./judge.ts"
import { type Moment, type Plan, planAt, type Work } from "./plan.ts"
import { RecordsJudge } from "./records-judge.ts"
import type { Runtime } from "../processes/runtimes.ts"
import type { Subject } from "./subject.ts"
import { Victim } from "./victim.ts"

export interface KillLoopOptions {
  readonly subject: Subject
  readonly kills: number
  readonly runtime: Runtime
  /** Paths of other programs for the children, by what they write. */
  readonly programs?: Partial<Readonly<Record<Work, string>>> | undefined
  /** Called after each kill. */
  readonly onKill?: ((totals: Totals) => void) | undefined
}

/** What a run has done so far. */
export interface Totals {
  kills: number
  readonly killsAt: Partial<Record<Moment, number>>
  /** Calls and appends made by children. */
  calls: number
  /** Those that were reported as stored before the kill. */
  acknowledged: number
  /** Those that were under way at a kill and were found stored. */
  storedUnacknowledged: number
  /** Those that were under way at a kill and were not found. */
  notStored: number
  /** Torn tails that opening cut off. */
  cuts: number
  /** Snapshots that were acknowledged. */
  snapshots: number
  frames: number
}

const CALLS_WITHOUT_END = 1_000_000_000
const OPEN_SHARE_MAX = 1.5
/** The longest delay of each moment; that of opening depends on how long it takes. */
const DELAY_MILLIS_MAX: Readonly<Record<Exclude<Moment, "opening">, number>> = {
  writing: 3,
  tearing: 2,
  flushing: 4,
  saving: 12,
  trimming: 6,
  closing: 3,
}

/** Kills `kills` children. Fails with `RuleBroken` at the first promise that does not hold; the place is left as it is then. */
export const runKillLoop = async ({ subject, kills, runtime, programs, onKill }: KillLoopOptions): Promise<Totals> => {
  const totals: Totals = {
    kills: 0,
    killsAt: {},
    calls: 0,
    acknowledged: 0,
    storedUnacknowledged: 0,
    notStored: 0,
    cuts: 0,
    snapshots: 0,
    frames: 0,
  }
  const start = (work: Work): Victim =>
    new Victim(programs?.[work] ?? fileURLToPath(new URL(`${work}-child.ts`, import.meta.url)), runtime, subject)
  const judges: Readonly<Record<Work, Judge>> = { records: new RecordsJudge(subject), frames: new FramesJudge(subject) }
  // Only those that end by themselves leave their compiled modules for the others.
  for (const work of ["records", "frames"] as const) await start(work).dismiss()
  // Each child is started while the one before it is dealt with: most of a start is the runtime's.
  let next = start(planAt(subject.seed, 0).work)
  try {
    while (totals.kills < kills) {
      const victim = next
      const plan = planAt(subject.seed, totals.kills)
      const judge = judges[plan.work]
      await victim.go(judge.next, plan.moment === "closing" ? plan.calls + 1 : CALLS_WITHOUT_END)
      next = start(planAt(subject.seed, totals.kills + 1).work)
      await killAsPlanned(victim, plan, judge)
      count(totals, victim, plan)
      judge.note(victim)
      if (victim.called >= victim.first || !plan.isUnchecked || totals.kills === kills) {
        const last = await judge.check(victim)
        totals.storedUnacknowledged += last - victim.acknowledged
        totals.notStored += victim.called - last
      }
      totals.cuts = judges.records.cuts + judges.frames.cuts
      totals.frames = judges.records.head + judges.frames.head
      onKill?.(totals)
    }
  } finally {
    await next.dismiss()
  }
  return totals
}

const killAsPlanned = async (victim: Victim, { moment, calls, share }: Plan, judge: Judge): Promise<void> => {
  let seen = victim.first - 1
  const isReached = (): boolean => {
    if (moment === "writing") return victim.has("opened") && victim.acknowledgements >= calls
    if (moment !== "tearing") return victim.has(moment)
    let isFound = false
    while (seen < victim.called) isFound = judge.isLarge(++seen) || isFound
    return isFound
  }
  try {
    await victim.until(isReached)
    await delay(share * (moment === "opening" ? judge.openMillis * OPEN_SHARE_MAX : DELAY_MILLIS_MAX[moment]))
  } finally {
    await victim.kill()
  }
}

const count = (totals: Totals, victim: Victim, { moment }: Plan): void => {
  totals.kills++
  totals.killsAt[moment] = (totals.killsAt[moment] ?? 0) + 1
  totals.calls += victim.called - victim.first + 1
  totals.acknowledged += victim.acknowledgements
  totals.snapshots += victim.count("saved")
}
