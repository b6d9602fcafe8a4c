/**
 * One call of the conformance command: what its arguments ask for, run and reported. Two programs have it:
 *
 *   npm run conformance     ../cli.ts         also this package's own adapters, remotes and types, and the doubles that prove the suites
 *   persist conformance     /cli/commands.ts  what its authors bring: this file and what it imports are all of it that is published
 *
 * Exit code: 0 all conform · 1 one does not · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import { writeFile } from "node:fs/promises"
import process from "node:process"
import { parseArgs } from "node:util"
import { InvalidOption, UnknownAdapter } from "../../kernel/errors.ts"
import { oneOf } from "../arguments.ts"
import type { CaseFacts } from "../case.ts"
import { describeError } from "../expect.ts"
import { type Report, reportsToJunit } from "../mod.ts"
import { formatTotals, reportToJson } from "../report.ts"
import { AUTHORS_KINDS, CASES_BY_KIND, planAuthorsFile, planServerFile } from "./authors-file.ts"
import type { Subjects } from "./our-adapters.ts"
import type { ClientCommandLines } from "./our-clients.ts"
import type { RemotePlaces } from "./our-remotes.ts"
import type { TypeSuites } from "./our-types.ts"
import { planClient } from "./plan-client.ts"
import { planAdapter, type Planned, planRemote, planServer, planType, selectedBy, selectPlan } from "./plan.ts"
import { Progress } from "./progress.ts"
import { serverAt } from "./server-at.ts"

/** Some cases make thousands of calls, each a request then; others wait for a minute to pass. */
const LONG_CASE_MILLIS_MAX = 120_000

/** Kinds of subjects that authors bring, in the order in which they are told. */
const ALL_KINDS = ["adapter", "remote", "crdt", "server", "client"] as const

/** What a program can check beside what authors bring: what this package has itself. */
export interface OwnSubjects {
  readonly adapters: Subjects
  readonly remotes: RemotePlaces
  readonly types: TypeSuites
  readonly clients: ClientCommandLines
  /** The doubles, loaded when they are asked for. */
  readonly loadKillTable: () => Promise<Pick<typeof import("./kill-table.ts"), "selectKills" | "printKillTable">>
}

/** One of the programs that have this command. */
export interface ConformanceProgram {
  /** What it prints for `--help`, and with what is wrong about a call. */
  readonly usage: string
  /** Left out: it checks only what authors bring. */
  readonly own?: OwnSubjects | undefined
}

interface Call {
  readonly plan: readonly Planned[]
  /** Instead of a run: these are listed. */
  readonly listed?: readonly CaseFacts[] | undefined
  /** Instead of a plan: the suites themselves are checked by their doubles, of these cases. */
  readonly kills?: ReadonlySet<string>
  /** Whether cases may take long. */
  readonly isLong?: boolean
  readonly json: boolean
  readonly junit: string | undefined
}

