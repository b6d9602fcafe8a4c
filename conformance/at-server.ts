/** Subjects for adapters that keep stores at a server: a namespace of its own for each case. */
import type { Adapter } from "../kernel/ports/log-storage.ts"
import type { LogStorageSubject } from "./log-storage/trial.ts"

let subjects = 0

/**
 * Gives each case a prefix of its own at one server, such as `c_mi8zk3q1_7_`, whose stores are destroyed afterwards; empty tables stay.
 * `adapterAt` makes an adapter over a prefix, and is called again where a case looks at it as a fresh process would.
 */
export const atServer = (adapterAt: (prefix: string) => Adapter): LogStorageSubject => {
  const prefix = `c_${Date.now().toString(36)}_${(subjects += 1)}_`
  return {
    adapter: adapterAt(prefix),
    reopen: () => adapterAt(prefix),
    async dispose() {
      const adapter = adapterAt(prefix)
      for (const store of await adapter.list()) await adapter.destroy(store)
    },
  }
}
