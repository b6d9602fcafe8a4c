import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, it } from "node:test"
import { runSteps } from "./check.ts"
import { readText, ROOT } from "./repository.ts"
import { run } from "./run.ts"
import { withFiles } from "./temporary.ts"

describe("runSteps()", () => {
  it("runs every step, and names and shows the ones that failed", async () => {
    let printed = ""
    const failed = await runSteps([
      { name: "good", command: ["node", "-e", ""] },
      { name: "bad", command: ["node", "-e", 'console.log("what is wrong"); process.exit(2)'] },
      { name: "missing", command: ["persist-no-such-program"] },
      { name: "last", command: ["node", "-e", ""] },
    ], (text) => printed += text)
    assert.deepEqual(failed, ["bad", "missing"])
    assert.match(printed, /\[2\/4\] bad\n {4}what is wrong\n {4}FAILED with exit code 2/)
  })
})

describe("the type-check of kernel, protocol and entry points with a browser's types alone", () => {
  const violationsOf = async (source: string, path: string = "kernel/x.ts"): Promise<string> => {
    const configs = {
      "tsconfig.json": await readText(ROOT, "tsconfig.json"),
      "tsconfig.browser.json": await readText(ROOT, "tsconfig.browser.json"),
    }
    return withFiles(
      { ...configs, "package.json": '{ "type": "module" }', [path]: source },
      async (root) => (await run("tsc", ["-p", join(root, "tsconfig.browser.json"), "--pretty", "false"])).output,
    )
  }

  it("accepts what every browser has", async () => {
    assert.equal(
      await violationsOf("export const now = (): number => performance.now() + new TextEncoder().encode(crypto.randomUUID()).length"),
      "",
    )
  })

  for (const name of ["process.pid", 'Buffer.from("x")', "Deno.pid", "Bun.version", 'require("x")', "setImmediate(() => {})"]) {
    it(`refuses ${name}`, async () => {
      assert.match(await violationsOf(`export const x: unknown = ${name}`), /^kernel\/x\.ts|\/kernel\/x\.ts|x\.ts\(1,/m)
    })
  }

  for (const path of ["protocol/client/x.ts", "protocol/server/x.ts", "enable-sync.ts", "remotes.ts", "crdt/x.ts", "mod.ts"]) {
    it(`looks at ${path}`, async () => {
      assert.match(await violationsOf("export const x: unknown = process.pid", path), /\.ts\(1,/)
    })
  }

  it("leaves out what serves on one runtime", async () => {
    assert.doesNotMatch(await violationsOf("export const x: unknown = process.pid", "protocol/server/serve-node.ts"), /\.ts\(1,/)
  })
})
