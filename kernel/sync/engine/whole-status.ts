/** What is said of all remotes together. */
import { type RemoteStatus, STATES_BY_WEIGHT, type SyncCounters, type SyncStatus } from "./sync-status.ts"
import type { SyncedStore } from "./synced-store.ts"

const latest = (times: readonly (number | undefined)[]): number | undefined =>
  times.reduce((a, b) => a === undefined || b !== undefined && b > a ? b : a, undefined)

const sum = (remotes: readonly RemoteStatus[], counter: keyof SyncCounters): number =>
  remotes.reduce((total, { counters }) => total + counters[counter], 0)

/** Of at least one remote. */
export function toSyncStatus(store: SyncedStore, label: string | undefined, remotes: readonly RemoteStatus[]): SyncStatus {
  const most = (measure: "pendingOperations" | "pendingBytes" | "remoteHead"): number =>
    Math.max(...remotes.map((remote) => remote[measure]))
  const weightiest = remotes.reduce((a, b) => STATES_BY_WEIGHT.indexOf(b.state) < STATES_BY_WEIGHT.indexOf(a.state) ? b : a)
  const waits = remotes.flatMap(({ nextAttemptAt }) => nextAttemptAt ?? [])
  return Object.freeze({
    store: store.name,
    label,
    state: weightiest.state,
    online: remotes.every(({ online }) => online),
    pendingOperations: most("pendingOperations"),
    pendingBytes: most("pendingBytes"),
    upstreamLoss: remotes.map(({ upstreamLoss }) => upstreamLoss).reduce((a, b) => (b?.operations ?? 0) > (a?.operations ?? 0) ? b : a),
    deadLetters: store.deadLetterCount,
    conflicts: store.conflictCount,
    lastPushAt: latest(remotes.map(({ lastPushAt }) => lastPushAt)),
    lastPullAt: latest(remotes.map(({ lastPullAt }) => lastPullAt)),
    lastError: weightiest.lastError ?? remotes.find(({ lastError }) => lastError !== undefined)?.lastError,
    nextAttemptAt: waits.length === 0 ? undefined : Math.min(...waits),
    localHead: store.head,
    remoteHead: most("remoteHead"),
    isSynced: remotes.every(({ isSynced }) => isSynced),
    progress: remotes.find(({ progress }) => progress !== undefined)?.progress,
    counters: Object.freeze({
      requests: sum(remotes, "requests"),
      sentOperations: sum(remotes, "sentOperations"),
      sentBytes: sum(remotes, "sentBytes"),
      receivedBytes: sum(remotes, "receivedBytes"),
      coalesced: sum(remotes, "coalesced"),
      coalescedBytes: sum(remotes, "coalescedBytes"),
    }),
    clockOffsetMillis: remotes.map(({ clockOffsetMillis }) => clockOffsetMillis).reduce((a, b) => Math.abs(b) > Math.abs(a) ? b : a),
    remotes: Object.freeze(remotes),
  })
}
