/** History of one record: its versions as they lie in the log, found by reading the log from its beginning. */
import type { BlockColumns } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import { decodeValue } from "../format/msgpack.ts"
import { compareBytes } from "../format/utf8.ts"
import { REPLAY_PAGE_BYTES, REPLAY_PAGE_FRAMES } from "../limits.ts"
import { foldNext, replayStart } from "../log/replay.ts"
import { OperationKind } from "../model/operation.ts"
import { abortable } from "../abortable.ts"
import { checkMembers, checkSignal } from "../arguments.ts"
import { LogViews } from "../views/log-views.ts"
import { stageKey } from "./staging.ts"
import type { StoreCore } from "./store-core.ts"
import type { HistoryEntry } from "./types.ts"

const PAGE = { maxFrames: REPLAY_PAGE_FRAMES, maxBytes: REPLAY_PAGE_BYTES }

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
  const { options: { storage, platform }, decoded } = core, name = core.names.names[collection]!
  const frame = new FrameReader(chooseChecksum(platform.crc32)), point = replayStart(), end = core.log.head
  let found: HistoryEntry<T>[] = []
  const views = new HistoryViews((block, at) => {
    if (block.kinds[at]! > OperationKind.choice || block.names[block.collections[at]!] !== name) return
    if (compareBytes(block.bytes, block.keyStarts[at]!, block.keyEnds[at]!, wanted.buffer, 0, wanted.length) !== 0) return
    if (block.valueEnds[at]! > block.valueStarts[at]!) decoded.check(block.bytes, block.valueStarts[at]!, block.valueEnds[at]!, row)
    found.push(entryOf<T>(core, row, block, at, point.position + 1))
  })
  while (point.position < end) {
    await core.turns.due()
    core.assertOpen("history")
    const page = await abortable(storage.read(point.position, PAGE), options.signal)
    if (page.length === 0) return
    let failure: { readonly error: unknown } | undefined
    try {
      for (const bytes of page) foldNext(storage, point, bytes, frame, () => views.foldFrame(frame))
    } catch (error) {
      failure = { error } // what comes before it can be read
    }
    for (const entry of found) {
      yield entry
      options.signal?.throwIfAborted()
    }
    if (failure !== undefined) throw failure.error
    found = []
  }
}

/** Tells of every operation that the fold takes, in its order: ranges that came over several remotes may overlap (rule S13). */
export class HistoryViews extends LogViews {
  readonly #onOperation: (block: BlockColumns, at: number) => void

  constructor(onOperation: (block: BlockColumns, at: number) => void) {
    super()
    this.#onOperation = onOperation
  }

  protected override onRows(block: BlockColumns, _hashed: boolean, isNew: ((row: number) => boolean) | undefined): void {
    for (let at = 0; at < block.count; at++) if (isNew === undefined || isNew(at)) this.#onOperation(block, at)
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
