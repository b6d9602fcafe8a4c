/** Web runtime: one without files and processes in which subjects run, started by a program on Node. */
import type { Report } from "../mod.ts"
import { Host } from "./host.ts"

const SILENCE_MILLIS_MAX = 60_000

/** One that is on this machine. */
export interface FoundRuntime {
  /** Its name with its version, as the table has it. */
  readonly name: string
  /** For whom the suites are bundled. */
  readonly script: string
  /** Starts the rows; those tell `host`. */
  start(host: string, query: string): Promise<RunningRuntime>
}

/** One that has begun. */
export interface RunningRuntime {
  /** Rejects when it ends, or something fails in it, before it is ended. Never resolves before. */
  readonly broken: Promise<never>
  /** Ends it, and removes what it kept. */
  end(): Promise<void>
}

/** What a run is of. */
export interface WebRun {
  readonly rows: readonly string[]
  readonly only?: readonly string[] | undefined
  /** Hears the line of each case that has ended. */
  readonly say: (line: string) => void
  /** Longest time until the next case is told of, in milliseconds. Default a minute. */
  readonly silenceMillisMax?: number | undefined
}

/** Runs the cases of rows in a runtime: reports by row. Rejects where one of them cannot be checked at all, or is silent. */
export const runRows = async (
  runtime: FoundRuntime,
  { rows, only, say, silenceMillisMax = SILENCE_MILLIS_MAX }: WebRun,
): Promise<ReadonlyMap<string, Report>> => {
  const reports = new Map<string, Report>()
  const { promise: silent, resolve: fail } = Promise.withResolvers<Error>()
  const { promise: done, resolve: finish } = Promise.withResolvers<void>()
  let timer: ReturnType<typeof setTimeout> | undefined, last = "nothing"
  const listen = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => fail(new Error(`${runtime.name} is silent; its last case was ${last}`)), silenceMillisMax)
  }
  const host = await Host.start(runtime.script, (told) => {
    listen()
    if (told.kind === "failure") fail(new Error(`${told.row}: ${told.reason}`))
    if (told.kind === "case") say(last = told.line)
    if (told.kind === "report") reports.set(told.row, JSON.parse(told.json))
    if (rows.every((row) => reports.has(row))) finish()
  })
  let running: RunningRuntime | undefined
  try {
    listen()
    const query = new URLSearchParams([...rows.map((row) => ["row", row]), ...(only ?? []).map((id) => ["only", id])])
    running = await runtime.start(host.url, String(query))
    const error = await Promise.race([done, silent, running.broken])
    if (error !== undefined) throw error
    return reports
  } finally {
    clearTimeout(timer)
    await running?.end()
    await host.stop()
  }
}
