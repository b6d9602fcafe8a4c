/**
 * Pages of a pull, out of a log's frames: whole frames behind a cursor, their parts as they lie there (rule S16).
 *
 * A block that the puller says it has goes as a range alone, unless it names withheld numbers, which the puller has to hear of.
 */
import { readBlockHead } from "../format/block-head.ts"
import { ByteReader } from "../format/bytes.ts"
import type { Checksum } from "../format/checksum.ts"
import { FrameReader, PartType } from "../format/frame.ts"
import { WITHHELD_BYTES } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { LogStorage, Position } from "../ports/log-storage.ts"
import type { Cursor, Part, PassedRange, PullRequest, RemoteLimits } from "../ports/remote.ts"

/** Frames that are read from the storage at a time. */
const READ_FRAMES = 512

export interface LogPage {
  readonly parts: readonly Part[]
  readonly ranges: readonly PassedRange[]
  readonly next: Cursor
}

/** What is remembered of a frame: enough to pass it over for those who have it, without reading it. */
export interface RecentFrame extends Cursor {
  /** The ranges of its blocks; undefined if it has anything that everybody has to see. */
  readonly ranges: readonly PassedRange[] | undefined
}

/** Takes note of a frame that was read. */
export function recentFrameOf(frame: FrameReader): RecentFrame {
  const ranges: PassedRange[] = [], { position } = frame, id = frame.id.slice()
  frame.rewind()
  while (frame.nextPart()) {
    if (frame.partType === PartType.settings) continue
    const head = frame.partType === PartType.block ? readBlockHead(frame.reader) : undefined
    if (head === undefined || head.withheldMax > 0) return { position, id, ranges: undefined }
    ranges.push({ writer: head.writer, seq: head.to })
  }
  return { position, id, ranges }
}

/**
 * The frames after the cursor, which the log contains, up to `head` or a limit; at least one, if there is one. Those that `recent` remembers,
 * and that the puller has, are not read.
 */
export async function readPage(
  storage: LogStorage,
  checksum: Checksum,
  { cursor, have, partsBytesMax }: PullRequest,
  head: Position,
  limits: RemoteLimits,
  recent: ReadonlyMap<Position, RecentFrame> = new Map(),
): Promise<LogPage> {
  const page = new PageBuilder(checksum, have, { ...limits, partsBytesMax: Math.min(partsBytesMax || 1, limits.partsBytesMax) })
  let next = cursor
  while (next.position < head) {
    const remembered = recent.get(next.position + 1)
    if (remembered !== undefined && page.passOver(remembered)) {
      next = { position: remembered.position, id: remembered.id }
      continue
    }
    const maxFrames = Math.min(READ_FRAMES, head - next.position)
    const frames = await storage.read(next.position, { maxFrames, maxBytes: page.bytesLeft })
    if (frames.length === 0) break
    for (const bytes of frames) {
      const id = page.add(bytes)
      if (id === undefined) return page.end(next)
      next = { position: next.position + 1, id }
    }
  }
  return page.end(next)
}

class PageBuilder {
  readonly #frame: FrameReader
  readonly #reader = new ByteReader("a block")
  readonly #have: ReadonlyMap<string, number>
  readonly #limits: RemoteLimits
  readonly #parts: Part[] = []
  /** The greatest range of each writer stands for the others; it need not be the last, since blocks overlap (rule S13). */
  readonly #ranges = new Map<string, PassedRange>()
  #bytes = 0
  #operations = 0
  #frames = 0

  constructor(checksum: Checksum, have: readonly PassedRange[], limits: RemoteLimits) {
    this.#frame = new FrameReader(checksum)
    this.#have = new Map(have.map(({ writer, seq }) => [bytesToHex(writer), seq]))
    this.#limits = limits
  }

  get bytesLeft(): number {
    return Math.max(1, this.#limits.partsBytesMax - this.#bytes)
  }

  /** Passes a frame over of which the puller has all; answers false, and does nothing, if it has to be looked at. */
  passOver({ ranges }: RecentFrame): boolean {
    if (ranges === undefined || this.#parts.length + this.#ranges.size + ranges.length > this.#limits.partsMax) return false
    if (!ranges.every(({ writer, seq }) => seq <= (this.#have.get(bytesToHex(writer)) ?? 0))) return false
    for (const range of ranges) this.#pass(range)
    this.#frames++
    return true
  }

  /** Takes a frame's parts and answers its id; undefined, and nothing is taken, if the page is full. */
  add(frameBytes: Uint8Array): Cursor["id"] | undefined {
    const frame = this.#frame, reader = this.#reader, parts: Part[] = [], ranges: PassedRange[] = []
    let bytes = 0, operations = 0
    frame.read(frameBytes)
    frame.rewind()
    while (frame.nextPart()) {
      if (frame.partType === PartType.settings) continue // this log's own
      const { buffer, at, end } = frame.reader
      const content = new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset + at, end - at)
      if (frame.partType === PartType.block) {
        reader.point(content, 0, content.length)
        const { writer, to, count, withheldMax } = readBlockHead(reader)
        if (withheldMax === 0 && to <= (this.#have.get(bytesToHex(writer)) ?? 0)) {
          ranges.push({ writer, seq: to })
          continue
        }
        operations += count
        bytes += withheldMax * WITHHELD_BYTES
      }
      parts.push({ type: frame.partType, content })
      bytes += content.length
    }
    const { partsBytesMax, operationsMax, partsMax } = this.#limits
    const isOver = this.#bytes + bytes > partsBytesMax || this.#operations + operations > operationsMax ||
      this.#parts.length + this.#ranges.size + parts.length + ranges.length > partsMax
    if (isOver && this.#frames > 0) return undefined
    for (const part of parts) this.#parts.push(part)
    for (const range of ranges) this.#pass(range)
    this.#bytes += bytes
    this.#operations += operations
    this.#frames++
    return frame.id.slice()
  }

  #pass(range: PassedRange): void {
    const writer = bytesToHex(range.writer), before = this.#ranges.get(writer)
    if (before === undefined || before.seq < range.seq) this.#ranges.set(writer, range)
  }

  end(next: Cursor): LogPage {
    return { parts: this.#parts, ranges: [...this.#ranges.values()], next }
  }
}
