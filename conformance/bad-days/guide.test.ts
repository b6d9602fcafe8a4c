/** The programs of docs/guides/when-things-go-wrong.md print what the page says below them. */
import assert from "node:assert/strict"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { pathToFileURL } from "node:url"
import { format } from "node:util"
import { snippetsOf } from "../../tools/check-docs.ts"
import { ROOT } from "../../tools/repository.ts"

const PAGE = "docs/guides/when-things-go-wrong.md"

const page = await readFile(join(ROOT, PAGE), "utf8")
const snippets = snippetsOf(PAGE, page)
/** Sections with a program, each with what it prints. */
const days = page.split(/^## /m).slice(1).flatMap((section) => {
  const [, program, output] = /^```ts continues=first\n([^]*?)^```\n\n```text\n([^]*?)^```$/m.exec(section) ?? []
  return program === undefined || output === undefined ? [] : [{ title: section.split("\n")[0], program, output }]
})

describe(PAGE, () => {
  it("has a program for every day, with what it prints", () => {
    const sections = page.match(/^## .+$/gm)?.length ?? 0
    assert.equal(days.length, sections - 1) // how they all begin is a section, too
    assert.ok(days.length >= 13, `${days.length} days`)
  })

  for (const { title, program, output } of days) {
    it(`prints what it says: ${title}`, async (t) => {
      const snippet = snippets.find(({ text }) => text.endsWith(`\n${program}`))
      assert.ok(snippet !== undefined)
      const printed: string[] = []
      t.mock.method(console, "log", (...values: unknown[]) => void printed.push(`${format(...values)}\n`))
      t.mock.method(console, "warn", () => {}) // allowAnyone() is in use
      // Inside of the package, where its own name resolves; its databases elsewhere.
      await mkdir(join(ROOT, "build"), { recursive: true })
      const folder = await mkdtemp(join(ROOT, "build/bad-days-")), cwd = await mkdtemp(join(tmpdir(), "persist-bad-days-"))
      const before = process.cwd()
      process.chdir(cwd)
      try {
        const path = join(folder, snippet.file)
        await writeFile(path, snippet.text)
        await import(pathToFileURL(path).href)
        assert.equal(printed.join(""), output)
      } finally {
        process.chdir(before)
        for (const made of [folder, cwd]) await rm(made, { recursive: true })
      }
    })
  }
})
