/** The program itself, in processes of the runtime that runs this. */
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const PROGRAM = fileURLToPath(new URL("./persist.ts", import.meta.url))
const RUNTIME = "Deno" in globalThis ? [process.execPath, "run", "-A", "--no-check", PROGRAM] : [process.execPath, PROGRAM]

/** Runs its arguments in a pseudo-terminal, and ends as they do. */
const IN_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
const skipsPython = spawnSync("python3", ["--version"]).status === 0 ? false : "there is no python3"

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

const runIn = async (cwd: string, [program = "", ...args]: readonly string[]): Promise<Ended> => {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") }
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
  const [out, error]: [string[], string[]] = [[], []]
  child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => error.push(text))
  const code = await new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject))
  return { code, out: out.join(""), error: error.join("") }
}

describe("persist conformance", () => {
  // Inside of the package, where its own name resolves.
  mkdirSync(join(ROOT, "build"), { recursive: true })
  const folder = mkdtempSync(join(ROOT, "build/persist-"))
  after(() => rmSync(folder, { recursive: true }))
  const persist = (...args: readonly string[]): Promise<Ended> => runIn(folder, [...RUNTIME, ...args])
  const right = `import { memoryAdapter } from "@cuitty/persist/adapters/memory"\nexport const makeAdapter = () => memoryAdapter()\n`
  writeFileSync(join(folder, "my-adapter.ts"), right)

  it("checks an adapter in a file of its author's, by a path from the folder that it is called in", async () => {
    const { code, out, error } = await persist("conformance", "adapter", "./my-adapter.ts", "--only", "append/gap", "--only", "crash/twice")
    assert.equal(code, 0, error)
    assert.match(out, /^ok {4}append\/gap$/m)
    assert.equal(out.trimEnd().split("\n").at(-1), "1 passed, 0 failed, 1 skipped")
  })

  it("says what was expected, seen and why it matters, and exits with 1, when the adapter does not conform", async () => {
    writeFileSync(
      join(folder, "gaps.ts"),
      `import { memoryAdapter } from "@cuitty/persist/adapters/memory"
export const makeAdapter = () => {
  const adapter = memoryAdapter()
  return { ...adapter, open: async (...args) => ({ ...await adapter.open(...args), append: () => Promise.resolve() }) }
}\n`,
    )
    const { code, out, error } = await persist(
      "conformance",
      "adapter",
      "gaps.ts",
      "--only",
      "append/gap",
      "--json",
      "--junit",
      "report.xml",
    )
    assert.equal(code, 1, error)
    assert.match(error, /^FAIL {2}append\/gap$/m)
    for (const line of ["expected: ", "seen: ", "rule: ", "why: "]) assert.match(error, new RegExp(`^ {6}${line}`, "m"))
    const [report] = JSON.parse(out) as readonly { readonly conforms: boolean; readonly failed: number }[]
    assert.deepEqual([report?.conforms, report?.failed], [false, 1])
    assert.match(readFileSync(join(folder, "report.xml"), "utf8"), /<testcase classname="[^"]+" name="append\/gap"[^>]*>\s*<failure/)
  })

  it("exits with 2 and its help when the call makes no sense", async () => {
    const wrongs: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /^it is not said what to check, expected adapter, remote, crdt/],
      [["stray"], /^"stray" is no command, expected adapter, /],
      [["adapter"], /^"adapter" takes one file/],
      [["client"], /^"client" takes one command line, in quotes/],
      [["adapter", "none.ts"], /none\.ts/],
      [["adapter", "my-adapter.ts", "--only", "append/typo"], /"append\/typo"/],
      [["--adapter", "memory"], /^--adapter checks what the package itself has: npm run conformance/],
      [["doubles"], /^"doubles" checks what the package itself has/],
    ]
    for (const [args, message] of wrongs) {
      const { code, out, error } = await persist("conformance", ...args)
      assert.deepEqual([code, out], [2, ""], args.join(" "))
      assert.match(error, message)
      assert.match(error, /^usage: persist conformance <what>/m)
    }
  })

  it("checks a client in another language, by the command line that starts it", { skip: skipsPython }, async () => {
    const client = fileURLToPath(new URL("../conformance/testing/python/client.py", import.meta.url))
    const { code, out, error } = await persist("conformance", "client", `python3 "${client}"`, "--only", "together/unseen-is-kept")
    assert.equal(code, 0, error + out)
    assert.match(out, /^ok {4}together\/unseen-is-kept$/m)
  })

  it("lists the cases of a kind without a subject", async () => {
    const { code, out } = await persist("conformance", "adapter", "--list", "--only", "trim")
    assert.equal(code, 0)
    assert.match(out, /^MUST {3}trim\/older-snapshot-covers .* \(needs snapshots\)$/m)
    assert.doesNotMatch(out, /^MUST {3}append\//m)
  })

  it(
    "shows on a terminal which case is running",
    { skip: skipsPython },
    async () => {
      const args = ["conformance", "adapter", "my-adapter.ts", "--only", "append/gap", "--only", "append/order"]
      const { code, out } = await runIn(folder, ["python3", "-c", IN_TERMINAL, ...RUNTIME, ...args])
      assert.equal(code, 0, out)
      assert.ok(out.includes("\r\u001b[2K[2/2] append/gap\r\u001b[2Kok    append/gap\r\n"), JSON.stringify(out))
    },
  )

  it("ends although the adapter leaves a timer behind, and says so", async () => {
    writeFileSync(join(folder, "timer.ts"), `${right}setInterval(() => {}, 1000)\n`)
    const { code, out, error } = await persist("conformance", "adapter", "timer.ts", "--only", "append/gap")
    assert.equal(code, 0)
    assert.match(out, /^1 passed, 0 failed, 0 skipped$/m)
    assert.match(error, /left something open/)
  })
})
