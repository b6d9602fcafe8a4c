import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkErrorSections, checkLinks, checkSnippets, snippetsOf } from "./check-docs.ts"
import { withFiles } from "./temporary.ts"

const fence = (info: string, text: string): string => `\`\`\`${info}\n${text}\n\`\`\`\n`

describe("checkErrorSections()", () => {
  const errors = 'export class A {\n  readonly code = "store_busy"\n}\nexport class B {\n  readonly code = "store_locked"\n}'

  it("accepts a section for each code", async () => {
    const page = "# Errors\n\n## `store_busy`\n\nText.\n\n## StoreLocked: `store_locked`\n"
    assert.deepEqual(await withFiles({ "kernel/errors/store.ts": errors, "docs/errors.md": page }, checkErrorSections), [])
  })

  it("reports a code without a section and a section without a code", async () => {
    const page = "# Errors\n\n## `store_busy`\n\n## `store_gone`\n"
    assert.deepEqual(await withFiles({ "kernel/errors/store.ts": errors, "docs/errors.md": page }, checkErrorSections), [
      "docs/errors.md: the code store_locked has no section",
      "docs/errors.md: no error has the code store_gone",
    ])
  })

  it("tells the codes that a remote answers from those of the kernel, and knows codes of one word", async () => {
    const sync = 'export class A {\n  readonly code = "unauthenticated"\n}\nexport class B {\n  readonly code = "unsupported_version"\n}'
    const wire =
      "const ERRORS = {\n  unauthenticated: { status: 401 },\n  internal: { status: 500 },\n  unsupported_version: { status: 426 },\n}"
    const files = { "kernel/errors/sync.ts": sync, "protocol/errors.ts": wire }
    const kernelAlone = "# Errors\n\n## What went wrong\n\n### unauthenticated\n\n### unsupported_version\n"
    assert.deepEqual(await withFiles({ ...files, "docs/errors.md": kernelAlone }, checkErrorSections), [
      "docs/errors.md: the code Remote: unauthenticated has no section",
      "docs/errors.md: the code Remote: internal has no section",
      "docs/errors.md: the code Remote: unsupported_version has no section",
    ])
    const remotes = ["unauthenticated", "internal", "unsupported_version"].map((code) => `### Remote: \`${code}\`\n`).join("\n")
    assert.deepEqual(await withFiles({ ...files, "docs/errors.md": `${kernelAlone}\n${remotes}` }, checkErrorSections), [])
    const gone = "# Errors\n\n### overloaded\n\n### Remote: `draining`\n"
    assert.deepEqual(await withFiles({ "docs/errors.md": gone }, checkErrorSections), [
      "docs/errors.md: no error has the code overloaded",
      "docs/errors.md: no error has the code Remote: draining",
    ])
  })
})

describe("checkLinks()", () => {
  it("accepts links to files, headings and other hosts", async () => {
    const page = "# Top\n\n[a](docs/b.md) [c](docs/b.md#one-two-three) [d](#top) [e](https://example.com/x) `[f](gone.md)`\n" +
      fence("", "[g](gone.md)")
    assert.deepEqual(await withFiles({ "README.md": page, "docs/b.md": "## One `two`, three!\n\n[up](../README.md)" }, checkLinks), [])
  })

  it("reports a link to a file or a heading that does not exist, with its line", async () => {
    assert.deepEqual(await withFiles({ "README.md": "# Top\n\n[a](gone.md)\n[b](#bottom)\n" }, checkLinks), [
      "README.md:3: the link gone.md leads nowhere",
      "README.md:4: README.md has no heading #bottom",
    ])
  })
})

describe("checkSnippets()", () => {
  const tsconfig = JSON.stringify({ compilerOptions: { module: "nodenext", target: "es2023", strict: true, noEmit: true, types: [] } })
  const violationsOf = (page: string): Promise<readonly string[]> =>
    withFiles({ "package.json": '{ "type": "module" }', "tsconfig.json": tsconfig, "README.md": page }, checkSnippets)

  it("accepts snippets that type-check and run, and leaves other languages alone", async () => {
    assert.deepEqual(
      await violationsOf(
        fence("ts", "const a: number = await Promise.resolve(1)") + fence("ts continues", "a + 1") + fence("sh", "exit 1"),
      ),
      [],
    )
  })

  it("reports a snippet that does not type-check", async () => {
    const violations = await violationsOf(fence("ts no-run", 'const a: number = "one"'))
    assert.match(violations.join("\n"), /TS2322/)
  })

  it("reports a snippet that fails when run, unless it is marked", async () => {
    const text = 'throw new Error("thrown on purpose")'
    assert.deepEqual(await violationsOf(fence("ts no-run", text)), [])
    const violations = await violationsOf(fence("ts", text))
    assert.equal(violations.length, 1)
    assert.match(violations[0] ?? "", /^README\.md:1: the snippet fails with exit code 1\n[\s\S]*thrown on purpose/)
  })
})

describe("snippetsOf()", () => {
  it("joins a block that continues to the one before it", () => {
    const snippets = snippetsOf("README.md", fence("ts", "const a = 1") + fence("ts continues no-run", "a"))
    assert.deepEqual(snippets.map(({ text, runs }) => [text, runs]), [["const a = 1\n", true], ["const a = 1\na\n", false]])
  })

  it("joins a block that continues the first one to that alone", () => {
    const page = fence("ts", "const a = 1") + fence("ts continues=first", "a + 1") + fence("ts continues=first", "a + 2")
    assert.deepEqual(snippetsOf("README.md", page).map(({ text }) => text), [
      "const a = 1\n",
      "const a = 1\na + 1\n",
      "const a = 1\na + 2\n",
    ])
  })
})
