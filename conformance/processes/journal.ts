/**
 * Journal: one file to which all processes append what they are about to do and what they were told, one JSON text a line.
 *
 *   {"what":"called","process":3,"call":17}
 *   {"what":"wrote","process":3,"call":17,"state":{…},"version":"…","micros":85}
 *
 * It is the clock of the race, too. The operating system appends one line after another: a line that was written before another one was
 * begun stands before it. So a line's number is a moment on one clock for all processes, monotonic, without resolution or drift. Clocks
 * of the runtimes do not give that (on Deno and Bun `process.hrtime()` counts from the start of the process). What a process had written
 * stays when it is killed.
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs"
import { fail } from "../expect.ts"
import type { Call, Effect, State } from "./history.ts"

/** A version of the record, null before the first. */
export type Version = string | null

/** What a process tells. `call` numbers the calls of a process from 1; `micros` is how long the call took. */
export type Entry =
  /** Waits for the start. */
  | { readonly what: "ready"; readonly process: number; readonly pid: number }
  | { readonly what: "opened"; readonly process: number; readonly head: number }
  /** Could not open the store, since another process had it open. */
  | { readonly what: "locked"; readonly process: number }
  /** Is about to close the store. */
  | { readonly what: "closing"; readonly process: number }
  /** Is about to be killed; told by the parent. */
  | { readonly what: "killed"; readonly process: number }
  | { readonly what: "called"; readonly process: number; readonly call: number }
  | Answer
  /** Has made all its increments. */
  | { readonly what: "done"; readonly process: number }
  /** Was shown the last write of the race: so many frames since it opened the store, the last state, and how many came out of order. */
  | {
    readonly what: "heard"
    readonly process: number
    readonly frames: number
    readonly last: State
    readonly outOfOrder: number
  }

/** How a call ended. */
export type Answer =
  & { readonly process: number; readonly call: number; readonly micros: number }
  & (
    | { readonly what: "wrote" | "saw" | "glanced"; readonly state: State; readonly version: Version }
    /** `found` was there instead of `expected`. */
    | { readonly what: "refused"; readonly expected: Version; readonly found: Version }
    /** With this error; not stored, or nobody knows. */
    | { readonly what: "failed" | "unknown"; readonly code: string }
  )

export const markOf = (process: number, call: number): string => `${process}.${call}`

/** Appends entries to the journal at `path`; returns from each when it is with the operating system. */
export class JournalWriter {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, "a")
  }

  write(entry: Entry): void {
    const line = new TextEncoder().encode(`${JSON.stringify(entry)}\n`)
    // In one piece: a second one could stand behind a line of somebody else.
    if (writeSync(this.#file, line) !== line.length) throw new Error("the journal took a part of a line: the volume is full")
  }
}

/** Reads the journal while it grows. */
export class JournalReader {
  readonly #file: number
  readonly #decoder = new TextDecoder()
  readonly #page = new Uint8Array(1 << 16)
  #rest = ""
  #isClosed = false

  constructor(path: string) {
    this.#file = openSync(path, "r")
  }

  /** The entries that came since the last call. */
  read(): readonly Entry[] {
    if (this.#isClosed) throw new Error("the race is over") // the descriptor may be another file's by now
    for (;;) {
      const bytes = readSync(this.#file, this.#page)
      if (bytes === 0) break
      this.#rest += this.#decoder.decode(this.#page.subarray(0, bytes), { stream: true })
    }
    const lines = this.#rest.split("\n")
    this.#rest = lines.pop()!
    return lines.map((line) => JSON.parse(line) as Entry)
  }

  close(): void {
    this.#isClosed = true
    closeSync(this.#file)
  }
}

/** Fails if a process opened the store while another one surely had it open. */
export const checkTurns = (journal: readonly Entry[]): void => {
  let holder: number | undefined
  for (const { what, process } of journal) {
    if (what === "opened") {
      if (holder !== undefined) fail(`process ${process} opened the store while process ${holder} had it open`)
      holder = process
    } else if ((what === "closing" || what === "killed") && process === holder) holder = undefined
  }
}

/** The calls of a journal, with line numbers as moments. `statesByVersion` are those of the log. */
export const callsOf = (journal: readonly Entry[], statesByVersion: ReadonlyMap<Version, State>): readonly Call[] => {
  const calls = new Map<string, Call>()
  for (const [moment, entry] of journal.entries()) {
    if (!("call" in entry)) continue
    const { process } = entry, mark = markOf(process, entry.call)
    if (entry.what === "called") {
      calls.set(mark, { process, mark, called: moment, ended: Infinity, effect: { kind: "unknown" } })
    } else {
      const { called } = calls.get(mark) ?? fail(`${mark} ended and was not called`)
      calls.set(mark, { process, mark, called, ended: moment, effect: effectOf(entry, mark, statesByVersion) })
    }
  }
  return [...calls.values()]
}

const effectOf = (answer: Answer, mark: string, statesByVersion: ReadonlyMap<Version, State>): Effect => {
  switch (answer.what) {
    case "failed":
    case "unknown":
      return { kind: answer.what }
    case "refused": {
      if (answer.found === answer.expected) fail(`${mark} was refused, though the version that it expected was there`)
      return {
        kind: "saw",
        state: statesByVersion.get(answer.found) ?? fail(`${mark} was refused because of a version that is not in the log`),
      }
    }
    default: {
      const known = statesByVersion.get(answer.version) ?? fail(`${mark} ${answer.what} a version that is not in the log`)
      if (known.mark !== answer.state.mark) {
        fail(`${mark} ${answer.what} ${answer.state.mark}, whose version names ${known.mark} in the log`)
      }
      return { kind: answer.what, state: answer.state }
    }
  }
}
