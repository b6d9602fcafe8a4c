/**
 * Strategies as the checker sees them: collections of four kinds, what a write in each deliberately replaces, and what is to be shown of versions that
 * were written apart. Judged from outside, by what users did and by who had seen what; no rule of the product is asked.
 *
 *   "", "side"   last-write-wins: the greatest version; a write replaces all. In some runs as manual, by a setting of the store
 *   manual       the greatest version, and somebody has to decide; meanwhile a write replaces that one alone
 *   merged       what a function makes of all updates; where it fails, or is not there, as manual
 *   counted      the sum of all increments that no delete had seen
 */
import { counter, type CounterType } from "../crdt/counter.ts"
import type { Fold } from "../conformance/vectors/reader/fold.ts"
import { DELETE_CONFLICTS, type DeleteConflict } from "../kernel/model/strategy.ts"
import type { UpdateVersion } from "../kernel/store/record-version.ts"
import type { Answer } from "./answers.ts"
import type { KnownOperation } from "./ledger.ts"
import { order } from "./order.ts"

/** Names of the collections that have no setting of their own. */
export const PLAIN_NAMES: readonly string[] = ["", "side"]
/** Names of the collections that are not last-write-wins. */
export const MANUAL = "manual", MERGED = "merged", COUNTED = "counted"

/** The type of the counted collection. */
export const COUNTER: CounterType = counter()

/** A value of the merged collection: its token, and what was made of those before. */
export interface MergedToken {
  readonly uid: string
  readonly sum?: number | undefined
}

/** How a process handles the versions of a collection. */
export interface Handling {
  readonly strategy: "last-write-wins" | "manual" | "merge" | "merge without its function" | "counter"
  /** What becomes of deletes beside updates. */
  readonly deletes: DeleteConflict
}

/** What the checker knows of the process that writes. */
export interface Author {
  /** It said of collections without a setting of their own that somebody has to decide. */
  readonly isManual: boolean
  /** What becomes of deletes in the merged collection, if it gave that its function. */
  readonly merging: DeleteConflict | undefined
  /** The dots that its user had been given when a version of a record was chosen. */
  readonly choosing: ReadonlyMap<string, ReadonlySet<string>>
  /** The dead letter that its application answers. */
  readonly answering: Answer | undefined
}

const NOBODY: Author = { isManual: false, merging: undefined, choosing: new Map(), answering: undefined }

/** What is known of a process; of a server's, nothing: it writes no operations. */
export const authorOf = (process: object): Author => ("choosing" in process ? process as Author : NOBODY)

const numberOf = (uid: string | undefined): number => Number(uid?.slice(uid.lastIndexOf("-") + 1) ?? 0)
const BITTER = 7

const FAILURES = 4
/** The function gives two results for the same versions. */
export const FICKLE = 3
/** By its content, the same on all devices: how the function fails over a newer version with this token; undefined: it does not. */
export const failureOver = (uid: string | undefined): number | undefined =>
  numberOf(uid) % BITTER === 3 ? Math.floor(numberOf(uid) / BITTER) % FAILURES : undefined

const join = (sum: number, uid: string | undefined): number => (sum * 31 + numberOf(uid) * 17 + 1) % 100_003

/** A merge function that is neither commutative nor associative, and that fails in every way over some values. */
export function makeMerge(): (local: UpdateVersion<MergedToken>, remote: UpdateVersion<MergedToken>) => MergedToken {
  let runs = 0
  return (local, remote) => {
    const { uid } = remote.value, sum = join(local.value.sum ?? numberOf(local.value.uid), uid)
    switch (failureOver(uid)) {
      case undefined:
        return { uid, sum }
      case 0:
        throw new UserFailure()
      case 1:
        return undefined as never
      case 2:
        return Promise.reject(new UserFailure()) as never
      default:
        return { uid, sum: runs++ } // never twice the same
    }
  }
}

/** What a user's own function throws. */
export class UserFailure extends Error {}

/** Name of the collection of a record. */
export const collectionOf = (record: string): string => record.slice(0, record.indexOf("/"))

