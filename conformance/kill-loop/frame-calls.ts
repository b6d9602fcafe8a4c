/**
 * Frames and snapshots: what a child writes straight through the storage port. The same seed and position give the same bytes in child and
 * parent, so the pipe between them carries positions alone, and a byte that is lost, moved or half there is found by comparing.
 */
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { bytesOf } from "../log-storage/frames.ts"
import { Random } from "../processes/random.ts"

const FRAME_BYTES_MAX = 3_900_000
/** Writing one that is longer takes long enough to be killed in the middle of. */
const LARGE_BYTES_MIN = 400_000
const SLICES_MAX = 12
const SLICE_BYTES_MAX = 500_000

/** Length of the frame at a position. Small ones are as likely as large ones. */
export const frameBytesAt = (seed: number, position: Position): number => new Random(seed, position, 3).spread(FRAME_BYTES_MAX)

export const frameAt = (seed: number, position: Position): Bytes => bytesOf(frameBytesAt(seed, position), seed + position)

export const isLargeFrame = (seed: number, position: Position): boolean => frameBytesAt(seed, position) >= LARGE_BYTES_MIN

/** Lengths of the slices of the snapshot at a position. One in some has none. */
export const sliceBytesAt = (seed: number, at: Position): readonly number[] => {
  const random = new Random(seed, at, 4)
  return Array.from({ length: random.spread(SLICES_MAX) - 1 }, () => random.spread(SLICE_BYTES_MAX))
}

export const sliceAt = (seed: number, at: Position, index: number): Bytes =>
  bytesOf(sliceBytesAt(seed, at)[index]!, seed + at * SLICES_MAX + index)
