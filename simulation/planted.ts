/**
 * Hunts planted bugs: in a copy of the sources one line is changed, and histories and seeds are played there by a process of its own until something
 * breaks; then the line is put right, and the next one is changed. Production code has no switches for this.
 */
import { spawn } from "node:child_process"
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { runCampaign } from "./campaign.ts"
import { HISTORIES } from "./histories.ts"
import { playHistory } from "./history.ts"
import type { PlantedBug } from "./planted-bug.ts"
import { PLANTED_BUGS } from "./planted-bugs.ts"
import { STEPS_DEFAULT } from "./simulation.ts"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const COPIED = ["kernel", "protocol", "crdt", "adapters/memory", "conformance/vectors/reader", "simulation", "package.json"]
const HUNT_MILLIS_MAX = 180_000
/** Seeds that have to hold without a bug; nearly all bugs are found within them. */
const CLEAN_SEEDS = 50

/** How a bug was found, as the hunting process prints it. */
export interface Catch {
  /** Title of the history that broke. */
  readonly history?: string | undefined
  /** The first seed that broke. */
  readonly seed?: number | undefined
  readonly violation?: string | undefined
}

/** The text with the bug in it. Throws if the place is not there exactly once. */
export function withBug(text: string, { id, file, find, replace }: PlantedBug): string {
  const pieces = text.split(find)
  if (pieces.length !== 2) throw new Error(`planted bug ${id}: its place is ${pieces.length - 1} times in ${file}, not once`)
  return pieces.join(replace)
}

/** Plants every bug into the sources as they are, without keeping anything; throws for the first that has no place. */
export async function checkPlaces(): Promise<void> {
  for (const bug of PLANTED_BUGS) withBug(await readFile(join(ROOT, bug.file), "utf8"), bug)
}

/** Calls `work` with a folder that holds a copy of the sources. */
async function inCopy(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "planted-"))
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(folder, path), { recursive: true })
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"))
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Plants one bug into a copy, hunts it, and takes it out again; undefined: it was not found within its seeds. */
async function hunt(bug: PlantedBug, folder: string): Promise<Catch | undefined> {
  const path = join(folder, bug.file), source = await readFile(path, "utf8")
  try {
    await writeFile(path, withBug(source, bug))
    const output = await outputOf(folder, ["simulation/hunt.ts", bug.history ?? "", String(bug.seeds ?? 0)])
    const line = output.split("\n").find((text) => text.startsWith("{"))
    if (line === undefined) {
      console.log(`planted bug ${bug.id}: its hunt took too long, or failed:\n${output.slice(-2000)}`)
      return undefined
    }
    const found: Catch = JSON.parse(line)
    return found.history === undefined && found.seed === undefined ? undefined : found
  } finally {
    await writeFile(path, source)
  }
}

function outputOf(folder: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const timer = setTimeout(() => child.kill("SIGKILL"), HUNT_MILLIS_MAX)
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => output += text)
    child.on("close", () => {
      clearTimeout(timer)
      resolve(output)
    })
  })
}

/** Without a bug nothing breaks: else whatever is found would prove nothing. */
async function isClean(): Promise<boolean> {
  for (const history of HISTORIES) {
    const [broken] = await playHistory(history)
    if (broken !== undefined) console.log(`"${history.title}" breaks without any planted bug: ${broken.join(": ")}`)
    if (broken !== undefined) return false
  }
  const seeds = Array.from({ length: CLEAN_SEEDS }, (_, at) => at + 1)
  const { findings: [finding] } = await runCampaign({ seeds, steps: STEPS_DEFAULT })
  if (finding !== undefined) console.log(`seed ${finding.seed} breaks without any planted bug: ${finding.title}: ${finding.detail}`)
  return finding === undefined
}

/** Hunts all planted bugs, or those of some ids, `jobs` at a time; answers whether each was found as it is expected. */
export async function findPlanted(only: readonly string[] | undefined, jobs: number): Promise<boolean> {
  const bugs = PLANTED_BUGS.filter(({ id, rule }) => only === undefined || only.includes(id) || only.includes(rule))
  if (!await isClean()) return false
  if (bugs.length === 0) throw new Error(`no planted bug is named ${only}`)
  const waiting = [...bugs], missed: string[] = []
  const work = async (folder: string): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const started = performance.now(), found = await hunt(bug, folder), seconds = ((performance.now() - started) / 1000).toFixed(1)
      const by = found === undefined
        ? "NOT FOUND"
        : found.history !== undefined
        ? `by its history: ${found.violation}`
        : `by seed ${found.seed}: ${found.violation}`
      console.log(
        `${found === undefined ? "FAIL" : "ok  "} ${bug.rule.padEnd(4)} ${bug.id.padEnd(24)} ${by} (${seconds} s)\n          ${bug.says}`,
      )
      if (found === undefined) missed.push(bug.id)
    }
  }
  await Promise.all(Array.from({ length: jobs }, () => inCopy(work)))
  console.log(
    `\n${bugs.length - missed.length} of ${bugs.length} planted bugs found${missed.length > 0 ? `; not ${missed.join(", ")}` : ""}`,
  )
  return missed.length === 0
}
