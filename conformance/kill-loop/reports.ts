/**
 * What the child says to its parent: one short line each, written whole before it goes on, so that a line that was read was true.
 *
 *   ready <pid>          waits for "go <first call> <calls>" on its standard input
 *   opening              is about to open the store
 *   opened <head> <cut>  the head that it found; the position from which a torn tail was cut, or 0
 *   called <number>      is about to make all calls up to this one, or to append all frames up to this position
 *   stored <number>      this call or frame was acknowledged
 *   flushing             is about to flush
 *   saving <position>    is about to save the snapshot at this position
 *   saved <position>     that was acknowledged
 *   trimming <position>  is about to trim through this position
 *   trimmed <position>   was acknowledged, with this as the new base
 *   closing              has made all its calls and closes the store
 *   closed
 */
import { writeSync } from "node:fs"
import process from "node:process"

export type ReportKind =
  | "ready"
  | "opening"
  | "opened"
  | "called"
  | "stored"
  | "flushing"
  | "saving"
  | "saved"
  | "trimming"
  | "trimmed"
  | "closing"
  | "closed"

export interface Report {
  readonly kind: ReportKind
  readonly numbers: readonly number[]
}

export const formatReport = (kind: ReportKind, ...numbers: readonly number[]): string => `${[kind, ...numbers].join(" ")}\n`

export const parseReport = (line: string): Report => {
  const [kind, ...numbers] = line.split(" ")
  return { kind: kind as ReportKind, numbers: numbers.map(Number) }
}

/** Says it by a blocking write: returns when the whole line is in the pipe, before anything else is done. */
export const report = (kind: ReportKind, ...numbers: readonly number[]): void => {
  const line = new TextEncoder().encode(formatReport(kind, ...numbers))
  for (let written = 0; written < line.length;) {
    try {
      written += writeSync(1, line, written)
    } catch (error) {
      if (Object(error).code !== "EAGAIN") throw error // the pipe is full until the parent reads
    }
  }
}

/** What the parent says, once. */
export const formatOrder = (first: number, calls: number): string => `go ${first} ${calls}\n`

export const parseOrder = (line: string): { readonly first: number; readonly calls: number } | undefined => {
  const [, first, calls] = /^go (\d+) (\d+)\n$/.exec(line) ?? []
  return first === undefined ? undefined : { first: Number(first), calls: Number(calls) }
}

/** Waits for the order; undefined if the parent went away or has none. */
export const readOrder = async (): Promise<ReturnType<typeof parseOrder>> => {
  let text = ""
  for await (const bytes of process.stdin) text += String(bytes)
  return parseOrder(text)
}
