/**
 * Planner: what to push to a remote: a prefix of this log, of all writers together, without what the remote has (rules S10 to S13).
 *
 *   frames from the first with something lacking ─▶ blocks, whole, until a limit, at a frame's end
 *     ─▶ void what another operation of the plan covers ─▶ blocks as they are, or re-cut where numbers are left out or blocks are many
 *
 * What is void in this log was covered in the push that brought it here, and goes along with what covers it. Where that does not, since the remote has
 * it already (devices may bring own causes alone, rule S36) or it may not go there, the numbers are named as withheld: this log does not have them.
 *
 * Whole blocks go byte for byte. Pure over the frames, the views and what is known of the remote.
 */
import { CorruptBytes } from "../errors.ts"
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import { FrameReader, PartType } from "../format/frame.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { WITHHELD_BYTES } from "../limits.ts"
import type { Bytes, Position } from "../ports/log-storage.ts"
import type { Part, PushRequest, RemoteLimits } from "../ports/remote.ts"
import type { RemoteView } from "../views/remotes.ts"
import type { StoreViews } from "../views/store-views.ts"
import { BlockCutter, type Fate } from "./block-cut.ts"
import type { Known } from "./known.ts"
import { Squash } from "./squash.ts"
import type { SyncedLog } from "./synced-log.ts"

/** What one push is to bring. */
export interface PushPlan {
  /** The views that it was made of: of others it says nothing. */
  readonly views: StoreViews
  /** The remote's, when it was made: after a restart it says nothing of the remote any more. */
  readonly generation: number
  readonly request: PushRequest
  /** Nothing is lacking up to this position of the log once it is taken. */
  readonly through: Position
  /** Writer index → the last number that the push tells of. */
  readonly ranges: ReadonlyMap<number, number>
  readonly operations: number
  readonly bytes: number
  readonly coalesced: number
  readonly coalescedBytes: number
}

/** Frames and bytes that are read from the log at a time. */
const READ_FRAMES = 1024, READ_BYTES = 1_048_576
/** Blocks of a writer with fewer operations than this on average are put together: each costs some 80 bytes of its own. */
const MERGED_ROWS_MAX = 64

/** Void numbers of one writer that one push names as withheld, at most; a log that has more of them was lied to. */
const VOIDS_MAX = 65_536

interface TakenBlock {
  readonly writer: number
  /** How many of its numbers are void in this log, and the last of these. */
  readonly voids: number
  readonly lastVoid: number
  readonly content: Bytes
  readonly from: number
  readonly to: number
  readonly count: number
}

/**
 * The next push, or undefined if the remote lacks nothing that the log has. With `after` it is the one that follows when all of that plan is
 * taken. Rejects as reading the log does.
 */
export async function planPush(log: SyncedLog, known: Known, limits: RemoteLimits, after?: PushPlan): Promise<PushPlan | undefined> {
  const { views } = log, view = known.follow(views)
  if (after === undefined && known.lacking(views).length === 0) return undefined
  return await new Planner(log, views, view, known, limits, after).plan()
}

/** The frames of the remote that a push builds on: both, since they may be of two histories of it (rule S14). */
export const basisOf = ({ cursor }: RemoteView, { last }: Known): PushRequest["basis"] => (last === undefined ? [cursor] : [cursor, last])

class Planner {
  readonly #log: SyncedLog
  readonly #views: StoreViews
  readonly #view: RemoteView
  readonly #known: Known
  readonly #limits: RemoteLimits
  readonly #block = new BlockColumns()
  readonly #taken: TakenBlock[] = []
  /** Writer index → the last number that is taken or known there. */
  readonly #reached = new Map<number, number>()
  #operations = 0
  #bytes = 0
  #through: Position
  /** An operation's context names a number that goes along: it may cover some of them. */
  #mayCover = false
  /** Writer index → the last of its numbers that a context of the plan names or implies; looked up where some are void in this log. */
  readonly #covered = new Map<number, number>()
  #hasWithheld = false

  readonly #after: PushPlan | undefined

  constructor(log: SyncedLog, views: StoreViews, view: RemoteView, known: Known, limits: RemoteLimits, after: PushPlan | undefined) {
    this.#log = log
    this.#views = views
    this.#view = view
    this.#known = known
    this.#limits = limits
    this.#after = after
    this.#through = after?.through ?? known.readFrom
  }

