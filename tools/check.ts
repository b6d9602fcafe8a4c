/**
 * `npm run check`: everything about the sources that needs no run of the store.
 * `npm run check:all`: also what takes minutes, from the built package to killed processes.
 *
 * One step after another, each reported with its time; all run, so that one round shows everything that is wrong.
 *
 *   npm run check -- --only types,layers
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { LANES } from "./lanes.ts"
import { run } from "./run.ts"

const ADAPTERS = ["memory", "file", "sqlite", "libsql"]
const TYPES = ["counter", "add-wins-set", "register-map"]
const KILLS = 100
/** A step that takes longer hangs. */
const STEP_MILLIS_MAX = 600_000

/** One program to run; it passes if it exits with 0. */
export interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

const SOURCE_STEPS: readonly Step[] = [
  { name: "format", command: ["deno", "fmt", "--check"] },
  { name: "lint", command: ["deno", "lint", "--quiet"] },
  { name: "types", command: ["tsc", "-p", ".", "--pretty", "false"] },
  { name: "browser-types", command: ["tsc", "-p", "tsconfig.browser.json", "--pretty", "false"] },
  { name: "layers", command: ["node", "tools/check-layers.ts"] },
  { name: "exports", command: ["node", "tools/check-exports.ts"] },
  { name: "threats", command: ["node", "tools/check-threats.ts"] },
  { name: "docs", command: ["node", "tools/check-docs.ts"] },
  { name: "conformance-cases", command: ["node", "conformance/catalogue.ts", "--check"] },
  { name: "conformance-table", command: ["node", "conformance/table.ts", "--check"] },
]

const SLOW_STEPS: readonly Step[] = [
  { name: "package", command: ["node", "tools/check-package.ts"] },
  { name: "jsr", command: ["node", "tools/check-jsr.ts"] },
  ...ADAPTERS.map((adapter): Step => ({ name: `conformance-${adapter}`, command: ["node", "conformance/cli.ts", "--adapter", adapter] })),
  { name: "conformance-doubles", command: ["node", "conformance/cli.ts", "doubles"] },
  { name: "conformance-types", command: ["node", "conformance/cli.ts", ...TYPES.flatMap((type) => ["--type", type])] },
  { name: "conformance-remotes", command: ["node", "conformance/cli.ts", "--remote", "http", "--remote", "log"] },
  { name: "conformance-web", command: ["node", "conformance/web.ts"] },
  ...ADAPTERS.filter((adapter) => adapter !== "memory").map((adapter): Step => ({
    name: `kill-loop-${adapter}`,
    command: ["node", "conformance/kill-loop.ts", "--adapter", adapter, "--kills", String(KILLS)],
  })),
  { name: "race-sqlite", command: ["node", "conformance/race.ts", "--adapter", "sqlite"] },
  { name: "race-libsql", command: ["node", "conformance/race.ts", "--adapter", "libsql", "--increments", "500", "--stop-seconds", "5"] },
  { name: "race-file", command: ["node", "conformance/race.ts", "--adapter", "file", "--increments", "500", "--stop-seconds", "5"] },
  { name: "sync-race-sqlite", command: ["node", "conformance/sync-race.ts", "--kills", "4"] },
  { name: "sync-race-sqld", command: ["node", "conformance/sync-race.ts", "--sqld", "--writes", "2000"] },
  ...LANES.map(({ name }): Step => ({ name: `tests-later-${name}`, command: ["node", "tools/test.ts", "--later", "--lane", name] })),
  { name: "simulation", command: ["node", "simulation/main.ts", "--seeds", "2000"] },
  { name: "planted-bugs", command: ["node", "simulation/main.ts", "--planted"] },
  { name: "bench", command: ["node", "bench/main.ts", "--quick"] },
]

/** How much of a step's output is shown: all of a failure, the last lines of a long success. */
const shown = (output: string, failed: boolean): string => {
  const lines = output.trimEnd().split("\n").filter((line) => line !== "")
  return (failed ? lines.slice(-200) : lines.slice(-40)).map((line) => `    ${line}\n`).join("")
}

/** Runs steps one after another, all of them, and answers the names of those that failed. */
export const runSteps = async (steps: readonly Step[], print: (text: string) => void): Promise<readonly string[]> => {
  const failed: string[] = []
  for (const [index, { name, command: [program, ...args] }] of steps.entries()) {
    print(`[${index + 1}/${steps.length}] ${name}\n`)
    const finished = await run(program, args, { timeoutMillis: STEP_MILLIS_MAX })
    const isGood = finished.code === 0
    if (!isGood) failed.push(name)
    print(
      `${shown(finished.output, !isGood)}    ${
        isGood ? "ok" : finished.isTimedOut ? "FAILED, it hangs," : `FAILED with exit code ${finished.code}`
      } in ${finished.seconds.toFixed(1)} s\n`,
    )
  }
  return failed
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { all: { type: "boolean", default: false }, only: { type: "string" } } })
  const only = values.only?.split(",")
  const steps = [...SOURCE_STEPS, ...values.all || only !== undefined ? SLOW_STEPS : []].filter(({ name }) => only?.includes(name) ?? true)
  if (steps.length === 0) throw new Error(`No step is named ${values.only}`)
  const started = performance.now()
  const failed = await runSteps(steps, (text) => process.stdout.write(text))
  console.log(`\n${steps.length - failed.length} of ${steps.length} steps passed in ${Math.round((performance.now() - started) / 1000)} s`)
  if (failed.length > 0) {
    console.log(`failed: ${failed.join(", ")}`)
    process.exitCode = 1
  }
}

if (import.meta.main) await main()
