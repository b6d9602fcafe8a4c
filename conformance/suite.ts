/**
 * Suite: the cases for one subject, of whatever kind that is. One shape for adapters, remotes and CRDT types, for every runner.
 *
 *   adapterSuite(makeAdapter) ┐              ┌─ run()      a report, with no test framework
 *   remoteSuite(makeRemote)   ├──▶ Suite ────┼─ bindTo()   a test for each case, in the author's framework
 *   crdtSuite(type, …)        ┘              └─ runCase()  one of them
 */
import { InvalidOption } from "../kernel/errors.ts"
import type { Case, CaseFacts } from "./case.ts"
import { outcomeOf } from "./expect.ts"
import { type CaseResult, type Report, runCase, runCases, type RunOptions, type Trial } from "./runner.ts"

/** The cases for one subject, and the ways to run them. */
export interface Suite {
  /** Who is checked: the name that was given, else that of the kind of subject until a case has met one. */
  readonly name: string
  /** In the order in which they are run. */
  readonly cases: readonly CaseFacts[]
  /**
   * Runs the selected cases one after another, each against a subject of its own.
   *
   * Rejects with `InvalidOption` if `only` names no case; never because of the subject.
   */
  run(options?: RunOptions): Promise<Report>
  /** Runs one case by its id, for `timeoutMillis` at most. Rejects with `InvalidOption` if there is none; never because of the subject. */
  runCase(id: string, timeoutMillis?: number): Promise<CaseResult>
  /** Makes one subject and says which cases it lacks something for: reasons by id. Empty where no subject can be made: then each case fails. */
  skips(): Promise<ReadonlyMap<string, string>>
}

/** What every suite of subjects that are made for each case can be told. */
export interface SuiteOptions {
  /** How reports name the subject. Default: the name it has itself. */
  readonly name?: string | undefined
  /** How long to wait for a notification that must come, in milliseconds. */
  readonly patienceMillis?: number | undefined
}

/** A suite of `cases`, whose trials `begin` makes; `nameOf` is asked again at the end of each run. */
export const makeSuite = <T extends Trial>(nameOf: () => string, cases: readonly Case<T>[], begin: () => Promise<T>): Suite => ({
  get name(): string {
    return nameOf()
  },
  cases,
  async run(options) {
    const report = await runCases("", cases, begin, options)
    return { ...report, name: nameOf() }
  },
  async runCase(id, timeoutMillis) {
    const one = cases.find((each) => each.id === id)
    if (one === undefined) throw new InvalidOption({ option: "id", found: id, expected: "the id of a case" })
    return await runCase(one, begin, timeoutMillis)
  },
  async skips() {
    const begun = await outcomeOf(begin)
    if (begun.kind === "error") return new Map()
    const trial = begun.value
    const reasons = new Map<string, string>()
    for (const { id, requires } of cases) {
      const reason = requires.map((need) => trial.lacks(need)).find((each) => each !== undefined)
      if (reason !== undefined) reasons.set(id, reason)
    }
    // One that cannot be freed fails every case, and says so there.
    await outcomeOf(() => trial.end())
    return reasons
  },
})
