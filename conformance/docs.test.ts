/** The adapter of docs/writing-an-adapter.md and the remote of docs/writing-a-remote.md are what the pages say: small, and right; what they name exists. */
import assert from "node:assert/strict"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, it } from "node:test"
import { fileURLToPath, pathToFileURL } from "node:url"
import { memoryAdapter } from "../adapters/memory/mod.ts"
import type { Adapter } from "../kernel/ports/log-storage.ts"
import type { Remote } from "../kernel/ports/remote.ts"
import { logRemote } from "../kernel/sync/log-remote.ts"
import { groupOf } from "./case.ts"
import { CLIENT_CAPABILITIES } from "./client/contract.ts"
import { clientCases } from "./client/suite.ts"
import { adapterSuite, logStorageCases } from "./log-storage/suite.ts"
import { remoteCases, remoteSuite } from "./remote/suite.ts"
import { formatResult } from "./report.ts"
import { serverCases } from "./server/suite.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))

/** What the first snippet of a page exports; it has at most `linesMax` lines. */
const firstSnippet = async <T>(page: string, linesMax: number, use: (module: T) => Promise<void>): Promise<void> => {
  const source = page.match(/^```ts\n([^]*?)^```$/m)?.[1]
  assert.ok(source !== undefined, "there is no snippet")
  const lines = source.split("\n").filter((line) => line.trim() !== "").length
  assert.ok(lines <= linesMax, `it has ${lines} lines`)
  // Inside of the package, where its own name resolves.
  await mkdir(join(ROOT, "build"), { recursive: true })
  const folder = await mkdtemp(join(ROOT, "build/docs-"))
  try {
    const path = join(folder, "snippet.ts")
    await writeFile(path, source)
    await use(await import(pathToFileURL(path).href))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Fails for a case that a page names and that does not exist, or if it names fewer than ten. */
const namesCases = (page: string, cases: readonly { readonly id: string }[]): void => {
  const known = new Set(cases.map(({ id }) => id))
  const groups = new Set(cases.map(({ id }) => id.split("/")[0]!))
  const named = [...page.matchAll(/`([a-z-]+)\/([a-z-]+)`/g)].filter(([, group]) => groups.has(group!)).map(([, group, name]) =>
    `${group}/${name}`
  )
  assert.ok(named.length >= 10, `${named.length} cases are named`)
  for (const id of named) assert.ok(known.has(id), `the page names ${id}, which is no case`)
}

const adapterPage = await readFile(join(ROOT, "docs/writing-an-adapter.md"), "utf8")

describe("docs/writing-an-adapter.md", () => {
  it("shows an adapter that is small and conforms without a warning", async () => {
    await firstSnippet<{ mapAdapter: () => Adapter }>(adapterPage, 80, async ({ mapAdapter }) => {
      const report = await adapterSuite(() => mapAdapter()).run()
      const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
      assert.equal(wrong.map(formatResult).join("\n"), "")
      assert.ok(report.passed > 60, `${report.passed} passed`)
    })
  })

  it("names only cases that exist", () => namesCases(adapterPage, logStorageCases))
})

const remotePage = await readFile(join(ROOT, "docs/writing-a-remote.md"), "utf8")

interface PortRemote {
  readonly servePort: (port: MessagePort, remote: Remote) => void
  readonly portRemote: (name: string, port: MessagePort) => Remote
}

describe("docs/writing-a-remote.md", () => {
  it("shows a remote that is small and conforms", { timeout: 60_000 }, async () => {
    await firstSnippet<PortRemote>(remotePage, 110, async ({ servePort, portRemote }) => {
      const makeRemote = () => {
        const adapter = memoryAdapter()
        const connect = (store: string): Remote => {
          const { port1, port2 } = new MessageChannel()
          servePort(port2, logRemote(adapter, { store }))
          return portRemote(store, port1)
        }
        return { open: () => connect("notes"), openOther: () => connect("others") }
      }
      const report = await remoteSuite(makeRemote).run({ timeoutMillis: 50_000 })
      const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
      assert.equal(wrong.map(formatResult).join("\n"), "")
      assert.ok(report.passed > 70, `${report.passed} passed`)
    })
  })

  it("ends calls that wait, and refuses later ones, when it is closed: the kernel tries them again", async () => {
    await firstSnippet<PortRemote>(remotePage, 110, async ({ portRemote }) => {
      const { port1, port2 } = new MessageChannel()
      const remote = portRemote("nobody", port1), { signal } = new AbortController()
      const isRetryable = (error: unknown): boolean => Object(error).code === "remote_unreachable" && Object(error).retryable === true
      const waiting = assert.rejects(remote.handshake({ signal }), isRetryable)
      await remote.close()
      await waiting
      await assert.rejects(remote.handshake({ signal }), isRetryable)
      port2.close()
    })
  })

  it("names only cases that exist", () => namesCases(remotePage, remoteCases))
})

const protocolPage = await readFile(join(ROOT, "docs/implementing-the-protocol.md"), "utf8")

describe("docs/implementing-the-protocol.md", () => {
  const [serverHalf = "", clientHalf = ""] = protocolPage.split(/^## A client$/m)
  /** What the last column of the table of steps names. */
  const selected = (half: string): readonly string[] =>
    [...half.matchAll(/^\| [1-9] \|.*\| ([^|]*) \|$/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`([a-z/-]+)`/g)].map(([, id = ""]) => id)
    )
      .filter((id) => id !== "--only")

  for (const [what, half, cases] of [["server", serverHalf, serverCases], ["client", clientHalf, clientCases]] as const) {
    it(`selects cases of the suite for a ${what} in each step, and leaves out no group`, () => {
      const ids = new Set(cases.map(({ id }) => id)), groups = new Set([...ids].map(groupOf)), found = selected(half)
      assert.ok(found.length >= 9, `${found.length} are selected`)
      assert.deepEqual(found.filter((id) => !ids.has(id) && !groups.has(id)), [])
      const reached = new Set(found.map((id) => id.includes("/") ? groupOf(id) : id))
      assert.deepEqual([...groups].filter((group) => !reached.has(group)), [])
    })
  }

  it("names only cases that exist", () => namesCases(serverHalf, serverCases))

  it("tells of each command of a client, its fields and answers, and of each capability", async () => {
    const source = await readFile(join(ROOT, "conformance/client/contract.ts"), "utf8")
    /** The members of an interface, as they stand there. */
    const membersOf = (name: string): readonly string[] =>
      [...(new RegExp(`^export interface ${name} \\{\\n([^]*?)^\\}`, "m").exec(source)?.[1] ?? "").matchAll(
        /^ {2}readonly ([a-zA-Z]+)\??:/gm,
      )]
        .map(([, member = ""]) => member)
    const names = ["ClientCommands", "OpenFields", "ClientDescription", "ClientRecord", "ClientSync", "ClientStatus"].flatMap(membersOf)
    assert.ok(names.length > 25, `${names.length} members`)
    assert.deepEqual([...names, ...CLIENT_CAPABILITIES].filter((name) => !clientHalf.includes(`\`${name}\``)), [])
    const commands = [...clientHalf.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name)
    assert.deepEqual(commands.sort(), [...membersOf("ClientCommands")].sort())
  })

  it("tells of each person and each member of a subject that there is", async () => {
    const source = await readFile(join(ROOT, "conformance/server/subject.ts"), "utf8")
    const members = [...source.matchAll(/^ {2}readonly ([a-zA-Z]+)\??:/gm)].map(([, name]) => name!)
    assert.ok(members.length > 15)
    assert.deepEqual(members.filter((name) => name !== "url" && name !== "tokens" && !new RegExp(`\`${name}[\`(]`).test(serverHalf)), [])
  })
})
