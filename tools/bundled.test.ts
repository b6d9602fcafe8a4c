import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { judgeBundle, noticesOf } from "./bundled.ts"
import { withFiles } from "./temporary.ts"

const EFFECT = "node_modules/effect/dist/Effect.js"

/** An output of these inputs, a byte of each, that imports others at once or lazily. */
const output = (
  entryPoint: string | undefined,
  inputs: readonly string[],
  eager: readonly string[] = [],
  lazy: readonly string[] = [],
) => ({
  bytes: inputs.length,
  inputs: Object.fromEntries(inputs.map((path) => [path, { bytesInOutput: 1 }])),
  imports: [
    ...eager.map((path) => ({ path, kind: "import-statement" as const })),
    ...lazy.map((path) => ({ path, kind: "dynamic-import" as const })),
    { path: "hono", kind: "import-statement" as const, external: true },
  ],
  exports: [],
  ...entryPoint === undefined ? {} : { entryPoint },
})

describe("judgeBundle()", () => {
  const good = {
    "dist/mod.js": output("mod.ts", ["mod.ts"], ["dist/chunks/store.js"], ["dist/chunks/sync.js"]),
    "dist/chunks/store.js": output(undefined, ["kernel/store.ts"]),
    "dist/chunks/sync.js": output("enable-sync.ts", ["enable-sync.ts", EFFECT], ["dist/chunks/store.js"]),
  }

  it("accepts the expected package behind a lazy import", () => {
    assert.deepEqual(judgeBundle({ outputs: good }, ["mod.ts"]), [])
  })

  it("reports code of another package, in a scope and nested as well", () => {
    const inputs = ["node_modules/@scope/a/b.js", "node_modules/effect/node_modules/c/d.js"]
    assert.deepEqual(judgeBundle({ outputs: { ...good, "dist/x.js": output(undefined, inputs) } }, ["mod.ts"]), [
      "code of @scope/a is in the bundle",
      "code of c is in the bundle",
    ])
  })

  it("takes a file of which nothing is left for none", () => {
    const unused = { ...output(undefined, []), inputs: { "node_modules/a/b.js": { bytesInOutput: 0 } } }
    assert.deepEqual(judgeBundle({ outputs: { ...good, "dist/x.js": unused } }, ["mod.ts"]), [])
  })

  it("reports an expected package that is not needed any more", () => {
    assert.deepEqual(judgeBundle({ outputs: { "dist/mod.js": output("mod.ts", ["mod.ts"]) } }, ["mod.ts"]), [
      "no code of effect is in the bundle any more",
    ])
  })

  it("reports an entry point that loads it at once, by way of a chunk too", () => {
    const outputs = { ...good, "dist/remotes.js": output("remotes.ts", ["remotes.ts"], ["dist/chunks/sync.js"]) }
    assert.deepEqual(judgeBundle({ outputs }, ["mod.ts", "remotes.ts"]), [
      "remotes.ts loads code of effect at once, not when it is needed",
    ])
  })

  it("reports an entry point that was not built", () => {
    assert.deepEqual(judgeBundle({ outputs: good }, ["server.ts"]), ["server.ts has no output"])
  })
})

describe("noticesOf()", () => {
  const files = {
    "node_modules/effect/package.json": JSON.stringify({ version: "4.1.0", license: "MIT", homepage: "https://effect.website" }),
    "node_modules/effect/LICENSE": "MIT License\n\nCopyright (c) 2023 Effectful Technologies Inc\n",
  }

  it("gives name, version and the text of the licence", async () => {
    const notices = await withFiles(files, noticesOf)
    assert.match(notices, /^effect 4\.1\.0 \(MIT\), https:\/\/effect\.website$/m)
    assert.match(notices, /^Copyright \(c\) 2023 Effectful Technologies Inc$/m)
  })

  it("rejects if there is no licence", async () => {
    await assert.rejects(withFiles({ "node_modules/effect/package.json": files["node_modules/effect/package.json"] }, noticesOf), /LICENSE/)
  })
})
