import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { buildPackage, publishedManifest } from "./build.ts"
import {
  codeGeneration,
  installScripts,
  judgeFiles,
  judgeInstalled,
  judgeManifest,
  lowestPeers,
  pack,
  type Packed,
  PACKED_BYTES_MAX,
} from "./package.ts"
import { listFiles, readJson, readText, ROOT } from "./repository.ts"
import { run } from "./run.ts"

describe("the packed package", () => {
  let folder = ""
  let packed: Packed
  let again: Packed
  let manifest: Readonly<Record<string, unknown>>

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "persist-pack-"))
    await buildPackage(join(folder, "one"))
    await buildPackage(join(folder, "two"))
    packed = await pack(join(folder, "one"), join(folder, "one"))
    again = await pack(join(folder, "two"), join(folder, "two"))
    manifest = await readJson(join(folder, "one"), "package.json")
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it("holds what it should, within its budget", () => {
    assert.deepEqual(judgeFiles(packed), [])
  })

  it("brings the licence of the code of others that is in it", async () => {
    const licence = await readText(ROOT, "node_modules/effect/LICENSE")
    assert.ok((await readText(join(folder, "one"), "THIRD-PARTY-LICENSES")).includes(licence.trim()))
  })

  it("T81 the package runs nothing when it is installed", () => {
    assert.deepEqual(judgeManifest(manifest), [])
  })

  it("T82 the core needs no package, and the optional driver has no install script", async () => {
    assert.equal("dependencies" in manifest, false)
    const lock = await readJson<Parameters<typeof installScripts>[0]>(ROOT, "package-lock.json")
    assert.deepEqual(installScripts(lock, Object.keys(manifest["optionalDependencies"] ?? {})), [])
  })

  it("T83 no file of the package compiles text into code", async () => {
    const dist = join(folder, "one/dist")
    for (const path of await listFiles(dist, ".js")) assert.deepEqual(codeGeneration(await readText(dist, path)), [], path)
  })

  it("T83 the sources run where code generation is forbidden", async () => {
    const program = `
      const { createStore } = await import("@cuitty/persist")
      const store = await createStore("notes", { adapter: "memory" })
      for (let i = 0; i < 20; i++) await store.records.put("note:" + i, { text: "Draft", tags: ["a", "b"], at: new Date(i) })
      if ((await store.records.get("note:19")).text !== "Draft") throw new Error("wrong value")
      await store.close()`
    const finished = await run("node", ["--disallow-code-generation-from-strings", "--input-type=module", "-e", program])
    assert.equal(finished.code, 0, finished.output)
  })

  it("T84 two builds give the same tarball, byte for byte", () => {
    assert.equal(packed.sha256, again.sha256)
  })

  it("T85 the lowest version that the package accepts of a dependency is the one that is tested", async () => {
    const { packages } = await readJson<{ readonly packages: Readonly<Record<string, { readonly version: string }>> }>(
      ROOT,
      "package-lock.json",
    )
    const declared = await readJson<{ readonly dependencies?: object; readonly optionalDependencies?: object }>(ROOT, "package.json")
    for (const [name, wanted] of Object.entries({ ...declared.dependencies, ...declared.optionalDependencies })) {
      assert.equal(wanted, `^${packages[`node_modules/${name}`]?.version}`, name)
    }
  })
})

describe("the manifests", () => {
  it("ask for ranges that begin with a caret, and leave exact versions to the lock", async () => {
    const paths = (await listFiles(ROOT, "package.json")).filter((path) => path === "package.json" || path.startsWith("tools/"))
    assert.equal(paths.length, 4)
    for (const path of paths) {
      const { devDependencies, optionalDependencies } = await readJson<Readonly<Record<string, Readonly<Record<string, string>>>>>(
        ROOT,
        path,
      )
      for (const [name, wanted] of Object.entries({ ...devDependencies, ...optionalDependencies })) {
        assert.match(wanted, /^\^\d+\.\d+\.\d+(-[\w.]+)?$/, `${path}: ${name}`)
      }
    }
  })
})

