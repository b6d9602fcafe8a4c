/** How far the kill loop has come: a bar where a person is looking, a line every five seconds where the output goes elsewhere. */
import process from "node:process"
import { Presets, SingleBar } from "cli-progress"
import type { Totals } from "./loop.ts"

const LINE_MILLIS = 5000

export interface Progress {
  readonly update: (totals: Totals) => void
  /** Leaves the bar as it is and goes on below. */
  readonly stop: () => void
}

export const startProgress = (kills: number, format: (totals: Totals) => string): Progress => {
  if (process.stdout.isTTY) {
    const bar = new SingleBar({ format: "{bar} {value} of {total} kills · {words}", hideCursor: true, barsize: 24 }, Presets.shades_classic)
    bar.start(kills, 0, { words: "" })
    return { update: (totals) => bar.update(totals.kills, { words: format(totals) }), stop: () => bar.stop() }
  }
  let told = performance.now()
  const update = (totals: Totals): void => {
    if (performance.now() - told < LINE_MILLIS) return
    told = performance.now()
    console.log(`${String(totals.kills).padStart(6)} of ${kills}: ${format(totals)}`)
  }
  return { update, stop: () => {} }
}
