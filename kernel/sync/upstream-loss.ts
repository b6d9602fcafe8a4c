/**
 * Upstream loss: what this log holds, a remote lacks, and this device may not bring there (rules S35, S36).
 *
 * Where devices may not relay, a write of another device reaches a remote by its author alone. Most of what is listed here is thus on its way: its
 * author brings it when it syncs. What is left for good, since its author is gone and the remote lost it, is seen from here alone.
 */
import { readUtf8 } from "../format/utf8.ts"
import type { StoreViews } from "../views/store-views.ts"
import type { Known } from "./known.ts"

/** Names of records that one status lists. */
export const LOSS_RECORDS_MAX = 100

/** What a remote lacks and does not take from here. */
export interface UpstreamLoss {
  /** Versions of records, tombstones too, that the remote is not known to have; what was replaced since does not count. */
  readonly operations: number
  /** The records that they are of, in the order in which they came here; the first 100. */
  readonly records: readonly { readonly collection: string; readonly key: string }[]
}

/** Looks through all records; undefined where nothing is left out. */
export function upstreamLossOf(views: StoreViews, known: Known): UpstreamLoss | undefined {
  if (!known.isRestricted) return undefined
  const seqs = new Map<number, number>()
  const lacks = (writer: number, seq: number): boolean => {
    let through = seqs.get(writer)
    if (through === undefined) seqs.set(writer, through = known.takes(writer, views) ? Infinity : known.of(writer, views))
    return seq > through
  }
  const versions = views.records.liveVersions(lacks), records: { readonly collection: string; readonly key: string }[] = []
  if (versions.length === 0) return undefined
  let last = -1
  for (const { row, version } of versions) {
    if (row === last || records.length === LOSS_RECORDS_MAX) continue
    last = row
    const chunk = views.records.arena.chunks[version.chunk]
    if (chunk === undefined) throw new Error("a version is in no chunk")
    const collection = views.names.names[views.records.rows.collectionOf(row)] ?? ""
    records.push(Object.freeze({ collection, key: readUtf8(chunk, version.keyAt, version.keyAt + version.keyBytes) }))
  }
  return Object.freeze({ operations: versions.length, records: Object.freeze(records) })
}
