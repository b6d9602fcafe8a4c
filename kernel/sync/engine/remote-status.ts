/** What is said of one remote, out of what its engine knows. */
import type { CycleStatus } from "../cycle.ts"
import type { CycleSteps } from "./cycle-steps.ts"
import type { LiveChannel } from "./live-channel.ts"
import type { MeteredRemote } from "./metered-remote.ts"
import type { Stall } from "./stall.ts"
import type { RemoteStatus, SyncState } from "./sync-status.ts"

export interface RemoteStatusSource {
  readonly remote: MeteredRemote
  readonly cycle: CycleStatus
  readonly steps: CycleSteps
  readonly stalls: Readonly<Record<"connect" | "push" | "pull" | "hints", Stall>>
  readonly live: LiveChannel
  /** The next cycle begins with a handshake. */
  readonly isForgetful: boolean
  /** A cycle runs. */
  readonly isRunning: boolean
  readonly isPaused: boolean
  readonly isStopped: boolean
}

export function toRemoteStatus(source: RemoteStatusSource): RemoteStatus {
  const { remote, cycle, steps, live } = source, { connect, push, pull, hints } = source.stalls
  const { pendingOperations, pendingBytes, upstreamLoss, cursor, caughtUp, remoteHead, clockOffsetMillis, handshake, totals } = cycle
  // What keeps everything from going on comes first.
  const stalls = [connect, pull, push, hints, live.stall]
  const waits = stalls.filter(({ failure, isOpen }) => failure !== undefined && !isOpen)
  return Object.freeze({
    remote: remote.name,
    state: stateOf(source),
    online: steps.isOnline,
    pendingOperations,
    pendingBytes,
    upstreamLoss,
    lastPushAt: steps.lastPushAt,
    lastPullAt: steps.lastPullAt,
    lastError: stalls.find(({ failure }) => failure !== undefined)?.failure,
    nextAttemptAt: waits.length === 0 ? undefined : Math.min(...waits.map(({ nextAttemptAt }) => nextAttemptAt ?? Infinity)),
    remoteHead,
    isSynced: steps.lastPullAt !== undefined && caughtUp && pendingOperations === 0 && cursor.position >= remoteHead,
    progress: steps.progress && Object.freeze(steps.progress),
    counters: Object.freeze({
      requests: remote.requests,
      sentOperations: totals.operations,
      sentBytes: remote.sentBytes,
      receivedBytes: remote.receivedBytes,
      coalesced: totals.coalesced,
      coalescedBytes: totals.coalescedBytes,
    }),
    clockOffsetMillis,
    durability: handshake?.durability,
    refusedOperations: totals.refused,
    isForbidden: steps.isForbidden,
  })
}

function stateOf({ steps, stalls, live, cycle, isForgetful, isRunning, isPaused, isStopped }: RemoteStatusSource): SyncState {
  if (isStopped) return "stopped"
  if (isRunning) return steps.step === "connect" ? "connecting" : "syncing"
  if (isPaused) return "paused"
  const { connect, pull, push } = stalls, failing = [connect, pull, push].filter(({ failure }) => failure !== undefined)
  // What is parked waits for somebody, so it is told before what passes by itself.
  const stalled = (failing.find(({ isParked }) => isParked) ?? failing[0])?.state
  return stalled ?? (cycle.handshake === undefined || isForgetful ? "connecting" : live.isConnected ? "live" : "idle")
}
