/** How far a long run has come: a bar where a person is looking, a line every five seconds where the output goes elsewhere. */
import process from "node:process"
import { Presets, SingleBar } from "cli-progress"

const LINE_MILLIS = 5000

export interface Progress {
  /** `words` say what else there is to tell. */
  readonly update: (value: number, words: string) => void
  /** Leaves the bar as it is and goes on below. */
  readonly stop: () => void
}

/** Begins at 0 of `total`; `unit` names what is counted. */
export const startProgress = (total: number, unit: string): Progress => {
  if (process.stdout.isTTY) {
    const format = `{bar} {value} of {total} ${unit} · {words}`
    const bar = new SingleBar({ format, hideCursor: true, barsize: 24 }, Presets.shades_classic)
    bar.start(total, 0, { words: "" })
    return { update: (value, words) => bar.update(value, { words }), stop: () => bar.stop() }
  }
  let told = performance.now()
  const update = (value: number, words: string): void => {
    if (performance.now() - told < LINE_MILLIS) return
    told = performance.now()
    console.log(`${String(value).padStart(6)} of ${total} ${unit}: ${words}`)
  }
  return { update, stop: () => {} }
}
