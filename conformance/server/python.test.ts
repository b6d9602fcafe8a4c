/** A server in another language, written from the specification alone (`conformance/testing/python-server`), passes what ours passes. */
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import process from "node:process"
import { after, before, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { serverCases } from "./suite.ts"
import { type ServerSubject, ServerTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000
const PROGRAM = fileURLToPath(new URL("../testing/python-server/server.py", import.meta.url))
const hasPython = spawnSync("python3", ["--version"]).status === 0

/** What it can be asked for: it keeps everything in memory, alone, and hurries for nobody. */
const LACKS: readonly string[] = ["beside", "restart", "wipe", "minute"]

const TOKENS = {
  owner: "owner-of-the-python-server",
  neighbour: "neighbour-at-the-python-server",
  author: "author-at-the-python-server",
  reader: "reader-at-the-python-server",
  stranger: "stranger-to-the-python-server",
  nobody: "nobody-at-the-python-server",
}
const ALL = ["read", "write", "relay"]
const grant = (principal: string, rights: readonly string[] = ALL) => ({ principal, namespace: "conformance", rights })
const GRANTS = {
  [TOKENS.owner]: grant("owner"),
  [TOKENS.neighbour]: grant("neighbour"),
  [TOKENS.author]: grant("author", ["read", "write"]),
  [TOKENS.reader]: grant("reader", ["read"]),
  [TOKENS.stranger]: { ...grant("stranger"), namespace: "elsewhere" },
  [TOKENS.nobody]: grant("nobody", []),
}

describe("a server in Python, written from SPEC.md", { skip: hasPython ? false : "there is no python3" }, () => {
  let subject: ServerSubject | undefined
  let child: ReturnType<typeof startProgram> | undefined
  let errors = ""
  const startProgram = () =>
    spawn("python3", [PROGRAM], {
      env: { ...process.env, PERSIST_SERVER: JSON.stringify({ tokens: GRANTS }) },
      stdio: ["pipe", "pipe", "pipe"],
    })

  before(async () => {
    child = startProgram()
    child.stderr.on("data", (chunk) => errors += String(chunk))
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "close").then(() => assert.fail(`it ended: ${errors}`)),
    ])
    subject = { url: `http://127.0.0.1:${JSON.parse(String(line)).port}`, tokens: TOKENS }
  })
  after(async () => {
    if (child === undefined) return
    child.stdin.end()
    if (child.exitCode === null) await once(child, "close")
    assert.equal(errors, "", "what it says on its standard error")
  })

  for (const one of serverCases.filter(({ requires }) => !requires.some((need) => LACKS.includes(need)))) {
    it(`${one.title} [${one.id}]`, async () => {
      const result = await runCase(one, () => ServerTrial.begin(subject ?? assert.fail("no server")), CASE_MILLIS_MAX)
      if (result.outcome !== "passed" || result.warnings.length > 0) assert.fail(`${formatResult(result)}\n${errors}`)
    })
  }
})
