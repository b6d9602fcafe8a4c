/**
 * `npm run conformance`: checks adapters against the storage port, remotes and servers against the protocol of syncing, CRDT
 * types against their laws.
 *
 *   npm run conformance                                      all adapters, remotes and types of this package, all cases
 *   npm run conformance -- --adapter file                    one adapter (may be repeated)
 *   npm run conformance -- --adapter libsql --url URL         libsql at a server (http:, ws:, libsql:) or ":memory:"; else in a local file
 *   npm run conformance -- --remote http                     a server over SQLite in a process of its own, through its HTTP client
 *   npm run conformance -- --remote http --url URL            any server, with the token in the environment as PERSIST_TOKEN
 *   npm run conformance -- --remote log                      a log in SQLite as a remote
 *   npm run conformance -- --type counter                    one CRDT type
 *   npm run conformance -- adapter FILE                      an adapter of yours: FILE exports makeAdapter
 *   npm run conformance -- remote FILE                       a remote of yours: FILE exports makeRemote
 *   npm run conformance -- crdt FILE                         a CRDT type of yours: FILE exports type and edit
 *   npm run conformance -- server URL                        a server in any language, with its token in the environment as PERSIST_TOKEN, or those of
 *                                                            several persons as PERSIST_TOKENS (cli/server-at.ts)
 *   npm run conformance -- server URL --slow                 also the cases that take a minute
 *   npm run conformance -- doubles                           the suites themselves: every subject that is wrong on purpose is caught
 *   npm run conformance -- --only append --only push/retry   cases by id or group (may be repeated)
 *   npm run conformance -- --list                            the cases: level, id, what they need, title
 *   npm run conformance -- --json                            reports as JSON on standard output, progress on standard error
 *   npm run conformance -- --junit FILE                      reports as JUnit XML, too
 *
 * Exit code: 0 all conform · 1 one does not · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import { writeFile } from "node:fs/promises"
import process from "node:process"
import { parseArgs } from "node:util"
import { InvalidOption, UnknownAdapter } from "../kernel/errors.ts"
import { oneOf } from "./arguments.ts"
import type { CaseFacts } from "./case.ts"
import { describeError } from "./expect.ts"
import { AUTHORS_KINDS, planAuthorsFile } from "./cli/authors-file.ts"
import { ourAdapters, type Subjects } from "./cli/our-adapters.ts"
import { ourRemotes, type RemotePlaces } from "./cli/our-remotes.ts"
import { ourTypes, type TypeSuites } from "./cli/our-types.ts"
import { planAdapter, type Planned, planRemote, planServer, planType, selectedBy, selectPlan } from "./cli/plan.ts"
import { serverAt } from "./cli/server-at.ts"
import { Progress } from "./cli/progress.ts"
import { type Report, reportsToJunit } from "./mod.ts"
import { formatTotals, reportToJson } from "./report.ts"

/** Some cases make thousands of calls, each a request then. */
const URL_CASE_MILLIS_MAX = 120_000

interface Call {
  readonly plan: readonly Planned[]
  /** Instead of a plan: the suites themselves are checked by their doubles, of these cases. */
  readonly kills?: ReadonlySet<string>
  readonly url: string | undefined
  readonly json: boolean
  readonly junit: string | undefined
  readonly list: boolean
}

const USAGE = `usage: npm run conformance -- [what] [how]
  what: [--adapter memory|file|sqlite|libsql]... [--remote http|log]... [--url URL] [--type counter|add-wins-set|register-map]...
        | adapter FILE | remote FILE | crdt FILE | server URL [--slow] | doubles
  how:  [--only id|group]... [--json] [--junit FILE] [--list] [--help]`

