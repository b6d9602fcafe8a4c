/** Plays a history, then seeds, until something breaks; prints what. Run by `planted.ts` in a copy of the sources: hunt.ts TITLE SEEDS */
import process from "node:process"
import { runCampaign } from "./campaign.ts"
import { HISTORIES } from "./histories.ts"
import { playHistory } from "./history.ts"
import type { Catch } from "./planted.ts"
import { STEPS_DEFAULT } from "./simulation.ts"

const [title = "", seeds = "0"] = process.argv.slice(2)

/** The first thing that breaks. */
async function hunt(): Promise<Catch> {
  if (title !== "") {
    const history = HISTORIES.find((one) => one.title === title)
    if (history === undefined) throw new Error(`no history is named "${title}"`)
    const violation = await playHistory(history).then((violations) => [...violations.keys()][0], (error) => `threw ${error}`)
    if (violation !== undefined) return { history: title, violation }
  }
  let found: Catch = {}
  await runCampaign({
    seeds: Array.from({ length: Number(seeds) }, (_, at) => at + 1),
    steps: STEPS_DEFAULT,
    onRun: ({ seed, violations }) => {
      const [violation] = violations.keys()
      if (violation !== undefined) found = { seed, violation }
      return violation === undefined
    },
  })
  return found
}

console.log(JSON.stringify(await hunt()))
process.exit(0)
