/**
 * `node conformance/table.ts`: runs the suites on the runtimes that are there, and writes what it saw into the table of docs/conformance.md.
 *
 *   node conformance/table.ts                     every runtime, every subject of this package; some minutes
 *   node conformance/table.ts --runtime deno      one runtime (may be repeated); the columns of others stay
 *   node conformance/table.ts --check             runs nothing; exits with 1 if a cell does not count every case that there is now, or counts a failure
 */
import { execFile } from "node:child_process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { oneOf } from "./arguments.ts"
import { type GeneratedPage, readPage, writePage } from "./cli/generated.ts"
import { ourAdapters } from "./cli/our-adapters.ts"
import { ourClients } from "./cli/our-clients.ts"
import { ourRemotes } from "./cli/our-remotes.ts"
import { ourTypes } from "./cli/our-types.ts"
import { cellOf, type Columns, formatTable, type Outcomes, readTable, withTable, wrongCells } from "./cli/table-page.ts"
import { clientCases, crdtCases, logStorageCases, remoteCases, type Report } from "./mod.ts"
import { findChromium } from "./web/chromium.ts"
import { WEB_ROWS } from "./web/row-names.ts"
import { runRows } from "./web/runtime.ts"
import { findWorkerd } from "./web/workerd.ts"

const PAGE: GeneratedPage = { path: "docs/conformance.md", command: "node conformance/table.ts" }
const PROGRAM = fileURLToPath(new URL("./cli.ts", import.meta.url))
const RUN_MILLIS_MAX = 300_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** How each runtime that runs programs does, and tells its version. */
const PROGRAMS = {
  Node: { command: ["node"], version: ["-p", "process.versions.node"] },
  Deno: { command: ["deno", "run", "-A", "--no-check"], version: ["eval", "console.log(Deno.version.deno)"] },
  Bun: { command: ["bun"], version: ["--version"] },
} as const
/** How those without files and processes are found; some subjects run there. */
const WEB_RUNTIMES = { Chromium: findChromium, workerd: findWorkerd }
type Runtime = keyof typeof PROGRAMS | keyof typeof WEB_RUNTIMES
const isWeb = (runtime: string): runtime is keyof typeof WEB_RUNTIMES => runtime in WEB_RUNTIMES
const ALL = [...Object.keys(PROGRAMS), ...Object.keys(WEB_RUNTIMES)] as Runtime[]
const RUNTIME_NAMES = ALL.map((one) => one.toLowerCase())

/** Every subject of this package: a row of the table each. */
const subjects = [
  ...Object.keys(ourAdapters).map((name) => ({ row: `adapter ${name}`, args: ["--adapter", name], count: logStorageCases.length })),
  ...Object.keys(ourRemotes).map((name) => ({ row: `remote ${name}`, args: ["--remote", name], count: remoteCases.length })),
  ...Object.keys(ourTypes).map((name) => ({ row: `type ${name}`, args: ["--type", name], count: crdtCases.length })),
  ...Object.keys(ourClients).map((name) => ({ row: `client ${name}`, args: ["--client", name], count: clientCases.length })),
]
const counts = new Map(subjects.map(({ row, count }) => [row, count]))

/** Standard output of a program. Rejects if it says nothing: it may well exit with 1, which a failed case means. */
const outputOf = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(program, [...args], { timeout: RUN_MILLIS_MAX, maxBuffer: OUTPUT_BYTES_MAX }, (error, out, err) => {
      if (out.trim() === "") reject(new Error(`${program} ${args.join(" ")} says nothing: ${err}`, { cause: error }))
      else resolve(out)
    })
  })

const runsOn = (runtime: string, row: string): boolean => !isWeb(runtime) || WEB_ROWS.some((one) => one === row)

/** Undefined, with the reason said, where this platform has no such runtime. */
const runWebColumn = async (runtime: keyof typeof WEB_RUNTIMES): Promise<readonly [string, Outcomes] | undefined> => {
  const found = await WEB_RUNTIMES[runtime]()
  if (typeof found === "string") return void console.log(`${runtime}: ${found}; its column stays as it is`)
  const reports = await runRows(found, { rows: WEB_ROWS, say: () => {} })
  const outcomes = new Map([...reports].map(([row, report]) => [row, cellOf(report)]))
  for (const [row, cell] of outcomes) console.log(`${found.name}, ${row}: ${cell}`)
  return [found.name, outcomes]
}

const runColumn = async (runtime: keyof typeof PROGRAMS): Promise<readonly [string, Outcomes]> => {
  const { command: [program, ...args], version } = PROGRAMS[runtime]
  const name = `${runtime} ${(await outputOf(program, version)).trim()}`
  const outcomes = new Map<string, string>()
  for (const { row, args: subject } of subjects) {
    const reports = JSON.parse(await outputOf(program, [...args, PROGRAM, "--json", ...subject])) as readonly Report[]
    const [report] = reports
    if (report === undefined) throw new Error(`${name} reports nothing about ${row}`)
    outcomes.set(row, cellOf(report))
    console.log(`${name}, ${row}: ${cellOf(report)}`)
  }
  return [name, outcomes]
}

/** Runs the call; answers the exit code. */
const main = async (args: readonly string[]): Promise<number> => {
  let runtimes: readonly Runtime[], check: boolean
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { runtime: { type: "string", multiple: true }, check: { type: "boolean", default: false } },
    })
    runtimes = (values.runtime ?? RUNTIME_NAMES).map((name) => oneOf("runtime", name, RUNTIME_NAMES))
      .flatMap((name) => ALL.filter((one) => one.toLowerCase() === name))
    check = values.check
  } catch (error) {
    if (!(error instanceof TypeError)) throw error // parseArgs throws these too
    console.error(`${error.message}\nusage: node conformance/table.ts [--runtime node|deno|bun|chromium|workerd]... [--check]`)
    return 2
  }
  const page = await readPage(PAGE)
  const columns: Columns = new Map(readTable(page))
  if (check) {
    const wrong = wrongCells(columns, counts, ALL, runsOn)
    for (const one of wrong) console.error(`${PAGE.path}: ${one}; run ${PAGE.command}`)
    if (wrong.length === 0) console.log(`${PAGE.path}: ok`)
    return wrong.length === 0 ? 0 : 1
  }
  for (const runtime of runtimes) {
    const column = isWeb(runtime) ? await runWebColumn(runtime) : await runColumn(runtime)
    if (column === undefined) continue
    const [name, outcomes] = column
    for (const old of [...columns.keys()].filter((column) => column.startsWith(`${runtime} `))) columns.delete(old)
    columns.set(name, outcomes)
  }
  await writePage(PAGE, withTable(page, formatTable(columns, [...counts.keys()], ALL)))
  return wrongCells(columns, counts, runtimes, runsOn).length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
