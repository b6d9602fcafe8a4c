import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("./testing/running-program.ts", import.meta.url))
/** A process that something holds is ended after this time; the shortest interval of the engine is 5 s. */
const MILLIS_MAX = 20_000

/** Runs the program on this runtime, until it ends by itself. */
async function run(mode: string): Promise<{ readonly code: number | null; readonly output: string; readonly millis: number }> {
  const args = [..."Deno" in globalThis ? ["run", "-A", "--no-check"] : [], PROGRAM, mode]
  const startedAt = performance.now()
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_TEST_CONTEXT: "" } })
  const deadline = setTimeout(() => child.kill("SIGKILL"), MILLIS_MAX)
  let output = ""
  child.stdout.on("data", (text) => output += text)
  child.stderr.on("data", (text) => output += text)
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  clearTimeout(deadline)
  return { code, output, millis: performance.now() - startedAt }
}

describe("a process", () => {
  for (const [mode, state] of [["live", "live"], ["offline", "offline|connecting|syncing"], ["paused", "paused"]] as const) {
    it(`ends by itself while a sync runs that is ${mode}: no timer of it keeps it alive`, async () => {
      const { code, output, millis } = await run(mode)
      assert.equal(code, 0, output)
      assert.match(output, new RegExp(`state: (${state})`))
      assert.equal(millis < MILLIS_MAX, true)
    })
  }

  for (const mode of ["sync", "waitFor"] as const) {
    it(`that waits for ${mode}() is alive until it has ended`, async () => {
      const { code, output } = await run(mode)
      assert.equal(code, 0, output)
      assert.match(output, /synced: true/)
    })
  }
})