describe("judgeFiles()", () => {
  const good = {
    files: ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "THIRD-PARTY-LICENSES", "dist/mod.js", "dist/mod.d.ts"],
    packedBytes: 1,
    unpackedBytes: 1,
  }

  it("accepts what belongs into a package", () => {
    assert.deepEqual(judgeFiles(good), [])
  })

  it("reports a stray file, a test and a source", () => {
    assert.equal(judgeFiles({ ...good, files: [...good.files, "notes.db", "dist/a.test.js", "kernel/limits.ts"] }).length, 3)
  })

  it("reports a missing file and a tarball over its budget", () => {
    assert.deepEqual(judgeFiles({ ...good, files: good.files.slice(1), packedBytes: PACKED_BYTES_MAX + 1 }), [
      "package.json is missing",
      `the tarball has ${PACKED_BYTES_MAX + 1} bytes, more than ${PACKED_BYTES_MAX}`,
    ])
  })
})

describe("judgeManifest()", () => {
  it("reports scripts, dependencies and unknown optional packages", () => {
    const violations = judgeManifest({
      scripts: { postinstall: "x" },
      dependencies: { msgpackr: "1" },
      optionalDependencies: { libsql: "1", other: "1" },
    })
    assert.deepEqual(violations, [
      'package.json has the field "scripts"',
      'package.json has the field "dependencies"',
      'package.json asks for the package "other"',
    ])
  })

  it("takes the program of the package, and no other", () => {
    assert.deepEqual(judgeManifest({ bin: { persist: "dist/cli/persist.js" } }), [])
    assert.equal(judgeManifest({ bin: { node: "dist/cli/persist.js", persist: "../elsewhere.js" } }).length, 2)
  })

  it("takes peers that are optional, and no others", () => {
    const peers = { peerDependencies: { client: "1", other: "1" }, peerDependenciesMeta: { client: { optional: true } } }
    assert.deepEqual(judgeManifest(peers), ['package.json asks for the package "other", and does not say that it is optional'])
  })
})

describe("publishedManifest()", () => {
  it("leaves out what is the repository's own and points into dist", async () => {
    const published = publishedManifest(await readJson(ROOT, "package.json"))
    assert.deepEqual(judgeManifest(published as Readonly<Record<string, unknown>>), [])
    assert.deepEqual((published as { readonly exports: Readonly<Record<string, unknown>> }).exports["."], {
      types: "./dist/mod.d.ts",
      default: "./dist/mod.js",
    })
    assert.deepEqual(published.bin, { persist: "dist/cli/persist.js" })
  })
})

describe("judgeInstalled()", () => {
  it("accepts the optional driver, reports other packages at any depth and scripts", () => {
    const packages = {
      "": {},
      "node_modules/@cuitty/persist": {},
      "node_modules/libsql": { hasInstallScript: true },
      "node_modules/@libsql/linux-x64-gnu": {},
      "node_modules/libsql/node_modules/left-pad": {},
    }
    assert.deepEqual(judgeInstalled({ packages }), [
      "libsql runs a script when it is installed",
      "left-pad is installed with the package",
    ])
  })
})

describe("lowestPeers()", () => {
  const manifest = { peerDependencies: { hono: "^4.12.21", "@hono/node-server": "^2.1.8", exact: "1.0.0" } }

  it("gives the oldest versions that are accepted", () => {
    assert.deepEqual(lowestPeers(manifest, ["hono", "@hono/node-server"]), ["hono@4.12.21", "@hono/node-server@2.1.8"])
  })

  it("throws for what is no peer, or has no range", () => {
    for (const name of ["left-pad", "exact"]) assert.throws(() => lowestPeers(manifest, [name]), /peer/)
  })
})

describe("installScripts()", () => {
  it("finds a script at any depth, optional packages included", () => {
    const packages = {
      "node_modules/a": { dependencies: { b: "1" } },
      "node_modules/b": { optionalDependencies: { c: "1" }, dependencies: { a: "1" } },
      "node_modules/c": { hasInstallScript: true },
      "node_modules/elsewhere": { hasInstallScript: true },
    }
    assert.deepEqual(installScripts({ packages }, ["a"]), ["c"])
  })
})

describe("codeGeneration()", () => {
  it("finds eval and Function, and no name that only looks like them", () => {
    assert.equal(codeGeneration("new Function('x'); Function('x'); eval('x')").length, 3)
    assert.deepEqual(codeGeneration("new BlockedFunction('x'); this.writeFunction(x); store.eval(x); isFunction(x)"), [])
  })
})
