import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkExports } from "./check-exports.ts"
import { withFiles } from "./temporary.ts"

const COMMON = { name: "p", version: "1.0.0", license: "MIT" }
const NPM = { ...COMMON, exports: { ".": "./mod.ts" }, imports: { "#driver": { bun: "./bun.ts", default: "./node.ts" } } }
const JSR = { ...COMMON, exports: { ".": "./mod.ts" }, imports: { "#driver": "./node.ts" } }
const violationsOf = (npm: object, jsr: object, files: Readonly<Record<string, string>> = {}): Promise<readonly string[]> =>
  withFiles(
    { "package.json": JSON.stringify(npm), "deno.json": JSON.stringify(jsr), "mod.ts": "", "bun.ts": "", "node.ts": "", ...files },
    checkExports,
  )

describe("checkExports()", () => {
  it("accepts two manifests that say the same", async () => {
    assert.deepEqual(await violationsOf(NPM, JSR), [])
  })

  it("reports an entry point that one manifest lacks", async () => {
    assert.deepEqual(await violationsOf(NPM, { ...JSR, exports: { ".": "./mod.ts", "./x": "./mod.ts" } }), [
      'the entry point "./x" is missing in package.json and ./mod.ts in deno.json',
    ])
  })

  it("reports versions that differ", async () => {
    assert.deepEqual(await violationsOf(NPM, { ...JSR, version: "1.0.1" }), [
      'the field "version" is 1.0.0 in package.json and 1.0.1 in deno.json',
    ])
  })

  it("reports a target that does not exist, under any condition", async () => {
    assert.deepEqual(await violationsOf({ ...NPM, imports: { "#driver": { bun: "./gone.ts", default: "./node.ts" } } }, JSR), [
      "package.json: the target ./gone.ts does not exist",
    ])
  })

  it("reports an import whose default differs from what JSR gets", async () => {
    assert.deepEqual(await violationsOf(NPM, { ...JSR, imports: { "#driver": "./bun.ts" } }), [
      'the import "#driver" is ./node.ts in package.json and ./bun.ts in deno.json',
    ])
  })
})
