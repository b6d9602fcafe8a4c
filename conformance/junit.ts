/**
 * Reports as JUnit XML, the form that build servers read.
 *
 *   testsuites ── testsuite (a report) ── testcase (a case: class `<suite>.<group>`, name `<id>`)
 *                                            ├─ failure   message: what was seen; text: expected, rule, why, causes
 *                                            ├─ skipped   message: the reason
 *                                            └─ system-out   warnings
 */
import { groupOf } from "./case.ts"
import { failureLines } from "./report.ts"
import type { CaseResult, Report } from "./runner.ts"

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" }

/** Text for an element or an attribute: markup is escaped, and what XML 1.0 (section 2.2) cannot hold is written as `\u001b`. */
const escapeXml = (text: string): string =>
  text
    .replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? "")
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, (unit) =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replace(/[\t\n\r]/g, (space) =>
      `&#${space.charCodeAt(0)};`)

const seconds = (millis: number): string => (millis / 1000).toFixed(3)

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values).map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`).join("")

const element = (name: string, values: Readonly<Record<string, string | number>>, content: readonly string[] = []): string =>
  content.length === 0 ? `<${name}${attributes(values)}/>` : `<${name}${attributes(values)}>\n${content.join("\n")}\n</${name}>`

const testcase = (suite: string, result: CaseResult): string => {
  const { id, outcome, level, reason = "", warnings, millis } = result
  const content: string[] = []
  if (outcome === "failed") {
    content.push(`<failure${attributes({ message: reason, type: level })}>${escapeXml(failureLines(result).join("\n"))}</failure>`)
  }
  if (outcome === "skipped") content.push(element("skipped", { message: reason }))
  if (warnings.length > 0) content.push(`<system-out>${escapeXml(warnings.join("\n"))}</system-out>`)
  return element("testcase", { classname: `${suite}.${groupOf(id)}`, name: id, time: seconds(millis) }, content)
}

/** Reports as the text of one XML document. */
export const reportsToJunit = (reports: readonly Report[]): string => {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  const millisOf = ({ results }: Report): number => sum(results.map(({ millis }) => millis))
  const suites = reports.map((report) =>
    element(
      "testsuite",
      {
        name: report.name,
        tests: report.results.length,
        failures: report.failed,
        errors: 0,
        skipped: report.skipped,
        time: seconds(millisOf(report)),
      },
      report.results.map((result) => testcase(report.name, result)),
    )
  )
  const totals = {
    tests: sum(reports.map(({ results }) => results.length)),
    failures: sum(reports.map(({ failed }) => failed)),
    errors: 0,
    skipped: sum(reports.map(({ skipped }) => skipped)),
    time: seconds(sum(reports.map(millisOf))),
  }
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element("testsuites", totals, suites)}\n`
}
