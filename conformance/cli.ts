/**
 * `npm run conformance`: checks the adapters of this package against the storage port.
 *
 *   npm run conformance                                      all adapters, all cases
 *   npm run conformance -- --adapter file                    one adapter (may be repeated)
 *   npm run conformance -- --adapter libsql --url URL         libsql at a server (http:, ws:, libsql:) or ":memory:"; else in a local file
 *   npm run conformance -- --case append --case trim/space   cases by id or group (may be repeated)
 *   npm run conformance -- --list                            the cases: level, id, what they need, title
 *   npm run conformance -- --json                            reports as JSON on standard output, progress on standard error
 *
 * Exit code: 0 all conform · 1 one does not · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { InvalidOption, UnknownAdapter } from "../kernel/errors.ts"
import type { Awaitable } from "../kernel/ports/log-storage.ts"
import {
  atServer,
  inFolder,
  type LogStorageCase,
  logStorageCases,
  type LogStorageSubject,
  type Report,
  runSuite,
  selectCases,
} from "./mod.ts"
import { formatResult, formatTotals, reportToJson } from "./report.ts"

/** Subjects by name; `url` is what was given for them, if anything was. */
export type Subjects = Readonly<Record<string, (url?: string) => Awaitable<LogStorageSubject>>>

/** Some cases make thousands of calls, each a request then. */
const REMOTE_CASE_MILLIS_MAX = 120_000
/** Watching stores at a server ask this often, so that the cases about it take no minutes. */
const POLL_MILLIS = 50

/** How each adapter of this package is checked; each is loaded only when it is asked for. */
export const ourAdapters: Subjects = {
  async memory() {
    const { memoryAdapter } = await import("@cuitty/persist/adapters/memory")
    return { adapter: memoryAdapter() }
  },
  async file() {
    const { fileAdapter } = await import("@cuitty/persist/adapters/file")
    return inFolder((folder) => fileAdapter({ path: `${folder}/stores` }), {
      isLock: (path) => /(^|[/\\])lock(-|$)/.test(path),
      checked: true,
    })()
  },
  async sqlite() {
    const { sqliteAdapter } = await import("@cuitty/persist/adapters/sqlite")
    return inFolder((folder) => sqliteAdapter({ path: `${folder}/stores.db` }))()
  },
  async libsql(url) {
    const { libsqlAdapter } = await import("@cuitty/persist/adapters/libsql")
    if (url === ":memory:") return { adapter: libsqlAdapter({ url }) }
    if (url !== undefined) return atServer((tablePrefix) => libsqlAdapter({ url, tablePrefix, pollMillis: POLL_MILLIS }))
    // The shared memory of the log holds no data, and libsql leaves it behind.
    return inFolder((folder) => libsqlAdapter({ path: `${folder}/stores.db` }), { isLock: (path) => path.endsWith("-shm") })()
  },
}

interface Call {
  readonly adapters: readonly string[]
  readonly only: readonly string[] | undefined
  readonly url: string | undefined
  readonly json: boolean
  readonly list: boolean
}

const USAGE =
  "usage: npm run conformance -- [--adapter memory|file|sqlite|libsql]... [--url URL] [--case id|group]... [--list] [--json] [--help]"

/** What the arguments ask for; `undefined` for `--help`. Throws if they make no sense. */
const parseCall = (args: readonly string[], subjects: Subjects): Call | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string", multiple: true },
      case: { type: "string", multiple: true },
      url: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const known = Object.keys(subjects)
  const adapters = values.adapter === undefined ? known : [...new Set(values.adapter)]
  for (const adapter of adapters) if (!known.includes(adapter)) throw new UnknownAdapter({ adapter, known })
  checkSelection(values.case)
  if (values.url !== undefined && (adapters.length !== 1 || adapters[0] !== "libsql")) {
    throw new InvalidOption({ option: "--url", found: adapters.join(", "), expected: "--adapter libsql, which alone has a URL" })
  }
  return { adapters, only: values.case, url: values.url, json: values.json, list: values.list }
}

/** Throws for a `--case` that names nothing, by the name that the option has here. */
const checkSelection = (only: readonly string[] | undefined): void => {
  try {
    selectCases(logStorageCases, only)
  } catch (error) {
    throw error instanceof InvalidOption ? new InvalidOption({ ...error.details, option: "--case" }, { cause: error }) : error
  }
}

const formatCase = ({ id, level, requires, title }: LogStorageCase): string =>
  `${level.padEnd(6)} ${id.padEnd(34)} ${title}${requires.length === 0 ? "" : ` (needs ${requires.join(", ")})`}`

/** Runs the call; answers the exit code. */
export const main = async (args: readonly string[], subjects: Subjects = ourAdapters): Promise<number> => {
  let call: Call | undefined
  try {
    call = parseCall(args, subjects)
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
  const { adapters, only, url, json, list } = call
  if (list) {
    console.log(selectCases(logStorageCases, only).map(formatCase).join("\n"))
    return 0
  }

  const say = json ? console.error : console.log
  const reports: Report[] = []
  for (const name of adapters) {
    say(name)
    const make = subjects[name]!
    const report = await runSuite({
      name,
      make: () => make(url),
      only,
      timeoutMillis: url === undefined ? undefined : REMOTE_CASE_MILLIS_MAX,
      onResult: (result) => say(formatResult(result)),
    })
    say(`${name}: ${formatTotals(report)}${report.warnings === 0 ? "" : `, ${report.warnings} warnings`}\n`)
    reports.push(report)
  }
  const sum = (count: "passed" | "failed" | "skipped"): number => reports.reduce((total, report) => total + report[count], 0)
  if (json) console.log(`[${reports.map(reportToJson).join(",\n")}]`)
  say(formatTotals({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") }))
  // A selection of which an adapter can do nothing has skipped all, and said why: no failure of the adapter.
  return reports.some((report) => report.failed > 0) ? 1 : 0
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
