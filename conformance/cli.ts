/**
 * `npm run conformance`: checks adapters against the storage port, remotes, servers and clients against the protocol of syncing,
 * CRDT types against their laws.
 *
 *   npm run conformance                                      all adapters, remotes, types and clients of this package, all cases
 *   npm run conformance -- --adapter file                    one adapter (may be repeated)
 *   npm run conformance -- --adapter libsql --url URL         libsql at a server (http:, ws:, libsql:) or ":memory:"; else in a local file
 *   npm run conformance -- --remote http                     a server over SQLite in a process of its own, through its HTTP client
 *   npm run conformance -- --remote http --url URL            any server, with the token in the environment as PERSIST_TOKEN
 *   npm run conformance -- --remote log                      a log in SQLite as a remote
 *   npm run conformance -- --type counter                    one CRDT type
 *   npm run conformance -- --client sqlite                   the client of this package, as a program; also with --slow
 *   npm run conformance -- adapter FILE                      an adapter of yours: FILE exports makeAdapter
 *   npm run conformance -- remote FILE                       a remote of yours: FILE exports makeRemote
 *   npm run conformance -- crdt FILE                         a CRDT type of yours: FILE exports type and edit
 *   npm run conformance -- server URL                        a server in any language, with its token in the environment as PERSIST_TOKEN, or those of
 *                                                            several persons as PERSIST_TOKENS (cli/server-at.ts)
 *   npm run conformance -- adapter FILE --slow               also all moments of a kill and all flipped bits, of which samples are taken otherwise
 *   npm run conformance -- server URL --slow                 also the cases that take a minute
 *   npm run conformance -- server FILE                       one that FILE starts: it exports startServer, which says what else can be done with it
 *   npm run conformance -- client "python3 my_client.py"     a client in any language, by what starts it; also with --slow
 *   npm run conformance -- doubles                           the suites themselves: every subject that is wrong on purpose is caught
 *   npm run conformance -- --only append --only push/retry   cases by id or group (may be repeated)
 *   npm run conformance -- --list                            the cases: level, id, what they need, title
 *   npm run conformance -- --json                            reports as JSON on standard output, progress on standard error
 *   npm run conformance -- --junit FILE                      reports as JUnit XML, too
 *
 * Exit code: 0 all conform · 1 one does not · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import process from "node:process"
import { runConformance } from "./cli/command.ts"
import { ourAdapters, type Subjects } from "./cli/our-adapters.ts"
import { type ClientCommandLines, ourClients } from "./cli/our-clients.ts"
import { ourRemotes, type RemotePlaces } from "./cli/our-remotes.ts"
import { ourTypes, type TypeSuites } from "./cli/our-types.ts"

const USAGE = `usage: npm run conformance -- [what] [how]
  what: [--adapter memory|file|sqlite|libsql]... [--remote http|log]... [--url URL] [--type counter|add-wins-set|register-map]...
        [--client sqlite]... | adapter FILE [--slow] | remote FILE | crdt FILE | server URL [--slow] | server FILE | client COMMAND [--slow] | doubles
  how:  [--only id|group]... [--json] [--junit FILE] [--list] [--help]`

/** Runs the call; answers the exit code. */
export const main = (
  args: readonly string[],
  adapters: Subjects = ourAdapters,
  remotes: RemotePlaces = ourRemotes,
  types: TypeSuites = ourTypes,
  clients: ClientCommandLines = ourClients,
): Promise<number> =>
  runConformance(args, { usage: USAGE, own: { adapters, remotes, types, clients, loadKillTable: () => import("./cli/kill-table.ts") } })

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