  async plan(): Promise<PushPlan | undefined> {
    const { storage, checksum, head } = this.#log, frame = new FrameReader(checksum)
    reading: while (this.#through < head) {
      const page = await storage.read(this.#through, { maxFrames: Math.min(READ_FRAMES, head - this.#through), maxBytes: READ_BYTES })
      if (page.length === 0 || this.#log.views !== this.#views) return undefined // it was replaced: the next cycle looks again
      for (const bytes of page) {
        frame.read(bytes)
        if (!this.#takeFrame(frame)) break reading
        this.#through++
        if (this.#taken.length === 0 && this.#after === undefined) this.#known.readFrom = this.#through
      }
    }
    return this.#taken.length === 0 ? undefined : this.#finish()
  }

  /** Takes of a frame what the remote lacks; answers false, and takes nothing, if it does not fit any more. */
  #takeFrame(frame: FrameReader): boolean {
    const blocks: TakenBlock[] = []
    let bytes = 0, operations = 0, mayCover = false, hasWithheld = false
    frame.rewind()
    while (frame.nextPart()) {
      if (frame.partType !== PartType.block) continue
      const { reader } = frame, content = reader.buffer.slice(reader.at, reader.end)
      decodeBlock(reader, this.#block)
      const { from, to, count } = this.#block, writer = this.#views.writers.indexOf(this.#block.writers[0]!)
      if (!this.#known.takes(writer, this.#views) || to <= this.#reachedOf(writer, blocks)) continue
      if (from > this.#reachedOf(writer, blocks)) {
        throw new CorruptBytes({ what: "the log", byteOffset: 0, reason: `numbers up to ${from} of a writer are in no frame before it` })
      }
      const voids = to - from - count - this.#block.withheld.length
      blocks.push({ writer, voids, lastVoid: voids === 0 ? 0 : lastVoidOf(this.#block), content, from, to, count })
      bytes += content.length + this.#countWithheld(writer) * WITHHELD_BYTES
      operations += count
      mayCover ||= this.#namesTaken()
      hasWithheld ||= this.#countWithheld(writer, this.#knownOf(writer)) > 0
    }
    const { partsBytesMax, operationsMax, partsMax } = this.#limits
    const isOver = this.#bytes + bytes > partsBytesMax || this.#operations + operations > operationsMax ||
      this.#taken.length + blocks.length > partsMax
    if (isOver && this.#taken.length > 0) return false
    for (const block of blocks) {
      this.#taken.push(block)
      this.#reached.set(block.writer, block.to)
    }
    this.#bytes += bytes
    this.#operations += operations
    this.#mayCover ||= mayCover
    this.#hasWithheld ||= hasWithheld
    return true
  }

  /** Numbers of the block at hand above `after` that go along as withheld. */
  #countWithheld(writer: number, after: number = 0): number {
    const { withheld, seqs, count } = this.#block, { refused } = this.#view
    let all = 0
    for (const seq of withheld) if (seq > after) all++
    if (refused.size > 0) { for (let row = 0; row < count; row++) if (seqs[row]! > after && refused.has(writer, seqs[row]!)) all++ }
    return all
  }

  #knownOf(writer: number): number {
    return Math.max(this.#known.of(writer, this.#views), this.#after?.ranges.get(writer) ?? 0)
  }

  #reachedOf(writer: number, more: readonly TakenBlock[] = []): number {
    const last = more.findLast((block) => block.writer === writer)
    if (last !== undefined) return last.to
    let reached = this.#reached.get(writer)
    if (reached === undefined) this.#reached.set(writer, reached = this.#knownOf(writer))
    return reached
  }

  /** Does a context of the block at hand name a number that the remote lacks? Only then can it cover something of the plan. */
  #namesTaken(): boolean {
    const { count, contextWriters } = this.#block
    for (let row = 0; row < count; row++) {
      if (contextWriters[row] === NO_CONTEXT) continue
      const context = contextWriters[row] === MANY_CONTEXT
        ? this.#block.contexts.get(row)!
        : [contextWriters[row]!, this.#block.contextSeqs[row]!]
      for (let at = 0; at < context.length; at += 2) {
        const writer = this.#views.writers.indexOf(this.#block.writers[context[at]!]!)
        if (context[at + 1]! > this.#knownOf(writer)) return true
      }
    }
    return false
  }

  #finish(): PushPlan {
    const { refused } = this.#view, squash = this.#squash(), cutter = new BlockCutter()
    const parts: Part[] = [], ranges = new Map<number, number>()
    let listed = 0
    for (const [writer, blocks] of byWriter(this.#taken)) {
      const after = this.#knownOf(writer), last = blocks.at(-1)!, coveredTo = this.#coveredTo(writer, blocks)
      const isCut = coveredTo < last.to || blocks[0]!.from < after || refused.hasInRange(writer, after, last.to) ||
        squash.void.hasInRange(writer, after, last.to)
      const operations = blocks.reduce((sum, block) => sum + block.count, 0)
      ranges.set(writer, last.to)
      if (!isCut && (blocks.length === 1 || operations >= blocks.length * MERGED_ROWS_MAX)) {
        for (const { content } of blocks) parts.push({ type: PartType.block, content })
        listed += operations
        continue
      }
      const fateOf = (seq: number): Fate => {
        if (refused.has(writer, seq)) return "withheld"
        if (squash.void.has(writer, seq)) return "void"
        listed++
        return "listed"
      }
      parts.push({ type: PartType.block, content: cutter.cut(blocks.map(({ content }) => content), after, fateOf, coveredTo) })
    }
    let coalescedBytes = 0
    for (const { value } of squash.void.entries()) coalescedBytes += value
    return {
      views: this.#views,
      generation: this.#view.generation,
      request: { basis: basisOf(this.#view, this.#known), own: this.#ownOf(ranges.keys()), parts },
      through: this.#through,
      ranges,
      operations: listed,
      bytes: parts.reduce((sum, { content }) => sum + content.length, 0),
      coalesced: squash.void.size,
      coalescedBytes,
    }
  }

  #squash(): Squash {
    const squash = new Squash(this.#views.lineage)
    for (const { writer, voids } of this.#taken) if (voids > 0) this.#covered.set(writer, 0)
    if (!this.#mayCover) return squash
    const { refused } = this.#view, { reader } = new FrameReader(this.#log.checksum)
    for (const { writer, content } of this.#taken) {
      reader.point(content, 0, content.length)
      decodeBlock(reader, this.#block)
      const after = this.#knownOf(writer)
      const writers = this.#block.writers.map((id) => this.#views.writers.indexOf(id))
      const isListed = (seq: number): boolean => seq > after && !refused.has(writer, seq)
      squash.add(this.#block, writers, isListed)
      if (this.#covered.size > 0) this.#noteCovered(writers, isListed)
    }
    squash.run()
    return squash
  }

  /** What operations of the block at hand that are listed name of writers with void numbers. */
  #noteCovered(writers: readonly number[], isListed: (seq: number) => boolean): void {
    const block = this.#block, { lineage } = this.#views
    for (let row = 0; row < block.count; row++) {
      if (!isListed(block.seqs[row]!)) continue
      const context = block.contextOf(row)
      for (const [writer, covered] of this.#covered) {
        for (let at = 0; at < context.length; at += 2) {
          const other = writers[context[at]!]!, seq = other === writer ? context[at + 1]! : lineage.impliedSeq(other, writer)
          if (seq > covered) this.#covered.set(writer, Math.max(seq, this.#covered.get(writer)!))
        }
      }
    }
  }

  /** Up to which number a writer's void ones are covered by what goes along; all, if there are none. */
  #coveredTo(writer: number, blocks: readonly TakenBlock[]): number {
    const voids = blocks.reduce((sum, block) => sum + block.voids, 0), last = Math.max(...blocks.map(({ lastVoid }) => lastVoid))
    // What covered them may be among what the remote refused; then nothing is known of them.
    if (voids === 0 || voids > VOIDS_MAX || this.#hasWithheld) return Infinity
    const covered = this.#covered.get(writer) ?? 0
    return covered < last ? covered : Infinity
  }

  #ownOf(writers: Iterable<number>): Bytes[] {
    return [...writers].filter((writer) => this.#views.own.has(writer)).map((writer) => this.#views.writers.idOf(writer))
  }
}

/** The last number of a block that is neither listed nor withheld; there is one. */
function lastVoidOf({ seqs, count, withheld, to }: BlockColumns): number {
  const named = new Set([...seqs.subarray(0, count), ...withheld])
  let seq = to
  while (named.has(seq)) seq--
  return seq
}

function byWriter(blocks: readonly TakenBlock[]): Map<number, TakenBlock[]> {
  const found = new Map<number, TakenBlock[]>()
  for (const block of blocks) {
    const others = found.get(block.writer)
    if (others === undefined) found.set(block.writer, [block])
    else others.push(block)
  }
  return found
}
