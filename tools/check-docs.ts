/**
 * Documents that stay true.
 *
 *   errors    every code of kernel/errors, and of protocol/errors.ts, has a section in docs/errors.md, and every section a code
 *   links     every local link leads to a file, and its anchor to a heading
 *   snippets  every ```ts block of README.md and docs/ type-checks, and runs on Node 26 in an empty folder
 *
 * Marks behind `ts`: `no-run` (type-checked only), `continues` (the block goes on where the one before it on the page ended), and
 * `continues=first` (it goes on where the first one ended).
 * Snippets are laid into `build/snippets`, from where `@cuitty/persist` means this repository.
 */
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, posix } from "node:path"
import { anchors, headings, links, splitFences } from "./markdown.ts"
import { type Check, listFiles, readText, runAsProgram, type Violation } from "./repository.ts"
import { run } from "./run.ts"

const SNIPPET_PAGES = /^(README\.md|docs\/.*\.md)$/
const SNIPPET_MILLIS_MAX = 60_000

/** Codes that a remote answers stand under headings of their own, since some of them are codes of the kernel too. */
const REMOTE = "Remote: "

/** Codes that a heading of docs/errors.md names. */
const codesOf = (heading: string): readonly string[] => {
  const codes = heading.match(/[a-z]+(?:_[a-z]+)+|(?<=^`?|`)[a-z]+(?=`?$|`)/g) ?? []
  return heading.startsWith(REMOTE) ? codes.map((code) => `${REMOTE}${code}`) : codes
}

/** Compares the codes in the sources with the headings of docs/errors.md. */
export const checkErrorSections: Check = async (root) => {
  const codes = new Set<string>()
  for (const path of await listFiles(root, ".ts")) {
    const text = (pattern: RegExp) => readText(root, path).then((source) => [...source.matchAll(pattern)].map(([, code = ""]) => code))
    if (path === "protocol/errors.ts") { for (const code of await text(/^ {2}([a-z_]+): \{ status: /gm)) codes.add(`${REMOTE}${code}`) }
    if (!path.startsWith("kernel/errors/") || path.endsWith(".test.ts")) continue
    for (const code of await text(/^\s*(?:override )?readonly code(?:: string)? = "([^"]+)"/gm)) codes.add(code)
  }
  if (!existsSync(join(root, "docs/errors.md"))) return ["docs/errors.md: does not exist"]
  const sections = new Set(headings(await readText(root, "docs/errors.md")).flatMap(codesOf))
  return [
    ...[...codes].filter((code) => !sections.has(code)).map((code) => `docs/errors.md: the code ${code} has no section`),
    ...[...sections].filter((code) => !codes.has(code)).map((code) => `docs/errors.md: no error has the code ${code}`),
  ]
}

/** Follows every local link of every page. */
export const checkLinks: Check = async (root) => {
  const violations: Violation[] = []
  for (const path of await listFiles(root, ".md")) {
    const page = await readText(root, path)
    for (const { target, line } of links(page)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue
      const [file = "", anchor] = target.split("#")
      const to = file === "" ? path : posix.join(posix.dirname(path), decodeURI(file))
      if (!existsSync(join(root, to))) violations.push(`${path}:${line}: the link ${target} leads nowhere`)
      else if (anchor !== undefined && to.endsWith(".md") && !anchors(to === path ? page : await readText(root, to)).has(anchor)) {
        violations.push(`${path}:${line}: ${to} has no heading #${anchor}`)
      }
    }
  }
  return violations
}

interface Snippet {
  readonly place: string
  readonly file: string
  readonly text: string
  readonly runs: boolean
}

/** The TypeScript blocks of one page, each as a module of its own. */
export const snippetsOf = (path: string, page: string): readonly Snippet[] => {
  const snippets: Snippet[] = []
  let before = "", first: string | undefined
  for (const { info, text, line } of splitFences(page).fences) {
    if (info[0] !== "ts" && info[0] !== "typescript") continue
    const opening = info.includes("continues") ? before : info.includes("continues=first") ? first : undefined
    const whole = opening === undefined ? text : `${opening}\n${text}`
    first ??= whole
    before = whole
    snippets.push({
      place: `${path}:${line}`,
      file: `${path.replace(/\W+/g, "-")}-${line}.ts`,
      text: `${whole}\n`,
      runs: !info.includes("no-run"),
    })
  }
  return snippets
}

/** Type-checks all snippets at once, then runs each in an empty folder. */
export const checkSnippets: Check = async (root) => {
  const pages = (await listFiles(root, ".md")).filter((path) => SNIPPET_PAGES.test(path))
  const snippets = (await Promise.all(pages.map(async (path) => snippetsOf(path, await readText(root, path))))).flat()
  if (snippets.length === 0) return []
  const folder = join(root, "build/snippets")
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const { file, text } of snippets) await writeFile(join(folder, file), text)
  const compilerOptions = { isolatedDeclarations: false, declaration: false, moduleDetection: "force" }
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"], exclude: [] }),
  )

  const violations: Violation[] = []
  const types = await run("tsc", ["-p", folder, "--pretty", "false"])
  if (types.code !== 0) {
    const named = snippets.reduce(
      (output, { file, place }) => output.replaceAll(`build/snippets/${file}`, `${place} snippet `),
      types.output,
    )
    violations.push(...named.trim().split("\n"))
  }
  for (const { place, file, runs } of snippets) {
    if (!runs) continue
    const cwd = await mkdtemp(join(tmpdir(), "persist-snippet-"))
    try {
      const finished = await run("node", [join(folder, file)], { cwd, timeoutMillis: SNIPPET_MILLIS_MAX })
      if (finished.code !== 0) violations.push(`${place}: the snippet fails with exit code ${finished.code}\n${finished.output.trim()}`)
    } finally {
      await rm(cwd, { recursive: true, force: true })
    }
  }
  return violations
}

/** All checks of documents. */
export const checkDocs: Check = async (root) => [...await checkErrorSections(root), ...await checkLinks(root), ...await checkSnippets(root)]

if (import.meta.main) await runAsProgram("check-docs", checkDocs)
