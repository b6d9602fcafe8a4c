/** `persist conformance`: does what an author wrote keep its promises? The suites are in conformance/. */
import type { Command } from "./command.ts"

const HELP = `usage: persist conformance <what> [how]

  what  adapter FILE     an adapter: FILE exports makeAdapter; with --slow also all moments of a kill, of which samples are taken otherwise
        remote FILE      a remote: FILE exports makeRemote
        crdt FILE        a CRDT type: FILE exports type and edit
        server URL       a server in any language, its token in the environment as PERSIST_TOKEN, or those of several persons as PERSIST_TOKENS;
                         with --slow also the cases that take a minute
        server FILE      one that FILE starts: it exports startServer, which says what else can be done with it
        client COMMAND   a client in any language: a command line, in quotes, that starts it; also with --slow. Needs the package hono

  how   --only ID        a case (append/order) or a group (append); may be repeated
        --json           reports as JSON on standard output, progress on standard error
        --junit FILE     reports as JUnit XML, too
        --list           the cases: level, id, what they need, title; nothing is run
        --help, -h       this text

  Exits with 0 if all conform, with 1 if one does not, with 2 if the call was wrong.

examples
  persist conformance adapter ./my-adapter.ts
  persist conformance adapter ./my-adapter.ts --only append --junit report.xml
  PERSIST_TOKEN=secret persist conformance server https://sync.example.com
  persist conformance client "python3 my_client.py"`

export const conformanceCommand: Command = {
  name: "conformance",
  summary: "check an adapter, a remote, a CRDT type, a server or a client of yours",
  help: HELP,
  async run(args) {
    const { runConformance } = await import("../conformance/cli/command.ts")
    return await runConformance(args, { usage: HELP })
  },
}
