/** `bindTo` in the frameworks themselves: each runs a test file as an author of an adapter would write it. */
import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const MILLIS_MAX = 60_000

interface Framework {
  readonly command: readonly [string, ...string[]]
  /** Where its functions come from, and which of them there are. */
  readonly imports: string
  readonly functions: string
  /** How it counts, at its end. */
  readonly totals: (passed: number, failed: number, skipped: number) => RegExp
}

const nodeTotals = (passed: number, failed: number, skipped: number): RegExp =>
  new RegExp(`# pass ${passed}\\n# fail ${failed}\\n(?:# .*\\n)*# skipped ${skipped}\\n`)

const frameworks: Readonly<Record<string, Framework>> = {
  "node:test": {
    command: ["node", "--test", "--test-reporter=tap"],
    imports: `import { describe, it } from "node:test"`,
    functions: "{ describe, it }",
    totals: nodeTotals,
  },
  "Deno.test": {
    command: ["deno", "test", "-A", "--no-check", "--config", join(ROOT, "deno.json")],
    imports: "",
    functions: "{ it: Deno.test }",
    totals: (passed, failed, skipped) => new RegExp(`${passed} passed \\| ${failed} failed \\| ${skipped} ignored`),
  },
  "node:test on Deno": {
    command: ["deno", "test", "-A", "--no-check", "--config", join(ROOT, "deno.json")],
    imports: `import { describe, it } from "node:test"`,
    functions: "{ describe, it }",
    // Deno counts what is inside of a group as its steps.
    totals: (passed, failed, skipped) =>
      new RegExp(`\\(${passed} steps?\\) \\| 1 failed \\(${failed} steps?\\) \\| 0 ignored \\(${skipped} step`),
  },
  "bun:test": {
    command: ["bun", "test"],
    imports: `import { describe, it } from "bun:test"`,
    functions: "{ describe, it }",
    totals: (passed, failed, skipped) => new RegExp(` ${passed} pass\\n ${skipped} skip\\n ${failed} fail\\n`),
  },
}

const testFile = ({ imports, functions }: Framework, appendAt: string): string => `
${imports}
import { memoryAdapter } from ${JSON.stringify(new URL("../../adapters/memory/mod.ts", import.meta.url).href)}
import { adapterSuite, bindTo } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)}

const makeAdapter = () => {
  const adapter = memoryAdapter(), { name, capabilities } = adapter
  return { name, capabilities, list: () => adapter.list(), destroy: (store) => adapter.destroy(store), async open(...rest) {
    const log = await adapter.open(...rest), append = log.append.bind(log)
    log.append = async (position, frame) => await append(${appendAt}, frame)
    return log
  } }
}
await bindTo(${functions}, adapterSuite(makeAdapter, { name: "mine" }), { only: ["append/order", "append/gap", "crash/twice"] })
`

/** Runs a command in the repository; answers its exit code and all that it said, without colours. */
const run = (program: string, args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> =>
  new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { cwd: ROOT, timeout: MILLIS_MAX, env: { ...process.env, NO_COLOR: "1", NODE_TEST_CONTEXT: undefined } },
      (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
        resolve({ code, output: `${out}${err}`.replace(/\u001b\[[0-9;]*m/g, "") })
      },
    )
  })

describe("bindTo()", () => {
  for (const [name, framework] of Object.entries(frameworks)) {
    it(`makes a test of each case in ${name}: passed, failed with what was seen and why it matters, skipped with the reason`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "persist-bound-"))
      try {
        const [program, ...args] = framework.command
        const path = join(folder, "mine.test.ts")
        await writeFile(path, testFile(framework, "position"))
        const good = await run(program, [...args, path])
        assert.equal(good.code, 0, good.output)
        assert.match(good.output, /\[append\/order\]/)
        assert.match(good.output, /\[crash\/twice\]: the adapter does not claim durable/)

        await writeFile(path, testFile(framework, "await log.head() + 1"))
        const bad = await run(program, [...args, path])
        assert.notEqual(bad.code, 0, bad.output)
        assert.match(bad.output, framework.totals(1, 1, 1))
        assert.match(bad.output, /seen: .*expected PositionTaken/)
        assert.match(bad.output, /why: +A log with a hole cannot be replayed/)
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  }
})
