/**
 * Test reports as JUnit XML: the one format that `node --test`, `deno test` and `bun test` all write, each in its own way.
 *
 *   node  suites nest; a skipped case carries its reason
 *   bun   suites nest, the outermost is the file; no reasons; a file that fails to load is not in the report
 *   deno  suites are files; a suite of ours is a case like any other, and its steps are cases named "suite > step"; no reasons, and a case
 *         that skips itself while it runs (`t.skip()`) is reported as passed
 *
 * Counted are leaves, by their full names, so that the same file counts the same everywhere.
 */

export interface Case {
  /** Name with the suites around it: `suite > inner suite > case`. */
  readonly name: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** What went wrong, or why it was skipped; empty if the report does not say. */
  readonly message: string
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }
const unescapeXml = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    return ENTITIES[name ?? ""] ?? whole
  })

const attribute = (attributes: string, name: string): string => unescapeXml(new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1] ?? "")

const ATTRIBUTES = '((?:\\s+[\\w-]+="[^"]*")*)'
const ELEMENT = new RegExp(`<testsuite${ATTRIBUTES}\\s*(/?)>|(</testsuite>)|<testcase${ATTRIBUTES}\\s*(?:/>|>([\\s\\S]*?)</testcase>)`, "g")
const PROBLEM = new RegExp(`<(?:failure|error)${ATTRIBUTES}\\s*(?:/>|>([\\s\\S]*?)</(?:failure|error)>)`)
const SKIPPED = new RegExp(`<skipped${ATTRIBUTES}`)

const outcomeOf = (content: string): Omit<Case, "name"> => {
  const problem = PROBLEM.exec(content)
  if (problem !== null) {
    const message = unescapeXml(problem[2] ?? "").trim()
    return { outcome: "failed", message: message === "" ? attribute(problem[1] ?? "", "message") : message }
  }
  const skip = SKIPPED.exec(content)
  if (skip === null) return { outcome: "passed", message: "" }
  const reason = attribute(skip[1] ?? "", "message")
  return { outcome: "skipped", message: reason === "true" ? "" : reason }
}

/** Reads the leaf cases of one report. */
export const parseJunit = (xml: string): readonly Case[] => {
  const cases: Case[] = []
  const suites: string[] = []
  for (const [, suite, selfClosing, end, attributes, content = ""] of xml.matchAll(ELEMENT)) {
    if (suite !== undefined) {
      if (selfClosing === "") suites.push(attribute(suite, "name"))
    } else if (end !== undefined) {
      suites.pop()
    } else {
      const name = [...suites.filter((name) => !/\.test\.ts$|^ext:/.test(name)), attribute(attributes ?? "", "name")].join(" > ")
      cases.push({ name, ...outcomeOf(content) })
    }
  }
  const inner = new Set(cases.flatMap(({ name }) => [...name.matchAll(/ > /g)].map(({ index }) => name.slice(0, index))))
  return cases.filter(({ name }) => !inner.has(name))
}

/** Cases of one lane with what another lane knows better: reasons for skips, and skips that the runner reported as passes. */
export const withSkipsOf = (cases: readonly Case[], reference: readonly Case[]): readonly Case[] => {
  const reasons = new Map(reference.filter(({ outcome }) => outcome === "skipped").map(({ name, message }) => [name, message]))
  return cases.map((one) => {
    const reason = reasons.get(one.name)
    return reason === undefined || one.outcome === "failed" || one.message !== ""
      ? one
      : { name: one.name, outcome: "skipped", message: reason }
  })
}

export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** How many cases ended in each way. */
export const countCases = (cases: readonly Case[]): Totals => ({
  passed: cases.filter(({ outcome }) => outcome === "passed").length,
  failed: cases.filter(({ outcome }) => outcome === "failed").length,
  skipped: cases.filter(({ outcome }) => outcome === "skipped").length,
})
