/** Conflicts: the versions of a record of which none has seen another, and how a user ends them (rules S8, S9). */
import { InvalidOption } from "../errors.ts"
import { checkFlag, checkMembers, checkSignal } from "../arguments.ts"
import { OperationKind } from "../model/operation.ts"
import { compareVersions, settledBy } from "../model/versions.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import { basesOf } from "./conflict-base.ts"
import { type Conflict, type ConflictsQuery, giveOut, RecordVersion, seenBeside } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"
import { findInBuild, writeInBuild } from "./transaction.ts"

const QUERY_MEMBERS: readonly (keyof ConflictsQuery)[] = ["settled", "base", "signal"]

/** Versions of a row, oldest first. */
export function sortedVersions({ records, views }: StoreCore, row: number): StoredVersion[] {
  return [...records.versionsOf(row)].sort((a, b) => compareVersions(a, b, (left, right) => views.writers.compare(left, right)))
}

/** The records of a collection that have several versions, those in conflict or all, in key order. */
export async function conflictsOf<T>(core: StoreCore, collection: number, query: ConflictsQuery): Promise<Conflict<T>[]> {
  checkMembers("query", query, QUERY_MEMBERS)
  checkFlag("settled", query.settled)
  checkFlag("base", query.base)
  checkSignal(query.signal)
  await core.log.settled()
  const isWanted = (core: StoreCore, row: number): boolean => query.settled === true || core.strategies.isOpen(row)
  const rows = core.records.rowsWithSiblings().filter((row) => core.records.rows.collectionOf(row) === collection && isWanted(core, row))
  rows.sort((a, b) => core.records.compareKeys(a, b))
  const found = rows.map((row) => ({ row, conflict: conflictOf<T>(core, row) }))
  if (query.base !== true || rows.length === 0) return found.map(({ conflict }) => conflict)
  const bases = await basesOf<T>(core, rows, query.signal)
  return found.map(({ row, conflict }) => ({ ...conflict, base: bases.get(row) }))
}

function conflictOf<T>(core: StoreCore, row: number): Conflict<T> {
  const { views, decoded, strategies } = core, stored = sortedVersions(core, row)
  const local = stored.findLast((version) => views.own.has(version.writer)) ?? core.records.shownOf(row).version
  const remote = stored.findLast((version) => version !== local)!
  const given = new Map(stored.map((version) => [version, strategies.toRecordVersion<T>(row, version)]))
  return {
    key: decoded.keyOf(row),
    local: given.get(local)!,
    remote: given.get(remote)!,
    versions: giveOut([...given.values()], strategies.namesOf(stored)),
    settledBy: strategies.settledBy(row),
    failure: strategies.failureOf(row),
    base: undefined,
  }
}

/** In a build: writes a choice among the versions that are there, or a value over all of them. */
export function resolveRecord(core: StoreCore, collection: number, key: string, choice: unknown): void {
  core.author.need(collection, key)
  const row = core.rowOf(collection, key), versions = row < 0 ? [] : core.records.versionsOf(row)
  if (!(choice instanceof RecordVersion)) {
    writeInBuild(core, OperationKind.put, collection, key, choice, { parents: versions })
    return
  }
  // What an earlier call of the same frame wrote has seen all versions that are stored.
  const isWritten = findInBuild(core, collection, key).inFrame >= 0
  const { writers } = core.views, nameOf = ({ writer, seq }: StoredVersion): string => writers.versionOf(writer, seq)
  const chosen = versions.find((version) => nameOf(version) === choice.version)
  // What came since was not chosen among: it stays open. One that stands alone by now needs no choice, and such choices would not come to rest.
  const seen = seenBeside(choice), among = versions.filter((version) => seen.has(nameOf(version)))
  if (chosen === undefined || isWritten || among.length < 2) {
    throw new InvalidOption({
      option: "choice",
      found: choice.version,
      expected: "a version that the record still has: read conflicts() again",
    })
  }
  writeChoice(core, collection, key, chosen, among)
}

/** In a build: chooses a version among some of its record (rule S8). */
export function writeChoice(
  core: StoreCore,
  collection: number,
  key: string,
  chosen: StoredVersion,
  among: readonly StoredVersion[],
): void {
  const { staging, author, records } = core, { keys, values } = staging
  const keyStart = keys.place, valueStart = values.place
  staging.add(key, undefined, false)
  values.out.bytes(records.arena.chunks[chosen.chunk]!, chosen.valueAt, chosen.valueAt + chosen.valueBytes)
  author.addOperation({
    kind: OperationKind.choice,
    collection,
    keyStart,
    keyEnd: keys.place,
    valueStart,
    valueEnd: values.place,
    expected: undefined,
    side: { settles: settledBy(among, core.views.lineage), parents: among },
  })
}
