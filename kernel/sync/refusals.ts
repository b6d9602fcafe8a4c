/**
 * What a device does about operations that a remote does not take (rules S19, S20, S37). Nothing is changed in place:
 *
 *   its clock was ahead       a new operation of the same value covers the refused one, with a corrected stamp
 *   everything else           a dead letter: the record stays visible here, marked
 *   a page names it withheld  its author writes it anew (and it is then taken, or properly refused); for others it is a dead letter
 */
import type { RefusedDot, RemoteChange, WriterDot } from "../format/change.ts"
import { CLOCK_DRIFT_MILLIS_MAX } from "../limits.ts"
import type { Refusal } from "../ports/remote.ts"
import type { StoreViews } from "../views/store-views.ts"
import { OperationKind } from "../model/operation.ts"
import type { LiveVersion, SyncCommit } from "./synced-log.ts"

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

/** The frame that follows the answer `refused`. */
export const refusalCommit =
  (remote: string, refused: readonly Refusal[], now: () => number, serverTimeMillis: number): SyncCommit => (views) => {
    const dots = refused.map((one): RefusedDot => one)
    const isAhead = ({ code }: RefusedDot): boolean => code === "clock_ahead"
    const offset = dots.some(isAhead) ? Math.min(0, Math.round(serverTimeMillis - now())) : undefined
    const known = views.remotes.of(remote).refused
    const unheard = dots.filter(({ writer, seq }) => !known.has(views.writers.indexOf(writer), seq))
    const rewrites = liveVersions(views, dots.filter(isAhead))
    const dead = dots.filter((dot) => !isAhead(dot) && !views.remotes.dead.has(views.writers.indexOf(dot.writer), dot.seq))
    if (unheard.length === 0 && dead.length === 0 && rewrites.length === 0 && offset === undefined) return undefined
    return { parts: [], rewrites, change: { ...noChange(remote), refused: unheard, dead, clockOffsetMillis: offset } }
  }

/** Live operations that this remote withholds, with nobody's answer to it yet. */
function unanswered(views: StoreViews, remote: string): LiveVersion[] {
  const { refused } = views.remotes.of(remote), { dead } = views.remotes
  if (refused.size === 0) return []
  return views.records.liveVersions((writer, seq) => refused.has(writer, seq) && !dead.has(writer, seq))
}

/** Is there a live operation that the remote withholds and nobody has answered? */
export const hasUnanswered = (views: StoreViews, remote: string): boolean => unanswered(views, remote).length > 0

/** The frame that answers what pages named as withheld. */
export const withheldCommit = (remote: string): SyncCommit => (views) => {
  const open = unanswered(views, remote)
  if (open.length === 0) return undefined
  const isOwn = ({ version }: LiveVersion): boolean => views.own.has(version.writer) && version.kind !== OperationKind.event
  const dead = open.filter((one) => !isOwn(one)).map(({ version }): WriterDot => ({
    writer: views.writers.idOf(version.writer),
    seq: version.seq,
  }))
  return { parts: [], rewrites: open.filter(isOwn), change: { ...noChange(remote), dead } }
}

function liveVersions(views: StoreViews, dots: readonly WriterDot[]): LiveVersion[] {
  if (dots.length === 0) return []
  const wanted = new Set(dots.map(({ writer, seq }) => `${views.writers.indexOf(writer)} ${seq}`))
  return views.records.liveVersions((writer, seq) => wanted.has(`${writer} ${seq}`))
}
