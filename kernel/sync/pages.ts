/**
 * Taking a page of a pull: what brings anything becomes one local frame, together with the new cursor (rules S16, S18).
 *
 * A page is checked before it is appended, in columns, contexts and keys, and for gaps: a frame that cannot be folded would close the log.
 */
import { CorruptBytes, FormatTooNew, ProtocolViolation } from "../errors.ts"
import { BlockColumns } from "../format/block-columns.ts"
import { ByteReader } from "../format/bytes.ts"
import type { RefusedDot, WriterDot } from "../format/change.ts"
import { OPTIONAL_PART_MIN, PartType } from "../format/frame.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { isUtf8 } from "../format/utf8.ts"
import { FRAME_ID_BYTES } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { Cursor, Part, PullAnswer } from "../ports/remote.ts"
import type { StoreViews } from "../views/store-views.ts"
import { type ArrivingBlock, ArrivingPairs } from "./arriving-pairs.ts"
import { clockOffsetOf, noChange } from "./refusals.ts"
import type { SyncCommit } from "./synced-log.ts"

export type Page = Extract<PullAnswer, { kind: "page" }>

/** Do two cursors name the same frame? */
export const sameCursor = (a: Cursor, b: Cursor): boolean => {
  if (a.position !== b.position) return false
  for (let at = 0; at < FRAME_ID_BYTES; at++) if (a.id[at] !== b.id[at]) return false
  return true
}

/** What the fold has to know of a block beforehand. */
export interface BlockRange extends ArrivingBlock {
  readonly part: Part
  readonly writer: Bytes
}

/** Decodes the blocks of a page; parts that may be ignored are. Throws `ProtocolViolation`, or `FormatTooNew` for what a later release wrote. */
export function checkParts(parts: readonly Part[], remote: string): BlockRange[] {
  const reader = new ByteReader("a page"), block = new BlockColumns()
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ProtocolViolation({ remote, call: "pull", reason }, { cause })
  }
  return parts.filter(({ type }) => type < OPTIONAL_PART_MIN).map((part) => {
    if (part.type !== PartType.block) throw new FormatTooNew({ location: `a page of "${remote}"`, found: part.type, known: PartType.block })
    reader.point(part.content, 0, part.content.length)
    try {
      decodeBlock(reader, block)
      reader.expectEnd()
    } catch (error) {
      if (error instanceof CorruptBytes) refuse(error.message, error)
      throw error
    }
    for (let row = 0; row < block.count; row++) {
      if (!isUtf8(block.bytes, block.keyStarts[row]!, block.keyEnds[row]!)) refuse("a key is not well-formed UTF-8")
    }
    const { from, to } = block
    return {
      part,
      writer: new Uint8Array(block.writers[0]!),
      from,
      to,
      withheld: [...block.withheld],
      seqs: block.seqs.slice(0, block.count),
    }
  })
}

/**
 * The frame of a page that was asked for with `cursor`; none if another handle was faster, or if the page brings nothing at all.
 * Throws `ProtocolViolation` if numbers of a writer are missing.
 */
export const pageCommit =
  (remote: string, page: Page, blocks: readonly BlockRange[], cursor: Cursor, now: () => number): SyncCommit => (views) => {
    const view = views.remotes.of(remote)
    if (!sameCursor(view.cursor, cursor)) return undefined
    // Ranges without their blocks were left out for what this log had; an older copy of it may have taken its place.
    for (const { writer, seq } of page.ranges) if (seq > views.vector.pairOf(views.writers.indexOf(writer)).seq) return undefined
    const clockOffsetMillis = clockOffsetOf(views, remote, now(), page.serverTimeMillis)
    const caughtUp = page.upToDate && !view.caughtUp
    if (sameCursor(page.next, cursor) && !caughtUp && clockOffsetMillis === undefined) return undefined
    const { parts, dropped } = newsOf(blocks, views, remote)
    const refused: RefusedDot[] = []
    for (const { writer, withheld } of blocks) {
      const index = views.writers.indexOf(writer)
      for (const seq of withheld) if (!view.refused.has(index, seq)) refused.push({ writer, seq, code: "withheld", message: "" })
    }
    const ranges = [...dropped, ...page.ranges].filter(({ writer, seq }) => seq > view.vector.pairOf(views.writers.indexOf(writer)).seq)
    return { parts, rewrites: [], change: { ...noChange(remote), cursor: page.next, ranges, refused, caughtUp, clockOffsetMillis } }
  }

/** Parts that bring anything, and the ranges of those that do not. */
function newsOf(blocks: readonly BlockRange[], views: StoreViews, remote: string): { parts: Part[]; dropped: WriterDot[] } {
  const pairs = new ArrivingPairs(views.vector), parts: Part[] = [], dropped: WriterDot[] = []
  for (const block of blocks) {
    const { part, writer, from, to } = block, { before, isNews } = pairs.take(views.writers.indexOf(writer), block)
    if (from > before) {
      throw new ProtocolViolation({ remote, call: "pull", reason: `numbers ${before + 1} to ${from} of a writer are missing` })
    }
    if (isNews) parts.push(part)
    else dropped.push({ writer, seq: to })
  }
  return { parts, dropped }
}

/** The frame of a restart: what was known of the remote counts no more, and nothing is deleted. */
export const restartCommit = (remote: string, at: Cursor, cursor: Cursor): SyncCommit => (views) => {
  if (!sameCursor(views.remotes.of(remote).cursor, cursor)) return undefined
  return { parts: [], rewrites: [], change: { ...noChange(remote), restart: true, cursor: at } }
}
