/**
 * What a device does about operations that a remote does not take (rules S19, S20, S37). Nothing is changed in place:
 *
 *   its clock was ahead       a new operation of the same value covers the refused one, with a corrected stamp
 *   its writer belongs to     the same under another writer: that one is never written under again here, by no handle of this log (rule S35)
 *   another login
 *   everything else           a dead letter: the record stays visible here, marked
 *   a page names it withheld  its author writes it anew (and it is then taken, or properly refused); for others it is a dead letter
 */
import type { RefusedDot, RemoteChange, WriterDot } from "../format/change.ts"
import {
  BATCH_BYTES_MAX,
  BATCH_OPERATIONS_MAX,
  CLOCK_DRIFT_MILLIS_MAX,
  KEY_BYTES_MAX,
  REFUSAL_CODE_BYTES_MAX,
  REFUSAL_MESSAGE_BYTES_MAX,
  STAMP_MILLIS_MAX,
} from "../limits.ts"
import { WRITER_BYTES } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { Refusal, RefusalCode } from "../ports/remote.ts"
import type { StoreViews } from "../views/store-views.ts"
import { OperationKind } from "../model/operation.ts"
import { clip } from "../text.ts"
import type { LiveVersion, SyncCommit } from "./synced-log.ts"

/** Bytes of a frame that the answer to one refusal takes at most, beside key, value and message: a dot, a code, columns of one operation. */
const ANSWER_BYTES = 128

/** The writer belongs to another login. */
const DISOWNED: RefusalCode = "writer_not_owned"

/** Does a frame say of this writer that a remote knows it as another login's? */
export const isDisowned = ({ refused }: RemoteChange, writer: Bytes): boolean =>
  refused.some((dot) => dot.code === DISOWNED && areEqual(dot.writer, writer))

const areEqual = (a: Bytes, b: Bytes): boolean => a.length === b.length && a.every((byte, at) => byte === b[at])

/**
 * Writers that are not this log's own and that a remote says belong to another login. It was not told that they are own: such a word is none on
 * the operations, but on what may be brought there, and is taken as `forbidden` (rule S35), so that nobody's record becomes a dead letter by it.
 */
export const foreignWriters = ({ own, writers }: StoreViews, refused: readonly Refusal[]): readonly number[] =>
  refused.flatMap(({ writer, code }) => {
    const index = code === DISOWNED && writer.length === WRITER_BYTES ? writers.indexOf(writer) : -1
    return index < 0 || own.has(index) ? [] : [index]
  })

/** A change that tells of nothing yet. */
export const noChange = (remote: string): RemoteChange => ({
  remote,
  restart: false,
  caughtUp: false,
  cursor: undefined,
  ranges: [],
  refused: [],
  dead: [],
  clockOffsetMillis: undefined,
})

/** What an answer says of this device's clock: its offset; undefined: what the log says of it stays. */
export function clockOffsetOf(views: StoreViews, remote: string, now: number, serverTimeMillis: number): number | undefined {
  const isAhead = now - serverTimeMillis > CLOCK_DRIFT_MILLIS_MAX
  return isAhead || views.remotes.of(remote).clockOffsetMillis === 0 ? undefined : 0
}

/**
 * The frame that follows the answer `refused`, with as many of the refusals as fit a frame: the remote names the others again. What is refused
 * has to be here; what a remote says of other operations is not taken.
 */
