/** Campaign: many seeds, one after another; every hundredth is played twice, and has to be the same run. */
import { Counts, type Fault } from "./faults.ts"
import { type RunResult, runSeed } from "./simulation.ts"

/** What a campaign plays. */
export interface CampaignOptions {
  readonly seeds: Iterable<number>
  readonly steps: number
  readonly without?: readonly Fault[] | undefined
  /** Told of each run; answers false to stop. */
  readonly onRun?: ((result: RunResult) => boolean | void) | undefined
}

/** A violation and where it was seen first. */
export interface Finding {
  readonly seed: number
  readonly title: string
  readonly detail: string
}

/** What a campaign came to. */
export interface CampaignResult {
  readonly runs: number
  /** Runs in which something broke. */
  readonly broken: number
  readonly findings: readonly Finding[]
  readonly counts: Counts
}

/** One in so many seeds is played twice. */
const REPLAYED = 100

/** Plays the seeds. */
export async function runCampaign({ seeds, steps, without, onRun }: CampaignOptions): Promise<CampaignResult> {
  const counts = new Counts(), findings: Finding[] = []
  let runs = 0, broken = 0
  for (const seed of seeds) {
    const result = await runSeed(seed, { steps, without }), found = [...result.violations]
    if (seed % REPLAYED === 0) {
      const again = await runSeed(seed, { steps, without })
      if (again.trace !== result.trace) found.push(["not deterministic", `traces ${result.trace} and ${again.trace}`])
      counts.add("seeds played twice")
    }
    runs++
    counts.join(result.counts.byName)
    if (found.length > 0) broken++
    for (const [title, detail] of found) findings.push({ seed, title, detail })
    if (onRun?.(result) === false) break
  }
  return { runs, broken, findings, counts }
}
