/** What a write had replaced, found by reading the log from its beginning. */
import type { BlockColumns } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { compareBytes } from "../format/utf8.ts"
import { OperationKind } from "../model/operation.ts"
import { addVersion, compareVersions, covers, type Version } from "../model/versions.ts"
import type { Bytes } from "../ports/log-storage.ts"
import type { StoreViews } from "../views/store-views.ts"
import { versionInBlock } from "../views/stored-version.ts"
import { scanLog } from "./log-scan.ts"
import { stageKey } from "./staging.ts"
import type { StoreCore } from "./store-core.ts"

/** A version that is no version of its record any more. */
export interface ReplacedVersion extends Version {
  /** Its encoded value; empty for a delete. */
  readonly bytes: Bytes
}

/** What was found, in the order of stamps, and the views whose writers it names. */
export interface ReplacedVersions {
  readonly views: StoreViews
  readonly versions: readonly ReplacedVersion[]
}

/**
 * Of the versions of a record that `by` covers, those that none of the others supersedes: what was there before it. Dead letters count as nothing,
 * so what they had replaced is found in their place. What a push left out, since `by` covered it, is known to its writer's log alone.
 */
export async function readReplaced(core: StoreCore, call: string, collection: number, key: string, by: Version): Promise<ReplacedVersions> {
  const { views } = core, name = core.names.names[collection], wanted = new ByteWriter()
  stageKey(wanted, key)
  const isWanted = ({ kinds, names, collections, bytes, keyStarts, keyEnds }: BlockColumns, at: number): boolean =>
    kinds[at]! <= OperationKind.choice && names[collections[at]!] === name &&
    compareBytes(bytes, keyStarts[at]!, keyEnds[at]!, wanted.buffer, 0, wanted.length) === 0
  const compareWriters = (a: number, b: number): number => views.writers.compare(a, b)
  let found: readonly ReplacedVersion[] = []
  const scan = scanLog(core, call, (block, at) => {
    if (!isWanted(block, at)) return
    const writers = block.writers.map((id) => views.writers.indexOf(id)), version = versionInBlock(block, at, writers, 0, 0, 0)
    const { writer, seq } = version
    if (!covers(by, writer, seq, views.lineage) || views.remotes.dead.has(writer, seq)) return
    const bytes = block.bytes.slice(block.valueStarts[at]!, block.valueEnds[at]!)
    found = addVersion(found, { ...version, bytes }, views.lineage, compareWriters)
  })
  while ((await scan.next()).done !== true);
  return { views, versions: [...found].sort((a, b) => compareVersions(a, b, compareWriters)) }
}
