/** Changes as an iterable: a subscription with room for the latest change of each key. */
import type { StoreCore } from "./store-core.ts"
import type { Change, Watched } from "./types.ts"

export async function* watchChanges<T>(
  core: StoreCore,
  collection: number,
  query: Watched,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Change<T>[], void, undefined> {
  let waiting = new Map<string, Change<T>>()
  let wake = (): void => {}
  const end = core.subscriptions.add(collection, query, (changes) => {
    for (const change of changes as readonly Change<T>[]) {
      waiting.delete(change.key) // the latest change stands last
      waiting.set(change.key, change)
    }
    wake()
  })
  const abort = (): void => wake()
  signal?.addEventListener("abort", abort)
  const endOnClose = core.onClose(abort)
  try {
    while (!core.isClosed) {
      signal?.throwIfAborted()
      if (waiting.size > 0) {
        const changes = [...waiting.values()]
        waiting = new Map()
        yield changes
      } else {
        await new Promise<void>((resolve) => wake = resolve)
      }
    }
  } finally {
    end()
    endOnClose()
    signal?.removeEventListener("abort", abort)
  }
}
