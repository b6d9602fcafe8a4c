/**
 * Test reports as JUnit XML: the one format that `node --test`, `deno test` and `bun test` all write, each in its own way.
 *
 *   node  suites nest; a skipped case carries its reason
 *   bun   suites nest; no reasons; a file that fails to load is not in the report
 *   deno  flat: a suite is a case like any other, and its steps are cases named "suite > step"; no reasons
 *
 * Counted are leaves, so that the same file counts the same everywhere.
 */

export interface Case {
  /** Name with the suites around it where the report has them. */
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

/** Reads the leaf cases of one report. */
export const parseJunit = (xml: string): readonly Case[] => {
  const cases: Case[] = []
  for (
    const [, attributes = "", selfClosing, body = ""] of xml.matchAll(
      /<testcase((?:\s+[\w-]+="[^"]*")*)\s*(?:(\/)>|>([\s\S]*?)<\/testcase>)/g,
    )
  ) {
    const name = attribute(attributes, "name")
    const content = selfClosing === undefined ? body : ""
    const problem = /<(?:failure|error)((?:\s+[\w-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/(?:failure|error)>)/.exec(content)
    const skip = /<skipped((?:\s+[\w-]+="[^"]*")*)/.exec(content)
    if (problem !== null) {
      const message = unescapeXml(problem[2] ?? "").trim()
      cases.push({ name, outcome: "failed", message: message === "" ? attribute(problem[1] ?? "", "message") : message })
    } else if (skip !== null) {
      const reason = attribute(skip[1] ?? "", "message")
      cases.push({ name, outcome: "skipped", message: reason === "true" ? "" : reason })
    } else {
      cases.push({ name, outcome: "passed", message: "" })
    }
  }
  return cases.filter(({ name }) => !cases.some((other) => other.name.startsWith(`${name} > `)))
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
