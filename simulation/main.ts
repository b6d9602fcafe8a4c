/**
 * `npm run simulate`: random runs of the product's own code over a world with faults.
 *
 *   npm run simulate -- --seeds 2000 [--from 1] [--steps 400] [--jobs 2] [--without clone,reorder]
 *   npm run simulate -- --from 4711 --seeds 1 --show       replays one seed, tells all that happens, and shows every log
 *   npm run simulate -- --planted [--only S12]             plants bugs into copies of the sources, and expects to find them
 *
 * Exits with 1 if an invariant broke, or if a planted bug was not found.
 */
import { availableParallelism } from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import { Worker } from "node:worker_threads"
import type { Finding } from "./campaign.ts"
import { Counts, type Fault, FAULT_NAMES, FAULTS } from "./faults.ts"
import { logbookOf } from "./logbook.ts"
import { findPlanted } from "./planted.ts"
import type { SeedWork } from "./seed-worker.ts"
import { runSeed, STEPS_DEFAULT } from "./simulation.ts"

const PROGRESS_MILLIS = 5000
const FINDINGS_SHOWN = 20

interface Totals {
  runs: number
  broken: number
  readonly findings: Finding[]
  readonly counts: Counts
}

/** Plays seeds in several threads, each its share. */
async function runInThreads(from: number, seeds: number, steps: number, without: readonly Fault[], jobs: number): Promise<Totals> {
  const totals: Totals = { runs: 0, broken: 0, findings: [], counts: new Counts() }
  let played = 0
  const started = performance.now(), rate = (): number => Math.round(played / ((performance.now() - started) / 1000))
  const progress = setInterval(() => console.log(`${played} of ${seeds} seeds, ${rate()} a second`), PROGRESS_MILLIS)
  await Promise.all(Array.from({ length: jobs }, (_, job) => {
    const share = Array.from({ length: seeds }, (_, at) => from + at).filter((_, at) => at % jobs === job)
    const work: SeedWork = { seeds: share, steps, without }
    return new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), { workerData: work })
      worker.on("error", reject)
      worker.on("message", (message) => {
        if (message.kind === "run") {
          if (message.violations.length > 0) console.log(`seed ${message.seed}: ${message.violations.join(", ")}`)
          return void played++
        }
        totals.runs += message.runs
        totals.broken += message.broken
        totals.findings.push(...message.findings)
        totals.counts.join(message.counts)
        resolve()
      })
    })
  }))
  clearInterval(progress)
  console.log(`${seeds} seeds of ${steps} steps, ${rate()} a second on ${jobs} threads`)
  return totals
}

function report({ runs, broken, findings, counts }: Totals, steps: number): void {
  const { byName } = counts, left = new Map(byName)
  const show = (title: string, names: Iterable<string>, says: (name: string) => string = (name) => name): void => {
    console.log(`\n${title}`)
    for (const name of names) {
      console.log(`  ${String(byName.get(name) ?? 0).padStart(9)}  ${says(name)}`)
      left.delete(name)
    }
  }
  const sorted = [...byName.keys()].sort()
  show("faults", FAULT_NAMES, (name) => `${name}: ${FAULTS[name as Fault].says}`)
  show("answers", sorted.filter((name) => name.includes(" → ")))
  show("rounds until rest", sorted.filter((name) => name.startsWith("rounds ")))
  show("calls", [...left.keys()].sort())
  console.log(`\n${broken} of ${runs} runs broke an invariant`)
  for (const { seed, title, detail } of findings.sort((a, b) => a.seed - b.seed).slice(0, FINDINGS_SHOWN)) {
    console.log(`seed ${seed}: ${title}: ${detail}\n    npm run simulate -- --from ${seed} --seeds 1 --steps ${steps} --show`)
  }
}

async function showSeed(seed: number, steps: number, without: readonly Fault[]): Promise<boolean> {
  const { violations, counts, trace } = await runSeed(seed, {
    steps,
    without,
    listener: (text) => console.log(text),
    onEnd: (world) => {
      for (const site of world.sites) console.log(`\n${logbookOf(site.name, site.frames())}`)
    },
  })
  console.log()
  for (const [name, times] of [...counts.byName].sort()) console.log(`${String(times).padStart(6)}  ${name}`)
  for (const [title, detail] of violations) console.log(`\n${title}: ${detail}`)
  console.log(`\nseed ${seed}, trace ${trace}: ${violations.size === 0 ? "everything holds" : "broken"}`)
  return violations.size === 0
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "2000" },
      from: { type: "string", default: "1" },
      steps: { type: "string", default: String(STEPS_DEFAULT) },
      jobs: { type: "string", default: String(availableParallelism()) },
      without: { type: "string", default: "" },
      show: { type: "boolean", default: false },
      planted: { type: "boolean", default: false },
      only: { type: "string" },
    },
  })
  const without = values.without.split(",").filter((name) => name !== "").map((name) => {
    if (!FAULT_NAMES.includes(name as Fault)) throw new Error(`no class of faults is named ${name}: there are ${FAULT_NAMES.join(", ")}`)
    return name as Fault
  })
  const from = Number(values.from), seeds = Number(values.seeds), steps = Number(values.steps), jobs = Number(values.jobs)
  if (values.planted) return await findPlanted(values.only?.split(","), jobs)
  if (values.show) {
    let holds = true
    for (let seed = from; seed < from + seeds; seed++) holds = await showSeed(seed, steps, without) && holds
    return holds
  }
  const totals = await runInThreads(from, seeds, steps, without, jobs)
  report(totals, steps)
  return totals.broken === 0
}

process.exitCode = await main() ? 0 : 1