/** How a process handles a collection; `fold` is the log as it was before the frame. */
export function handlingOf(collection: string, { isManual, merging }: Author, fold: Fold): Handling {
  const plain = isManual ? BY_HAND : PLAIN
  if (collection === MANUAL) return BY_HAND
  if (collection === COUNTED) return { strategy: "counter", deletes: "keep-update" }
  if (collection !== MERGED) return plain
  if (merging !== undefined) return { strategy: "merge", deletes: merging }
  const { strategy, deleteConflict } = fold.settings.get(MERGED) ?? { strategy: undefined, deleteConflict: undefined }
  const deletes = DELETE_CONFLICTS.find((name) => name === deleteConflict)
  return strategy !== "merge" || deletes === undefined ? plain : { strategy: "merge without its function", deletes }
}

const BY_HAND: Handling = { strategy: "manual", deletes: "manual" }
const PLAIN: Handling = { strategy: "last-write-wins", deletes: "last-write-wins" }

/** What is shown of some siblings. */
export interface ShownSiblings {
  /** All of them, ascending. */
  readonly versions: readonly KnownOperation[]
  /** The version that stands for the record; undefined: there is none. */
  readonly version: KnownOperation | undefined
  /** Somebody has to decide. */
  readonly isOpen: boolean
  /** What the function makes of several. */
  readonly sum: number | undefined
}

/** What has to be shown of siblings. */
export function shownOf(siblings: Iterable<KnownOperation>, { strategy, deletes }: Handling): ShownSiblings {
  const versions = [...siblings].sort(order), updates = versions.filter(({ isDelete }) => !isDelete)
  const alone = (version: KnownOperation | undefined, isOpen = false): ShownSiblings => ({ versions, version, isOpen, sum: undefined })
  const last = versions.at(-1)
  if (versions.length < 2 || updates.length === 0 || strategy === "last-write-wins") return alone(last)
  if (updates.length < versions.length && deletes === "manual") return alone(last, true)
  if (deletes === "last-write-wins" && last?.isDelete === true) return alone(last)
  const version = updates.at(-1)
  if (updates.length === 1 || strategy === "counter") return alone(version)
  if (strategy !== "merge" || updates.slice(1).some(({ uid }) => failureOver(uid) !== undefined)) return alone(version, true)
  const [oldest, ...newer] = updates
  return { versions, version, isOpen: false, sum: newer.reduce((sum, { uid }) => join(sum, uid), numberOf(oldest?.uid)) }
}

/** A write as its frame says it. */
export interface SeenWrite {
  readonly record: string
  readonly isChoice: boolean
  /** A value of the user's own that ends a conflict. */
  readonly isResolution: boolean
  /** The operation that the same frame wrote into the record before. */
  readonly earlier: KnownOperation | undefined
}

/** Of what a record showed before a write, what the write deliberately replaces. */
export function replacedBy(
  { record, isChoice, isResolution, earlier }: SeenWrite,
  before: ReadonlySet<KnownOperation>,
  handling: Handling,
  { choosing }: Author,
): ReadonlySet<KnownOperation> {
  if (isChoice) return new Set([...before].filter(({ dot }) => choosing.get(record)?.has(dot) === true))
  if (isResolution || handling.strategy === "last-write-wins" || handling.strategy === "counter") return before
  if (earlier !== undefined) return new Set([earlier])
  const { isOpen, version } = shownOf(before, handling)
  return isOpen && version !== undefined ? new Set([version]) : before
}

/** What one increment of a record adds. */
export const amountOf = (record: string): number => (record.endsWith("0") ? 1 : record.endsWith("1") ? -3 : 1_000_003)

/** The least and the most that a counter may show: the increments that count for sure, and those that some delete had seen. */
export function sumsOf(siblings: Iterable<KnownOperation>, deleted: ReadonlySet<KnownOperation>): readonly [least: number, most: number] {
  const counted = new Set<KnownOperation>()
  for (const { isDelete, counts } of siblings) if (!isDelete) { for (const one of counts) counted.add(one) }
  let sure = 0, doubtful = 0
  for (const one of counted) {
    if (deleted.has(one)) doubtful += amountOf(one.record)
    else sure += amountOf(one.record)
  }
  return [Math.min(sure, sure + doubtful), Math.max(sure, sure + doubtful)]
}
