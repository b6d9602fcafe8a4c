/** The program, as it is called: in a process of its own on the runtime that runs this, and where it must fail, with an adapter that does. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { memoryAdapter } from "../adapters/memory/mod.ts"
import { main } from "./cli.ts"
import { storageDouble } from "./doubles/double.ts"

const PROGRAM = fileURLToPath(new URL("./cli.ts", import.meta.url))

const call = async (
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly out: string; readonly error: string }> => {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check", PROGRAM] : [PROGRAM]
  const child = spawn(process.execPath, [...runtime, ...args], { stdio: ["ignore", "pipe", "pipe"] })
  const [out, error]: [string[], string[]] = [[], []]
  child.stdout.on("data", (chunk) => out.push(String(chunk)))
  child.stderr.on("data", (chunk) => error.push(String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  return { code, out: out.join(""), error: error.join("") }
}

describe("npm run conformance", () => {
  it("exits with 0 and counts in its last line when the adapter conforms", async () => {
    const { code, out } = await call("--adapter", "memory", "--case", "append/gap", "--case", "crash/twice")
    assert.equal(code, 0)
    assert.match(out, /^ok {4}append\/gap$/m)
    assert.match(out, /^skip {2}crash\/twice +the adapter does not claim durable$/m)
    assert.equal(out.trimEnd().split("\n").at(-1), "1 passed, 0 failed, 1 skipped")
  })

  it("prints JSON alone on standard output with --json", async () => {
    const { code, out } = await call("--adapter", "memory", "--case", "append/gap", "--json")
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out).map(({ name, passed }: { name: string; passed: number }) => [name, passed]), [["memory", 1]])
  })

  it("lists the cases with --list", async () => {
    const { code, out } = await call("--list", "--case", "trim")
    assert.equal(code, 0)
    assert.match(out, /^MUST {3}trim\/older-snapshot-covers .* \(needs snapshots\)$/m)
  })

  it("exits with 2 and says what is wrong when the call makes no sense", async () => {
    const calls: readonly (readonly [readonly string[], RegExp])[] = [
      [["--adapter", "nope"], /"nope": known here are "memory", "file", "sqlite"/],
      [["--bogus"], /--bogus/],
      [["--case", "append/typo"], /"append\/typo"/],
      [["stray"], /stray/],
    ]
    for (const [args, message] of calls) {
      const { code, out, error } = await call(...args)
      assert.equal(code, 2, args.join(" "))
      assert.match(error, message)
      assert.match(error, /usage: npm run conformance/)
      assert.equal(out, "")
    }
  })

  it("exits with 1 when an adapter does not conform", async () => {
    const { subject } = storageDouble("sees nothing", "append/order", () => ({ head: () => 0 }))
    assert.equal(await main(["--case", "append/order"], { wrong: () => subject(memoryAdapter) }), 1)
  })
})
