/**
 * `npm run kill-loop`: writes, kills, opens again, compares, on a real file system.
 *
 *   npm run kill-loop -- --adapter file --kills 200
 *   npm run kill-loop -- --adapter sqlite --durability full --runtime bun --seed 7
 *
 * Children write records through a store, and frames, snapshots and trims through the storage port (`kill-loop/loop.ts`). A killed process
 * loses nothing that it handed to the operating system; a power cut may. This loop kills processes.
 *
 * Exit code: 0 every promise held · 1 one did not · 2 the call was wrong. The last line is the verdict.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { integer, oneOf } from "./arguments.ts"
import { describeError } from "./expect.ts"
import { runKillLoop, type Totals } from "./kill-loop/loop.ts"
import { startProgress } from "./kill-loop/progress.ts"
import { LEVELS, type Subject } from "./kill-loop/subject.ts"
import { type Runtime, RUNTIMES } from "./processes/runtimes.ts"

const USAGE = `usage: npm run kill-loop -- [options]

  --adapter file|sqlite|libsql          what keeps the store            default file
  --kills <number>                      how many children are killed    default 200
  --durability normal|full|relaxed      level of the store              default normal
  --runtime node|deno|bun               what runs the children          default node
  --seed <number>                       fixes calls and plan            default random
  --path <folder>                       where, kept afterwards          default a temporary folder, kept if it fails`

interface Call {
  readonly adapter: Subject["adapter"]
  readonly durability: Subject["durability"]
  readonly runtime: Runtime
  readonly kills: number
  readonly seed: number
  readonly path: string | undefined
}

/** What the arguments ask for; `undefined` for `--help`. Throws `TypeError` if they make no sense. */
const parseCall = (args: readonly string[]): Call | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string", default: "file" },
      kills: { type: "string", default: "200" },
      durability: { type: "string", default: "normal" },
      runtime: { type: "string", default: "node" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
      path: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  return {
    adapter: oneOf("adapter", values.adapter, ["file", "sqlite", "libsql"]),
    durability: oneOf("durability", values.durability, LEVELS),
    runtime: oneOf("runtime", values.runtime, Object.keys(RUNTIMES) as Runtime[]),
    kills: integer("kills", values.kills, 1),
    seed: integer("seed", values.seed, 0),
    path: values.path,
  }
}

const number = (value: number): string => value.toLocaleString("en-US")
const formatTotals = ({ calls, acknowledged, frames, snapshots, cuts }: Totals): string =>
  `${number(calls)} calls, ${number(acknowledged)} acknowledged, ${number(frames)} frames, ${number(snapshots)} snapshots, ` +
  `${number(cuts)} torn tails cut`

/** Runs the call; answers the exit code. */
const main = async (args: readonly string[]): Promise<number> => {
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
  const { adapter, durability, runtime, kills, seed } = call
  const folder = call.path ?? await mkdtemp(join(tmpdir(), "persist-kill-loop-"))
  const path = adapter === "file" ? folder : join(folder, "kill-loop.db")
  const name = `${adapter}, ${durability}, children on ${runtime}, seed ${seed}`
  console.log(`${kills} kills: ${name}\n${path}`)

  const started = performance.now()
  const progress = startProgress(kills, "kills")
  try {
    const totals = await runKillLoop({
      subject: { adapter, path, durability, seed },
      kills,
      runtime,
      onKill: (totals) => progress.update(totals.kills, formatTotals(totals)),
    })
    progress.stop()
    const seconds = (performance.now() - started) / 1000
    const { killsAt, storedUnacknowledged, notStored } = totals
    console.log(`${kills} kills: ${Object.entries(killsAt).map(([moment, count]) => `${count} ${moment}`).join(", ")}`)
    console.log(formatTotals(totals))
    console.log(`under way when killed: ${number(storedUnacknowledged)} calls found whole, ${number(notStored)} not there, none half there`)
    console.log(`${seconds.toFixed(1)} s, ${(kills / seconds).toFixed(1)} kills a second`)
    if (call.path === undefined) await rm(folder, { recursive: true, force: true })
    console.log(`ok: ${kills} kills, no acknowledged write lost, nothing half there (${name})`)
    return 0
  } catch (error) {
    progress.stop()
    console.error(error)
    console.log(`FAILED: ${describeError(error).split("\n", 1)[0]} (${name}; the store is kept in ${folder})`)
    return 1
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
