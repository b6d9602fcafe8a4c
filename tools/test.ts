/**
 * `npm test`: every `*.test.ts` on Node 26, then the units again on Deno and on Bun.
 *
 *   npm test                          all lanes
 *   npm test -- --lane bun kernel/    one lane, files whose path contains "kernel/"
 *   npm test -- --later               what takes longest, and is left out otherwise: a step of check:all
 *
 * The last line is `N passed, N failed, N skipped`: each case counts once a lane. A file that has no tests, fails to load or hangs is a failure,
 * and so is a lane whose runtime is not installed.
 */
import { rm } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { type Case, countCases, type Totals, withSkipsOf } from "./junit.ts"
import { type FileResult, type Lane, LANES, runFile } from "./lanes.ts"
import { listFiles, ROOT } from "./repository.ts"
import { run } from "./run.ts"

const HEARTBEAT_MILLIS = 10_000

/** What a lane or all of them came to: totals, and the failures by name. */
export interface Summary {
  readonly totals: Totals
  readonly failures: readonly string[]
}

/** Skipped cases by their reason, most frequent first; those without one are named. */
export const skipReasons = (cases: readonly Case[]): readonly string[] => {
  const counts = new Map<string, number>()
  for (const { name, outcome, message } of cases) {
    if (outcome !== "skipped") continue
    const reason = message === "" ? `no reason given by ${name}` : message
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `skipped ${count}: ${reason}`)
}

/** Adds up what the files of one lane did. */
export const summarize = (lane: string, results: readonly FileResult[]): Summary => {
  const { passed, failed, skipped } = countCases(results.flatMap(({ cases }) => cases))
  const problems = results.filter(({ problem }) => problem !== undefined)
  return {
    totals: { passed, failed: failed + problems.length, skipped },
    failures: results.flatMap(({ path, cases, problem }) => [
      ...cases.filter(({ outcome }) => outcome === "failed").map(({ name }) => `${lane} ${path}: ${name}`),
      ...problem === undefined ? [] : [`${lane} ${path}: ${problem.split(/[:,\n]/, 1)[0]}`],
    ]),
  }
}

/** Files that take long: they begin first, so that no lane ends with one of them and an idle processor. */
const LONG = /^(?:conformance\/(?:bad-days|doubles|kill-loop|log-storage|race|sync-race)|simulation)\/|power-loss|sqlite\/libsql|untrusted/
const longFirst = (files: readonly string[]): string[] => files.toSorted((a, b) => Number(LONG.test(b)) - Number(LONG.test(a)))

const indented = (text: string): string => text.replace(/^/gm, "      ")

/** Prints what failed in one file, as soon as it is known. */
const reportFailures = (lane: string, { path, cases, problem }: FileResult): void => {
  for (const { name, outcome, message } of cases) {
    if (outcome === "failed") console.log(`  FAILED ${lane} ${path}: ${name}\n${indented(message)}`)
  }
  if (problem !== undefined) console.log(`  FAILED ${lane} ${path} ${problem.replace(/\n/g, "\n      ")}`)
}

/** Runs the files of one lane, as many at a time as there are processors. `reference` is a lane before it, which knows why cases were skipped. */
const runLane = async (lane: Lane, files: readonly string[], reference: readonly FileResult[]): Promise<readonly FileResult[]> => {
  const casesByPath = new Map(reference.map(({ path, cases }) => [path, cases]))
  const results: FileResult[] = []
  const waiting = longFirst(files)
  const running = new Set<string>()
  const started = performance.now()
  const elapsed = (): string => `${Math.round((performance.now() - started) / 1000)} s`
  const version = await run(lane.name, ["--version"])
  if (version.code !== 0) {
    const problem = `is not installed: ${version.output.trim()}`
    console.log(`\n  FAILED ${lane.name} ${problem}`)
    return [{ path: "*.test.ts", cases: [], problem, seconds: 0 }]
  }
  console.log(`\n${lane.name} ${/\d[\w.-]*/.exec(version.output)?.[0]}: ${files.length} files`)
  const heartbeat = setInterval(
    () => console.log(`${lane.name}: ${results.length} of ${files.length} files, ${elapsed()}, now ${[...running].join(", ")}`),
    HEARTBEAT_MILLIS,
  )
  const work = async (): Promise<void> => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      running.add(path)
      const result = await runFile(lane, path)
      running.delete(path)
      results.push({ ...result, cases: withSkipsOf(result.cases, casesByPath.get(path) ?? []) })
      reportFailures(lane.name, result)
    }
  }
  // One more than there are processors: many files wait for the disk, or for processes of their own.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, work))
  clearInterval(heartbeat)

  const { totals } = summarize(lane.name, results)
  for (const line of skipReasons(results.flatMap(({ cases }) => cases))) console.log(`  ${line}`)
  const slowest = results.toSorted((a, b) => b.seconds - a.seconds).slice(0, 3).map(({ path, seconds }) =>
    `${path} ${seconds.toFixed(1)} s`
  )
  console.log(`  slowest: ${slowest.join(", ")}`)
  console.log(`${lane.name}: ${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped in ${elapsed()}`)
  return results
}

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    options: { lane: { type: "string", multiple: true }, later: { type: "boolean", default: false } },
    allowPositionals: true,
  })
  const lanes = LANES.filter(({ name }) => values.lane?.includes(name) ?? true)
  if (lanes.length === 0) {
    throw new Error(`No lane is named ${values.lane?.join(", ")}: there are ${LANES.map(({ name }) => name).join(", ")}`)
  }
  const files = (await listFiles(ROOT, ".test.ts")).filter((path) =>
    positionals.length === 0 || positionals.some((part) => path.includes(part))
  )
  if (files.length === 0) throw new Error(`No test file's path contains ${positionals.join(" or ")}`)
  await rm(join(ROOT, "build/test"), { recursive: true, force: true })

  const summaries: Summary[] = []
  let reference: readonly FileResult[] = []
  for (const lane of lanes) {
    // A file that was asked for by its path runs, however long it takes.
    const own = files.filter((path) => lane.isFor(path) && (positionals.length > 0 || lane.isLater(path) === values.later))
    if (own.length === 0) {
      console.log(`\n${lane.name}: none of these files are for this lane`)
      continue
    }
    const results = await runLane(lane, own, reference)
    if (reference.length === 0) reference = results
    summaries.push(summarize(lane.name, results))
  }
  const sum = (field: keyof Totals): number => summaries.reduce((total, { totals }) => total + totals[field], 0)
  const failures = summaries.flatMap(({ failures }) => failures)
  if (failures.length > 0) {
    process.exitCode = 1
    console.log(`\nfailed, with all output in build/test:\n${failures.map((failure) => `  ${failure}`).join("\n")}`)
  }
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`)
}

if (import.meta.main) await main()
