/**
 * `npm test`: every `*.test.ts` on Node 26, then the units again on Deno and on Bun.
 *
 *   npm test                          all lanes
 *   npm test -- --lane bun kernel/    one lane, files whose path contains "kernel/"
 *
 * Tests of tools, examples and bench drive Node programs and run on Node alone. The last line is `N passed, N failed, N skipped`: each case
 * counts once a lane. A lane that ran nothing has failed, and so has one whose runner did, whatever its report says.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { type Case, countCases, parseJunit, type Totals, withSkipsOf } from "./junit.ts"
import { listFiles, ROOT } from "./repository.ts"
import { type Finished, run } from "./run.ts"

const REPORTS = join(ROOT, "build/test")
const LANE_MILLIS_MAX = 300_000
const CASE_MILLIS_MAX = 60_000
const HEARTBEAT_MILLIS = 10_000
const NODE_ONLY = /^(tools|examples|bench)\//

interface Lane {
  readonly name: string
  readonly isFor: (path: string) => boolean
  readonly command: (report: string, files: readonly string[]) => readonly [string, ...string[]]
}

const isUnit = (path: string): boolean => !NODE_ONLY.test(path)
const LANES: readonly Lane[] = [
  {
    name: "node",
    isFor: () => true,
    command: (report, files) => [
      "node",
      "--test",
      `--test-timeout=${CASE_MILLIS_MAX}`,
      `--test-concurrency=${availableParallelism()}`,
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      ...files,
    ],
  },
  {
    name: "deno",
    isFor: isUnit,
    command: (report, files) => ["deno", "test", "-A", "--no-check", "--parallel", `--junit-path=${report}`, ...files],
  },
  {
    name: "bun",
    isFor: isUnit,
    command: (
      report,
      files,
    ) => [
      "bun",
      "test",
      `--timeout=${CASE_MILLIS_MAX}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((path) => `./${path}`),
    ],
  },
]

/** A line of any runner's output that tells of one case that ended. */
const CASE_LINE = /^\s*(?:[✔✖﹣]|\((?:pass|fail|skip|todo)\)|.* \.\.\. (?:.*\s)?(?:ok|FAILED|ignored)\b)/gm

/** What a lane's report and its runner's exit code and output say together: never better than any of them. */
export const judgeLane = (
  cases: readonly Case[],
  { code, output }: Pick<Finished, "code" | "output">,
): { readonly totals: Totals; readonly problem?: string } => {
  const totals = countCases(cases)
  if (cases.length === 0) return { totals: { ...totals, failed: 1 }, problem: "the lane ran no tests" }
  const outside = Number(/^\s*(\d+) errors?$/m.exec(output)?.[1] ?? 0)
  if (outside > 0 || code !== 0 && totals.failed === 0) {
    return {
      totals: { ...totals, failed: totals.failed + Math.max(outside, 1) },
      problem: `the runner failed outside of a test (exit code ${code})`,
    }
  }
  return { totals }
}

/** Runs one lane and reports it. `reference` are cases of a lane before it, which knows why cases were skipped. */
const runLane = async (
  lane: Lane,
  files: readonly string[],
  reference: readonly Case[],
): Promise<{ readonly totals: Totals; readonly cases: readonly Case[] }> => {
  const report = join(REPORTS, `${lane.name}.xml`)
  const [command, ...args] = lane.command(report, files)
  let ended = 0
  const started = performance.now()
  console.log(`\n${lane.name}: ${files.length} files`)
  const heartbeat = setInterval(
    () => console.log(`${lane.name}: ${ended} so far, ${Math.round((performance.now() - started) / 1000)} s`),
    HEARTBEAT_MILLIS,
  )
  const finished = await run(command, args, {
    timeoutMillis: LANE_MILLIS_MAX,
    onOutput: (text) => ended += text.match(CASE_LINE)?.length ?? 0,
  })
  clearInterval(heartbeat)

  await writeFile(join(REPORTS, `${lane.name}.log`), finished.output)
  const cases = withSkipsOf(parseJunit(await readFile(report, "utf8").catch(() => "")), reference)
  const { totals, problem } = judgeLane(cases, finished)
  const known = new Set(reference.filter(({ outcome }) => outcome === "skipped").map(({ name }) => name))
  const again = cases.filter(({ name, outcome }) => outcome === "skipped" && known.has(name)).length
  if (again > 0) console.log(`  skipped as in the first lane: ${again}`)
  for (const { name, outcome, message } of cases) {
    if (outcome === "skipped" && !known.has(name)) console.log(`  skipped: ${name}${message === "" ? "" : ` (${message})`}`)
    if (outcome === "failed") console.log(`  FAILED: ${name}\n${message.replace(/^/gm, "    ")}`)
  }
  if (problem !== undefined) console.log(`  FAILED: ${problem}\n${finished.output.slice(-8_000).replace(/^/gm, "    ")}`)
  if (totals.failed > 0) console.log(`  all output: build/test/${lane.name}.log`)
  console.log(
    `${lane.name}: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped in ${finished.seconds.toFixed(1)} s`,
  )
  return { totals, cases }
}

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ options: { lane: { type: "string", multiple: true } }, allowPositionals: true })
  const lanes = LANES.filter(({ name }) => values.lane?.includes(name) ?? true)
  if (lanes.length === 0) {
    throw new Error(`No lane is named ${values.lane?.join(", ")}: there are ${LANES.map(({ name }) => name).join(", ")}`)
  }
  const files = (await listFiles(ROOT, ".test.ts")).filter((path) =>
    positionals.length === 0 || positionals.some((part) => path.includes(part))
  )
  await rm(REPORTS, { recursive: true, force: true })
  await mkdir(REPORTS, { recursive: true })

  if (files.length === 0) throw new Error(`No test file's path contains ${positionals.join(" or ")}`)
  let [passed, failed, skipped] = [0, 0, 0]
  let reference: readonly Case[] | undefined
  for (const lane of lanes) {
    const own = files.filter(lane.isFor)
    if (own.length === 0) {
      console.log(`\n${lane.name}: none of these files are for this lane`)
      continue
    }
    const { totals, cases } = await runLane(lane, own, reference ?? [])
    reference ??= cases
    passed += totals.passed
    failed += totals.failed
    skipped += totals.skipped
  }
  if (failed > 0) process.exitCode = 1
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
}

if (import.meta.main) await main()
