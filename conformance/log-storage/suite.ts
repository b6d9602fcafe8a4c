/** The suite for adapters: all cases about `kernel/ports/log-storage.ts`, and the call that runs them. */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import { type Report, runCases, type RunOptions } from "../runner.ts"
import { appendCases } from "./append.ts"
import { appendFrameCases } from "./append-frames.ts"
import { capabilityCases } from "./capabilities.ts"
import { closingCases } from "./closing.ts"
import { crashCases } from "./crash.ts"
import { damageCases } from "./damage.ts"
import { durabilityCases } from "./durability.ts"
import { nameCases } from "./names.ts"
import { openingCases } from "./opening.ts"
import { readCases } from "./read.ts"
import { snapshotWriteCases } from "./snapshot-writes.ts"
import { snapshotCases } from "./snapshots.ts"
import { storeCases } from "./stores.ts"
import { type LogStorageCase, type LogStorageSubject, LogStorageTrial } from "./trial.ts"
import { trimCases } from "./trim.ts"
import { watchCases } from "./watch.ts"

/** Every case for adapters, in the order in which they are run. */
export const logStorageCases: readonly LogStorageCase[] = [
  ...capabilityCases,
  ...openingCases,
  ...closingCases,
  ...appendCases,
  ...appendFrameCases,
  ...readCases,
  ...snapshotCases,
  ...snapshotWriteCases,
  ...trimCases,
  ...watchCases,
  ...storeCases,
  ...nameCases,
  ...durabilityCases,
  ...crashCases,
  ...damageCases,
]

/** What to check, and how. */
export interface SuiteOptions extends RunOptions {
  /** Makes the adapter over an empty place; called once for each case. */
  readonly make: () => Awaitable<LogStorageSubject>
  /** How the report names it. Default: the adapter's name. */
  readonly name?: string | undefined
  /** How long to wait for a notification that must come, in milliseconds. */
  readonly patienceMillis?: number | undefined
}

/**
 * Checks an adapter against the storage port, one case after another, and reports. `report.conforms` says whether it passed.
 *
 * Rejects with `InvalidOption` if `only` names no case; never because of the adapter.
 */
export const runSuite = async (options: SuiteOptions): Promise<Report> => {
  let name = options.name
  const begin = async (): Promise<LogStorageTrial> => {
    const subject = await options.make()
    name ??= subject.adapter.name
    return new LogStorageTrial(subject, options.patienceMillis)
  }
  const report = await runCases("", logStorageCases, begin, options)
  return { ...report, name: name ?? "adapter" }
}
