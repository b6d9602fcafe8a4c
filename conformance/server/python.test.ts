/** A server in another language, written from the specification alone (`conformance/testing/python`), passes what ours passes. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { PythonServer, skipsPython } from "../testing/python-server.ts"
import { serverCases } from "./suite.ts"
import type { ServerSubject, ServerTokens } from "./subject.ts"
import { ServerTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000

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

/** Has it know a token of somebody; answers the token. */
const know = (server: PythonServer, principal: keyof ServerTokens, expiresMillis?: number): Promise<string> =>
  server.know({ principal, namespace: principal === "stranger" ? "elsewhere" : "conformance", rights: RIGHTS[principal], expiresMillis })

describe("a server in Python, written from SPEC.md", { skip: skipsPython }, () => {
  let subject: ServerSubject | undefined
  let program: PythonServer | undefined

  before(async () => {
    const started = program = await PythonServer.begin()
    const tokens = {
      owner: await know(started, "owner"),
      neighbour: await know(started, "neighbour"),
      author: await know(started, "author"),
      reader: await know(started, "reader"),
      sender: await know(started, "sender"),
      stranger: await know(started, "stranger"),
      nobody: await know(started, "nobody"),
    }
    const expiringToken = (lifeMillis: number): Promise<string> => know(started, "owner", Date.now() + lifeMillis)
    subject = { url: started.url, tokens, expiringToken }
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
