/** The status as an iterable: the present one, then each change; of several changes meanwhile the last one. It ends with the one that says "stopped". */
import type { StatusFeed } from "./status-feed.ts"
import type { SyncStatus } from "./sync-status.ts"

export function iterateStatus(feed: StatusFeed): AsyncGenerator<SyncStatus, void, undefined> {
  const bell: Bell = { ring: () => {}, isOver: false }
  const statuses = listen(feed, bell)
  // A generator that waits for a change takes a return only when it goes on, so it is woken.
  const leave = statuses.return.bind(statuses)
  statuses.return = (value) => {
    bell.isOver = true
    bell.ring()
    return leave(value)
  }
  return statuses
}

/** Wakes a consumer that waits for a change. */
interface Bell {
  ring: () => void
  /** It was left. */
  isOver: boolean
}

async function* listen(feed: StatusFeed, bell: Bell): AsyncGenerator<SyncStatus, void, undefined> {
  let latest: SyncStatus | undefined
  const end = feed.subscribe((status) => {
    latest = status
    bell.ring()
  })
  try {
    while (!bell.isOver) {
      const status: SyncStatus | undefined = latest
      latest = undefined
      if (status === undefined) {
        await new Promise<void>((resolve) => bell.ring = resolve)
        continue
      }
      yield status
      if (status.state === "stopped") return
    }
  } finally {
    end()
  }
}
