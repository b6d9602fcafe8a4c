/**
 * The table subject × runtime in a page, between two marks.
 *
 *   <!-- table: node conformance/table.ts -->
 *
 *   | subject        | Node 26.10.0   | Deno 2.9.1     |
 *   |---|---|---|
 *   | adapter memory | 114 · 0 · 21   | 114 · 0 · 21   |      passed · failed · skipped
 *
 *   <!-- end of table -->
 */
import type { Report } from "../mod.ts"

/** What one runtime made of each subject: cells by row. */
export type Outcomes = ReadonlyMap<string, string>

/** Runtimes with their versions, and what each made of the subjects. */
export type Columns = Map<string, Outcomes>

const BEGIN = "<!-- table: node conformance/table.ts -->"
const END = "<!-- end of table -->"
/** The cell of a subject that does not run there. */
const NONE = "–"

/** A report as a cell. */
export const cellOf = ({ passed, failed, skipped }: Pick<Report, "passed" | "failed" | "skipped">): string =>
  `${passed} · ${failed} · ${skipped}`

const cellsOf = (line: string): readonly string[] => line.split("|").slice(1, -1).map((cell) => cell.trim())

const partsOf = (page: string): readonly [string, string, string] => {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`)
  return [page.slice(0, begin + BEGIN.length), page.slice(begin + BEGIN.length, end), page.slice(end)]
}

/** The table that stands in a page. Throws if the page has no place for one. */
export const readTable = (page: string): Columns => {
  const [head, , ...rows] = partsOf(page)[1].split("\n").filter((line) => line.startsWith("|")).map(cellsOf)
  return new Map((head ?? []).slice(1).map((name, index) => [name, new Map(rows.map((row) => [row[0] ?? "", row[index + 1] ?? ""]))]))
}

/** The table as text, runtimes in the order of `runtimes`. */
export const formatTable = (columns: Columns, rows: readonly string[], runtimes: readonly string[]): string => {
  const names = runtimes.flatMap((runtime) => [...columns.keys()].filter((name) => name.startsWith(`${runtime} `)))
  const lines = [
    ["subject", ...names],
    names.map(() => "---").concat("---"),
    ...rows.map((row) => [row, ...names.map((name) => columns.get(name)?.get(row) || NONE)]),
  ]
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}

/** The page with another table in it. Throws if the page has no place for one. */
export const withTable = (page: string, table: string): string => {
  const [before, , after] = partsOf(page)
  return `${before}\n\n${table}\n\n${after}`
}

/**
 * What is wrong in a table: a runtime or subject that is missing, a failure, or a cell that does not count all the cases that there are. `runsOn` says
 * which subjects run on a runtime.
 */
export const wrongCells = (
  columns: Columns,
  counts: ReadonlyMap<string, number>,
  runtimes: readonly string[],
  runsOn: (runtime: string, row: string) => boolean = () => true,
): readonly string[] =>
  runtimes.flatMap((runtime) => {
    const column = [...columns].find(([name]) => name.startsWith(`${runtime} `))
    if (column === undefined) return [`it has no column for ${runtime}`]
    const [name, outcomes] = column
    return [...counts].flatMap(([row, count]) => {
      const cell = outcomes.get(row)
      if (!runsOn(runtime, row)) return []
      if (cell === undefined) return [`it has no row for ${row}`]
      const [passed = NaN, failed = NaN, skipped = NaN] = cell.split(" · ").map(Number)
      if (passed + failed + skipped !== count) return [`${name}, ${row} is ${cell}, of ${count} cases`]
      return failed > 0 ? [`${name}, ${row} has ${failed} failed`] : []
    })
  })
