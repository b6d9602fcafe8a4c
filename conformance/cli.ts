/**
 * `npm run conformance`: checks the adapters of this package against the storage port, its remotes against the protocol of syncing, and any server.
 *
 *   npm run conformance                                      all adapters and remotes, all cases
 *   npm run conformance -- --adapter file                    one adapter (may be repeated)
 *   npm run conformance -- --adapter libsql --url URL         libsql at a server (http:, ws:, libsql:) or ":memory:"; else in a local file
 *   npm run conformance -- --remote http                     a server over SQLite in a process of its own, through its HTTP client
 *   npm run conformance -- --remote http --url URL            any server, with the token in the environment as PERSIST_TOKEN
 *   npm run conformance -- --remote log                      a log in SQLite as a remote
 *   npm run conformance -- --server URL                       any server of the protocol, by what it sends and takes, with the token in the environment
 *                                                            as PERSIST_TOKEN, or those of several persons as PERSIST_TOKENS (cli/server-at.ts)
 *   npm run conformance -- --server URL --slow                also the cases that take a minute
 *   npm run conformance -- --case append --case push/retry   cases by id or group (may be repeated)
 *   npm run conformance -- --list                            the cases: level, id, what they need, title
 *   npm run conformance -- --json                            reports as JSON on standard output, progress on standard error
 *
 * Exit code: 0 all conform · 1 one does not · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { InvalidOption, UnknownAdapter } from "../kernel/errors.ts"
import type { Awaitable } from "../kernel/ports/log-storage.ts"
import { oneOf } from "./arguments.ts"
import { groupOf } from "./case.ts"
import { ourRemotes, type RemotePlaces } from "./cli/our-remotes.ts"
import { serverAt } from "./cli/server-at.ts"
import {
  atServer,
  type CaseResult,
  inFolder,
  type LogStorageCase,
  logStorageCases,
  type LogStorageSubject,
  type RemoteCase,
  remoteCases,
  type Report,
  runRemoteSuite,
  runSuite,
  selectCases,
  type ServerCase,
  serverCases,
  type ServerSubject,
  serverSuite,
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
  readonly remotes: readonly string[]
  readonly server: ServerSubject | undefined
  /** Cases of each suite; undefined: all. */
  readonly adapterCases: readonly string[] | undefined
  readonly remoteCases: readonly string[] | undefined
  readonly serverCases: readonly string[] | undefined
  readonly url: string | undefined
  readonly json: boolean
  readonly list: boolean
}

const USAGE =
  "usage: npm run conformance -- [--adapter memory|file|sqlite|libsql]... [--remote http|log]... [--url URL] | --server URL [--slow] [--case id|group]... [--list] [--json] [--help]"

/** What the arguments ask for; `undefined` for `--help`. Throws if they make no sense. */
const parseCall = (args: readonly string[], subjects: Subjects, places: RemotePlaces): Call | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: "string", multiple: true },
      remote: { type: "string", multiple: true },
      case: { type: "string", multiple: true },
      url: { type: "string" },
      server: { type: "string" },
      slow: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  if (values.help) return undefined
  const isServer = values.server !== undefined
  if (isServer && (values.adapter ?? values.remote ?? values.url) !== undefined) {
    throw new TypeError("--server stands alone, without --adapter, --remote and --url")
  }
  if (values.slow && !isServer) throw new TypeError("--slow is of --server")
  // The catalogue can be read without a token.
  const server = values.server === undefined || values.list ? undefined : serverAt(values.server, process.env, values.slow)
  const isAll = values.adapter === undefined && values.remote === undefined && !isServer
  const adapters = isAll ? Object.keys(subjects) : [...new Set(values.adapter)]
  const known = Object.keys(subjects)
  for (const adapter of adapters) if (!known.includes(adapter)) throw new UnknownAdapter({ adapter, known })
  const remotes = (isAll ? Object.keys(places) : [...new Set(values.remote)]).map((name) => oneOf("remote", name, Object.keys(places)))
  if (values.url !== undefined && [...adapters, ...remotes].join() !== "libsql" && [...adapters, ...remotes].join() !== "http") {
    const found = [...adapters, ...remotes].join(", ")
    throw new InvalidOption({ option: "--url", found, expected: "--adapter libsql or --remote http, which alone have a URL" })
  }
  const { url, json, list } = values
  return { adapters, remotes, server, ...splitCases(values.case, adapters.length > 0, remotes.length > 0, isServer), url, json, list }
}

