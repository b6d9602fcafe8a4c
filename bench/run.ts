/** Runs the workloads in this runtime and prints one line of JSON a workload; `main.ts` starts it, once a runtime. */
import { parseArgs } from "node:util"
import { runRounds } from "./rounds.ts"
import type { DiskAdapter } from "./persist.ts"
import { workloads } from "./workloads.ts"
import type { Workload } from "./contender.ts"

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    adapters: { type: "string", default: "file,sqlite" },
    only: { type: "string" },
  },
})
const scale = Number(values.scale), only = values.only?.split(",")
const runAll = async (workloads: readonly Workload[]): Promise<void> => {
  for (const workload of workloads) {
    if (only !== undefined && !only.includes(workload.id)) continue
    console.log(JSON.stringify({ title: workload.title, rows: await runRounds(workload, Number(values.rounds)) }))
  }
}

await runAll(workloads(scale, values.adapters.split(",") as DiskAdapter[]))
if (only?.includes("paths") === true) {
  const { pathWorkloads } = await import("./paths.ts") // its server is a package that not every system has
  const paths = await pathWorkloads(scale)
  try {
    await runAll(paths.workloads)
  } finally {
    await paths.dispose()
  }
}
