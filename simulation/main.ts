/**
 * `npm run simulate`: random runs of the product's own code over a world with faults.
 *
 *   npm run simulate -- --seeds 2000 [--from 1] [--steps 400] [--jobs 2] [--without clone,reorder]
 *   npm run simulate -- --from 4711 --seeds 1 --show       replays one seed, and tells all that happens
 *   npm run simulate -- --planted                          finds the bugs that are planted
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { logbookOf } from "./logbook.ts"
import { runSeed, STEPS_DEFAULT } from "./simulation.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    steps: { type: "string", default: String(STEPS_DEFAULT) },
    show: { type: "boolean", default: false },
    without: { type: "string", default: "" },
  },
})
const from = Number(values.from), seeds = Number(values.seeds)
const started = performance.now()
let broken = 0
for (let seed = from; seed < from + seeds; seed++) {
  const result = await runSeed(seed, {
    steps: Number(values.steps),
    without: values.without.split(",").filter(Boolean) as never,
    listener: values.show ? (text) => console.log(text) : undefined,
    onEnd: values.show
      ? (world) => {
        for (const site of world.sites) console.log(logbookOf(site.name, site.frames()))
      }
      : undefined,
  })
  if (result.violations.size > 0) {
    broken++
    for (const [title, detail] of result.violations) console.log(`seed ${seed}: ${title}: ${detail}`)
  }
  if (seeds === 1) console.log(Object.fromEntries([...result.counts.byName].sort()), result.trace)
}
console.log(`${broken} of ${seeds} broken, ${Math.round(seeds / ((performance.now() - started) / 1000))} runs/s`)
process.exitCode = broken > 0 ? 1 : 0
