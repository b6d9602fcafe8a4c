/**
 * Strategies: what is shown of a record that has several versions. They only read (rule S6): whatever is shown, all versions stay until a write
 * covers them, so two devices with the same versions and the same settings show the same.
 *
 *   last-write-wins   the greatest version
 *   merge             a fold of the user's function over the versions, oldest first
 *   manual            the greatest version, and the record is in conflict until somebody decides
 *   crdt              the join of the versions, by a type's own rules
 *
 * Deletes have no value that could be merged, so what becomes of them beside updates is a setting of its own.
 */
import { compareVersions, greatest, type Version } from "./versions.ts"

/** The strategies, as they stand in a log. */
export const STRATEGIES = ["last-write-wins", "merge", "manual", "crdt"] as const
/** One of the strategies. */
export type Strategy = (typeof STRATEGIES)[number]

/** What becomes of deletes beside updates, as it stands in a log. */
export const DELETE_CONFLICTS = ["keep-update", "last-write-wins", "manual"] as const
/**
 * `keep-update`: the updates alone count; `last-write-wins`: the delete, if it is the greatest version, else the updates; `manual`: the greatest
 * version is shown, and the record is in conflict.
 */
export type DeleteConflict = (typeof DELETE_CONFLICTS)[number]

/** How the records of a collection are shown. */
export interface Setting {
  readonly strategy: Strategy
  readonly deleteConflict: DeleteConflict
  /** Name of the CRDT type; of the strategy crdt alone. */
  readonly type: string | undefined
}

/** Where nothing was set. */
export const DEFAULT_SETTING: Setting = { strategy: "last-write-wins", deleteConflict: "last-write-wins", type: undefined }

/** What a strategy does with deletes beside updates unless it is told otherwise. */
export const deleteConflictOf = (strategy: Strategy): DeleteConflict =>
  strategy === "manual" ? "manual" : strategy === "last-write-wins" ? "last-write-wins" : "keep-update"

/** A version whose value may be missing: a delete, or a choice of one. */
export interface ValuedVersion extends Version {
  /** 0 for a delete. */
  readonly valueBytes: number
}

/** What a strategy shows of versions of which none supersedes another. */
export interface Shown<V> {
  /** It stands for the record; where several are merged, the greatest of those. */
  readonly version: V
  /** The versions of which the value is made, oldest first; several only where a function makes one of them. */
  readonly merged: readonly V[]
  /** Nobody has to decide, as far as the strategy's name tells. */
  readonly isSettled: boolean
}

/** Several deletes say the same, so they are no conflict. */
export function shownOf<V extends ValuedVersion>(
  versions: readonly V[],
  { strategy, deleteConflict }: Setting,
  compareWriters: (a: number, b: number) => number,
): Shown<V> {
  const best = greatest(versions, compareWriters), updates = versions.filter(({ valueBytes }) => valueBytes > 0)
  const alone = (isSettled: boolean): Shown<V> => ({ version: best, merged: [best], isSettled })
  if (versions.length === 1 || updates.length === 0) return alone(true)
  if (updates.length < versions.length) {
    if (deleteConflict === "manual") return alone(false)
    if (deleteConflict === "last-write-wins" && best.valueBytes === 0) return alone(true)
  }
  const version = greatest(updates, compareWriters)
  if (updates.length === 1 || strategy === "last-write-wins") return { version, merged: [version], isSettled: true }
  if (strategy === "manual") return { version, merged: [version], isSettled: false }
  return { version, merged: [...updates].sort((a, b) => compareVersions(a, b, compareWriters)), isSettled: true }
}