/**
 * The selected cases by suite; none of those that do not run. Throws for a `--case` that names nothing, by the name that the option has here.
 */
const splitCases = (
  only: readonly string[] | undefined,
  hasAdapters: boolean,
  hasRemotes: boolean,
  hasServer: boolean,
): Pick<Call, "adapterCases" | "remoteCases" | "serverCases"> => {
  const suites = [hasAdapters ? logStorageCases : [], hasRemotes ? remoteCases : [], hasServer ? serverCases : []] as const
  try {
    if (only !== undefined) selectCases(suites.flat(), only)
  } catch (error) {
    throw error instanceof InvalidOption ? new InvalidOption({ ...error.details, option: "--case" }, { cause: error }) : error
  }
  const [adapterCases, remoteIds, serverIds] = suites.map((cases): readonly string[] | undefined => {
    if (cases.length === 0) return []
    const names = new Set(cases.flatMap(({ id }) => [id, groupOf(id), `${groupOf(id)}/`]))
    return only?.filter((name) => names.has(name))
  })
  return { adapterCases, remoteCases: remoteIds, serverCases: serverIds }
}

/** Whether a suite has anything to run. */
const isAny = (only: readonly string[] | undefined): boolean => only === undefined || only.length > 0

const formatCase = ({ id, level, requires, title }: LogStorageCase | RemoteCase | ServerCase): string =>
  `${level.padEnd(6)} ${id.padEnd(34)} ${title}${requires.length === 0 ? "" : ` (needs ${requires.join(", ")})`}`

/** Runs the call; answers the exit code. */
export const main = async (
  args: readonly string[],
  subjects: Subjects = ourAdapters,
  places: RemotePlaces = ourRemotes,
): Promise<number> => {
  let call: Call | undefined
  try {
    call = parseCall(args, subjects, places)
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
  if (call.list) {
    const cases = [
      ...isAny(call.adapterCases) ? selectCases(logStorageCases, call.adapterCases) : [],
      ...isAny(call.remoteCases) ? selectCases(remoteCases, call.remoteCases) : [],
      ...isAny(call.serverCases) ? selectCases(serverCases, call.serverCases) : [],
    ]
    console.log(cases.map(formatCase).join("\n"))
    return 0
  }

  const say = call.json ? console.error : console.log
  const reports: Report[] = []
  const tell = (report: Report): void => {
    say(`${report.name}: ${formatTotals(report)}${report.warnings === 0 ? "" : `, ${report.warnings} warnings`}\n`)
    reports.push(report)
  }
  const { url, server, adapterCases, remoteCases: remoteIds } = call
  const options = {
    timeoutMillis: url === undefined && server === undefined ? undefined : REMOTE_CASE_MILLIS_MAX,
    onResult: (result: CaseResult) => say(formatResult(result)),
  }
  for (const name of isAny(adapterCases) ? call.adapters : []) {
    say(name)
    const make = subjects[name]!
    tell(await runSuite({ ...options, name, make: () => make(url), only: adapterCases }))
  }
  for (const name of isAny(remoteIds) ? call.remotes : []) {
    say(`remote ${name}`)
    const place = await places[name]!(url)
    try {
      tell(await runRemoteSuite({ ...options, name: `remote ${name}`, make: () => place.subject(), only: remoteIds }))
    } finally {
      await place.end()
    }
  }
  if (server !== undefined) {
    say(`server ${server.url}`)
    tell(await serverSuite({ ...options, name: `server ${server.url}`, ...server, only: call.serverCases }))
  }
  const sum = (count: "passed" | "failed" | "skipped"): number => reports.reduce((total, report) => total + report[count], 0)
  if (call.json) console.log(`[${reports.map(reportToJson).join(",\n")}]`)
  say(formatTotals({ passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") }))
  // A selection of which an adapter can do nothing has skipped all, and said why: no failure of the adapter.
  return reports.some((report) => report.failed > 0) ? 1 : 0
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
