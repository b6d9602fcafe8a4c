/**
 * Steps: the same work once for each call to the operating system that it makes about its place, with a fault on that call.
 *
 *   plain run, traced ──▶ steps ── draw ──▶ each: a place of its own, the work with the fault, then what the caller makes of it
 */
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ensure, fail, outcomeOf } from "../../expect.ts"
import { formatReply, type OtherProcess } from "../../processes/other-process.ts"
import {
  callsBehind,
  type Fault,
  hasHit,
  injectionsFor,
  MARKS,
  pathOf,
  readTrace,
  type Step,
  stepsOf,
  tracer,
  type TraceSet,
} from "../../processes/trace.ts"
import { Random } from "../../processes/random.ts"
import type { LogStorageTrial } from "../trial.ts"

/** Places that are worked on at a time: starting a process is most of the time. */
const ABREAST = 3
/** No run is begun after so long, unless all are wanted. */
const SAMPLE_MILLIS = 4000

/** One run of the work in a place of its own. */
export interface StepRun {
  readonly trial: LogStorageTrial
  /** For people: which call, and what happens to it. */
  readonly what: string
  readonly process: OtherProcess
  /** What happens; undefined in the plain run. */
  readonly fault: Fault | undefined
}

export interface StepsOptions {
  readonly set: TraceSet
  /** What happens at each step: one after another, if there are several. */
  readonly faults: readonly Fault[]
  /** How many runs are made where not all are wanted. */
  readonly runsMax: number
  /** Of the calls that were seen: those that count. All if left out. */
  readonly isWanted?: ((text: string) => boolean) | undefined
  /** Makes the place as the work finds it, before its process is started. */
  readonly prepare?: ((trial: LogStorageTrial) => Promise<void>) | undefined
  /** Does the work; what stands behind `begin()` is what faults fall on. The process may end at any time. */
  readonly work: (run: StepRun, begin: () => Promise<void>) => Promise<void>
  /** Looks at what is left of it; the process is gone by then. */
  readonly judge: (run: StepRun, hasFallen: boolean) => Promise<void>
}

const MARK = "begin"

/** What a plain run did. */
interface Seen {
  readonly calls: ReturnType<typeof readTrace>
  readonly wanted: readonly Step[]
}

/** Runs the work at each step, or at as many as are wanted, drawn by the seed. Answers how often a fault has fallen on the place. */
export const runAtSteps = async (trial: LogStorageTrial, options: StepsOptions): Promise<number> => {
  const { set, faults, runsMax, isWanted = () => true, prepare, work, judge } = options
  const logs = fs.mkdtempSync(join(tmpdir(), "persist-trace-"))
  let runs = 0

  /** One run; answers what its log says of the place. */
  const runOnce = async (
    what: string,
    injections: readonly string[],
    fault: Fault | undefined,
  ): Promise<Seen & { readonly hasFallen: boolean }> => {
    const log = join(logs, `${runs++}.log`), other = await trial.another(), folder = fs.realpathSync(other.folder)
    await prepare?.(other)
    const isPlain = fault === undefined
    let process: OtherProcess | undefined
    const onStart = (started: OtherProcess): void => void (process = started)
    try {
      process = await other.startProcess({
        launcher: tracer(log, set, injections, set === "reads" ? pathsIn(folder) : []),
        env: { UV_THREADPOOL_SIZE: "1" },
        onStart,
      })
    } catch (error) {
      // The fault fell on its start: there was no work.
      if (isPlain || process === undefined || process.isRunning) throw error
    }
    const run: StepRun = { trial: other, what, process: process!, fault }
    const begin = async (): Promise<void> => {
      const reply = await run.process.ask("mark", { name: MARK })
      if (isPlain && reply.kind !== "value") fail(`${what}: ${formatReply(reply)}`)
    }
    const worked = await outcomeOf(async () => {
      if (!run.process.isRunning) return
      await work(run, begin)
      // What a runtime does as it ends is nobody's call.
      await run.process.ask("mark", { name: "end" })
    })
    await run.process.dismiss()
    const calls = readTrace(log)
    // An error that has fallen elsewhere, on the runtime's own wake-ups, ends the process: then there is nothing to judge but what is left.
    if (worked.kind === "error" && (fault?.kind !== "error" || hasHit(calls, folder))) throw worked.error
    const wanted = stepsOf(callsBehind(calls, MARK, folder).filter(({ text }) => isWanted(text)))
    const hasFallen = hasHit(calls, folder) || calls.length > 0 && run.process.end.startsWith("SIGKILL")
    await judge(run, hasFallen)
    await other.end()
    return { calls, wanted, hasFallen }
  }

  try {
    // The first one leaves its compiled modules for the others.
    await runOnce("without a fault", [], undefined)
    const { calls, wanted } = await runOnce("without a fault", [], undefined)
    ensure(wanted.length > 0, "the work makes no call about its folder that could fail")
    const all = wanted.flatMap((step) => faults.map((fault) => ({ step, fault })))
    const waiting = trial.isSlow ? [...all] : new Random(trial.seed, all.length).shuffle(all).slice(0, runsMax)
    const end = trial.isSlow ? Infinity : performance.now() + SAMPLE_MILLIS
    let hits = 0
    const workOn = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && performance.now() < end; next = waiting.shift()) {
        const { step, fault } = next
        const { hasFallen } = await runOnce(tell(step, fault), injectionsFor(step, fault, calls), fault)
        if (hasFallen) hits += 1
      }
    }
    const outcomes = await Promise.allSettled(Array.from({ length: ABREAST }, workOn))
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason
    return hits
  } finally {
    fs.rmSync(logs, { recursive: true, force: true })
  }
}

/** What reads are about: files that are there. A runtime reads pipes, too, by the same calls. */
const pathsIn = (folder: string): readonly string[] => [
  `${MARKS}${MARK}`,
  `${MARKS}end`,
  ...fs.readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name)),
]

const tell = ({ call, nth, text }: Step, fault: Fault): string => {
  const where = `${call} number ${nth} (${pathOf(text).split("/").slice(-2).join("/")})`
  if (fault.kind === "kill") return `killed at ${where}`
  return `${fault.errno} at ${where}${fault.isLasting ? " and from then on" : ""}`
}
