import assert from "node:assert/strict"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { snippetsOf } from "../tools/check-docs.ts"
import { readText, ROOT } from "../tools/repository.ts"
import { run } from "../tools/run.ts"

/** Programs of the README that run, with another adapter in place of theirs. */
const programs = snippetsOf("README.md", await readText(ROOT, "README.md"))
  .filter(({ runs }) => runs)
  .map((snippet) => ({ ...snippet, text: snippet.text.replaceAll(/adapter: "(sqlite|file)"/g, 'adapter: "libsql"') }))

describe("examples of the README", () => {
  it("run on libsql as they stand, but for the adapter's name", async () => {
    await mkdir(join(ROOT, "build"), { recursive: true })
    const sources = await mkdtemp(join(ROOT, "build/readme-")) // from there the package finds itself by its name
    const cwd = await mkdtemp(join(tmpdir(), "persist-readme-"))
    try {
      assert.ok(programs.length >= 2)
      for (const { place, file, text } of programs) {
        assert.match(text, /adapter: "libsql"/, place)
        await writeFile(join(sources, file), text)
        const { code, output } = await run("node", [join(sources, file)], { cwd })
        assert.equal(code, 0, `${place}: ${output}`)
      }
    } finally {
      await rm(sources, { recursive: true, force: true })
      await rm(cwd, { recursive: true, force: true })
    }
  })
})
