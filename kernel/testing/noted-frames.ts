/** A log that a test writes frame by frame, in the words of the vectors. */
import { encodeNotedFrame, type FrameNotation, toHex } from "../../conformance/vectors/notation.ts"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { type BlockNotation, encodeNotedBlock, fromHex } from "../format/block-notation.ts"
import { crc32 } from "../format/checksum.ts"
import { FrameReader, PartType } from "../format/frame.ts"
import type { Bytes, LogStorage } from "../ports/log-storage.ts"
import type { Cursor, Part } from "../ports/remote.ts"
import type { LogViews } from "../views/log-views.ts"

/** What a frame says beside its blocks. */
export type Told = Partial<Pick<FrameNotation, "change" | "receipt" | "flags" | "parts">>

/** A block as a part of pushes and pages. */
export const partOf = (block: BlockNotation): Part => ({ type: PartType.block, content: encodeNotedBlock(block) })

const idOf = (position: number): string => (position === 0 ? 0 : position + 0xf00).toString(16).padStart(32, "0")
/** The cursor of a frame of such a log. */
export const cursorOf = (position: number): Cursor => ({ position, id: fromHex(idOf(position)) })

export class NotedFrames {
  readonly reader: FrameReader = new FrameReader(crc32)
  /** Position of the last frame. */
  position: number = 0

  next(blocks: readonly BlockNotation[], told: Told = {}): Bytes {
    return encodeNotedFrame({
      previous: idOf(this.position),
      position: ++this.position,
      id: idOf(this.position),
      flags: 0,
      parts: blocks.map((block) => ({ type: PartType.block, content: toHex(encodeNotedBlock(block)) })),
      change: null,
      receipt: null,
      ...told,
    })
  }

  /** Folds the next frame. */
  fold(views: LogViews, blocks: readonly BlockNotation[], told: Told = {}): void {
    this.reader.read(this.next(blocks, told))
    views.foldFrame(this.reader)
  }
}

/** A storage with these frames, each a list of blocks. */
export async function storageOf(frames: readonly (readonly BlockNotation[] | Told)[]): Promise<LogStorage> {
  const storage = await memoryAdapter().open("log", { durability: "none", create: true }), noted = new NotedFrames()
  for (const frame of frames) {
    const bytes = "length" in frame ? noted.next(frame) : noted.next([], frame)
    await storage.append(noted.position, bytes)
  }
  return storage
}
