/**
 * Trace: which calls to the operating system a process makes about a place, and a fault on one of them. By `strace`, on Linux.
 *
 *   plain run ──▶ log: 27120 pwrite64(21</place/1.log>, …)    ──▶ steps in the place: { call: "pwrite64", nth: 3 }
 *   one step  ──▶ inject=pwrite64:signal=KILL:when=3          ──▶ the process dies as it makes that call, before it has an effect
 *             ──▶ inject=pwrite64:error=EIO:when=3            ──▶ the call fails and has no effect
 *             ──▶ inject=pwrite64:error=EIO:when=3+           ──▶ and so do all later ones
 *
 * The tracer counts each name of a call by itself, and each thread by itself. What a process does is the same from run to run as far as its own
 * thread goes; where it is not, a fault lands elsewhere, and the log says so.
 */
import fs from "node:fs"

/** Calls that change files or their names. A name that an architecture does not know is left out. */
const WRITES = [
  ..."write pwrite64 pwritev pwritev2 fsync fdatasync ftruncate fallocate renameat renameat2 linkat unlinkat mkdirat".split(" "),
  ..."?sync_file_range ?truncate ?rename ?link ?unlink ?mkdir ?rmdir ?copy_file_range ?msync".split(" "),
].join(",")

/** Those, and the ones that open files. */
const WRITES_AND_OPENS = `${WRITES},openat,?open`

/** Calls that read the bytes of files, and those by which marks are seen. */
const READS = "read,pread64,readv,preadv,preadv2,mkdirat,?mkdir"

/** What is traced. */
export type TraceSet = "writes" | "writes and opens" | "reads"
const SETS: Readonly<Record<TraceSet, string>> = { writes: WRITES, "writes and opens": WRITES_AND_OPENS, reads: READS }

/** One call of one thread. */
export interface TracedCall {
  readonly thread: string
  readonly call: string
  /** Its number among the calls of this name and thread, from 1. */
  readonly nth: number
  /** The line of the log. */
  readonly text: string
}

/** A call by its number in whichever thread. */
export type Step = Pick<TracedCall, "call" | "nth"> & { readonly text: string }

/** What happens at a step. */
export type Fault =
  | { readonly kind: "kill" }
  /** `isLasting`: from then on each call of every name fails. */
  | { readonly kind: "error"; readonly errno: string; readonly isLasting: boolean }

/** What runs a program so that its calls are logged, with faults on some of them; if there are `paths`, only calls about these. */
export const tracer = (
  logPath: string,
  set: TraceSet,
  injections: readonly string[] = [],
  paths: readonly string[] = [],
): readonly string[] => [
  ...["strace", "-f", "-qq", "-y", "-s", "0", "-o", logPath, "-e", "signal=none", "-e", `trace=${SETS[set]}`],
  // Stops at the traced calls alone, which makes starting a process twice as fast; but there no signal can be sent.
  ...injections.some((one) => one.includes(":signal=")) ? [] : ["--seccomp-bpf"],
  ...injections.flatMap((one) => ["-e", `inject=${one}`]),
  ...paths.flatMap((path) => ["-P", path]),
]

/** The path that a call is about: the first one that it names, else that of its descriptor. */
export const pathOf = (text: string): string => /"([^"]+)"/.exec(text)?.[1] ?? /<([^<>]*)>/.exec(text)?.[1] ?? ""

/** The calls of a log, in order, as far as they had begun. */
export const parseTrace = (log: string): readonly TracedCall[] => {
  const counts = new Map<string, number>()
  return log.split("\n").flatMap((text) => {
    const [, thread, call] = /^(\d+) +([a-z]\w*)\(/.exec(text) ?? []
    if (thread === undefined || call === undefined) return []
    const key = `${thread} ${call}`, nth = (counts.get(key) ?? 0) + 1
    counts.set(key, nth)
    return [{ thread, call, nth, text }]
  })
}

export const readTrace = (logPath: string): readonly TracedCall[] => parseTrace(fs.readFileSync(logPath, "utf8"))

/** The folder of marks: there is none, so the call fails and is seen. */
export const MARKS = "/persist-mark/"

/** The calls about `folder` behind the mark of this name, up to the next mark. */
export const callsBehind = (calls: readonly TracedCall[], mark: string, folder: string): readonly TracedCall[] => {
  const isMark = ({ text }: TracedCall): boolean => text.includes(MARKS)
  const begin = calls.findIndex(({ text }) => text.includes(`${MARKS}${mark}"`))
  if (begin < 0) return []
  const length = calls.slice(begin + 1).findIndex(isMark)
  const between = length < 0 ? calls.slice(begin + 1) : calls.slice(begin + 1, begin + 1 + length)
  return between.filter(({ text }) => text.includes(folder))
}

/** Each name and number once. */
export const stepsOf = (calls: readonly TracedCall[]): readonly Step[] => [
  ...new Map(calls.map(({ call, nth, text }) => [`${call} ${nth}`, { call, nth, text }])).values(),
]

/** What the tracer is told so that this happens at a step; `calls` are all of a plain run. */
export const injectionsFor = ({ call, nth, text }: Step, fault: Fault, calls: readonly TracedCall[]): readonly string[] => {
  if (fault.kind === "kill") return [`${call}:signal=KILL:when=${nth}`]
  if (!fault.isLasting) return [`${call}:error=${fault.errno}:when=${nth}`]
  // Every name from the step on. `write` alone would also meet pipes and the runtime's own wake-ups, which end the process: it fails at its step only.
  const at = calls.findIndex((one) => one.text === text && one.nth === nth)
  const before = new Map<string, number>()
  for (const one of calls.slice(0, Math.max(at, 0))) before.set(one.call, Math.max(before.get(one.call) ?? 0, one.nth))
  return [...new Set([call, ...calls.map((one) => one.call)])].flatMap((name) => {
    if (name === "write") return call === "write" ? [`write:error=${fault.errno}:when=${nth}`] : []
    if (name === "openat" || name === "open") return []
    return [`${name}:error=${fault.errno}:when=${name === call ? nth : (before.get(name) ?? 0) + 1}+`]
  })
}

/** Whether a fault fell on a call about `folder`. */
export const hasHit = (calls: readonly TracedCall[], folder: string): boolean =>
  calls.some(({ text }) => text.includes("(INJECTED)") && text.includes(folder))
