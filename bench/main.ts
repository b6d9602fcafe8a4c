/**
 * `npm run bench`: every row against a baseline in the same run, its durability beside it, and its target.
 *
 * Exits with 1 if a row is below half its target, and says which rows are below their target.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import Table from "cli-table3"
import type { OpenFigures } from "./lifecycle.ts"
import type { DiskAdapter } from "./persist.ts"
import { median, type Row } from "./rounds.ts"
import { measureSync } from "./sync.ts"
import { reached, type Target, targetOf } from "./targets.ts"

const USAGE = `Usage: npm run bench -- [options]
  --runtimes node,bun        which runtimes (node, bun, deno)
  --adapters file,sqlite     which adapters
  --only awaited,replay      which rows: awaited unawaited batches full get peek replay sync; or paths. Also as words of their own: -- sync
  --rounds 5                 rounds of each workload
  --records 1000000          records of the replay
  --cities 100000            records of the sync rows
  --quick                    a tenth of everything: shows that the bench runs, its figures mean little
  --help`

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtimes: { type: "string", default: "node,bun" },
    adapters: { type: "string", default: "file,sqlite" },
    only: { type: "string" },
    rounds: { type: "string" },
    records: { type: "string" },
    cities: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
})
const only = options.only?.split(",") ?? (positionals.length > 0 ? positionals : undefined)
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const adapters = options.adapters.split(",") as DiskAdapter[]
const style = { head: [], border: [], compact: true }
const short: string[] = []
let failed = false

/** How each runtime runs a program of ours. */
const commands: Readonly<Record<string, readonly string[]>> = {
  node: [process.execPath, "--disable-warning=ExperimentalWarning", "--expose-gc"],
  bun: ["bun"],
  deno: ["deno", "run", "-A", "--no-check"],
}

function commandOf(runtime: string): readonly string[] {
  const command = commands[runtime]
  if (command === undefined) throw new Error(`unknown runtime "${runtime}": ${Object.keys(commands).join(", ")}`)
  return command
}

/** Runs a program in a runtime and answers its lines of output. */
async function run(runtime: string, file: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  const command = commandOf(runtime)
  const child = spawn(command[0]!, [...command.slice(1), here(file), ...args], { stdio: ["ignore", "pipe", "inherit"] })
  for await (const line of createInterface({ input: child.stdout })) onLine(line)
  const code = child.exitCode ?? await new Promise<number | null>((resolve) => child.once("close", resolve))
  if (code !== 0) throw new Error(`${runtime} ${file} ended with code ${code}`)
}

function verdict(name: string, target: Target | undefined, value: number): string {
  if (target === undefined) return ""
  const part = reached(target, value)
  if (part < 1) short.push(`${name}: ${value.toFixed(2)}, target ${target.value} ${target.unit}`)
  if (part < 0.5) failed = true
  const sign = target.kind === "ratio" || target.kind === "least" ? "≥" : "≤"
  return `${sign} ${target.value} ${target.unit} ${part >= 1 ? "reached" : part >= 0.5 ? "SHORT" : "BELOW HALF"}`
}

async function benchWorkloads(runtime: string): Promise<void> {
  const scale = options.quick ? 0.1 : 1, rounds = options.rounds ?? (options.quick ? "2" : "5")
  const args = ["--scale", String(scale), "--rounds", rounds, "--adapters", adapters.join(",")]
  if (only !== undefined) args.push("--only", only.join(","))
  const table = new Table({ style, head: [runtime, "contender", "durability", "us/op", "p99 us/op", "x baseline", "extra us", "target"] })
  await run(runtime, "run.ts", args, (line) => {
    const { title, rows } = JSON.parse(line) as { title: string; rows: Row[] }
    console.error(`measured: ${title}`)
    for (const [index, row] of rows.entries()) {
      const target = targetOf(row, runtime), value = target?.kind === "extra" ? row.extraMicros : row.ratio
      const name = `${runtime} ${row.workload} ${row.contender}`
      table.push([
        index === 0 ? title : "",
        row.contender,
        row.durability,
        row.micros.toFixed(2),
        row.microsP99.toFixed(2),
        row.ratio.toFixed(2),
        row.extraMicros.toFixed(2),
        verdict(name, target, value),
      ])
    }
  })
  if (table.length > 0) console.log(table.toString())
}

