/** The program, as it is called: in a process of its own on the runtime that runs this, and where it must fail, with an adapter that does. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { memoryAdapter } from "../adapters/memory/mod.ts"
import { main } from "./cli.ts"
import { storageDouble } from "./doubles/double.ts"
import { remoteDouble } from "./doubles/remote/plain-remote.ts"
import { startOurServer } from "./server/testing/our-server.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const PROGRAM = fileURLToPath(new URL("./cli.ts", import.meta.url))

const call = async (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly error: string }> => {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check", PROGRAM] : [PROGRAM]
  const child = spawn(process.execPath, [...runtime, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"),
      PERSIST_TOKEN: undefined,
      PERSIST_TOKENS: undefined,
      ...env,
    },
  })
  const [out, error]: [string[], string[]] = [[], []]
  child.stdout.on("data", (chunk) => out.push(String(chunk)))
  child.stderr.on("data", (chunk) => error.push(String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  return { code, out: out.join(""), error: error.join("") }
}

describe("npm run conformance", () => {
  it("exits with 0 and counts in its last line when the adapter conforms", async () => {
    const { code, out } = await call(["--adapter", "memory", "--only", "append/gap", "--only", "crash/twice"])
    assert.equal(code, 0)
    assert.match(out, /^ok {4}append\/gap$/m)
    assert.match(out, /^skip {2}crash\/twice +the adapter does not claim durable$/m)
    assert.equal(out.trimEnd().split("\n").at(-1), "1 passed, 0 failed, 1 skipped")
  })

  it("ends with a table of all subjects where there are several", async () => {
    const { out } = await call(["--adapter", "memory", "--type", "counter", "--only", "append/gap", "--only", "empty"])
    assert.match(
      out,
      /^subject +passed {2}failed {2}skipped\nmemory +1 +0 +0\ncounter, seed 1 +[1-9] +0 +0\n\n[0-9]+ passed, 0 failed, 0 skipped\n$/m,
    )
  })

  it("prints JSON alone on standard output with --json", async () => {
    const { code, out } = await call(["--adapter", "memory", "--only", "append/gap", "--json"])
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out).map(({ name, passed }: { name: string; passed: number }) => [name, passed]), [["memory", 1]])
  })

  it("lists the cases with --list", async () => {
    const { code, out } = await call(["--list", "--only", "trim"])
    assert.equal(code, 0)
    assert.match(out, /^MUST {3}trim\/older-snapshot-covers .* \(needs snapshots\)$/m)
  })

  it("exits with 2 and says what is wrong when the call makes no sense", async () => {
    const calls: readonly (readonly [readonly string[], RegExp])[] = [
      [["--adapter", "nope"], /"nope": known here are "memory", "file", "sqlite"/],
      [["--bogus"], /--bogus/],
      [["--remote", "ftp"], /--remote is "ftp", expected http or log/],
      [["--remote", "log", "--url", "https://sync.example.com"], /--remote http/],
      [["--remote", "http", "--only", "trim"], /"trim"/],
      [["--only", "append/typo"], /"--only": found "append\/typo"/],
      [["--type", "text"], /--type is "text", expected counter or add-wins-set or register-map/],
      [["doubles", "--only", "typo"], /"typo"/],
      [["doubles", "my.ts"], /"doubles" takes no file/],
      [["adapter"], /"adapter" takes one file/],
      [["--adapter", "memory", "--only", "append/gap", "--junit", join(ROOT, "no-such-folder/report.xml")], /--junit: .*ENOENT/],
      [["adapter", "no-such-file.ts"], /no-such-file\.ts/],
      [["adapter", PROGRAM, "--remote", "log"], /stands without/],
      [["crdt", fileURLToPath(new URL("./arguments.ts", import.meta.url))], /exports edit/],
      [["stray"], /stray/],
    ]
    for (const [args, message] of calls) {
      const { code, out, error } = await call(args)
      assert.equal(code, 2, args.join(" "))
      assert.match(error, message)
      assert.match(error, /usage: npm run conformance/)
      assert.equal(out, "")
    }
  })

  it("checks remotes with --remote, each over a place of its own", async () => {
    const { code, out } = await call(["--remote", "log", "--remote", "http", "--only", "handshake/answer", "--only", "person/reader"])
    assert.equal(code, 0)
    assert.match(out, /^remote log\nok {4}handshake\/answer\nskip {2}person\/reader +the subject gives no openAs$/m)
    assert.match(out, /^remote http\nok {4}handshake\/answer\nok {4}person\/reader$/m)
    assert.equal(out.trimEnd().split("\n").at(-1), "3 passed, 0 failed, 1 skipped")
  })

  it("lists the cases of both, or of those that are asked for", async () => {
    const [both, remotes, server] = [
      await call(["--list"]),
      await call(["--list", "--remote", "http"]),
      await call(["--list", "server", "any"]),
    ]
    assert.match(both.out, /^MUST {3}trim\//m)
    assert.match(both.out, /^MUST {3}push\/retry /m)
    assert.doesNotMatch(both.out, /^MUST {3}message\//m)
    assert.doesNotMatch(remotes.out, /^MUST {3}trim\//m)
    assert.match(server.out, /^MUST {3}message\/damaged /m)
    assert.match(server.out, /^MUST {3}push\/retry /m)
  })

  it("checks a server by its URL and the tokens of the environment", async () => {
    const server = await startOurServer({ storage: memoryAdapter })
    const { url, tokens } = server.subject
    try {
      const args = ["server", `${url}/`, "--only", "token", "--only", "right", "--only", "stream/minute", "--only", "push/first"]
      const several = await call(args, { PERSIST_TOKENS: JSON.stringify(tokens) })
      assert.equal(several.code, 0, several.out)
      assert.match(several.out, /^server http:\/\/127\.0\.0\.1:\d+\nok {4}token\/missing$/m)
      assert.equal(several.out.trimEnd().split("\n").at(-1), "15 passed, 0 failed, 2 skipped")
      const { out } = await call(args, { PERSIST_TOKEN: tokens.owner })
      assert.match(out, /^skip {2}right\/reader +the subject gives no token of reader$/m)
      const wrong = await call(["server", url, "--only", "version/list"], { PERSIST_TOKEN: "a-token-of-nobody" })
      assert.equal(wrong.code, 1)
      assert.match(wrong.out, /"unauthenticated"/)
    } finally {
      await server.stop()
    }
  })

  it("says what is wrong with a call about a server", async ({ mock }) => {
    const calls: readonly (readonly [readonly string[], RegExp])[] = [
      [["server", "ftp://127.0.0.1"], /the server is "ftp:/],
      [["server"], /"server" takes one URL/],
      [["server", "http://127.0.0.1", "--adapter", "memory"], /stands without/],
      [["server", "http://127.0.0.1", "--list", "--only", "append"], /"append"/],
      [["--slow"], /--slow is of "adapter", "server"/],
    ]
    const said = mock.method(console, "error", () => undefined)
    for (const [args, message] of calls) {
      assert.equal(await main(args), 2, args.join(" "))
      assert.match(String(said.mock.calls.at(-1)?.arguments), message)
    }
  })

  it("exits with 1 when a remote does not conform, and ends its place", async () => {
    let ended = 0
    const double = remoteDouble("has no rights", "handshake/rights", (remote) => ({
      handshake: async (options) => ({
        ...await remote.handshake(options),
        rights: { read: true, write: true, relay: false, admin: false },
      }),
    }))
    const place = { subject: double.subject, end: () => Promise.resolve(void ended++) }
    assert.equal(await main(["--remote", "wrong", "--only", "handshake/rights"], {}, { wrong: () => Promise.resolve(place) }, {}), 1)
    assert.equal(ended, 1)
  })

  it("exits with 1 when an adapter does not conform", async () => {
    const { subject } = storageDouble("sees nothing", "append/order", () => ({ head: () => 0 }))
    assert.equal(await main(["--only", "append/order"], { wrong: () => subject(memoryAdapter) }, {}, {}), 1)
  })
})

describe("npm run conformance -- adapter FILE", () => {
  // Inside of the package, where its own name resolves.
  mkdirSync(join(ROOT, "build"), { recursive: true })
  const folder = mkdtempSync(join(ROOT, "build/authors-"))
  after(() => rmSync(folder, { recursive: true }))
  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  it("checks an adapter, a remote or a type of somebody else's, and writes JUnit XML", async () => {
    const adapter = fileOf(
      "adapter.ts",
      `import { memoryAdapter } from "@cuitty/persist/adapters/memory"\nexport const makeAdapter = () => memoryAdapter()\n`,
    )
    const remote = fileOf(
      "remote.ts",
      `import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { logRemote } from "@cuitty/persist/remotes"
export const makeRemote = () => {
  const adapter = memoryAdapter()
  return { open: () => logRemote(adapter, { store: "notes" }) }
}\n`,
    )
    const type = fileOf(
      "type.ts",
      `import { counter } from "@cuitty/persist/crdt"\nexport const type = counter()\nexport const edit = (votes, random) => votes.increment(random() < 0.5 ? 1 : 2)\n`,
    )
    const calls = [["adapter", adapter, "append/gap"], ["remote", remote, "push/retry"], ["crdt", type, "join/idempotent"]] as const
    for (const [kind, path, id] of calls) {
      const junit = join(folder, "report.xml")
      const { code, out, error } = await call([kind, path, "--only", id, "--junit", junit])
      assert.equal(code, 0, error)
      assert.match(out, new RegExp(`^ok {4}${id}$`, "m"))
      assert.match(readFileSync(junit, "utf8"), new RegExp(`<testcase classname="[^"]+" name="${id}" time="[0-9.]+"/>`))
    }
  })
})
