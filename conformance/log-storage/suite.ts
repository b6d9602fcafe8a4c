/** The suite for adapters: all cases about `kernel/ports/log-storage.ts`. */
import type { Adapter, Awaitable } from "../../kernel/ports/log-storage.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
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

/**
 * The suite for an adapter. `makeAdapter` is called once for each case, and gives an adapter over an empty place, or a subject that has one and
 * says more: how a fresh process would see the place, and the bytes beneath it.
 */
export const adapterSuite = (makeAdapter: () => Awaitable<Adapter | LogStorageSubject>, options: SuiteOptions = {}): Suite => {
  let { name } = options
  return makeSuite(() => name ?? "adapter", logStorageCases, async () => {
    const made = await makeAdapter()
    const subject = "adapter" in made ? made : { adapter: made }
    name ??= subject.adapter.name
    return new LogStorageTrial(subject, options.patienceMillis)
  })
}