async function benchLifecycle(runtime: string): Promise<void> {
  if (only !== undefined && !only.includes("replay")) return
  const records = Number(options.records ?? (options.quick ? 100_000 : 1_000_000)), opens = options.quick ? 3 : 7
  const table = new Table({ style, head: [`${runtime}, ${records} records`, "contender", "median", "least", "target"] })
  for (const adapter of adapters) {
    const folder = mkdtempSync(join(tmpdir(), "persist-bench-")), figures: OpenFigures[] = []
    try {
      await run(runtime, "lifecycle.ts", ["fill", adapter, folder, String(records)], () => {})
      for (let i = 0; i < opens; i++) {
        await run(runtime, "lifecycle.ts", ["open", adapter, folder], (line) => figures.push(JSON.parse(line)))
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    console.error(`measured: replay, ${adapter}`)
    const add = (id: string, title: string, values: readonly number[], digits: number): void => {
      const contender = `persist ${adapter}`, target = targetOf({ workload: id, contender }, runtime), middle = median(values)
      table.push([
        title,
        contender,
        middle.toFixed(digits),
        Math.min(...values).toFixed(digits),
        verdict(`${runtime} ${id} ${contender}`, target, middle),
      ])
    }
    add("replay", "replay and first get, ms for 1,000,000", figures.map((one) => (one.millis * 1_000_000) / one.records), 0)
    add(
      "memory",
      "memory beyond the value, bytes a record, by the store",
      figures.map((one) => one.memoryBytes / one.records - one.valueBytes),
      1,
    )
    const held = figures.flatMap((one) => (one.processBytes === undefined ? [] : [one.processBytes / one.records - one.valueBytes]))
    if (held.length > 0) add("memory", "the same, by the process after a collection", held, 1)
    add("disk", "disk, bytes a record in batches", figures.map((one) => one.diskBytes / one.records), 1)
    table.push(["(bytes of a value)", "", (figures[0]?.valueBytes ?? 0).toFixed(1), "", ""])
  }
  console.log(table.toString())
}

async function benchSync(runtime: string): Promise<void> {
  if (only !== undefined && !only.includes("sync")) return
  const cities = Number(options.cities ?? (options.quick ? 10_000 : 100_000)), rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
  const table = new Table({ style, head: [`${runtime}, sync over loopback`, "devices", "value", "target", ""] })
  for (const adapter of adapters) {
    const scale = { adapter, cities, rounds, puts: options.quick ? 30 : 300, idleMillis: options.quick ? 1000 : 5000 }
    await measureSync(commandOf(runtime), scale, (figures) => {
      for (const { id, title, value, digits, detail } of figures) {
        console.error(`measured: ${title}, ${adapter}`)
        const target = targetOf({ workload: "sync", contender: id }, runtime)
        table.push([title, adapter, value.toFixed(digits), verdict(`${runtime} sync ${adapter} ${title}`, target, value), detail])
      }
    })
  }
  console.log(table.toString())
}

if (options.help) console.log(USAGE)
else {
  console.log(
    `${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}, ${new Date().toISOString()}; medians; ratios within the same round`,
  )
  for (const runtime of options.runtimes.split(",")) {
    await benchWorkloads(runtime)
    await benchLifecycle(runtime)
    await benchSync(runtime)
  }
  console.log(short.length === 0 ? "every row reached its target" : `below target:\n  ${short.join("\n  ")}`)
  process.exitCode = failed && !options.quick ? 1 : 0
}
