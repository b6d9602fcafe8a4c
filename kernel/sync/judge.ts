/**
 * Judges a push against a log as it is now (section 4 of the sync model). Pure: done again after a lost race.
 *
 *   1  a frame of the basis that is not in the log                    unknown     (S14; told by the caller)
 *   2  writers that this principal may not bring, with anything new    forbidden   (S35)
 *   3  links above what the log has, or gets by this push              unknown     (S33)
 *   4  a gap before a block                                            unknown
 *   5  operations that are new, or withheld here, and cannot be taken  refused     (S19, S21): nothing is stored
 *      else the parts that bring anything                              taken
 */
import { BatchTooLarge, CorruptBytes, FormatTooNew } from "../errors.ts"
import { BlockColumns } from "../format/block-columns.ts"
import { ByteReader } from "../format/bytes.ts"
import { OPTIONAL_PART_MIN, PartType } from "../format/frame.ts"
import { checkValue, decodeValue } from "../format/msgpack.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { isUtf8, readUtf8 } from "../format/utf8.ts"
import { PAIRS_WITHHELD_MAX, REFUSAL_MESSAGE_BYTES_MAX, WITHHELD_BYTES } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { OperationKind } from "../model/operation.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { Part, PushAnswer, PushRequest, Refusal, RefusalCode, RemoteLimits } from "../ports/remote.ts"
import { clip } from "../text.ts"
import type { LogViews } from "../views/log-views.ts"
import { ArrivingPairs } from "./arriving-pairs.ts"
import type { ArrivingOperation, Caller } from "./remote-log.ts"

/** What a log asks of an operation before it takes it. */
export interface Admission {
  readonly limits: RemoteLimits
  readonly clockAheadMillisMax: number
  readonly refuse: ((operation: ArrivingOperation) => string | undefined) | undefined
}

export type Verdict =
  /** What brings anything, and those of its writers that the pusher named as its own. */
  | { readonly kind: "taken"; readonly parts: readonly Part[]; readonly own: readonly Bytes[] }
  | Exclude<PushAnswer, { kind: "ok" }>

const KINDS = Object.keys(OperationKind) as (keyof typeof OperationKind)[]
/** Refusals that one answer names; the pusher hears of the others when it pushes again. */
const REFUSALS_MAX = 1024

/** A part of the push, decoded. */
interface ArrivedBlock {
  readonly part: Part
  readonly block: BlockColumns
  /** Index of its writer. */
  readonly writer: number
  readonly isOwn: boolean
  /** It brings anything. */
  readonly isNews: boolean
  /** Numbers before it are missing. */
  readonly hasGap: boolean
}

/** Throws `BatchTooLarge`, `CorruptBytes` for bytes that are no blocks, `FormatTooNew` for what a later release wrote. */
export function judge(request: PushRequest, caller: Caller, views: LogViews, admission: Admission, now: number): Verdict {
  const blocks = decode(request, views, admission.limits)
  const foreign = blocks.filter(({ isOwn, isNews }) => isNews && !(isOwn ? caller.rights.write : caller.rights.relay))
  if (foreign.length > 0) {
    return {
      kind: "forbidden",
      writers: [...new Set(foreign.map(({ writer }) => writer))].map((writer) => views.writers.idOf(writer)),
    }
  }
  if (!areLinksHeld(blocks, views) || blocks.some(({ hasGap }) => hasGap)) return { kind: "unknown" }
  requireCoveredVoids(blocks, views)
  const refused: Refusal[] = []
  for (const arrived of blocks) {
    refuseOperations(arrived, caller, views, admission, now, refused)
    if (refused.length >= REFUSALS_MAX) break
  }
  if (refused.length > 0) return { kind: "refused", refused: refused.slice(0, REFUSALS_MAX), serverTimeMillis: now }
  const news = blocks.filter(({ isNews }) => isNews), own = new Set(news.filter(({ isOwn }) => isOwn).map(({ writer }) => writer))
  return { kind: "taken", parts: news.map(({ part }) => part), own: [...own].map((writer) => views.writers.idOf(writer)) }
}

function decode({ parts, own }: PushRequest, views: LogViews, { partsMax, partsBytesMax, operationsMax }: RemoteLimits): ArrivedBlock[] {
  let bytes = parts.reduce((sum, { content }) => sum + content.length, 0)
  if (parts.length > partsMax) {
    throw new BatchTooLarge({ bytes, bytesMax: partsBytesMax, operations: parts.length, operationsMax: partsMax })
  }
  const reader = new ByteReader("a push"), owned = new Set(own.map((writer) => bytesToHex(writer))), pairs = new ArrivingPairs(views.vector)
  let operations = 0
  const blocks: ArrivedBlock[] = []
  for (const part of parts) {
    if (part.type >= OPTIONAL_PART_MIN) continue
    if (part.type !== PartType.block) throw new FormatTooNew({ location: "a push", found: part.type, known: PartType.block })
    const block = new BlockColumns()
    reader.point(part.content, 0, part.content.length)
    decodeBlock(reader, block)
    reader.expectEnd()
    operations += block.count
    bytes += block.withheld.length * WITHHELD_BYTES
    const id = block.writers[0]!, writer = views.writers.indexOf(id), { from, to, withheld } = block
    const { before, isNews } = pairs.take(writer, { from, to, withheld, seqs: block.seqs.subarray(0, block.count) })
    blocks.push({ part, block, writer, isOwn: owned.has(bytesToHex(id)), isNews, hasGap: from > before })
  }
  if (bytes > partsBytesMax || operations > operationsMax) {
    throw new BatchTooLarge({ bytes, bytesMax: partsBytesMax, operations, operationsMax })
  }
  // Now, since an answer that cannot be given would come after the push was stored.
  if (pairs.withheldCount > PAIRS_WITHHELD_MAX) {
    throw new BatchTooLarge({ bytes, bytesMax: partsBytesMax, operations: pairs.withheldCount, operationsMax: PAIRS_WITHHELD_MAX })
  }
  return blocks
}

