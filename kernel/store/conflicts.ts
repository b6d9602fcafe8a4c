/** Conflicts: the versions of a record of which none has seen another, and how a user ends them (rules S8, S9). */
import { InvalidOption } from "../errors.ts"
import { decodeValue } from "../format/msgpack.ts"
import { readUtf8 } from "../format/utf8.ts"
import { OperationKind } from "../model/operation.ts"
import { compareVersions, settledBy } from "../model/versions.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import { type Conflict, RecordVersion } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"
import { isInFrame, writeInBuild } from "./transaction.ts"

function toRecordVersion<T>(core: StoreCore, row: number, version: StoredVersion): RecordVersion<T> {
  const { views, decoded, records } = core, deleted = version.valueBytes === 0
  const chunk = records.arena.chunks[version.chunk]!, end = version.valueAt + version.valueBytes
  if (!deleted) decoded.check(chunk, version.valueAt, end, row)
  const value = deleted ? undefined : decodeValue(chunk, version.valueAt, end) as T
  return new RecordVersion(
    value,
    deleted,
    version.millis,
    views.writers.replicaOf(version.writer),
    views.writers.versionOf(version.writer, version.seq),
  )
}

/** All records of a collection with several versions, in key order. */
export function conflictsOf<T>(core: StoreCore, collection: number): Conflict<T>[] {
  const { records, views } = core
  const compare = (a: StoredVersion, b: StoredVersion): number => compareVersions(a, b, (left, right) => views.writers.compare(left, right))
  const rows = records.rowsWithSiblings().filter((row) => records.rows.collectionOf(row) === collection)
  rows.sort((a, b) => records.compareKeys(a, b))
  return rows.map((row) => {
    const stored = [...records.versionsOf(row)].sort(compare)
    const local = stored.findLast((version) => views.own.has(version.writer)) ?? stored.at(-1)!
    const remote = stored.findLast((version) => version !== local)!
    const given = new Map(stored.map((version) => [version, toRecordVersion<T>(core, row, version)]))
    const chunk = records.arena.chunks[local.chunk]!
    return {
      key: readUtf8(chunk, local.keyAt, local.keyAt + local.keyBytes),
      local: given.get(local)!,
      remote: given.get(remote)!,
      versions: [...given.values()],
    }
  })
}

/** In a build: writes a choice among the versions that are there, or a value over all of them. */
export function resolveRecord(core: StoreCore, collection: number, key: string, choice: unknown): void {
  if (!(choice instanceof RecordVersion)) {
    writeInBuild(core, OperationKind.put, collection, key, choice)
    return
  }
  core.author.need(collection, key)
  // What an earlier call of the same frame wrote has seen all versions that are stored.
  const row = isInFrame(core, collection, key) ? -1 : core.rowOf(collection, key)
  const versions = row < 0 ? [] : core.records.versionsOf(row)
  const chosen = versions.find((version) => core.views.writers.versionOf(version.writer, version.seq) === choice.version)
  if (chosen === undefined) {
    throw new InvalidOption({
      option: "choice",
      found: choice.version,
      expected: "a version that the record still has: read conflicts() again",
    })
  }
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
    settles: settledBy(versions, core.views.lineage),
  })
}
