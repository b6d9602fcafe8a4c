/** Late errors end a test runner's own test, so each is made in a program of its own, on the runtime that runs this. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, before, describe, it } from "node:test"

let folder = ""
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "persist-late-errors-"))
})
after(() => rm(folder, { recursive: true }))

/** Runs a case with this body, and then one that passes; answers what the program printed. */
const outcomesOf = async (body: string): Promise<unknown> => {
  const path = join(folder, `program-${crypto.randomUUID()}.ts`)
  await writeFile(
    path,
    `import { runCases } from ${JSON.stringify(new URL("./runner.ts", import.meta.url).href)}
    const trial = { warnings: [], lacks: () => undefined, end: async () => undefined }
    const one = (id: string, run: () => Promise<void>) => ({ id, title: id, level: "MUST" as const, requires: [], rule: "", run })
    const report = await runCases("subject", [
      one("a/late", async () => { ${body} }),
      one("a/next", async () => undefined),
    ], async () => trial)
    console.log(JSON.stringify(report.results.map(({ outcome, reason }) => [outcome, reason])))`,
  )
  const args = "Deno" in globalThis ? ["run", "-A", "--no-check", path] : [path]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  child.stdout.on("data", (chunk) => output += chunk)
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  assert.equal(code, 0, output)
  return JSON.parse(output)
}

const FAILED = [["failed", "RuleBroken: something failed that nobody awaits: Error: late"], ["passed", null]]

describe("runCase()", () => {
  it("fails a case that leaves a rejected promise to nobody, and only that case", async () => {
    assert.deepEqual(await outcomesOf(`void Promise.reject(new Error("late"))`), FAILED)
  })

  it("fails a case in which a timer throws, and only that case", async () => {
    assert.deepEqual(
      await outcomesOf(`setTimeout(() => { throw new Error("late") }, 0); await new Promise((r) => setTimeout(r, 5))`),
      FAILED,
    )
  })
})
