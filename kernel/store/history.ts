/** History of one record: its versions as they lie in the log, found by reading the log from its beginning. */
import type { BlockColumns } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { decodeValue } from "../format/msgpack.ts"
import { compareBytes } from "../format/utf8.ts"
import { OperationKind } from "../model/operation.ts"
import { abortable } from "../abortable.ts"
import { checkMembers, checkSignal } from "../arguments.ts"
import { scanLog } from "./log-scan.ts"
import { stageKey } from "./staging.ts"
import type { StoreCore } from "./store-core.ts"
import type { HistoryEntry } from "./types.ts"

export async function* historyOf<T>(
  core: StoreCore,
  collection: number,
  key: string,
  options: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<HistoryEntry<T>, void, undefined> {
  core.assertOpen("history")
  checkMembers("options", options, ["signal"])
  checkSignal(options.signal)
  const wanted = new ByteWriter()
  stageKey(wanted, key)
  await abortable(core.log.settled(), options.signal)
  await core.load(collection, key)
  const row = core.rowOf(collection, key)
  if (row < 0) return
  const { decoded } = core, name = core.names.names[collection]!
  let found: HistoryEntry<T>[] = []
  const scan = scanLog(core, "history", (block, at, position) => {
    if (block.kinds[at]! > OperationKind.choice || block.names[block.collections[at]!] !== name) return
    if (compareBytes(block.bytes, block.keyStarts[at]!, block.keyEnds[at]!, wanted.buffer, 0, wanted.length) !== 0) return
    if (block.valueEnds[at]! > block.valueStarts[at]!) decoded.check(block.bytes, block.valueStarts[at]!, block.valueEnds[at]!, row)
    found.push(entryOf<T>(core, row, block, at, position))
  }, options.signal)
  for await (const _ of scan) {
    for (const entry of found) {
      yield entry
      options.signal?.throwIfAborted()
    }
    found = []
  }
}

function entryOf<T>(core: StoreCore, row: number, block: BlockColumns, at: number, position: number): HistoryEntry<T> {
  const { views } = core, writer = views.writers.indexOf(block.writers[0]!), replica = views.writers.replicaOf(writer)
  const start = block.valueStarts[at]!, end = block.valueEnds[at]!, deleted = start === end
  return {
    value: deleted ? undefined : core.strategies.toShownIn(row, decodeValue(block.bytes, start, end)) as T,
    deleted,
    isChoice: block.kinds[at] === OperationKind.choice,
    version: views.writers.versionOf(writer, block.seqs[at]!),
    updatedAt: block.millis[at]!,
    replica,
    label: views.labels.get(replica),
    position,
  }
}
