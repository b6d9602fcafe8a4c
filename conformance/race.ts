/**
 * `npm run race`: several processes increment one record of one store by compare-and-append, one is stopped, one is killed.
 *
 *   npm run race -- --adapter sqlite --processes 8 --increments 1000
 *   npm run race -- --adapter sqlite --runtime bun --stop-seconds 5 --option durability=full --seed 7
 *
 * What is judged stands in `race/run.ts`. Exit code: 0 every rule held · 1 one did not · 2 the call was wrong. The last line is the verdict.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import Table from "cli-table3"
import { decimal, integer, oneOf, pair } from "./arguments.ts"
import { describeError } from "./expect.ts"
import { startProgress } from "./kill-loop/progress.ts"
import { type Runtime, RUNTIMES } from "./processes/runtimes.ts"
import type { Contestant } from "./race/contestant.ts"
import { PLACES } from "./race/places.ts"
import { Race, type RaceResult } from "./race/run.ts"

const USAGE = `usage: npm run race -- [options]

  --adapter ${Object.keys(PLACES).join("|").padEnd(22)}what keeps the store               default sqlite
  --option <name>=<value>         one more option of createStore     may be repeated
  --processes <number>            how many processes                 default 8
  --increments <number>           of each process                    default 1000
  --turn <number>                 of them between open and close     default 200, file 50
  --stop-seconds <number>         how long one is stopped, 0: none   default 30
  --runtime node|deno|bun         what runs the processes            default node
  --seed <number>                 fixes calls and plan               default random
  --path <folder>                 where, kept afterwards             default a temporary folder, kept if it fails`

interface Call {
  readonly adapter: string
  readonly options: Readonly<Record<string, string>>
  readonly processes: number
  readonly increments: number
  readonly turn: number
  readonly stopSeconds: number
  readonly runtime: Runtime
  readonly seed: number
  readonly path: string | undefined
}

/** What the arguments ask for; `undefined` for `--help`. Throws `TypeError` if they make no sense. */
const parseCall = (args: readonly string[]): Call | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string", default: "sqlite" },
      option: { type: "string", multiple: true, default: [] },
      processes: { type: "string", default: "8" },
      increments: { type: "string", default: "1000" },
      turn: { type: "string" },
      "stop-seconds": { type: "string", default: "30" },
      runtime: { type: "string", default: "node" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
      path: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const adapter = oneOf("adapter", values.adapter, Object.keys(PLACES))
  return {
    adapter,
    options: Object.fromEntries(values.option.map((text) => pair("option", text))),
    processes: integer("processes", values.processes, 2),
    increments: integer("increments", values.increments, 1),
    turn: integer("turn", values.turn ?? String(PLACES[adapter]!.turn), 1),
    stopSeconds: decimal("stop-seconds", values["stop-seconds"]),
    runtime: oneOf("runtime", values.runtime, Object.keys(RUNTIMES) as Runtime[]),
    seed: integer("seed", values.seed, 0),
    path: values.path,
  }
}

const number = (value: number): string => value.toLocaleString("en-US")

/** The time within which this share of the increments ended, in milliseconds. */
const percentile = (micros: readonly number[], share: number): string =>
  micros.length === 0 ? "" : ((micros.toSorted((left, right) => left - right)[Math.ceil(micros.length * share) - 1]! / 1000).toFixed(2))

const fateOf = ({ isKilled, stoppedMillis, share }: Contestant, { contestants }: RaceResult): string => {
  if (share < contestants[0]!.share) return `made the ${share} that ${contestants.find((one) => one.isKilled)?.number} had left`
  return [isKilled ? "killed" : "", stoppedMillis > 0 ? `stopped ${(stoppedMillis / 1000).toFixed(1)} s` : ""].filter(Boolean).join(", ")
}

/** One row a process. */
const tableOf = (result: RaceResult): string => {
  const table = new Table({
    head: ["process", "stored", "refused", "busy", "reads", "opens", "locked", "shown", "p50 ms", "p99 ms", "max ms", ""],
    colAligns: [...Array.from({ length: 11 }, () => "right" as const), "left"],
    style: { head: [], border: [], compact: true },
  })
  for (const contestant of result.contestants) {
    const { number: process, made, refused, failed, reads, opens, locked, heard, micros } = contestant
    const counts = [process, made, refused, failed, reads, opens, locked].map(number)
    const times = [0.5, 0.99, 1].map((share) => percentile(micros, share))
    table.push([...counts, heard === undefined ? "" : number(heard.frames), ...times, fateOf(contestant, result)])
  }
  return String(table)
}

/** Runs the call; answers the exit code. */
export const main = async (args: readonly string[]): Promise<number> => {
  let call: Call | undefined
  try {
    call = parseCall(args)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error // parseArgs throws these too
    console.error(`${error.message}\n${USAGE}`)
    return 2
  }
  if (call === undefined) {
    console.log(USAGE)
    return 0
  }
  const { adapter, options, processes, increments, turn, stopSeconds, runtime, seed, path } = call
  const folder = path ?? await mkdtemp(join(tmpdir(), "persist-race-"))
  if (path !== undefined) await mkdir(path, { recursive: true })
  const { optionsIn, isShared } = PLACES[adapter]!
  const name = `${adapter}, processes on ${runtime}, seed ${seed}`
  console.log(`${processes} processes, ${number(increments)} increments each: ${name}\n${folder}`)

  const progress = startProgress(processes * increments, "increments")
  const started = performance.now()
  const onProgress = (made: number): void => progress.update(made, `${((performance.now() - started) / 1000).toFixed(0)} s`)
  const place = options["url"] === undefined ? optionsIn(folder) : {} // else the store lies there
  const subject = { adapter, store: `race-${Date.now().toString(36)}`, options: { ...place, ...options } }
  try {
    const race = new Race({
      subject,
      isShared,
      folder,
      processes,
      increments,
      turn,
      stopMillis: stopSeconds * 1000,
      seed,
      runtime,
      onProgress,
    })
    const result = await race.run()
    progress.stop()
    const { sum, landed, frames, calls, millis, stopsInCommit, madeDuringStop, hearMillis } = result
    console.log(tableOf(result))
    console.log(
      `${number(sum)} increments in ${number(frames)} frames: ${number(sum - landed)} acknowledged and ${landed} that the kill cut off; ` +
        `${number(calls)} calls judged`,
    )
    if (isShared) {
      console.log(`${number(madeDuringStop)} increments of the others while one was stopped; ${stopsInCommit} stops fell into a commit`)
      console.log(`the last write was shown to all after ${hearMillis!.toFixed(0)} ms`)
    }
    console.log(`${(millis / 1000).toFixed(1)} s, ${number(Math.round(sum / millis * 1000))} increments a second, stops included`)
    if (path === undefined) await rm(folder, { recursive: true, force: true })
    console.log(`ok: the sum is exact, positions are dense, the history is linearizable (${name})`)
    return 0
  } catch (error) {
    progress.stop()
    console.error(error)
    console.log(`FAILED: ${describeError(error).split("\n", 1)[0]} (${name}; store and journal are kept in ${folder})`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
