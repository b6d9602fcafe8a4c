/**
 * Events of syncing, each of them a difference of two statuses that follow each other.
 *
 *   change     the status is another one                  denied    a remote refused operations, or does not let this principal bring them
 *   active     a cycle begins, while none ran             error     something failed that does not pass by itself
 *   paused     nothing runs any more, for now             complete  it was stopped
 */
import { InvalidOption } from "../../errors.ts"
import { textOf } from "../../text.ts"
import type { StatusFeed } from "./status-feed.ts"
import type { RemoteStatus, SyncFailure, SyncStatus } from "./sync-status.ts"

/** What listeners to an event are given. */
export interface SyncEvents {
  readonly change: SyncStatus
  readonly active: SyncStatus
  readonly paused: SyncStatus
  readonly denied: RemoteStatus
  readonly error: SyncFailure
  readonly complete: SyncStatus
}

type Differences = { readonly [Event in keyof SyncEvents]: (before: SyncStatus, now: SyncStatus) => readonly SyncEvents[Event][] }

const isActive = ({ remotes }: SyncStatus): boolean => remotes.some(({ state }) => state === "connecting" || state === "syncing")

/** Remotes as they are now, each with what it was before. */
const pairs = (before: SyncStatus, now: SyncStatus): readonly (readonly [RemoteStatus | undefined, RemoteStatus])[] =>
  now.remotes.map((remote, i) => [before.remotes[i], remote] as const)

const isNewFailure = (before: SyncFailure | undefined, now: SyncFailure | undefined): now is SyncFailure =>
  now !== undefined && !now.retryable && !(before?.at === now.at && before.code === now.code && before.call === now.call)

const DIFFERENCES: Differences = {
  change: (_, now) => [now],
  active: (before, now) => isActive(now) && !isActive(before) ? [now] : [],
  paused: (before, now) => isActive(before) && !isActive(now) ? [now] : [],
  denied: (before, now) =>
    pairs(before, now).filter(([was, is]) =>
      is.refusedOperations > (was?.refusedOperations ?? 0) || is.isForbidden && was?.isForbidden !== true
    ).map(([, is]) => is),
  error: (before, now) => pairs(before, now).flatMap(([was, { lastError }]) => isNewFailure(was?.lastError, lastError) ? [lastError] : []),
  complete: (before, now) => now.state === "stopped" && before.state !== "stopped" ? [now] : [],
}

/** Calls `listener` whenever `event` happens from now on. Answers the function that ends it. Throws `InvalidOption` for an event that is not known. */
export function onSyncEvent<Event extends keyof SyncEvents>(
  feed: StatusFeed,
  event: Event,
  listener: (detail: SyncEvents[Event]) => void,
): () => void {
  if (!Object.hasOwn(DIFFERENCES, event)) {
    throw new InvalidOption({ option: "event", found: textOf(event), expected: `one of ${Object.keys(DIFFERENCES).join(", ")}` })
  }
  let before: SyncStatus | undefined
  return feed.subscribe((now) => {
    const details = before === undefined ? [] : DIFFERENCES[event](before, now)
    before = now
    for (const detail of details) listener(detail)
  })
}
