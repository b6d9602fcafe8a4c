/** A thread that plays seeds of a campaign. */
import { parentPort, workerData } from "node:worker_threads"
import { runCampaign } from "./campaign.ts"
import type { Fault } from "./faults.ts"

/** What a thread is given. */
export interface SeedWork {
  readonly seeds: readonly number[]
  readonly steps: number
  readonly without: readonly Fault[]
}

const work = workerData as SeedWork
const { runs, broken, findings, counts } = await runCampaign({
  ...work,
  onRun: ({ seed, violations }) => void parentPort?.postMessage({ kind: "run", seed, violations: [...violations.keys()] }),
})
parentPort?.postMessage({ kind: "end", runs, broken, findings, counts: [...counts.byName] })
