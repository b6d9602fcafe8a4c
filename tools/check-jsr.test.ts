import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkJsr, listedFiles } from "./check-jsr.ts"
import { withFiles } from "./temporary.ts"

const MANIFEST = { name: "@scope/p", version: "1.0.0", license: "MIT", exports: { ".": "./mod.ts" } }
const violationsOf = (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  withFiles({
    "package.json": JSON.stringify(MANIFEST),
    "deno.json": JSON.stringify({ ...MANIFEST, publish: { exclude: ["**/*.test.ts"] } }),
    "README.md": "",
    "LICENSE": "",
    "mod.ts": 'export { one } from "./kernel/one.ts"\n',
    "kernel/one.ts": "export const one: number = 1\n",
    "kernel/one.test.ts": "",
    ...files,
  }, checkJsr)

describe("checkJsr()", () => {
  it("accepts a list of what the entry points reach", async () => {
    assert.deepEqual(await violationsOf({}), [])
  })

  it("reports a source that no entry point reaches", async () => {
    assert.deepEqual(await violationsOf({ "kernel/double.ts": "export const two: number = 2\n" }), [
      "kernel/double.ts: no entry point needs it, exclude it",
    ])
  })

  it("reports what the dry run refuses, such as a type that is left to inference", async () => {
    const [violation = ""] = await violationsOf({ "kernel/one.ts": "export const one = Math.random()\n" })
    assert.match(violation, /missing-explicit-type/)
  })

  it("reports a file that is needed and excluded", async () => {
    const [violation] = await violationsOf({ "LICENSE": "", ".gitignore": "README.md\n" })
    assert.equal(violation, "README.md: would not be published")
  })
})

describe("listedFiles()", () => {
  it("reads the paths of a dry run, whatever their size", () => {
    const output = "Simulating:\n   file:///project/a%20b.ts (6.17KB)\n   file:///project/c/d.json (12B)\nnote file:///project/e.ts\n"
    assert.deepEqual(listedFiles("/project", output), ["a b.ts", "c/d.json"])
  })
})
