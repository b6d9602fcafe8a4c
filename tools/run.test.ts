import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { run, systemNode } from "./run.ts"

describe("run()", () => {
  it("answers exit code and output of both streams", async () => {
    const { code, output } = await run("node", ["-e", 'console.log("out"); console.error("err"); process.exitCode = 3'])
    assert.equal(code, 3)
    assert.deepEqual(output.trim().split("\n").sort(), ["err", "out"])
  })

  it("answers -1 for a program that does not exist", async () => {
    const { code, output } = await run("persist-no-such-program", [])
    assert.equal(code, -1)
    assert.match(output, /ENOENT/)
  })

  it("ends a program that takes too long, and says so", async () => {
    const { code, output, isTimedOut } = await run("node", ["-e", "setInterval(() => {}, 1000)"], { timeoutMillis: 200 })
    assert.equal(code, -1)
    assert.equal(isTimedOut, true)
    assert.match(output, /ended after 200 ms/)
  })

  // The inner program holds the pipes, so run() would go on for as long as it does.
  it("ends what the program started as well", async () => {
    const inner = "setTimeout(() => {}, 20_000)"
    const outer = `require("node:child_process").spawnSync(process.execPath, ["-e", "${inner}"], { stdio: "inherit" })`
    const { seconds, isTimedOut } = await run("node", ["-e", outer], { timeoutMillis: 1_000 })
    assert.equal(isTimedOut, true)
    assert.ok(seconds < 15, `${seconds} s`)
  })

  it("finds Node 26 or later first, as npm scripts do", async () => {
    const { output } = await run("node", ["--version"])
    assert.ok(Number(/^v(\d+)/.exec(output)?.[1]) >= 26, output)
  })
})

describe("systemNode()", () => {
  it("is never a Node that a package brought", () => {
    assert.doesNotMatch(systemNode() ?? "", /node_modules/)
  })
})
