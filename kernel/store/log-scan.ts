/** Scan of a store's log: every operation that its fold takes, from the first frame to the head, for what views do not keep. */
import { abortable } from "../abortable.ts"
import type { BlockColumns } from "../format/block-columns.ts"
import { FrameReader } from "../format/frame.ts"
import { REPLAY_PAGE_BYTES, REPLAY_PAGE_FRAMES } from "../limits.ts"
import { foldNext, replayStart } from "../log/replay.ts"
import type { Position } from "../ports/log-storage.ts"
import { LogViews } from "../views/log-views.ts"
import type { StoreCore } from "./store-core.ts"

const PAGE = { maxFrames: REPLAY_PAGE_FRAMES, maxBytes: REPLAY_PAGE_BYTES }

/** Called with a block and a row of it; both are another one's after the call. */
export type OperationListener = (block: BlockColumns, at: number, position: Position) => void

/**
 * Calls `onOperation` for all operations in the order of the log, and gives its position after each page, so that the caller may do something between.
 * Rejects with `StoreClosed` (for `call`) if the store is closed meanwhile, with the signal's reason, and as reading the log does.
 */
export async function* scanLog(
  core: StoreCore,
  call: string,
  onOperation: OperationListener,
  signal?: AbortSignal,
): AsyncGenerator<Position, void, undefined> {
  const { options: { storage }, checksum, turns, log: { head } } = core, frame = new FrameReader(checksum), point = replayStart()
  const views = new ScanViews((block, at) => onOperation(block, at, point.position + 1))
  while (point.position < head) {
    await turns.due()
    core.assertOpen(call)
    const page = await abortable(storage.read(point.position, PAGE), signal)
    if (page.length === 0) return
    let failure: { readonly error: unknown } | undefined
    try {
      for (const bytes of page) foldNext(storage, point, bytes, frame, () => views.foldFrame(frame))
    } catch (error) {
      failure = { error } // what comes before it can be read
    }
    yield point.position
    if (failure !== undefined) throw failure.error
  }
}

/** Tells of every operation that the fold takes, once: ranges that came over several remotes may overlap (rule S13). */
class ScanViews extends LogViews {
  readonly #onOperation: (block: BlockColumns, at: number) => void

  constructor(onOperation: (block: BlockColumns, at: number) => void) {
    super()
    this.#onOperation = onOperation
  }

  protected override onRows(block: BlockColumns, _hashed: boolean, isNew: ((row: number) => boolean) | undefined): void {
    for (let at = 0; at < block.count; at++) if (isNew === undefined || isNew(at)) this.#onOperation(block, at)
  }
}
