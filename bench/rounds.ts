/**
 * Runs a workload in rounds: in each, every contender once, one after another, so that a machine that gets slower hits all of them.
 * The figures are medians over rounds; the ratio is the median of the ratios within each round.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bench } from "tinybench"
import type { Contender, Workload } from "./contender.ts"

export interface Row {
  readonly workload: string
  readonly contender: string
  readonly durability: string
  /** Microseconds an operation. */
  readonly micros: number
  /** 99th percentile over chunks, in microseconds an operation. */
  readonly microsP99: number
  /** How many times faster than the baseline; 1 for the baseline. */
  readonly ratio: number
  /** Microseconds more than the baseline. */
  readonly extraMicros: number
}

interface Sample {
  readonly micros: number
  readonly microsP99: number
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? Number.NaN : sorted[sorted.length >> 1]!
}

async function measure(workload: Workload, contender: Contender): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), "persist-bench-"))
  const round = await contender.open(folder)
  try {
    let iteration = 0
    const bench = new Bench({ iterations: workload.iterations, time: 0, warmup: false, throws: true })
    bench.add(contender.name, async () => await round.chunk(iteration++), { async: true })
    await bench.run()
    const result = bench.tasks[0]!.result
    if (result.state !== "completed") throw new Error(`${workload.id}: ${contender.name} did not complete`)
    const perOperation = 1000 / workload.operations
    return { micros: result.latency.p50 * perOperation, microsP99: result.latency.p99 * perOperation }
  } finally {
    await round.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rows of one workload, the baseline first. */
export async function runRounds(workload: Workload, rounds: number): Promise<Row[]> {
  const samples = workload.contenders.map((): Sample[] => [])
  // One round more, not counted: compilers and caches warm up in it.
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of workload.contenders.entries()) {
      const sample = await measure(workload, contender)
      if (round >= 0) samples[index]!.push(sample)
    }
  }
  return workload.contenders.map((contender, index) => ({
    workload: workload.id,
    contender: contender.name,
    durability: contender.durability,
    micros: median(samples[index]!.map((sample) => sample.micros)),
    microsP99: median(samples[index]!.map((sample) => sample.microsP99)),
    ratio: median(samples[index]!.map((sample, round) => samples[0]![round]!.micros / sample.micros)),
    extraMicros: median(samples[index]!.map((sample, round) => sample.micros - samples[0]![round]!.micros)),
  }))
}
