/** A progress bar where a person is looking; nothing where the output goes to a file or another program. */
import process from "node:process"
import { Presets, SingleBar } from "cli-progress"

export interface Progress {
  update(count: number): void
  /** Leaves the bar as it is and goes on below. */
  stop(): void
}

export const startProgress = (total: number, from: number): Progress => {
  if (!process.stdout.isTTY) return { update: () => {}, stop: () => {} }
  const format = "   {bar} {percentage} %  {value} of {total} cities"
  const bar = new SingleBar({ format, stream: process.stdout, hideCursor: true, barsize: 30 }, Presets.shades_classic)
  bar.start(total, from)
  return { update: (count) => bar.update(count), stop: () => bar.stop() }
}
