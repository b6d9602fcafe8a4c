/**
 * A report for people and for programs.
 *
 *   ok    append/first-position
 *   skip  watch/fires                    the adapter does not claim watch
 *   warn  append/empty-frame             recommended, not met: …
 *   FAIL  append/taken-position
 *         expected: a position that holds a frame keeps it; the error tells the head
 *         seen:     a frame at a taken position: it succeeded, expected PositionTaken
 *         rule:     Stores `frame` at `position` if and only if the head is `position - 1`.
 *         why:      This is compare-and-append: without it two writers overwrite each other, and an acknowledged write is lost.
 *   70 passed, 1 failed, 8 skipped
 */
import { PersistError } from "../kernel/errors.ts"
import { describeError } from "./expect.ts"
import type { CaseResult, Report } from "./runner.ts"

const ID_WIDTH = 40

/** One result as lines. */
export const formatResult = (result: CaseResult): string => {
  const { id, outcome, reason, warnings } = result
  const line = (mark: string, text: string): string => `${mark.padEnd(5)} ${text === "" ? id : `${id.padEnd(ID_WIDTH)} ${text}`}`
  const lines = warnings.map((warning) => line("warn", warning))
  if (outcome === "passed") lines.push(line("ok", ""))
  if (outcome === "skipped" && warnings.length === 0) lines.push(line("skip", reason ?? ""))
  if (outcome === "failed") {
    lines.push(line("FAIL", ""), ...failureLines(result).map((text) => `      ${text}`))
  }
  return lines.join("\n")
}

/** A failure in lines: what was expected, what was seen and what it came from, the rule, and why it matters. */
export const failureLines = ({ title, reason = "", error, rule, why }: CaseResult): readonly string[] => [
  `expected: ${title}`,
  `seen:     ${reason}`,
  ...causesOf(error).map((cause) => `from:     ${cause}`),
  `rule:     ${rule}`,
  `why:      ${why}`,
]

/** The last line: `N passed, N failed, N skipped`. */
export const formatTotals = (totals: Pick<Report, "passed" | "failed" | "skipped">): string =>
  `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`

/** All results as lines; the last one counts. */
export const formatReport = (report: Report): string => [report.name, ...report.results.map(formatResult), formatTotals(report)].join("\n")

/** The report as JSON text; errors become their words. */
export const reportToJson = (report: Report): string =>
  JSON.stringify(
    {
      ...report,
      results: report.results.map(({ error, ...result }) => ({ ...result, millis: Math.round(result.millis), causes: causesOf(error) })),
    },
    undefined,
    2,
  )

const causesOf = (error: unknown): readonly string[] => {
  const causes: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  while (cause !== undefined && causes.length < 8) {
    causes.push(describeError(cause) + (cause instanceof PersistError ? ` (${cause.code})` : ""))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes
}
