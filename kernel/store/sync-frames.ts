/** Builds and folds the frames of a sync: blocks of others, what is known of a remote, and own versions that are written anew. */
import { FrameTooLarge } from "../errors.ts"
import { BlockColumns } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import type { Checksum } from "../format/checksum.ts"
import {
  beginFrame,
  beginPart,
  endFrame,
  endPart,
  FRAME_FLAG_LOCAL,
  type FrameHead,
  FrameReader,
  PartType,
  writePart,
} from "../format/frame.ts"
import { decodeBlock, encodeBlock } from "../format/operation-block.ts"
import type { HybridClock } from "../model/clock.ts"
import { OperationKind } from "../model/operation.ts"
import { addVersion, contextOf, keptBy } from "../model/versions.ts"
import type { Platform } from "../ports/platform.ts"
import { isDisowned } from "../sync/refusals.ts"
import type { LiveVersion, SyncFrame } from "../sync/synced-log.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import type { StoreViews } from "../views/store-views.ts"
import { BlockTables } from "./block-tables.ts"
import type { PendingWrite } from "./pending-write.ts"
import type { Writer } from "./writer.ts"

export interface SyncFramesOptions {
  readonly writer: Writer
  readonly clock: HybridClock
  readonly platform: Platform
  readonly checksum: Checksum
  readonly label: string | undefined
  readonly frameBytesMax: number
}

export class SyncFrames {
  readonly #options: SyncFramesOptions
  readonly #block = new BlockColumns()
  readonly #tables = new BlockTables(this.#block)
  readonly #keys = new ByteWriter()
  readonly #values = new ByteWriter()
  /** Holds the frame of the last build, read back. */
  readonly #frame: FrameReader
  readonly #readBack = new BlockColumns()
  /** Bytes of that frame, until it is folded; 0: there is none. */
  #bytes = 0

  constructor(options: SyncFramesOptions) {
    this.#options = options
    this.#frame = new FrameReader(options.checksum)
  }

  /** Builds the frame of a sync's write into `out`, which stays empty if there is nothing to append or the write fails. */
  build(write: PendingWrite, views: StoreViews, out: ByteWriter, head: FrameHead): void {
    this.#bytes = 0
    write.failure = undefined
    write.written = 0
    try {
      const frame = write.commit?.(views)
      if (frame === undefined) return
      const { change } = frame, { writer } = this.#options
      if (change !== undefined && isDisowned(change, writer.id)) writer.disown() // what is written anew too
      this.#addRewrites(frame, views)
      this.#encode(frame, views, out, head)
      const bytesMax = this.#options.frameBytesMax
      if (out.length > bytesMax) throw new FrameTooLarge({ bytes: out.length, bytesMax })
      this.#read(out)
    } catch (error) {
      write.failure = { error }
      return out.reset()
    }
    write.written = 1
    this.#bytes = out.length
  }

  /** What cannot be read back is not stored: it would close the log. Much of it is what a remote said. */
  #read(out: ByteWriter): void {
    const frame = this.#frame
    frame.read(out.buffer.subarray(0, out.length))
    if (!frame.local) return // blocks of others were read when they came
    while (frame.nextPart()) if (frame.partType === PartType.block) decodeBlock(frame.reader, this.#readBack)
  }

  #encode({ parts, change }: SyncFrame, views: StoreViews, out: ByteWriter, head: FrameHead): void {
    const block = this.#block, hasOwn = block.count > 0
    beginFrame(out, { ...head, flags: hasOwn ? FRAME_FLAG_LOCAL : 0 }, parts.length + (hasOwn ? 1 : 0))
    for (const { type, content } of parts) writePart(out, type, content)
    if (hasOwn) {
      this.#tables.begins(this.#options.writer, this.#options.label, views)
      const mark = beginPart(out, PartType.block)
      encodeBlock(block, this.#keys.buffer, this.#values.buffer, out)
      endPart(out, mark)
    }
    endFrame(out, this.#options.checksum, change)
  }

  /** Each becomes an operation of the same value that covers the old one alone, with a stamp by the corrected clock. */
  #addRewrites({ rewrites, change }: SyncFrame, views: StoreViews): void {
    const { writer, clock, platform } = this.#options, block = this.#block
    block.clearRows()
    this.#keys.reset()
    this.#values.reset()
    if (rewrites.length === 0) return
    const offset = Math.min(views.remotes.clockOffsetMillis, change?.clockOffsetMillis ?? 0), now = platform.now() + offset
    if (change?.clockOffsetMillis !== undefined) clock.fallBack(now)
    writer.ensure(views, rewrites.length)
    this.#tables.begin(writer, -1)
    block.from = writer.seq
    const siblings = new Map<number, readonly StoredVersion[]>()
    for (const { row, version } of rewrites) {
      clock.send(now)
      const among = siblings.get(row) ?? views.records.versionsOf(row)
      const made = this.#add(row, version, among, views)
      siblings.set(row, addVersion(among, made, views.lineage, (a, b) => views.writers.compare(a, b)))
    }
    block.to = block.from + block.count
  }

  #add(at: number, old: LiveVersion["version"], among: readonly StoredVersion[], views: StoreViews): StoredVersion {
    const { clock, writer } = this.#options, block = this.#block, row = block.count
    const chunk = views.records.arena.chunks[old.chunk]!
    const kind = old.kind === OperationKind.choice && old.valueBytes > 0
      ? OperationKind.put
      : old.valueBytes > 0
      ? old.kind
      : OperationKind.delete
    block.reserve(row + 1)
    block.kinds[row] = kind
    const seq = block.seqs[row] = block.from + row + 1
    const millis = block.millis[row] = clock.millis, counter = block.counters[row] = clock.counter
    block.collections[row] = this.#tables.numberOfCollection(views.records.rows.collectionOf(at), views)
    block.keyStarts[row] = this.#keys.length
    this.#keys.bytes(chunk, old.keyAt, old.keyAt + old.keyBytes)
    block.keyEnds[row] = this.#keys.length
    block.valueStarts[row] = this.#values.length
    this.#values.bytes(chunk, old.valueAt, old.valueAt + old.valueBytes)
    block.valueEnds[row] = this.#values.length
    const parents = among.filter((one) => one.writer === old.writer && one.seq === old.seq)
    const context = contextOf(parents, views.lineage), keeps = keptBy(parents, among, views.lineage)
    this.#tables.setContext(row, context, views)
    if (keeps.length > 0) block.sides.set(row, { keeps: this.#tables.dots(keeps, views), settles: undefined })
    block.count = row + 1
    return { ...old, kind, writer: writer.index, seq, millis, counter, context, keeps, settles: undefined }
  }

  /** Folds the frame that was built, which is now stored; answers its bytes. */
  foldBuilt(views: StoreViews): number {
    const bytes = this.#bytes
    if (bytes === 0) return 0
    this.#bytes = 0
    views.foldFrame(this.#frame)
    if (this.#block.count > 0) this.#options.writer.seq = this.#block.to
    return bytes
  }
}
