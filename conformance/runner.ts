/**
 * Runs cases one after another and says of each how it ended.
 *
 *   select ──▶ for each case: begin a trial ──▶ lacks something? ── yes ──▶ skipped, with the reason
 *                                                   │ no
 *                                                   ▼
 *                                   run, at most timeoutMillis ──▶ passed
 *                                                   │ it rejects, hangs, or something fails late
 *                                                   ▼
 *                                   MUST: failed · SHOULD: skipped, with a warning
 *
 * A trial is ended whatever happened; one that cannot be begun or ended has failed.
 */
import { InvalidOption } from "../kernel/errors.ts"
import { type Case, type CaseFacts, groupOf, type Level } from "./case.ts"
import { describeError, fail } from "./expect.ts"
import { collectLateErrors, type LateErrors } from "./late-errors.ts"

/** Longest time that one case may take, unless the caller says otherwise. */
export const CASE_MILLIS_MAX = 20_000

/** One subject on its way through one case. */
export interface Trial {
  /** What was noticed that breaks no rule. */
  readonly warnings: readonly string[]
  /** Why the subject cannot do this; undefined if it can. */
  lacks(need: string): string | undefined
  /** Frees the subject. */
  end(): Promise<void>
}

/** How one case ended. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly level: Level
  readonly rule: string
  readonly why: string
  readonly outcome: "passed" | "failed" | "skipped"
  /** Why it was skipped or what was broken, in one line; undefined if it passed. */
  readonly reason?: string | undefined
  /** What it failed with, as it was thrown. */
  readonly error?: unknown
  readonly warnings: readonly string[]
  readonly millis: number
}

/** What a run found. */
export interface Report {
  /** Who was checked. */
  readonly name: string
  readonly results: readonly CaseResult[]
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly warnings: number
  /** No case failed, and at least one passed. */
  readonly conforms: boolean
}

/** What to run, and how. */
export interface RunOptions {
  /** Ids of cases (`append/taken-position`) or of groups (`append`); all if left out. */
  readonly only?: readonly string[] | undefined
  /** Longest time of one case, in milliseconds. Default {@link CASE_MILLIS_MAX}. */
  readonly timeoutMillis?: number | undefined
  /** Called before each case, with its index among `count`. */
  readonly onStart?: ((one: CaseFacts, index: number, count: number) => void) | undefined
  /** Called after each case, in order. */
  readonly onResult?: ((result: CaseResult) => void) | undefined
}

/** The cases that `only` names, in their own order. Throws `InvalidOption` for a name that matches none, and if nothing is left. */
export const selectCases = <C extends { readonly id: string }>(cases: readonly C[], only: readonly string[] | undefined): readonly C[] => {
  const isNamed = ({ id }: C, name: string): boolean => id === name || groupOf(id) === name.replace(/\/$/, "")
  for (const name of only ?? []) {
    if (!cases.some((one) => isNamed(one, name))) {
      throw new InvalidOption({
        option: "only",
        found: name,
        expected: `the id of a case or one of the groups ${[...new Set(cases.map(({ id }) => groupOf(id)))].join(", ")}`,
      })
    }
  }
  const selected = only === undefined ? cases : cases.filter((one) => only.some((name) => isNamed(one, name)))
  if (selected.length === 0) throw new InvalidOption({ option: "only", found: "no case", expected: "at least one case" })
  return selected
}

/** Runs one case against the trial that `begin` makes for it. Never rejects. */
export const runCase = async <T extends Trial>(
  one: Case<T>,
  begin: () => Promise<T>,
  timeoutMillis: number = CASE_MILLIS_MAX,
): Promise<CaseResult> => {
  const { id, title, level, rule, why } = one
  const started = performance.now()
  const warnings: string[] = []
  const result = (rest: Pick<CaseResult, "outcome" | "reason" | "error">): CaseResult => ({
    id,
    title,
    level,
    rule,
    why,
    warnings,
    millis: performance.now() - started,
    ...rest,
  })

  const late = collectLateErrors()
  let trial: T | undefined
  try {
    trial = await within(begin(), timeoutMillis, "making the subject")
    for (const need of one.requires) {
      const reason = trial.lacks(need)
      if (reason !== undefined) return result({ outcome: "skipped", reason })
    }
    await within(one.run(trial), timeoutMillis, "the case")
    await failOnLateErrors(late)
    // Ended here too, so that what fails only at the end fails the case.
    await within(trial.end(), timeoutMillis, "freeing the subject")
    await failOnLateErrors(late)
    return result({ outcome: "passed" })
  } catch (error) {
    const reason = describeError(error)
    if (level === "MUST") return result({ outcome: "failed", reason, error })
    warnings.push(`recommended, not met: ${reason}`)
    return result({ outcome: "skipped", reason: "recommended, not met", error })
  } finally {
    // After a failure what `end` says adds nothing; after success it has ended already and this does nothing.
    if (trial !== undefined) await within(trial.end(), timeoutMillis, "freeing the subject").catch(() => undefined)
    warnings.push(...trial?.warnings ?? [])
    late.stop()
  }
}

/** Runs the selected cases in order. Rejects with `InvalidOption` for a selection that names nothing; else never. */
export const runCases = async <T extends Trial>(
  name: string,
  cases: readonly Case<T>[],
  begin: () => Promise<T>,
  options: RunOptions = {},
): Promise<Report> => {
  const results: CaseResult[] = []
  const selected = selectCases(cases, options.only)
  for (const [index, one] of selected.entries()) {
    options.onStart?.(one, index, selected.length)
    const result = await runCase(one, begin, options.timeoutMillis)
    results.push(result)
    options.onResult?.(result)
  }
  return reportOf(name, results)
}

/** Counts results. */
export const reportOf = (name: string, results: readonly CaseResult[]): Report => {
  const count = (outcome: CaseResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length
  const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")]
  const warnings = results.reduce((sum, result) => sum + result.warnings.length, 0)
  return { name, results, passed, failed, skipped, warnings, conforms: failed === 0 && passed > 0 }
}

const within = async <T>(work: Promise<T>, millis: number, what: string): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${millis} ms`)), millis)
  })
  try {
    return await Promise.race([work, expired])
  } finally {
    clearTimeout(timer)
  }
}

/** A turn of the event loop, for what fails late to do so; then fails if something did. */
const failOnLateErrors = async (late: LateErrors): Promise<void> => {
  await new Promise<void>((resolve) => setTimeout(resolve, 0))
  const [first] = late.take().map((error) => ({ error }))
  if (first !== undefined) fail(`something failed that nobody awaits: ${describeError(first.error)}`, first.error)
}
