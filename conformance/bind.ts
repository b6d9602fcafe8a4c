/**
 * A suite as tests of the author's own framework: node:test, Deno's tests, Bun's, Vitest, or what is like them.
 *
 *   describe(<suite>) ── it("<title> [<id>]")              passes, or fails with what was expected and seen, the rule, and why it matters
 *                    └── it.skip("<title> [<id>]: <reason>")
 *
 * Frameworks differ in how a test that runs can still be skipped, and some cannot do it at all: so a subject is asked beforehand what it lacks.
 */
import { formatResult } from "./report.ts"
import { CASE_MILLIS_MAX, type RunOptions, selectCases } from "./runner.ts"
import type { Suite } from "./suite.ts"

/** Registers a test by its name; frameworks that end slow tests look at the third argument. */
export type RegisterTest = (name: string, body: () => Promise<void>, timeoutMillis: number) => unknown

/** What of a test framework is needed: its own functions, as they are. */
export interface TestFunctions {
  /** Without it the names of tests begin with that of the suite. */
  readonly describe?: ((name: string, body: () => void) => unknown) | undefined
  /** With `skip` (node:test, Bun, Vitest) or `ignore` (Deno.test), which registers a test that does not run. */
  readonly it: RegisterTest & { readonly skip?: RegisterTest | undefined; readonly ignore?: RegisterTest | undefined }
}

/** Beside the longest time of a case, for the framework: what making and freeing the subject may take. */
const SPARE_MILLIS = 5000

/**
 * Registers one test for each selected case; a test file awaits it at its top level. Of a subject that cannot be made every test fails.
 *
 * A recommendation that is not met passes, and its warning is printed. Rejects with `InvalidOption` if `only` names no case.
 */
export const bindTo = async (
  { describe, it }: TestFunctions,
  suite: Suite,
  options: Pick<RunOptions, "only" | "timeoutMillis"> = {},
): Promise<void> => {
  const selected = selectCases(suite.cases, options.only)
  const timeoutMillis = options.timeoutMillis ?? CASE_MILLIS_MAX
  const skips = await suite.skips()
  const skip = it.skip ?? it.ignore
  const register = (prefix: string): void => {
    for (const { id, title } of selected) {
      const name = `${prefix}${title} [${id}]`, reason = skips.get(id)
      const body = async (): Promise<void> => {
        const result = await suite.runCase(id, timeoutMillis)
        if (result.outcome === "failed") throw new Error(formatResult(result), { cause: result.error })
        for (const warning of result.warnings) console.warn(`${id}: ${warning}`)
      }
      if (reason === undefined || skip === undefined) it(name, body, timeoutMillis + SPARE_MILLIS)
      else skip(`${name}: ${reason}`, body, timeoutMillis + SPARE_MILLIS)
    }
  }
  if (describe === undefined) register(`${suite.name}: `)
  else describe(suite.name, () => register(""))
}
