/**
 * Replay: reads frames page by page and hands each one on, checked. Memory is bounded by one page, whatever the length of the log.
 *
 * A frame must have the position after the one before and name its id, so a frame that was moved, doubled or copied from another
 * log is found even where its checksum is right.
 */
import { CorruptBytes, CorruptFrame } from "../errors.ts"
import type { FrameReader } from "../format/frame.ts"
import { FRAME_ID_BYTES } from "../model/identifiers.ts"
import { REPLAY_PAGE_BYTES, REPLAY_PAGE_FRAMES } from "../limits.ts"
import type { Bytes, LogStorage, Position } from "../ports/log-storage.ts"
import type { Turns } from "./turns.ts"

/** How far a replay has come: the last frame that was handed on. */
export interface ReplayPoint {
  position: Position
  /** Its id; 16 zero bytes at position 0. */
  readonly id: Bytes
}

/** Before the first frame. */
export const replayStart = (): ReplayPoint => ({ position: 0, id: new Uint8Array(FRAME_ID_BYTES) })

const PAGE = { maxFrames: REPLAY_PAGE_FRAMES, maxBytes: REPLAY_PAGE_BYTES }

/** Are two ids the same? */
export function sameId(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < FRAME_ID_BYTES; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * Hands every frame after `point` to `fold` and moves `point` along, until the storage has no more. Answers how many there were.
 *
 * Throws `CorruptFrame` for a frame that is damaged, out of place or cannot be folded; `point` then stands before it.
 */
export async function replay(
  storage: LogStorage,
  point: ReplayPoint,
  frame: FrameReader,
  fold: (frame: FrameReader) => void,
  turns: Turns,
  signal?: AbortSignal,
): Promise<number> {
  let frames = 0
  for (;;) {
    const turn = turns.due()
    if (turn !== undefined) await turn
    signal?.throwIfAborted()
    const read = storage.read(point.position, PAGE)
    const page = read instanceof Promise ? await read : read
    if (page.length === 0) return frames
    for (const bytes of page) {
      foldNext(storage, point, bytes, frame, fold)
      frames++
    }
  }
}

/** Checks that `bytes` are the frame after `point`, folds it and moves `point`. */
export function foldNext(
  storage: LogStorage,
  point: ReplayPoint,
  bytes: Bytes,
  frame: FrameReader,
  fold: (frame: FrameReader) => void,
): void {
  const position = point.position + 1
  const corrupt = (reason: string, cause?: unknown): CorruptFrame =>
    new CorruptFrame({ location: storage.opened.location ?? "memory", position, reason }, { cause })
  try {
    frame.read(bytes)
    if (frame.position !== position) throw corrupt(`it says that it is at position ${frame.position}`)
    if (!sameId(frame.previous, point.id)) throw corrupt("it does not follow the frame before it")
    fold(frame)
  } catch (error) {
    if (error instanceof CorruptBytes) throw corrupt(error.message, error)
    throw error
  }
  point.position = position
  point.id.set(frame.id)
}
