/** An import in a process of its own, killed from outside by SIGKILL: it gets no chance to finish, flush or close anything. */
import { spawn } from "node:child_process"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Place } from "./place.ts"

/** What the process had told when it was gone. */
export interface KilledImport {
  /** So many cities were acknowledged. */
  readonly stored: number
  /** So many were given to the store; those above `stored` were under way. */
  readonly called: number
}

/** Starts the import of `count` cities and kills it while it writes the batch that reaches `killAt`. Fails if it ends in any other way. */
export const importUntilKilled = async (
  place: Place,
  count: number,
  killAt: number,
  onStored: (count: number) => void,
): Promise<KilledImport> => {
  const program = fileURLToPath(new URL("import-child.ts", import.meta.url))
  const child = spawn(process.execPath, [program, JSON.stringify({ place, count })], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise<NodeJS.Signals | number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => resolve(signal ?? code))
  })
  const told = { stored: 0, called: 0 }
  // What it wrote before the signal came is read to the end, and counts.
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, cities] = line.split(" ")
    if (word === "stored") onStored(told.stored = Number(cities))
    if (word !== "called") continue
    told.called = Number(cities)
    if (told.called >= killAt && !child.killed) child.kill("SIGKILL")
  }
  const end = await ended
  if (end !== "SIGKILL") throw new Error(`The import was to be killed and ended with ${end} instead, after ${told.stored} cities`)
  return told
}
