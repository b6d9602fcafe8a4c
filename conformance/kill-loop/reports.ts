/**
 * What the child says to its parent: one short line each, written whole before it goes on, so that a line that was read was true.
 *
 *   ready <pid>          waits for "go <first call> <calls>" on its standard input
 *   opening              is about to open the store
 *   opened <head> <cut>  the head that it found; the position from which a torn tail was cut, or 0
 *   called <number>      is about to make all calls up to this one
 *   stored <number>      this call was acknowledged
 *   closing              has made all its calls and closes the store
 *   closed
 */
export type ReportKind = "ready" | "opening" | "opened" | "called" | "stored" | "closing" | "closed"

export interface Report {
  readonly kind: ReportKind
  readonly numbers: readonly number[]
}

export const formatReport = (kind: ReportKind, ...numbers: readonly number[]): string => `${[kind, ...numbers].join(" ")}\n`

export const parseReport = (line: string): Report => {
  const [kind, ...numbers] = line.split(" ")
  return { kind: kind as ReportKind, numbers: numbers.map(Number) }
}

/** What the parent says, once. */
export const formatOrder = (first: number, calls: number): string => `go ${first} ${calls}\n`

export const parseOrder = (line: string): { readonly first: number; readonly calls: number } | undefined => {
  const [, first, calls] = /^go (\d+) (\d+)\n$/.exec(line) ?? []
  return first === undefined ? undefined : { first: Number(first), calls: Number(calls) }
}