export const refusalCommit =
  (remote: string, refused: readonly Refusal[], now: () => number, serverTimeMillis: number): SyncCommit => (views) => {
    const isOurs = ({ writer, code }: Refusal): boolean => code !== DISOWNED || views.own.has(views.writers.indexOf(writer))
    const dots = refused.filter((dot) => isHere(views, dot) && isOurs(dot)).map(({ writer, seq, code, message }): RefusedDot => ({
      writer,
      seq,
      code: clip(code, REFUSAL_CODE_BYTES_MAX),
      message: clip(message, REFUSAL_MESSAGE_BYTES_MAX),
    }))
    const isAhead = ({ code }: RefusedDot): boolean => code === "clock_ahead"
    const isWrittenAnew = (dot: RefusedDot): boolean => isAhead(dot) || dot.code === DISOWNED
    const live = liveVersions(views, dots.filter(isWrittenAnew))
    const taken = fitting(dots, (dot) => (live.get(nameOf(views, dot))?.version.valueBytes ?? 0) + KEY_BYTES_MAX + dot.message.length * 3)
    const { refused: known, clockOffsetMillis } = views.remotes.of(remote), { dead: buried } = views.remotes
    const unheard = taken.filter(({ writer, seq }) => !known.has(views.writers.indexOf(writer), seq))
    const dead = taken.filter((dot) => !isWrittenAnew(dot) && !buried.has(views.writers.indexOf(dot.writer), dot.seq))
    const rewrites = taken.filter(isWrittenAnew).flatMap((dot) => live.get(nameOf(views, dot)) ?? [])
    const offset = taken.some(isAhead) ? offsetOf(now(), serverTimeMillis) : undefined
    if (unheard.length === 0 && dead.length === 0 && rewrites.length === 0 && (offset ?? clockOffsetMillis) === clockOffsetMillis) {
      return undefined
    }
    return { parts: [], rewrites, change: { ...noChange(remote), refused: unheard, dead, clockOffsetMillis: offset } }
  }

/** Is there such an operation in this log? */
function isHere({ vector, writers }: StoreViews, { writer, seq }: WriterDot): boolean {
  return writer.length === WRITER_BYTES && Number.isSafeInteger(seq) && seq > 0 && seq <= vector.pairOf(writers.indexOf(writer)).seq
}

/** By how much a clock is ahead of a remote's, as what is added to it: not positive, whatever the remote says of the time. */
function offsetOf(now: number, serverTimeMillis: number): number {
  const ahead = Math.round(now - serverTimeMillis)
  return ahead > 0 ? -Math.min(ahead, STAMP_MILLIS_MAX) : 0
}

/** The first of these that fit a frame; at least one. */
function fitting<T>(items: readonly T[], bytesOf: (item: T) => number): T[] {
  const taken: T[] = []
  let bytes = 0
  for (const item of items) {
    bytes += bytesOf(item) + ANSWER_BYTES
    if (taken.length > 0 && (bytes > BATCH_BYTES_MAX || taken.length === BATCH_OPERATIONS_MAX)) break
    taken.push(item)
  }
  return taken
}

/** Live operations that this remote withholds, with nobody's answer to it yet. */
function unanswered(views: StoreViews, remote: string): LiveVersion[] {
  const { refused } = views.remotes.of(remote), { dead } = views.remotes
  if (refused.size === 0) return []
  return views.records.liveVersions((writer, seq) => refused.has(writer, seq) && !dead.has(writer, seq))
}

/** Is there a live operation that the remote withholds and nobody has answered? */
export const hasUnanswered = (views: StoreViews, remote: string): boolean => unanswered(views, remote).length > 0

/** The frame that answers what pages named as withheld: as many as fit, so it is made again as long as there are any. */
export const withheldCommit = (remote: string): SyncCommit => (views) => {
  const open = fitting(unanswered(views, remote), ({ version }) => version.keyBytes + version.valueBytes)
  if (open.length === 0) return undefined
  const isOwn = ({ version }: LiveVersion): boolean => views.own.has(version.writer) && version.kind !== OperationKind.event
  const dead = open.filter((one) => !isOwn(one)).map(({ version }): WriterDot => ({
    writer: views.writers.idOf(version.writer),
    seq: version.seq,
  }))
  return { parts: [], rewrites: open.filter(isOwn), change: { ...noChange(remote), dead } }
}

const nameOf = ({ writers }: StoreViews, { writer, seq }: WriterDot): string => `${writers.indexOf(writer)} ${seq}`

/** Those of these operations that are versions of their records, by their names. */
function liveVersions(views: StoreViews, dots: readonly WriterDot[]): ReadonlyMap<string, LiveVersion> {
  if (dots.length === 0) return new Map()
  const wanted = new Set(dots.map((dot) => nameOf(views, dot)))
  const found = views.records.liveVersions((writer, seq) => wanted.has(`${writer} ${seq}`))
  return new Map(found.map((one) => [`${one.version.writer} ${one.version.seq}`, one]))
}
