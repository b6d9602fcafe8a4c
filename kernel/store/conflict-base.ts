/** The base of a conflict: the last version that all of a record's versions build on, found by reading the log from its beginning. */
import type { BlockColumns } from "../format/block-columns.ts"
import { decodeValue } from "../format/msgpack.ts"
import { OperationKind } from "../model/operation.ts"
import { compareVersions, covers } from "../model/versions.ts"
import { type StoredVersion, versionInBlock } from "../views/stored-version.ts"
import { scanLog } from "./log-scan.ts"
import { RecordVersion } from "./record-version.ts"
import type { StoreCore } from "./store-core.ts"

/** A version that came before those of a row, as far as it was found. */
interface Found<T> {
  readonly version: StoredVersion
  readonly given: RecordVersion<T>
}

/** The bases of records, by row: of each the greatest version that all others cover. Those whose log has none are left out. */
export async function basesOf<T>(
  core: StoreCore,
  rows: readonly number[],
  signal: AbortSignal | undefined,
): Promise<Map<number, RecordVersion<T>>> {
  const { views, records } = core, siblings = new Map(rows.map((row) => [row, records.versionsOf(row)]))
  const found = new Map<number, Found<T>>()
  const scan = scanLog(core, "conflicts", (block, at) => {
    if (block.kinds[at]! > OperationKind.choice) return
    const row = rowOf(core, block, at), covering = row < 0 ? undefined : siblings.get(row)
    if (covering === undefined) return
    const writers = block.writers.map((id) => views.writers.indexOf(id)), version = versionInBlock(block, at, writers, 0, 0, 0)
    if (!covering.every((sibling) => covers(sibling, version.writer, version.seq, views.lineage))) return
    const before = found.get(row)
    if (before !== undefined && compareVersions(before.version, version, (a, b) => views.writers.compare(a, b)) > 0) return
    found.set(row, { version, given: givenOf<T>(core, block, at, row, version) })
  }, signal)
  while ((await scan.next()).done !== true);
  return new Map([...found].map(([row, { given }]) => [row, given]))
}

/** The row of an operation's record, or -1. */
function rowOf({ records, names }: StoreCore, { bytes, keyStarts, keyEnds, names: named, collections }: BlockColumns, at: number): number {
  const collection = names.indexOf(named[collections[at]!]!), start = keyStarts[at]!, end = keyEnds[at]!
  return records.find(bytes, start, end, collection, records.hash(bytes, start, end, collection))
}

function givenOf<T>(core: StoreCore, block: BlockColumns, at: number, row: number, version: StoredVersion): RecordVersion<T> {
  const { views, decoded, strategies } = core, start = block.valueStarts[at]!, end = block.valueEnds[at]!, deleted = start === end
  if (!deleted) decoded.check(block.bytes, start, end, row)
  const value = deleted ? undefined : strategies.toShownIn(row, decodeValue(block.bytes, start, end)) as T
  const replica = views.writers.replicaOf(version.writer)
  return new RecordVersion(
    value,
    deleted,
    version.millis,
    replica,
    views.writers.versionOf(version.writer, version.seq),
    views.labels.get(replica),
  )
}
