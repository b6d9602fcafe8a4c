/** An open store as the engine of its syncs sees it. */
import type { SyncedStore } from "../sync/engine/synced-store.ts"
import type { StoreCore } from "./store-core.ts"

export function syncedStoreOf(core: StoreCore): SyncedStore {
  return {
    name: core.name,
    get head() {
      return core.log.head
    },
    get deadLetterCount() {
      return core.deadLetters.count
    },
    get conflictCount() {
      return core.strategies.countOpen(core.log.head)
    },
    onWrite: (listener) => core.onFrame(listener),
    flush: () => core.log.flush(),
    onClose: (listener) => core.beforeEnd(listener),
  }
}