/** A first block that claims to continue what the log does not have: its later operations would pass for having been seen. */
function areLinksHeld(blocks: readonly ArrivedBlock[], views: LogViews): boolean {
  const brought = new Map<number, number>()
  for (const { block, writer } of blocks) brought.set(writer, Math.max(brought.get(writer) ?? 0, block.to))
  return blocks.every(({ block: { from, links, writers } }) => {
    if (from > 0 || links === undefined) return true
    for (let at = 0; at < links.length; at += 2) {
      const writer = views.writers.indexOf(writers[links[at]!]!), seq = links[at + 1]!
      if ((brought.get(writer) ?? 0) < seq && views.vector.pairOf(writer).seq < seq) return false
    }
    return true
  })
}

/**
 * A void number is covered by a listed operation of the same push (rule S12). A range that leaves out what nothing covers would make its
 * writer's own operations pass for having been seen.
 */
function requireCoveredVoids(blocks: readonly ArrivedBlock[], views: LogViews): void {
  // What covered it may be among the withheld ones: refused by this log, and left out by a relay that never had what it covered.
  if (blocks.some(({ block }) => block.withheld.length > 0)) return
  const hasVoids = blocks.filter(({ block }) => block.count + block.withheld.length < block.to - block.from)
  for (const { block, writer } of hasVoids) {
    const seq = lastVoid(block)
    if (seq <= views.vector.pairOf(writer).seq) continue // one that is withheld here stays so
    if (blocks.some((other) => coversIn(other, writer, seq, views))) continue
    throw new CorruptBytes({ what: "a push", byteOffset: 0, reason: `number ${seq} of a writer is neither listed, withheld nor covered` })
  }
}

function lastVoid({ seqs, count, withheld, to }: BlockColumns): number {
  const named = new Set([...seqs.subarray(0, count), ...withheld])
  let seq = to
  while (named.has(seq)) seq--
  return seq
}

/** Does any operation of a block name (writer, seq) or a later number in its context, or a writer that continued it, or may have, by what this push brings? */
function coversIn({ block }: ArrivedBlock, writer: number, seq: number, views: LogViews): boolean {
  for (let row = 0; row < block.count; row++) {
    const context = block.contextOf(row)
    for (let at = 0; at < context.length; at += 2) {
      const other = views.writers.indexOf(block.writers[context[at]!]!)
      const isNamed = other === writer ? context[at + 1]! >= seq : views.lineage.implies(other, writer, seq)
      if (isNamed || (other !== writer && !views.vector.has(other, context[at + 1]!))) return true
    }
  }
  return false
}

function refuseOperations(
  { block, writer, isOwn, isNews }: ArrivedBlock,
  { principal }: Caller,
  views: LogViews,
  { clockAheadMillisMax, refuse }: Admission,
  now: number,
  refused: Refusal[],
): void {
  if (!isNews) return
  const owner = views.owners.get(writer), pair = views.vector.pairOf(writer), open = new Set(pair.withheld)
  const note = (row: number, code: RefusalCode, message: string): void =>
    void refused.push({
      writer: views.writers.idOf(writer),
      seq: block.seqs[row]!,
      code,
      message: clip(message, REFUSAL_MESSAGE_BYTES_MAX),
    })
  for (let row = 0; row < block.count; row++) {
    const seq = block.seqs[row]!
    if (seq <= pair.seq && !open.has(seq)) {
      requireReadable(block, row)
      continue
    }
    const kind = block.kinds[row]!, isTimeless = kind === OperationKind.event || kind === OperationKind.forget
    const ahead = block.millis[row]! - now
    if (isOwn && owner !== undefined && owner !== principal) note(row, "writer_not_owned", "its writer belongs to another login")
    else if (isOwn && !isTimeless && ahead > clockAheadMillisMax) {
      note(row, "clock_ahead", `its stamp is ${Math.round(ahead / 1000)} s ahead`)
    } else {
      const reason = invalidity(block, row) ?? refuse?.(arriving(block, row))
      if (reason !== undefined) note(row, "op_invalid", reason)
    }
  }
}

/** What was taken before is not judged again, but goes to others with the block: its bytes here are others than those that were taken. */
function requireReadable(block: BlockColumns, row: number): void {
  const reason = invalidity(block, row)
  if (reason !== undefined) throw new CorruptBytes({ what: "a push", byteOffset: block.keyStarts[row]!, reason })
}

/** Why an operation can be read by nobody; undefined if it can. */
function invalidity(block: BlockColumns, row: number): string | undefined {
  const { bytes, keyStarts, keyEnds, valueStarts, valueEnds } = block
  if (!isUtf8(bytes, keyStarts[row]!, keyEnds[row]!)) return "its key is not well-formed UTF-8"
  if (valueStarts[row] === valueEnds[row]) return undefined
  try {
    checkValue(bytes, valueStarts[row]!, valueEnds[row]!)
  } catch (error) {
    if (error instanceof CorruptBytes) return error.details.reason
    throw error
  }
}

const arriving = (block: BlockColumns, row: number): ArrivingOperation => {
  const { bytes, keyStarts, keyEnds, valueStarts, valueEnds } = block
  return {
    kind: KINDS[block.kinds[row]!]!,
    collection: block.names[block.collections[row]!]!,
    key: readUtf8(bytes, keyStarts[row]!, keyEnds[row]!),
    value: () => (valueStarts[row] === valueEnds[row] ? undefined : decodeValue(bytes, valueStarts[row]!, valueEnds[row]!)),
  }
}
