/** Runs the workloads in this runtime and prints one line of JSON a workload; `main.ts` starts it, once a runtime. */
import { parseArgs } from "node:util"
import { runRounds } from "./rounds.ts"
import type { DiskAdapter } from "./persist.ts"
import { workloads } from "./workloads.ts"

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    adapters: { type: "string", default: "file,sqlite" },
    only: { type: "string" },
  },
})
for (const workload of workloads(Number(values.scale), values.adapters.split(",") as DiskAdapter[])) {
  if (values.only !== undefined && !values.only.split(",").includes(workload.id)) continue
  console.log(JSON.stringify({ title: workload.title, rows: await runRounds(workload, Number(values.rounds)) }))
}
