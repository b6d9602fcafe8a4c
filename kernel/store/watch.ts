/** Changes as an iterable: a subscription with room for the latest change of each key. */
import type { StoreCore } from "./store-core.ts"
import type { Change, Watched } from "./types.ts"

export function watchChanges<T>(
  core: StoreCore,
  collection: number,
  query: Watched,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Change<T>[], void, undefined> {
  const bell: Bell = { ring: () => {}, isOver: false }
  const changes = listen<T>(core, collection, query, signal, bell)
  // A generator that waits for a change takes a return only when it goes on, so it is woken.
  const leave = changes.return.bind(changes)
  changes.return = (value) => {
    bell.isOver = true
    bell.ring()
    return leave(value)
  }
  return changes
}

/** Wakes a consumer that waits for a change. */
interface Bell {
  ring: () => void
  /** It was left. */
  isOver: boolean
}

async function* listen<T>(
  core: StoreCore,
  collection: number,
  query: Watched,
  signal: AbortSignal | undefined,
  bell: Bell,
): AsyncGenerator<readonly Change<T>[], void, undefined> {
  let waiting = new Map<string, Change<T>>()
  const end = core.subscriptions.add(collection, query, (changes) => {
    for (const change of changes as readonly Change<T>[]) {
      waiting.delete(change.key) // the latest change stands last
      waiting.set(change.key, change)
    }
    bell.ring()
  })
  const abort = (): void => bell.ring()
  signal?.addEventListener("abort", abort)
  const endOnClose = core.onClose(abort)
  try {
    while (!core.isClosed && !bell.isOver) {
      signal?.throwIfAborted()
      if (waiting.size > 0) {
        const changes = [...waiting.values()]
        waiting = new Map()
        yield changes
      } else {
        await new Promise<void>((resolve) => bell.ring = resolve)
      }
    }
  } finally {
    end()
    endOnClose()
    signal?.removeEventListener("abort", abort)
  }
}
