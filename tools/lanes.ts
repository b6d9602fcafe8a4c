/**
 * Runs one test file on one runtime, in a process of its own, and judges how that went.
 *
 *   node  node --test       every file
 *   deno  deno test         the units: what drives Node programs stays on Node
 *   bun   bun test          the same
 *
 * A process a file means that a file which hangs, crashes or fails to load costs itself alone and is named, whichever runner it is:
 * of the three only Node's isolates files, and only Node's and Bun's end a case that takes too long.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type Case, parseJunit } from "./junit.ts"
import { ROOT } from "./repository.ts"
import { type Finished, run } from "./run.ts"

/** How long a case may take, where the runner can end it, and how long a file. */
const CASE_MILLIS_MAX = 60_000
export const FILE_MILLIS_MAX = 300_000

/** Reports and outputs, one of each a file and lane. */
const REPORTS = "build/test"
const NODE_ONLY =
  /^(tools|examples|bench|conformance\/(cli|doubles|kill-loop|processes|race|sync-race|bad-days|web))\/|^conformance\/(server\/(python|sqlite)|client\/python(-suite)?)\.test\.ts$/
const isUnit = (path: string): boolean => !NODE_ONLY.test(path)
/** What takes long and is left to `check:all` (`npm test -- --later`): real processes by the dozen, and disks, on one more runtime than Node. */
const LATER_ON_NODE =
  /^(conformance\/(bad-days|sync-race|doubles\/(client|crdt|files))\/|conformance\/(cli\/served-place|processes\/third-party|log-storage\/suite|server\/(python|sqlite|suite))|conformance\/client\/(python|our-client)|tools\/check-jsr)/
const LATER_ELSEWHERE =
  /^(adapters\/file\/(crash|damage|faults|links|power-loss)|adapters\/libsql\/server|adapters\/sqlite\/libsql|conformance\/(client\/our-client|log-storage\/suite|server\/suite)|crdt\/untrusted)\.test\.ts$/

export interface Lane {
  readonly name: string
  readonly isFor: (path: string) => boolean
  /** Of these: what a usual run leaves out. */
  readonly isLater: (path: string) => boolean
  readonly command: (report: string, file: string) => readonly [string, ...string[]]
}

export const LANES: readonly Lane[] = [
  {
    name: "node",
    isFor: () => true,
    isLater: (path) => LATER_ON_NODE.test(path),
    command: (report, file) => [
      "node",
      "--test",
      "--test-isolation=none", // the process is the file's own already
      `--test-timeout=${CASE_MILLIS_MAX}`,
      "--test-reporter=junit",
      `--test-reporter-destination=${report}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      file,
    ],
  },
  {
    name: "deno",
    isFor: isUnit,
    isLater: (path) => LATER_ELSEWHERE.test(path),
    command: (report, file) => ["deno", "test", "-A", "--no-check", `--junit-path=${report}`, file],
  },
  {
    name: "bun",
    isFor: isUnit,
    isLater: (path) => LATER_ELSEWHERE.test(path),
    command: (
      report,
      file,
    ) => ["bun", "test", `--timeout=${CASE_MILLIS_MAX}`, "--reporter=junit", `--reporter-outfile=${report}`, `./${file}`],
  },
]

/** What one file did on one lane. */
export interface FileResult {
  readonly path: string
  readonly cases: readonly Case[]
  /** What went wrong outside of any case, counted as a failure of its own. */
  readonly problem?: string
  readonly seconds: number
}

const OUTPUT_SHOWN = 4_000

/** What a report and its runner's exit code and output say together: never better than any of them. */
export const judgeFile = (
  cases: readonly Case[],
  { code, output, isTimedOut }: Pick<Finished, "code" | "output" | "isTimedOut">,
): Pick<FileResult, "cases" | "problem"> => {
  const shown = `\n${output.trimEnd().slice(-OUTPUT_SHOWN)}`
  if (isTimedOut) return { cases, problem: `hangs: did not end by itself, last output:${shown}` }
  const hasFailure = cases.some(({ outcome }) => outcome === "failed")
  const errors = Number(/^\s*(\d+) errors?$/m.exec(output)?.[1] ?? 0) // bun's count of what failed outside of tests
  if (errors > 0 || code !== 0 && !hasFailure) {
    return { cases, problem: `fails outside of a case (exit code ${code}), last output:${shown}` }
  }
  if (cases.length === 0) return { cases, problem: "has no tests" }
  return { cases }
}

/** Runs the file at `path` of the repository at `root`; its report and output stay in `build/test`. */
export const runFile = async (
  lane: Lane,
  path: string,
  { root = ROOT, fileMillisMax = FILE_MILLIS_MAX }: { readonly root?: string; readonly fileMillisMax?: number } = {},
): Promise<FileResult> => {
  const folder = join(root, REPORTS, lane.name)
  const name = path.replaceAll("/", "+")
  const report = join(folder, `${name}.xml`)
  await mkdir(folder, { recursive: true })
  await rm(report, { force: true })
  const [program, ...args] = lane.command(report, path)
  const finished = await run(program, args, { cwd: root, timeoutMillis: fileMillisMax })
  await writeFile(join(folder, `${name}.log`), finished.output)
  const cases = parseJunit(await readFile(report, "utf8").catch(() => "")) // none is written by a runner that was ended
    .filter(({ name, outcome }) => outcome !== "passed" || !path.endsWith(name)) // Node reports a file without tests as a case that passed
  return { path, ...judgeFile(cases, finished), seconds: finished.seconds }
}
