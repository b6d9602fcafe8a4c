/** The adapter of docs/writing-an-adapter.md is what it says: small, and right. */
import assert from "node:assert/strict"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, it } from "node:test"
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Adapter } from "../kernel/ports/log-storage.ts"
import { adapterSuite, logStorageCases } from "./log-storage/suite.ts"
import { formatResult } from "./report.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const LINES_MAX = 80

const page = await readFile(join(ROOT, "docs/writing-an-adapter.md"), "utf8")

describe("docs/writing-an-adapter.md", () => {
  it("shows an adapter that is small and conforms without a warning", async () => {
    const source = page.match(/^```ts\n([^]*?)^```$/m)?.[1]
    assert.ok(source !== undefined, "there is no snippet")
    const lines = source.split("\n").filter((line) => line.trim() !== "").length
    assert.ok(lines <= LINES_MAX, `it has ${lines} lines`)
    // Inside of the package, where its own name resolves.
    await mkdir(join(ROOT, "build"), { recursive: true })
    const folder = await mkdtemp(join(ROOT, "build/docs-"))
    try {
      const path = join(folder, "map-adapter.ts")
      await writeFile(path, source)
      const { mapAdapter }: { mapAdapter: () => Adapter } = await import(pathToFileURL(path).href)
      const report = await adapterSuite(() => mapAdapter()).run()
      const wrong = report.results.filter(({ outcome, warnings }) => outcome === "failed" || warnings.length > 0)
      assert.equal(wrong.map(formatResult).join("\n"), "")
      assert.ok(report.passed > 60, `${report.passed} passed`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("names only cases and groups that exist", () => {
    const known = new Set(logStorageCases.flatMap(({ id }) => [id, id.split("/")[0]!]))
    const groups = new Set([...known].filter((name) => !name.includes("/")))
    const named = [...page.matchAll(/`([a-z-]+)\/([a-z-]+)`/g)].filter(([, group]) => groups.has(group!)).map(([, group, name]) =>
      `${group}/${name}`
    )
    assert.ok(named.length >= 10, `${named.length} cases are named`)
    for (const id of named) assert.ok(known.has(id), `the page names ${id}, which is no case`)
  })
})
