/**
 * Which process this is, in words that another process on the same machine can check.
 *
 *   host      name of the machine
 *   boot      random id of this run of the kernel (Linux), else ""
 *   space     which process numbers these are: containers on one machine count apart (Linux), else ""
 *   pid       number of the process
 *   started   its start time in ticks since boot (Linux), else "": a number that is used again is told apart by it
 *
 * What a runtime refuses to tell (Deno without permissions) is "" and not compared.
 */
import { readFileSync, readlinkSync } from "node:fs"
import { hostname, uptime } from "node:os"
import process from "node:process"

export interface ProcessIdentity {
  readonly host: string
  readonly boot: string
  readonly space: string
  readonly pid: number
  readonly started: string
}

/**
 * What can be said of a process from here.
 *
 * - `gone`: it does not run any more.
 * - `running`: it does, or nothing says that it does not.
 * - `out-of-sight`: same machine and boot, but its process numbers are of another container.
 * - `elsewhere`: it is on another machine.
 */
export type Standing = "gone" | "running" | "out-of-sight" | "elsewhere"

const tryRead = (read: () => string): string => {
  try {
    return read().trim()
  } catch {
    // Not this system, or not allowed: then it is not compared.
    return ""
  }
}

/** State and start time of a process from `/proc/<pid>/stat`: fields 3 and 22; the second field may hold blanks and brackets. */
const readStat = (pid: number | "self"): { readonly state: string; readonly started: string } => {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", started: fields[19] ?? "" }
}

let known: ProcessIdentity | undefined

/** This process. */
export const ownIdentity = (): ProcessIdentity =>
  known ??= {
    host: tryRead(hostname),
    boot: tryRead(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1")),
    space: tryRead(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    started: tryRead(() => readStat("self").started),
  }

/** When this machine started, by its clock as it is now; 0 if nobody says. */
export const startOfMachine = (): number => {
  try {
    return Date.now() - uptime() * 1000
  } catch {
    // Not allowed to ask.
    return 0
  }
}

/** Judges another process from where `own` is. */
export const judgeProcess = (other: ProcessIdentity, own: ProcessIdentity = ownIdentity()): Standing => {
  // Containers of one machine have names of their own, but the same boot.
  const isSameBoot = own.boot !== "" && other.boot === own.boot
  if (!isSameBoot && (other.host !== own.host || own.host === "")) return "elsewhere"
  if (other.boot !== own.boot && other.boot !== "" && own.boot !== "") return "gone"
  if (other.space !== own.space) return "out-of-sight"
  if (own.started === "") return answersSignals(other.pid) ? "running" : "gone"
  try {
    const { state, started } = readStat(other.pid)
    // Z, X: ended, and only waits for its parent to look.
    return state === "Z" || state === "X" || (other.started !== "" && other.started !== started) ? "gone" : "running"
  } catch (cause) {
    return (cause as { code?: unknown }).code === "ENOENT" ? "gone" : "running"
  }
}

const answersSignals = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM: it runs, for somebody else.
    return (cause as { code?: unknown }).code !== "ESRCH"
  }
}
