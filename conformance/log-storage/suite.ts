/** The suite for adapters: all cases about `kernel/ports/log-storage.ts`. */
import type { Adapter, Awaitable } from "../../kernel/ports/log-storage.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
import { appendCases } from "./append.ts"
import { appendFrameCases } from "./append-frames.ts"
import { capabilityCases } from "./capabilities.ts"
import { closingCases } from "./closing.ts"
import { crashCases } from "./crash.ts"
import { damageCases } from "./damage.ts"
import { damageEverywhereCases } from "./damage-everywhere.ts"
import { durabilityCases } from "./durability.ts"
import { nameCases } from "./names.ts"
import { faultCases } from "./faults.ts"
import { openingCases } from "./opening.ts"
import { processCases } from "./processes.ts"
import { readCases } from "./read.ts"
import { snapshotWriteCases } from "./snapshot-writes.ts"
import { snapshotCases } from "./snapshots.ts"
import { storeCases } from "./stores.ts"
import { type LogStorageCase, type LogStorageSubject, LogStorageTrial } from "./trial.ts"
import { trimCases } from "./trim.ts"
import { watchCases } from "./watch.ts"

/** What the suite for adapters can be told. */
export interface AdapterSuiteOptions extends SuiteOptions {
  /** Whether cases that take samples (of the moments of a kill, of flipped bits) take all there is: minutes instead of seconds. Default false. */
  readonly isSlow?: boolean | undefined
  /** What random choices begin with: that which a failed case told. Default: another one for each case. */
  readonly seed?: number | undefined
}

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
  ...damageEverywhereCases,
  ...processCases,
  ...faultCases,
]

/**
 * The suite for an adapter. `makeAdapter` is called once for each case, and gives an adapter over an empty place, or a subject that has one and
 * says more: how a fresh process would see the place, and the bytes beneath it.
 */
export const adapterSuite = (
  makeAdapter: () => Awaitable<Adapter | LogStorageSubject>,
  { name: givenName, patienceMillis, isSlow, seed }: AdapterSuiteOptions = {},
): Suite => {
  let name = givenName
  const makeAnother = async (): Promise<LogStorageSubject> => {
    const made = await makeAdapter()
    return "adapter" in made ? made : { adapter: made }
  }
  return makeSuite(() => name ?? "adapter", logStorageCases, async () => {
    const subject = await makeAnother()
    name ??= subject.adapter.name
    return new LogStorageTrial(subject, { patienceMillis, isSlow, seed, makeAnother })
  })
}
