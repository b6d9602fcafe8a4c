/** History of one record: its versions as they lie in the log, found by reading the log from its beginning. */
import { BlockColumns } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { FrameReader, PartType } from "../format/frame.ts"
import { checkValue, decodeValue } from "../format/msgpack.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { compareBytes } from "../format/utf8.ts"
import { REPLAY_PAGE_BYTES, REPLAY_PAGE_FRAMES } from "../limits.ts"
import { OperationKind } from "../model/operation.ts"
import { stageKey } from "./staging.ts"
import type { StoreCore } from "./store-core.ts"
import type { HistoryEntry } from "./types.ts"

export async function* historyOf<T>(core: StoreCore, collection: number, key: string): AsyncGenerator<HistoryEntry<T>, void, undefined> {
  core.assertOpen("history")
  const wanted = new ByteWriter()
  stageKey(wanted, key)
  await core.log.settled()
  const { storage, platform } = core.options, name = core.names.names[collection]!
  const frame = new FrameReader(chooseChecksum(platform.crc32)), block = new BlockColumns(), end = core.log.head
  for (let position = 0; position < end;) {
    core.assertOpen("history")
    const page = await storage.read(position, { maxFrames: REPLAY_PAGE_FRAMES, maxBytes: REPLAY_PAGE_BYTES })
    for (const bytes of page) {
      position++
      frame.read(bytes)
      while (frame.nextPart()) {
        if (frame.partType !== PartType.block) continue
        decodeBlock(frame.reader, block)
        for (let row = 0; row < block.count; row++) {
          if (block.kinds[row]! > OperationKind.choice || block.names[block.collections[row]!] !== name) continue
          if (compareBytes(block.bytes, block.keyStarts[row]!, block.keyEnds[row]!, wanted.buffer, 0, wanted.length) !== 0) continue
          yield entryOf<T>(core, block, row, position)
        }
      }
    }
    if (page.length === 0) return
  }
}

function entryOf<T>(core: StoreCore, block: BlockColumns, row: number, position: number): HistoryEntry<T> {
  const { views } = core, writer = views.writers.indexOf(block.writers[0]!), replica = views.writers.replicaOf(writer)
  const start = block.valueStarts[row]!, end = block.valueEnds[row]!, deleted = start === end
  if (!deleted) checkValue(block.bytes, start, end)
  return {
    value: deleted ? undefined : decodeValue(block.bytes, start, end) as T,
    deleted,
    version: views.writers.versionOf(writer, block.seqs[row]!),
    updatedAt: block.millis[row]!,
    replica,
    label: views.labels.get(replica),
    position,
  }
}
