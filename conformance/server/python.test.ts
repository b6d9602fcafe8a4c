/** A server in another language, written from the specification alone (`conformance/testing/python`), passes what ours passes. */
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { after, before, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { serverCases } from "./suite.ts"
import type { ServerSubject, ServerTokens } from "./subject.ts"
import { ServerTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000
const PROGRAM = fileURLToPath(new URL("../testing/python/server.py", import.meta.url))
const hasPython = spawnSync("python3", ["--version"]).status === 0

/** What it can be asked for: it keeps everything in memory, alone, and hurries for nobody. */
const LACKS: readonly string[] = [
  ...["beside", "restart", "roll", "wipe", "backUp", "minute"],
  ...["draining", "failing", "full", "overloaded", "limited"],
]

const ALL = ["read", "write", "relay"]
const RIGHTS: Readonly<Record<keyof ServerTokens, readonly string[]>> = {
  owner: ALL,
  neighbour: ALL,
  author: ["read", "write"],
  reader: ["read"],
  sender: ["write"],
  stranger: ALL,
  nobody: [],
}

/** The program, told what it has to know line by line. */
class Program {
  readonly #child = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "pipe"] })
  readonly #lines = createInterface({ input: this.#child.stdout })
  readonly #ended = once(this.#child, "close")
  errors = ""

  constructor() {
    this.#child.stderr.on("data", (chunk) => this.errors += String(chunk))
  }

  /** The next line that it says. */
  async line(): Promise<Readonly<Record<string, unknown>>> {
    const ended = this.#ended.then(() => assert.fail(`it ended: ${this.errors}`))
    const [line] = await Promise.race([once(this.#lines, "line"), ended])
    return JSON.parse(String(line))
  }

  /** Has it know a token of somebody; answers the token. */
  async know(principal: keyof ServerTokens, expiresMillis?: number): Promise<string> {
    const token = randomBytes(16).toString("hex"), namespace = principal === "stranger" ? "elsewhere" : "conformance"
    const known = this.line()
    this.#child.stdin.write(`${JSON.stringify({ token, principal, namespace, rights: RIGHTS[principal], expiresMillis })}\n`)
    await known
    return token
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
  }
}

describe("a server in Python, written from SPEC.md", { skip: hasPython ? false : "there is no python3" }, () => {
  let subject: ServerSubject | undefined
  let program: Program | undefined

  before(async () => {
    const started = program = new Program(), { port } = await started.line()
    const tokens = {
      owner: await started.know("owner"),
      neighbour: await started.know("neighbour"),
      author: await started.know("author"),
      reader: await started.know("reader"),
      sender: await started.know("sender"),
      stranger: await started.know("stranger"),
      nobody: await started.know("nobody"),
    }
    const expiringToken = (lifeMillis: number): Promise<string> => started.know("owner", Date.now() + lifeMillis)
    subject = { url: `http://127.0.0.1:${port}`, tokens, expiringToken }
  })
  after(async () => {
    await program?.end()
    assert.equal(program?.errors ?? "", "", "what it says on its standard error")
  })

  for (const one of serverCases.filter(({ requires }) => !requires.some((need) => LACKS.includes(need)))) {
    it(`${one.title} [${one.id}]`, async () => {
      const result = await runCase(one, () => ServerTrial.begin(subject ?? assert.fail("no server")), CASE_MILLIS_MAX)
      if (result.outcome !== "passed" || result.warnings.length > 0) assert.fail(`${formatResult(result)}\n${program?.errors}`)
    })
  }
})