/** What the arguments ask for; `undefined` for `--help`. Rejects if they make no sense. */
const parseCall = async (
  args: readonly string[],
  subjects: Subjects,
  places: RemotePlaces,
  types: TypeSuites,
): Promise<Call | undefined> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      adapter: { type: "string", multiple: true },
      remote: { type: "string", multiple: true },
      type: { type: "string", multiple: true },
      only: { type: "string", multiple: true },
      url: { type: "string" },
      slow: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      junit: { type: "string" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const { url, only, json, junit, list } = values
  const named = values.adapter ?? values.remote ?? values.type
  const rest = { url, json, junit, list }

  const [command, file, ...others] = positionals
  if (values.slow && command !== "server") throw new TypeError('--slow is of "server"')
  if (command !== undefined) {
    const kind = AUTHORS_KINDS.find((one) => one === command)
    if ((named ?? url) !== undefined) throw new TypeError(`"${command}" stands without --adapter, --remote, --type and --url`)
    if (command === "doubles") {
      if (file !== undefined) throw new TypeError(`"doubles" takes no file, found "${file}"`)
      if (list || junit !== undefined) throw new TypeError('"doubles" takes neither --list nor --junit')
      const { selectKills } = await import("./cli/kill-table.ts")
      return { ...rest, plan: [], kills: selectedBy(() => selectKills(only)) }
    }
    if (command === "server") {
      if (file === undefined || others.length > 0) throw new TypeError('"server" takes one URL')
      // The catalogue can be read without a token.
      const subject = list ? { url: file, tokens: { owner: "" } } : serverAt(file, process.env, values.slow)
      return { ...rest, url: file, plan: selectPlan([planServer(subject)], only) }
    }
    if (kind === undefined) throw new TypeError(`"${command}" is no command, expected ${AUTHORS_KINDS.join(", ")}, server or doubles`)
    if (file === undefined || others.length > 0) throw new TypeError(`"${kind}" takes one file`)
    return { ...rest, plan: selectPlan([await planAuthorsFile(kind, file)], only) }
  }

  const namesOf = (found: readonly string[] | undefined, known: Readonly<Record<string, unknown>>): readonly string[] =>
    named === undefined ? Object.keys(known) : [...new Set(found)]
  const adapters = namesOf(values.adapter, subjects)
  const known = Object.keys(subjects)
  for (const adapter of adapters) if (!known.includes(adapter)) throw new UnknownAdapter({ adapter, known })
  const remotes = namesOf(values.remote, places).map((name) => oneOf("remote", name, Object.keys(places)))
  const typeNames = namesOf(values.type, types).map((name) => oneOf("type", name, Object.keys(types)))
  const found = [...adapters, ...remotes, ...typeNames].join(", ")
  if (url !== undefined && found !== "libsql" && found !== "http") {
    throw new InvalidOption({ option: "--url", found, expected: "--adapter libsql or --remote http, which alone have a URL" })
  }
  const plan = [
    ...adapters.map((name) => planAdapter(subjects, name, url)),
    ...remotes.map((name) => planRemote(places, name, url)),
    ...typeNames.map((name) => planType(types, name)),
  ]
  return { ...rest, plan: selectPlan(plan, only) }
}

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

/** Runs the call; answers the exit code. */
export const main = async (
  args: readonly string[],
  subjects: Subjects = ourAdapters,
  places: RemotePlaces = ourRemotes,
  types: TypeSuites = ourTypes,
): Promise<number> => {
  let call: Call | undefined
  try {
    call = await parseCall(args, subjects, places, types)
  } catch (error) {
    // A wrong call, by our classes or by those of parseArgs: both have a message for people. All else is a defect.
    if (!(error instanceof UnknownAdapter || error instanceof InvalidOption || error instanceof TypeError)) throw error
    console.error(`${error.message}\n${USAGE}`)
    return 2
  }
  if (call === undefined) {
    console.log(USAGE)
    return 0
  }
  const { plan, kills, url, json, junit, list } = call
  const say = json ? console.error : console.log
  if (kills !== undefined) {
    const { printKillTable } = await import("./cli/kill-table.ts")
    return await printKillTable(kills, json, say)
  }
  if (list) {
    console.log([...new Set(plan.flatMap(({ cases }) => cases))].map(formatCase).join("\n"))
    return 0
  }

  try {
    // Before a run that may take minutes: what cannot be written is a wrong call.
    if (junit !== undefined) await writeFile(junit, reportsToJunit([]))
  } catch (error) {
    console.error(`--junit: ${describeError(error)}\n${USAGE}`)
    return 2
  }
  const reports = await runPlan(plan, url === undefined ? undefined : URL_CASE_MILLIS_MAX, say)
  const sum = (count: "passed" | "failed" | "skipped"): number => reports.reduce((total, report) => total + report[count], 0)
  if (json) console.log(`[${reports.map(reportToJson).join(",\n")}]`)
  if (junit !== undefined) await writeFile(junit, reportsToJunit(reports))
  say(formatTotals({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") }))
  // A selection of which an adapter can do nothing has skipped all, and said why: no failure of the adapter.
  return reports.some((report) => report.failed > 0) ? 1 : 0
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