const OPTIONS = {
  adapter: { type: "string", multiple: true },
  remote: { type: "string", multiple: true },
  type: { type: "string", multiple: true },
  client: { type: "string", multiple: true },
  only: { type: "string", multiple: true },
  url: { type: "string" },
  slow: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  junit: { type: "string" },
  list: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const

const parseAll = (args: readonly string[]) => parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
type Values = ReturnType<typeof parseAll>["values"]

const noCommand = (found: string | undefined): TypeError => new TypeError(`"${found}" is no command, expected ${ALL_KINDS.join(", ")}`)

/** What a call with a command asks for: `adapter FILE`, `server URL` and so on. */
const planCommand = async (positionals: readonly string[], { only, list, slow }: Values): Promise<readonly Planned[]> => {
  const [command = "", place, ...others] = positionals
  if (!ALL_KINDS.some((one) => one === command)) throw noCommand(command)
  const kind = AUTHORS_KINDS.find((one) => one === command)
  if (others.length > 0 || place === undefined) {
    const what = kind !== undefined ? "file" : command === "client" ? "command line, in quotes" : "URL or file"
    throw new TypeError(`"${command}" takes one ${what}`)
  }
  if (command === "client") return selectPlan([await planClient(place, slow)], only)
  if (kind !== undefined) return selectPlan([await planAuthorsFile(kind, place, slow)], only)
  if (/\.[cm]?[jt]s$/.test(place) && !/^https?:/.test(place)) return selectPlan([await planServerFile(place)], only)
  // The catalogue can be read without a token.
  return selectPlan([planServer(list ? { url: place, tokens: { owner: "" } } : serverAt(place, process.env, slow))], only)
}

/** What a call without a command asks for: this package's own subjects, all or those that are named. */
const planOwn = async (
  { adapters, remotes, types, clients }: OwnSubjects,
  { adapter, remote, type, client, url, only, slow }: Values,
): Promise<readonly Planned[]> => {
  const named = adapter ?? remote ?? type ?? client
  const namesOf = (found: readonly string[] | undefined, known: Readonly<Record<string, unknown>>): readonly string[] =>
    named === undefined ? Object.keys(known) : [...new Set(found)]
  const adapterNames = namesOf(adapter, adapters)
  const known = Object.keys(adapters)
  for (const name of adapterNames) if (!known.includes(name)) throw new UnknownAdapter({ adapter: name, known })
  const remoteNames = namesOf(remote, remotes).map((name) => oneOf("remote", name, Object.keys(remotes)))
  const typeNames = namesOf(type, types).map((name) => oneOf("type", name, Object.keys(types)))
  const clientNames = namesOf(client, clients).map((name) => oneOf("client", name, Object.keys(clients)))
  const found = [...adapterNames, ...remoteNames, ...typeNames, ...clientNames].join(", ")
  if (url !== undefined && found !== "libsql" && found !== "http") {
    throw new InvalidOption({ option: "--url", found, expected: "--adapter libsql or --remote http, which alone have a URL" })
  }
  const plan = [
    ...adapterNames.map((name) => planAdapter(adapters, name, url, slow)),
    ...remoteNames.map((name) => planRemote(remotes, name, url)),
    ...typeNames.map((name) => planType(types, name)),
    ...await Promise.all(clientNames.map((name) => planClient(clients[name] ?? "", slow, `client ${name}`))),
  ]
  return selectPlan(plan, only)
}

/** The cases of a kind of subjects, without one; of all kinds if none is named. */
const catalogueOf = (kind: string | undefined): readonly Pick<Planned, "cases">[] => {
  const found = Object.entries(CASES_BY_KIND).filter(([name]) => kind === undefined || name === kind)
  if (found.length === 0) throw noCommand(kind)
  return found.map(([, cases]) => ({ cases }))
}

/** What the arguments ask for; `undefined` for `--help`. Rejects if they make no sense. */
const parseCall = async (args: readonly string[], own: OwnSubjects | undefined): Promise<Call | undefined> => {
  const { values, positionals } = parseAll(args)
  if (values.help) return undefined
  const { url, only, json, junit, list } = values
  const [command, file] = positionals
  const ownOption = (["adapter", "remote", "type", "client", "url"] as const).find((name) => values[name] !== undefined)
  const isLong = values.slow || command === "server" || command === "client"
  const hasSlow = ["adapter", "server", "client"].some((one) => one === command) ||
    command === undefined && (values.adapter ?? values.client) !== undefined
  if (values.slow && !hasSlow) throw new TypeError('--slow is of "adapter", "server" and "client", and of --adapter and --client')

  if (own === undefined && (ownOption !== undefined || command === "doubles")) {
    const what = ownOption === undefined ? '"doubles"' : `--${ownOption}`
    throw new TypeError(`${what} checks what the package itself has: npm run conformance, in a clone of its repository`)
  }
  if (command !== undefined && ownOption !== undefined) {
    throw new TypeError(`"${command}" stands without --adapter, --remote, --type, --client and --url`)
  }
  if (own !== undefined && command === "doubles") {
    if (file !== undefined) throw new TypeError(`"doubles" takes no file, found "${file}"`)
    if (list || junit !== undefined) throw new TypeError('"doubles" takes neither --list nor --junit')
    const { selectKills } = await own.loadKillTable()
    return { plan: [], kills: selectedBy(() => selectKills(only)), json, junit }
  }
  if (list && (command === undefined ? own === undefined : file === undefined)) {
    return { plan: [], listed: casesOf(selectPlan(catalogueOf(command), only)), json, junit }
  }
  if (command === undefined && own === undefined) throw new TypeError(`it is not said what to check, expected ${ALL_KINDS.join(", ")}`)
  const plan = command === undefined && own !== undefined ? await planOwn(own, values) : await planCommand(positionals, values)
  return { plan, isLong: isLong || url !== undefined, json, junit, ...list ? { listed: casesOf(plan) } : {} }
}

/** Cases of a plan, each once. */
const casesOf = (plan: readonly Pick<Planned, "cases">[]): readonly CaseFacts[] => [...new Set(plan.flatMap(({ cases }) => cases))]

const formatCase = ({ id, level, requires, title }: CaseFacts): string =>
  `${level.padEnd(6)} ${id.padEnd(34)} ${title}${requires.length === 0 ? "" : ` (needs ${requires.join(", ")})`}`

/** Checks every subject of a plan, one after another. */
const runPlan = async (
  plan: readonly Planned[],
  timeoutMillis: number | undefined,
  say: (line: string) => void,
): Promise<readonly Report[]> => {
  const reports: Report[] = []
  const progress = new Progress(say)
  for (const { name, cases, start } of plan) {
    say(name)
    const { suite, end } = await start()
    try {
      const report = await suite.run({
        only: cases.map(({ id }) => id),
        timeoutMillis,
        onStart: (one, index, count) => progress.started(one, index, count),
        onResult: (result) => progress.ended(result),
      })
      say(`${report.name}: ${formatTotals(report)}${report.warnings === 0 ? "" : `, ${report.warnings} warnings`}\n`)
      reports.push(report)
    } finally {
      await end()
    }
  }
  return reports
}

/** What became of several subjects, one under the other. */
const formatSummary = (reports: readonly Report[]): string => {
  const rows = reports.map(({ name, passed, failed, skipped }) => [name, `${passed}`, `${failed}`, `${skipped}`])
  const all = [["subject", "passed", "failed", "skipped"], ...rows]
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  return all.map((row) => row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join("  "))
    .join("\n")
}

/** Runs the call; answers the exit code. */
export const runConformance = async (args: readonly string[], { usage, own }: ConformanceProgram): Promise<number> => {
  let call: Call | undefined
  try {
    call = await parseCall(args, own)
  } catch (error) {
    // A wrong call, by our classes or by those of parseArgs: both have a message for people. All else is a defect.
    if (!(error instanceof UnknownAdapter || error instanceof InvalidOption || error instanceof TypeError)) throw error
    console.error(`${error.message}\n${usage}`)
    return 2
  }
  if (call === undefined) {
    console.log(usage)
    return 0
  }
  const { plan, listed, kills, isLong, json, junit } = call
  const say = json ? console.error : console.log
  if (own !== undefined && kills !== undefined) {
    const { printKillTable } = await own.loadKillTable()
    return await printKillTable(kills, json, say)
  }
  if (listed !== undefined) {
    console.log(listed.map(formatCase).join("\n"))
    return 0
  }

  try {
    // Before a run that may take minutes: what cannot be written is a wrong call.
    if (junit !== undefined) await writeFile(junit, reportsToJunit([]))
  } catch (error) {
    console.error(`--junit: ${describeError(error)}\n${usage}`)
    return 2
  }
  const reports = await runPlan(plan, isLong === true ? LONG_CASE_MILLIS_MAX : undefined, say)
  const sum = (count: "passed" | "failed" | "skipped"): number => reports.reduce((total, report) => total + report[count], 0)
  if (json) console.log(`[${reports.map(reportToJson).join(",\n")}]`)
  if (junit !== undefined) await writeFile(junit, reportsToJunit(reports))
  if (reports.length > 1) say(`${formatSummary(reports)}\n`)
  say(formatTotals({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") }))
  // A selection of which an adapter can do nothing has skipped all, and said why: no failure of the adapter.
  return reports.some((report) => report.failed > 0) ? 1 : 0
}
